# SPDX-License-Identifier: Apache-2.0
"""A gateway in memory, a clock that is told, and short words for what the tests of the archive do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from airflow_provider_sengo.archive import days, tables
from airflow_provider_sengo.archive.run import DayJob, DayResult, archive_day
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.protocol.envelope import ListingPage

DAY = date(2026, 11, 20)
NEXT_DAY = DAY + timedelta(days=1)
PROJECT = "api.sengo.id-0a1b2c3d"
CLOSED = days.closed_at(DAY)
COMMITS = {"path": "_delta_log/0000", "method": "PUT"}  # the requests to an object store that commit


def record(id: object, status: object = "success", amount: object = 1000, **changes: object) -> bytes:
    """A record as documented, as its bytes; ``changes`` by wire name, ``...`` takes a field away."""
    fields = {
        "id": id,
        "merchantRef": f"INV-{id}",
        "status": status,
        "feePayer": "merchant",
        "amount": amount,
        "fee": 7,
        "totalAmount": 1000,
        "expiredDate": "2026-11-20T23:59:59+07:00",
        "paidDate": None,
        "settleDate": None,
        "additionalInfo": {"callback": "https://shop.example/cb"},
        "virtualAccount": {"bankCode": "BCA", "vaNumber": "0123", "viewName": "Budi"},
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


@dataclass
class Listed:
    """A row and the listing it stands in."""

    id: str
    raw: bytes
    status: str
    day: date
    type: str


@dataclass
class FakeGateway:
    """Lists its rows in their order; ``before`` is called ahead of each page and may change anything.
    It is told the status, the page, and the how-manieth request of that status this is.

    ``failures``: (status, page) -> what to raise. ``by_id``: what ``fetch_row`` knows beside the rows
    listed; an exception is raised, None is a 404.
    """

    page_size: int = 3
    rows: list[Listed] = field(default_factory=list)
    failures: dict[tuple[str, int], BaseException] = field(default_factory=dict)
    by_id: dict[str, bytes | Exception | None] = field(default_factory=dict)
    before: Callable[[str, int, int], None] | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    asked_ids: list[str] = field(default_factory=list)

    def put(
        self,
        id: str,
        status: str = "success",
        *,
        day: date = DAY,
        type: str = "cashIn",
        raw: bytes | None = None,
        listing: str | None = None,
        front: bool = False,
        **changes: object,
    ) -> bytes:
        """Add a row, or change the one of this id, day and type where it stands; returns its bytes."""
        raw = raw or record(id, status, **changes)  # type: ignore[arg-type]
        row = Listed(id, raw, listing or status, day, type)
        for place, standing in enumerate(self.rows):
            if (standing.id, standing.day, standing.type) == (id, day, type):
                self.rows[place] = row
                return raw
        self.rows.insert(0 if front else len(self.rows), row)
        return raw

    def fill(self, count: int, status: str = "success", **more: object) -> None:
        """Rows named after their status: success-0, success-1, ..."""
        for number in range(count):
            self.put(f"{status}-{number}", status, **more)  # type: ignore[arg-type]

    def drop(self, id: str) -> None:
        self.rows = [row for row in self.rows if row.id != id]

    def listing(self, day: date, type: str, status: str) -> list[bytes]:
        return [row.raw for row in self.rows if (row.day, row.type, row.status) == (day, type, status)]

    async def fetch_page(self, *, day: date, type: str, status: str, page: int) -> ListingPage:
        self.asked.append((status, page))
        nth = sum(asked[0] == status for asked in self.asked)
        await asyncio.sleep(0)  # others in flight are asked as well
        if self.before is not None:
            self.before(status, page, nth)
        if (status, page) in self.failures:
            raise self.failures[status, page]
        raws = self.listing(day, type, status)
        start = (page - 1) * self.page_size
        pages = -(-len(raws) // self.page_size)
        return ListingPage(page, pages, len(raws), tuple(raws[start : start + self.page_size]))

    async def fetch_row(self, id: str) -> bytes | None:
        self.asked_ids.append(id)
        answer = self.by_id.get(id) or next((row.raw for row in self.rows if row.id == id), None)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Clock:
    """An hour past the day's closing; each look costs a second."""

    now: datetime = CLOSED + timedelta(hours=1)
    step: timedelta = timedelta(seconds=1)

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


