# SPDX-License-Identifier: Apache-2.0
"""A gateway that notes what a poller asks it, and those who wait. In virtual time."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from airflow_provider_sengo.triggers import poller
from airflow_provider_sengo.triggers.poller import Hint, Looks, watch

INTERVAL_S = 60.0
NEVER = float("inf")
MARK = contextvars.ContextVar("MARK", default="empty")


class Gateway:
    """A sweeper that notes what it is asked, and answers by ``answer(id)``."""

    def __init__(self, answer: Callable[[str], Any] = "seen {}".format) -> None:
        self.answer = answer
        self.sweeps: list[tuple[float, dict[str, bool]]] = []
        self.opened = self.closed = 0
        self.context = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gateway]:
        self.opened += 1
        self.context = MARK.get()
        try:
            yield self
        finally:
            self.closed += 1

    async def sweep(self, wanted: Mapping[str, Any], found: Callable[[str, Any], None]) -> bool:
        self.sweeps.append((now(), {id: each.by_id for id, each in wanted.items()}))
        good = False
        for id in wanted:
            seen = self.answer(id)
            if seen is not None:
                found(id, seen)
                good = good or not isinstance(seen, Exception)
        return good

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.sweeps]

    def asked(self) -> list[set[str]]:
        return [set(wanted) for _, wanted in self.sweeps]


def now() -> float:
    return asyncio.get_running_loop().time()


def wait_for(gateway: Gateway, *ids: str, key: str = "one", **options: Any) -> Looks:
    given = {"interval_s": INTERVAL_S, "deadline_s": NEVER} | options
    hint = given.pop("hint", Hint())
    return watch(dict.fromkeys(ids, hint), key=key, open_sweeper=gateway.open, **given)


async def take(looks: Looks, count: int) -> list[tuple[str, Any, float]]:
    return [await looks.next(NEVER) for _ in range(count)]


def pollers() -> dict[Any, Any]:
    return poller._pollers.get(asyncio.get_running_loop(), {})
