# SPDX-License-Identifier: Apache-2.0
"""Which errors end a task for good, and which another try of the task may cure. One place decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_sengo.exceptions import SenGoProviderError


@contextmanager
def fail_at_once_if_hopeless() -> Iterator[None]:
    """Let what a retry can cure through as it is; turn our other errors into AirflowFailException.

    Errors that are not this package's, ValueError for one, are left alone.
    """
    try:
        yield
    except SenGoProviderError as error:
        if error.curable:
            raise
        raise AirflowFailException(str(error)) from error