class World:
    """One gateway, one clock, one archive."""

    def __init__(self, uri: str, storage_options: dict[str, str] | None = None) -> None:
        self.uri = uri
        self.storage_options = storage_options or {}
        self.gateway = FakeGateway()
        self.clock = Clock()
        self.archive = Archive(uri, self.storage_options)

    def beside(self, suffix: str = "") -> World:
        """Another gateway and clock; another archive as well if there is a suffix to its address."""
        return World(self.uri + suffix, self.storage_options)

    def read(self, day: date = DAY, *, type: str = "cashIn", **job: object) -> DayResult:
        """One run of a day's task."""
        settings = {"project": PROJECT, "concurrency": 2, **job}
        made = DayJob(day=day, type=type, **settings)  # type: ignore[arg-type]
        return asyncio.run(archive_day(made, self.gateway, self.archive, clock=self.clock))

    def held(self, project: str | None = None) -> dict[str, bytes]:
        """What is archived: id -> bytes; no id stands twice."""
        table = self.archive.transactions(project)
        ids = table["id"].to_pylist()
        assert len(set(ids)) == len(ids)
        return dict(zip(ids, table["raw"].to_pylist(), strict=True))

    def ledger(self) -> dict[str, bytes]:
        """What the gateway lists: id -> bytes."""
        return {row.id: row.raw for row in self.gateway.rows}

    def row(self, id: str) -> dict[str, object]:
        """The one archived row of an id."""
        (found,) = [row for row in self.archive.transactions().to_pylist() if row["id"] == id]
        return found

    def history(self, id: str) -> list[tuple[bytes, str]]:
        """Versions in ``history`` as they stand in the table, doubles included."""
        rows = self.archive.tables.scan("history").to_pylist()
        return [(row["raw"], row["reason"]) for row in rows if row["id"] == id]

    def versions(self) -> dict[str, int]:
        """How many commits each table has seen."""
        opened = {name: self.archive.tables.open(name) for name in tables.SCHEMAS}
        return {name: table.version() for name, table in opened.items() if table is not None}

    def state(self, day: date = DAY, type: str = "cashIn", now: datetime | None = None) -> str:
        """The state that the archive claims for a day."""
        found = self.archive.coverage(now or self.clock.now, project=PROJECT)
        return next(str(item.state) for item in found if (item.day, item.type) == (day, type))


class Crash(BaseException):
    """The process dies here; nothing may catch it."""


class Commits:
    """Counts the commits of delta-rs and dies before or after one of them.

    ``points``: every commit tried so far. ``die_at``: number of the commit, ``after``: once it landed.
    """

    def __init__(self) -> None:
        self.points: list[str] = []
        self.die_at: int | None = None
        self.after = False

    def around(self, name: str, commit: Callable[[], object]) -> object:
        self.points.append(name)
        dies = self.die_at == len(self.points)
        if dies and not self.after:
            raise Crash(name)
        result = commit()
        if dies:
            raise Crash(name)
        return result


@contextmanager
def counted_commits() -> Iterator[Commits]:
    """Wrap whatever commits rows: ``write_deltalake`` wherever it was imported."""
    import deltalake

    from airflow_provider_sengo.archive import rewrite

    commits = Commits()
    with pytest.MonkeyPatch.context() as patch:
        write = deltalake.write_deltalake

        def counted_write(table, data, **options):
            kind = options["mode"]
            return commits.around(kind, lambda: write(table, data, **options))

        for module in (rewrite, tables):
            patch.setattr(module, "write_deltalake", counted_write)
        yield commits


def archive_rounds(uri: str, storage_options: dict[str, str], number: int, rounds: int) -> None:
    """What one of several processes does: read its gateway again and again while new rows arrive.

    Two processes each share a day, and one row of it.
    """
    world = World(uri, storage_options)
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    day = DAY if number < 2 else NEXT_DAY
    for nth in range(rounds):
        world.gateway.put(f"{number}-{nth}", day=day)
        world.gateway.put(f"shared-{day}", day=day)
        world.read(day)
