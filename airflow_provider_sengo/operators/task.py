# SPDX-License-Identifier: Apache-2.0
"""What all of SenGo's tasks share: the connection. No task stands here."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_sengo.hooks.sengo import SenGoHook


class SenGoTask(BaseOperator):
    """A task with a SenGo connection."""

    def __init__(self, *, sengo_conn_id: str = SenGoHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sengo_conn_id = sengo_conn_id

    @cached_property
    def hook(self) -> SenGoHook:
        """The hook of the connection, made when the templates are rendered."""
        return SenGoHook(self.sengo_conn_id)
