# SPDX-License-Identifier: Apache-2.0
"""A gateway's listing that moves, and the sweeps that tell its payments, one page a step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_sengo.protocol.paid import PASSES_MAX, READ_AGAIN, Listing
from airflow_provider_sengo.protocol.paid_rows import Mark, PaidRow, read_row

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=30)


@dataclass
class Page:
    """A page as the gateway shows it."""

    current_page: int
    total_pages: int
    total_records: int
    rows: list[PaidRow] = field(default_factory=list)


class Listed:
    """A listing at the gateway: rows in some order, in pages."""

    def __init__(self, size: int = 3, order: str = "newest") -> None:
        self.size, self.order, self.rows, self.made = size, order, [], 0

    def arrive(self, paid_at: datetime | None = NOON, *, status: str = "success") -> str:
        id = f"id-{self.made}"
        self.made += 1
        record = {"id": id, "status": status, "paidDate": paid_at.isoformat() if paid_at else None}
        self.put(record)
        return id

    def put(self, record: dict[str, Any]) -> None:
        row = read_row(json.dumps(record).encode(), type="cashIn", project="p")
        places = {"newest": 0, "oldest": len(self.rows), "hash": row.key % (len(self.rows) + 1)}
        self.rows.insert(places[self.order], row)

    def leave(self, at: int) -> None:
        if self.rows:
            self.rows.pop(at % len(self.rows))

    def page(self, number: int) -> Page:
        pages = max(1, -(-len(self.rows) // self.size))
        rows = self.rows[(number - 1) * self.size : number * self.size]
        return Page(number, pages, len(self.rows), rows)

    @property
    def paid_ids(self) -> set[str]:
        return {row.event["id"] for row in self.rows if row.is_paid}


class Sweeps:
    """What the trigger does, one page a step; ``told`` is in order, with doubles."""

    def __init__(self, listed: Listed, mark: Mark | None = None, since: datetime = LONG_AGO) -> None:
        self.listed, self.since, self.at = listed, since, NOON
        self.told: list[str] = []
        self.fetched = 0
        self.listing = Listing(mark, since=since, started_at=self.at)

    def restart(self, mark: Mark | None) -> None:
        self.listing = Listing(mark, since=self.since, started_at=self.at)

    def steps(self, *, pages_max: int = 1000) -> Iterator[None]:
        """One sweep; each page is fetched once, and a step is made after each."""
        self.at += timedelta(seconds=1)
        memo: dict[int, Page] = {}
        number: int | None = 1
        take: Callable[..., list[PaidRow]] = self.listing.look
        while number is not None:
            if number not in memo:
                if len(memo) == pages_max:
                    return
                memo[number] = self.listed.page(number)
                self.fetched += 1
            page = memo[number]
            for row in take(page, page.rows, self.at):
                self.told.append(row.event["id"])
            yield
            take, number = self.listing.take, self.listing.wants()

    def sweep(self, *, pages_max: int = 1000) -> list[str]:
        """One sweep while nothing moves; what it told."""
        before = len(self.told)
        for _ in self.steps(pages_max=pages_max):
            ...
        return self.told[before:]

    def settle(self) -> None:
        """Sweep until nothing is left to read, a day later as well."""
        for _ in range(2):
            for _ in range(4 * PASSES_MAX):
                self.sweep()
            assert self.listing.is_read
            self.at += READ_AGAIN
