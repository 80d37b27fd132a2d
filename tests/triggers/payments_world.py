# SPDX-License-Identifier: Apache-2.0
"""A gateway in virtual time, Airflow's asset state store as it stores, and triggers that run beside each other.

No sockets: a session here hands each request to the simulated world and parses the bytes it answers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest

from airflow_provider_sengo.exceptions import OutcomeUnknown
from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.simulator import CLIENT_KEY, CLIENT_TOKEN, ConnectionCut, World
from airflow_provider_sengo.triggers.payments import SenGoPaymentsEventTrigger

START = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)  # noon in Jakarta
ANSWERS_AFTER_S = 0.05
SWEEP_S = 90.0  # within which what was paid is told, jitter and the wait before the last included
CONNECTION = {
    "conn_type": "sengo",
    "login": CLIENT_KEY,
    "password": CLIENT_TOKEN,
    "host": "http://127.0.0.1:1/api",
}


class WorldSession:
    """Stands where ``AsyncTransport`` does."""

    def __init__(self, world: World, options: Any, in_flight: int) -> None:
        self.world, self.options = world, options
        self.is_open = False
        self._places = asyncio.Semaphore(in_flight)

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *error: object) -> None:
        self.is_open = False

    async def run(self, call: Any) -> Any:
        assert self.is_open
        async with self._places:
            await asyncio.sleep(ANSWERS_AFTER_S)
            request = call.request
            try:
                status, headers, body = self.world.handle(
                    request.method, request.url, request.headers, request.body or b""
                )
            except ConnectionCut as cut:
                raise OutcomeUnknown(str(cut)) from None
            return call.parse(Response(status, headers, body, self.world.now()))


class Gateway:
    """The world, its clock in step with the loop's, and the sessions that were opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.world = World(
            **({"per_day": 0, "page_size": 5, "now": START.isoformat(), "frozen": True} | settings)
        )
        self.sessions: list[WorldSession] = []
        self._monkeypatch = monkeypatch
        self.connect()

        def opened(options: object, *, in_flight: int) -> WorldSession:
            self.sessions.append(WorldSession(self.world, options, in_flight))
            return self.sessions[-1]

        monkeypatch.setattr("airflow_provider_sengo.transport.aio.AsyncTransport", opened)
        monkeypatch.setattr(SenGoPaymentsEventTrigger, "_now", staticmethod(self.now))

    def connect(self, **changes: Any) -> None:
        """Set the connection as a person would change it."""
        self._monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(CONNECTION | changes))

    def now(self) -> datetime:
        """START and the loop's seconds; the world's clock follows."""
        now = START + timedelta(seconds=asyncio.get_running_loop().time())
        self.world.set_clock(now)
        return now

    def pay(self, **fields: Any) -> str:
        """A customer pays, now."""
        self.now()
        id = self.world.insert(**({"type": "cashIn", "status": "pending"} | fields))
        self.world.pay(id)
        return id

    def listings(self) -> int:
        """How many pages were asked for so far."""
        return self.world.requests().by_endpoint["GET /transactions"]


class Store:
    """Keeps JSON text, as Airflow's database does; may be broken."""

    def __init__(self, kept: dict[str, str] | None = None) -> None:
        self.kept = {} if kept is None else kept
        self.broken: Exception | None = None
        self.writes = 0

    async def aget(self, key: str, default: Any = None) -> Any:
        await asyncio.sleep(0.01)
        if self.broken:
            raise self.broken
        return json.loads(self.kept[key]) if key in self.kept else default

    async def aset(self, key: str, value: Any) -> None:
        await asyncio.sleep(0.01)
        if self.broken:
            raise self.broken
        self.kept[key] = json.dumps(value, allow_nan=False)
        self.writes += 1


class Running:
    """A trigger as Airflow runs it: a task that drains its events; ``ids`` are those of the payloads."""

    def __init__(self, trigger: SenGoPaymentsEventTrigger, events: AsyncIterator[Any]) -> None:
        self.trigger = trigger
        self.payloads: list[dict[str, Any]] = []
        self.task = asyncio.create_task(self._drain(events))

    async def _drain(self, events: AsyncIterator[Any]) -> None:
        async for event in events:
            self.payloads.append(event.payload)

    @property
    def ids(self) -> list[str]:
        return [payload["id"] for payload in self.payloads]

    async def stop(self) -> None:
        """As a triggerer that is shut down does."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.trigger.cleanup()


@asynccontextmanager
async def running(store: Any = None, **arguments: Any) -> AsyncIterator[Running]:
    """A trigger that polls on its own, each 60 seconds."""
    trigger = SenGoPaymentsEventTrigger(**arguments)
    trigger.asset_state_store = store
    run = Running(trigger, trigger.run())
    try:
        yield run
    finally:
        await run.stop()


MakeGateway = Callable[..., Gateway]
