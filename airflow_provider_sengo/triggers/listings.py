# SPDX-License-Identifier: Apache-2.0
"""Many waiters answered from a day's listings, where that takes fewer requests than asking one by one.

Only rows that are there count, and only their own status: that a row is missing proves nothing, for pages
shift and what a listing's ``date`` means is not documented. A row is told by the gateway's own id, never by the
merchant's reference, which may be another row's id. A listing is read on only if ``totalRecords`` has moved
since it was last read whole, for all who wait now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

import msgspec

from airflow_provider_sengo.exceptions import Rejected, UnexpectedResponse
from airflow_provider_sengo.protocol.envelope import DECODE_ERRORS
from airflow_provider_sengo.protocol.sengo import STATUSES, TYPES, ListingPage, Transaction, read_row
from airflow_provider_sengo.triggers.poller import Hint

REQUEST_INVALID = 422  # how a gateway refuses a status that it does not filter by
WORTH_A_TRY = 2  # first pages are read only if so many waiters come on each of them

P = TypeVar("P")


class Listing(NamedTuple):
    """What one listing is asked by; ``day`` is ISO, in Asia/Jakarta."""

    day: str
    type: str
    status: str


class _Name(msgspec.Struct):
    """What of a row tells whether somebody waits for it."""

    id: str


_decode_name = msgspec.json.Decoder(_Name).decode


class Listings:
    """The listings that waiters may show up in, and what is known of them from sweep to sweep."""

    def __init__(
        self,
        fetch: Callable[[Listing, int], Awaitable[ListingPage]],
        *,
        window: Callable[[], Sequence[date]],
        at_a_time: int,
    ) -> None:
        self._fetch = fetch
        self._window = window
        self._at_a_time = at_a_time
        self._read_whole: dict[Listing, int] = {}  # its totalRecords then
        self._read_for: set[str] = set()  # who was waited for then
        self._unsupported: set[str] = set()

    def may_show(self, hint: Hint) -> bool:
        """Whether listings could show every end that is waited for."""
        return hint.type in TYPES and {*hint.statuses} <= {*STATUSES} - self._unsupported

    async def read(self, hints: Mapping[str, Hint], found: Callable[[str, Transaction], None]) -> bool:
        """Call ``found`` for every row that somebody waits for; False if asking one by one is cheaper.

        Raises what a fetch raises. ``hints``: for those of whom ``may_show`` is true.
        """
        names = self._names(hints)
        if len(names) * WORTH_A_TRY > len(hints):
            return False
        if not hints.keys() <= self._read_for:
            self._read_whole.clear()  # what was read then was not looked through for the newcomers
        self._read_for = {*hints}
        rows = _Rows({hint.gateway_id or id: id for id, hint in hints.items()}, found)
        firsts = await self._first_pages(names)
        changed = {
            name: page for name, page in firsts.items() if page.total_records != self._read_whole.get(name)
        }
        for name, page in firsts.items():
            rows.take(name, page)
        if sum(page.total_pages - 1 for page in changed.values()) > len(hints):
            return False
        await self._other_pages(changed, rows)
        for name, page in changed.items():
            if rows.is_whole(name, page.total_records):
                self._read_whole[name] = page.total_records
            else:
                self._read_whole.pop(name, None)
        return True

    def _names(self, hints: Mapping[str, Hint]) -> list[Listing]:
        days = [day.isoformat() for day in self._window()]  # today is the last
        found = {
            Listing(day, hint.type, status)
            for hint in set(hints.values())
            for day in {*hint.days, days[-1]} & {*days}
            for status in hint.statuses
            if status not in self._unsupported
        }
        self._read_whole = {name: total for name, total in self._read_whole.items() if name in found}
        return sorted(found)

    async def _first_pages(self, names: list[Listing]) -> dict[Listing, ListingPage]:
        pages: dict[Listing, ListingPage] = {}

        async def fetch(name: Listing) -> None:
            try:
                pages[name] = await self._fetch(name, 1)
            except Rejected as error:
                if error.http_status != REQUEST_INVALID:
                    raise
                self._unsupported.add(name.status)  # from now on such waiters are asked for one by one

        await _all(fetch, names, at_a_time=self._at_a_time)
        return pages

    async def _other_pages(self, changed: Mapping[Listing, ListingPage], rows: _Rows) -> None:
        numbers = [
            (name, number) for name, page in changed.items() for number in range(2, page.total_pages + 1)
        ]

        async def fetch(place: tuple[Listing, int]) -> None:
            name, number = place
            rows.take(name, await self._fetch(name, number))

        await _all(fetch, numbers, at_a_time=self._at_a_time)


class _Rows:
    """Rows as they come in; tells who is waited for, and whether a listing was read whole and at rest."""

    def __init__(self, asked: Mapping[str, str], found: Callable[[str, Transaction], None]) -> None:
        self._asked = asked  # gateway's id -> what was asked for
        self._found = found
        self._ids: dict[Listing, set[str]] = {}
        self._totals: dict[Listing, set[int]] = {}

    def take(self, name: Listing, page: ListingPage) -> None:
        ids = self._ids.setdefault(name, set())
        self._totals.setdefault(name, set()).add(page.total_records)
        for row in page.rows:
            try:
                id = _decode_name(row).id
                ids.add(id)
                if id in self._asked:
                    self._found(self._asked[id], read_row(row))
            except (*DECODE_ERRORS, UnexpectedResponse):
                continue  # an odd row is asked for by its id, as every tenth look asks for all

    def is_whole(self, name: Listing, total: int) -> bool:
        return self._totals[name] == {total} and len(self._ids[name]) == total


async def _all(fetch: Callable[[P], Awaitable[None]], places: Sequence[P], *, at_a_time: int) -> None:
    """Fetch all places, so many at a time; the first error ends it."""
    remaining = iter(places)

    async def work() -> None:
        for place in remaining:
            await fetch(place)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_a_time, len(places))):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
