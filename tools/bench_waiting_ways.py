# SPDX-License-Identifier: Apache-2.0
"""The ways to wait that ``bench_waiting`` compares, and the figures of this process."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

INTERVAL_S = 5.0
KEY, TOKEN = "SC-SIMULATOR", "simulator-token-0001"
Found = Callable[[str], None]


async def shared(url: str, ids: list[str], found: Found) -> None:
    """A trigger each, as a triggerer runs them."""
    from airflow_provider_sengo.triggers.sengo import SenGoTransactionTrigger

    today = str((datetime.now(UTC) + timedelta(hours=7)).date())

    async def one(id: str) -> None:
        trigger = SenGoTransactionTrigger(transaction_id=id, poke_interval=INTERVAL_S, days=[today])
        async for event in trigger.run():
            assert event.payload["outcome"] == "settled", event.payload
            found(id)
        await trigger.cleanup()

    async with asyncio.TaskGroup() as group:
        for number, id in enumerate(ids):
            group.create_task(one(id))
            if number % 50 == 0:  # a triggerer starts some hundred a second
                await asyncio.sleep(0.01)


async def alone(url: str, ids: list[str], found: Found) -> None:
    """A loop each over /check, in one session."""
    await poll_each(url, ids, found, before=None)


async def apart(url: str, ids: list[str], found: Found) -> None:
    """The same as triggers would do it: each reads its connection first."""
    from airflow.providers.common.compat.connection import get_async_connection

    await poll_each(url, ids, found, before=lambda: get_async_connection("sengo_default"))


async def poll_each(
    url: str, ids: list[str], found: Found, *, before: Callable[[], Awaitable[Any]] | None
) -> None:
    import hashlib
    import hmac
    import random

    import aiohttp

    signature = hmac.new(TOKEN.encode(), KEY.encode(), hashlib.sha512).hexdigest()
    headers = {"X-Client-Key": KEY, "X-Client-Token": TOKEN, "X-Signature": signature}
    connector = aiohttp.TCPConnector(limit=32)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:

        async def one(id: str) -> None:
            if before is not None:
                await before()
            await asyncio.sleep(random.random() * INTERVAL_S)
            while True:
                async with session.get(f"{url}/check/{id}") as answer:
                    body = await answer.json()
                if body["responseData"]["status"] in ("success", "expired", "failed"):
                    found(id)
                    return
                await asyncio.sleep(INTERVAL_S)

        async with asyncio.TaskGroup() as group:
            for id in ids:
                group.create_task(one(id))


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def sockets() -> int:
    """Open sockets of this process, but for the event loop's own pair."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            count += str(link.readlink()).startswith("socket:")
    return max(0, count - 2)
