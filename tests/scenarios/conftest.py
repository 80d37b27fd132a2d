# SPDX-License-Identifier: Apache-2.0
"""The whole archive over loopback: the simulator, the real transport, Delta tables in a throw-away folder.

Two clocks: the world's, which the archive is given as well, and the transports', in which a wait costs
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sengo.archive.coverage import DayCoverage, ReadRecord
from airflow_provider_sengo.archive.run import DayJob, DayResult, archive_day
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.hooks.sengo import Listing
from airflow_provider_sengo.protocol.sengo import Credentials
from airflow_provider_sengo.simulator import Simulator
from airflow_provider_sengo.transport import aio
from airflow_provider_sengo.transport.aio import AsyncTransport
from airflow_provider_sengo.transport.options import TransportOptions
from airflow_provider_sengo.transport.tls import tls_context

_tls_context = functools.cache(tls_context)
NOW = "2026-11-20T10:00:00+07:00"


class Timepiece:
    """A monotonic clock that jumps ahead instead of sleeping; ``slept_s`` tells how far."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def now_s(self) -> float:
        return time.monotonic() + self.slept_s

    async def sleep(self, seconds: float) -> None:
        wake_at_s = self.now_s() + seconds
        await asyncio.sleep(0)  # others go first, and may have moved the clock already
        self.slept_s = max(self.slept_s, wake_at_s - time.monotonic())


class Stage:
    """A simulator and an archive of it."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self.world = simulator.world
        self.archive = Archive(str(folder))
        self.uri = str(folder)
        self.time = Timepiece()
        self.results: list[DayResult] = []

    def credentials(self, key: str | None = None) -> Credentials:
        key = key or self.simulator.client_key
        token = self.world.tokens[key]
        return Credentials(base_url=self.simulator.base_url, client_key=key, client_token=token)

    @property
    def project(self) -> str:
        return self.credentials().project

    def read(
        self,
        day: date | str,
        type: str = "cashIn",
        *,
        key: str | None = None,
        options: TransportOptions | None = None,
        on_page: Callable[[str, int, int, int], None] | None = None,
        archive: Archive | None = None,
        **job: Any,
    ) -> DayResult:
        """Archive a day at the world's time, as a task does."""
        credentials = self.credentials(key)
        job = {"concurrency": 4, **job}
        wanted = DayJob(project=credentials.project, day=as_day(day), type=type, **job)

        async def run() -> DayResult:
            transport = AsyncTransport(
                options or TransportOptions(),
                in_flight=wanted.concurrency,
                sleep=self.time.sleep,
                clock=self.time.now_s,
            )
            async with transport:
                return await archive_day(
                    wanted,
                    Listing(transport, credentials),
                    archive or self.archive,
                    clock=self.world.now,
                    on_page=on_page,
                )

        result = asyncio.run(run())
        self.results.append(result)
        return result

    def rows(self, day: date | str | None = None, type: str | None = None) -> list[dict[str, Any]]:
        """Archived rows, of all projects."""
        return list(self.archive.transactions(day=day, type=type).to_pylist())

    def statuses(self, day: date | str | None = None, type: str | None = None) -> dict[str, str | None]:
        """id -> status of the archive, each id once or the test fails."""
        rows = self.rows(day, type)
        found = {row["id"]: row["status"] for row in rows}
        assert len(found) == len(rows), "an id is archived twice"
        return found

    def truth(self, day: date | str | None = None, type: str = "cashIn") -> dict[str, str]:
        """id -> status of what the gateway lists now, by its own ledger."""
        rows = self.world.ledger(day=None if day is None else str(day), type=type)
        return {row["id"]: row["status"] for row in rows if row["listed"]}

    def reads(self, status: str | None = None) -> list[ReadRecord]:
        """Recorded reads, of all projects, oldest first."""
        found = [read for read in self.archive.reads() if status in (None, read.status)]
        return sorted(found, key=lambda read: read.started_at)

    def coverage(
        self, day: date | str, type: str = "cashIn", *, key: str | None = None, now: datetime | None = None
    ) -> DayCoverage:
        """What the archive claims about a day, at the world's time unless told otherwise."""
        covered = self.archive.coverage(now or self.world.now(), project=self.credentials(key).project)
        return next(item for item in covered if (str(item.day), item.type) == (str(day), type))

    def requests(self) -> int:
        """Listing pages asked for since the log was cleared, repeats included."""
        return self.world.requests().by_endpoint["GET /transactions"]

    def connection(self, *, key: str | None = None, **extra: Any) -> str:
        """The connection as JSON, for an environment variable."""
        who = self.credentials(key)
        fields = {"conn_type": "sengo", "login": who.client_key, "password": who.client_token}
        return json.dumps(fields | {"host": who.base_url, "extra": extra})


def as_day(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


@pytest.fixture(autouse=True)
def _one_certificate_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http needs none, and reading certifi's anew for each of hundreds of reads takes 20 ms each."""
    monkeypatch.setattr(aio, "tls_context", _tls_context)


@pytest.fixture
def make_stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Make a simulator (its clock stopped at ``NOW`` unless told otherwise) with an empty archive."""
    with contextlib.ExitStack() as stack:
        made: list[Stage] = []

        def make(**settings: Any) -> Stage:
            simulator = stack.enter_context(Simulator(**{"now": NOW, "frozen": True, **settings}))
            made.append(Stage(simulator, tmp_path / f"archive{len(made)}"))
            return made[-1]

        yield make
