# SPDX-License-Identifier: Apache-2.0
"""Tells Airflow's logs which values to hide, right after they were read.

Which values are secret is said by whoever read them; nothing is read or kept here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from airflow.providers.common.compat.sdk import mask_secret


def mask(secrets: Iterable[str]) -> None:
    """Hide these values in all logs of this task."""
    for secret in secrets:
        mask_secret(secret)


async def mask_async(secrets: Iterable[str]) -> None:
    """The same inside an event loop, where a synchronous message to the supervisor can dead-lock."""
    try:
        from airflow.sdk.log import amask_secret  # from Airflow 3.3 on
    except ImportError:
        await asyncio.to_thread(mask, list(secrets))
        return
    for secret in secrets:
        await amask_secret(secret)
