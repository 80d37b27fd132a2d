# SPDX-License-Identifier: Apache-2.0
"""Which payments of one listing are newly paid: what to read, what to tell, what to remember.

Pure: pages in, rows to tell out; fetching, the clock and the store are the caller's. A listing is one (day,
type) of the gateway's paid transactions: pages without a cursor, in no documented order, that grow while they
are read. Only the claimed total says cheaply that something moved, so:

* While the ids are known, a listing is read on only when its total moved, when its first page shows an id
  that is not known, and once a day in any case. Reading ends when the ids not known before make up the
  difference: as long as no row leaves, they are all there are then.
* A total that falls means that rows left and pulled others to earlier pages: it is read anew from its start.
* Of a listing of which only a mark is left (a restart), the ids are found out first: it is read to its end,
  and what makes the rest equal to the mark is new. If nothing does, all of it is told again.
* What was paid before ``since`` is passed over only when a listing without a mark is read for the first time.

Whatever the rows do, a row that is listed and whose own status is success is told at least once, and while
nothing restarts exactly once. A listing whose totals never agree with its rows counts as read after
``PASSES_MAX`` passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from itertools import combinations, islice
from math import inf
from typing import Protocol

from airflow_provider_sengo.protocol.paid_rows import MASK, Ids, Mark, PaidRow

PASSES_MAX = 5
READ_AGAIN = timedelta(days=1)  # one row that leaves while another comes does not move the total
READ_AGAIN_UNSURE = timedelta(minutes=10)  # of a listing with rows that are not paid by their own status
TIES_MAX = 2_000  # ways to choose among payments of the same second


class Page(Protocol):
    """What a page must tell beside its rows, which whoever fetched it has read already."""

    @property
    def current_page(self) -> int: ...
    @property
    def total_pages(self) -> int: ...
    @property
    def total_records(self) -> int: ...


class Listing:
    """One listing over time.

    ``mark``: of the paid rows that were told or passed over, when it was last read to its end. ``started_at``:
    since when it is followed without a break. ``notes``: what a person may want to know; whoever logs them
    takes them out.
    """

    def __init__(self, mark: Mark | None, *, since: datetime, started_at: datetime) -> None:
        self.mark = mark
        self.notes: list[str] = []
        self._since = since if mark is None else None
        self._started_at = started_at
        self._ids: Ids | None = Ids() if mark is None else None  # told, or passed over
        self._early: set[int] = set()  # told while the ids were still being found out
        self._unpaid: set[int] = set()  # listed, but not paid by their own status, or without an id
        self._total: int | None = None  # when last read to its end
        self._read_at: datetime | None = None  # when it was last read as a whole
        self._known = Mark()  # of the paid rows that were listed and known before the reading
        self._added: list[int] = []  # to the ids, since then
        self._reading: _Reading | None = None

    def wants(self) -> int | None:
        """The page to read next; None: no more in this sweep."""
        return self._reading.wants() if self._reading else None

    @property
    def is_read(self) -> bool:
        """Whether it has been read to its end and is not being read now."""
        return self._reading is None and self._total is not None

    @property
    def ids_kept(self) -> int:
        """How many ids are in memory, some nine bytes each."""
        return len(self._ids) if self._ids is not None else 0

    def drop_ids(self) -> None:
        """Give the memory back; the mark stays, so the next move costs reading the whole listing."""
        if self.is_read:
            self._ids = None

    def look(self, first: Page, rows: Sequence[PaidRow], at: datetime) -> list[PaidRow]:
        """Take the first page of a sweep, which is read whether it is wanted or not; the rows to tell."""
        if self._reading is None:
            self._reading = self._begin(first, rows, at)
        else:
            self._reading.waits = False
        return self.take(first, rows, at)

    def take(self, page: Page, rows: Sequence[PaidRow], at: datetime) -> list[PaidRow]:
        """Take a page that was wanted; the rows to tell."""
        if self._reading is None:
            return []
        unknown = [row for row in rows if not self._is_known(row.key)]
        new = self._sift(rows)
        self._reading.take(page, rows, unknown)
        if self._reading.is_over:
            self._finish(self._reading, at)
        return new

    def _begin(self, first: Page, rows: Sequence[PaidRow], at: datetime) -> _Reading | None:
        """What the first page asks for: a reading of the whole, of what came, or none."""
        if self._total is None or self._read_at is None:
            return _Reading(first)
        whole = at - self._read_at >= (READ_AGAIN_UNSURE if self._unpaid else READ_AGAIN)
        if self._ids is None:
            return _Reading(first) if whole or first.total_records != self._total else None
        if first.total_records > self._total and not whole:
            return _Reading(first, base=self._total)
        moved = first.total_records < self._total or not all(self._is_known(row.key) for row in rows)
        return _Reading(first) if whole or moved else None

    def _is_known(self, key: int) -> bool:
        return key in self._unpaid or (self._ids is not None and key in self._ids)

    def _sift(self, rows: Sequence[PaidRow]) -> list[PaidRow]:
        """The rows to tell at once, which are known from here on."""
        new = []
        for row in rows:
            if not row.is_paid:
                self._unpaid.add(row.key)
            elif self._ids is None:
                if self._is_surely_new(row):
                    self._early.add(row.key)
                    new.append(row)
            elif self._ids.add(row.key):
                self._unpaid.discard(row.key)
                self._added.append(row.key)
                if self._since is None or row.paid_at is None or row.paid_at >= self._since:
                    new.append(row)
        return new

    def _is_surely_new(self, row: PaidRow) -> bool:
        """Paid since the restart, so nobody told it; it need not wait until the ids are found out."""
        is_restart = self._total is None
        paid_since = row.paid_at is not None and row.paid_at >= self._started_at
        return is_restart and paid_since and row.key not in self._early

    def _finish(self, reading: _Reading, at: datetime) -> None:
        if not reading.agrees:
            self.notes.append(
                f"total {reading.total} does not agree with its {reading.count} rows, "
                f"read {reading.passes - 1} times"
            )
        if reading.is_whole:
            self._read_at = at
            self._unpaid = set(reading.unpaid)
        self._total = reading.total
        if self._ids is None:
            self._find_ids_out(reading)
            return
        self._known = Mark().plus(reading.paid) if reading.is_whole else self._known.plus(self._added)
        self.mark, self._since, self._added, self._reading = self._known, None, [], None

    def _find_ids_out(self, reading: _Reading) -> None:
        """Only the mark is known: tell old from new by it, and read the new ones once more to tell them."""
        assert self.mark is not None  # a listing without a mark begins with ids
        new = newest_beyond(self.mark, reading.paid)
        if new is None:
            self.notes.append(
                f"none of its {len(reading.paid)} paid rows can be told from the {self.mark.count} that "
                "were told before: all are told, some again"
            )
            new = frozenset(reading.paid)
        new -= self._early
        old = [key for key in reading.paid if key not in new]
        self._ids = Ids((*old, *self._early))
        self._early = set()
        self._known = Mark().plus(old)
        self._total = reading.total - len(new)
        if new:
            self._reading = reading.once_more(base=self._total)
        else:
            self.mark, self._reading = self._known, None


class _Reading:
    """Pages of a listing, read until the rows that were found make up its total.

    ``base``: how many rows are known to be listed already; 0 if it is read as a whole.
    """

    def __init__(self, first: Page, *, base: int = 0) -> None:
        self.base = base
        self.is_whole = base == 0
        self.passes = 1
        self.waits = False  # for the next sweep: within one, the first page is asked for once
        self.total = self._first_total = first.total_records
        self.paid: dict[int, float] = {}  # key -> seconds since the epoch; without an instant: the newest
        self.unpaid: set[int] = set()
        self._pages = first.total_pages
        self.rewind()

    @property
    def count(self) -> int:
        """How many rows are known to be listed."""
        return self.base + len(self.paid) + len(self.unpaid)

    @property
    def agrees(self) -> bool:
        """Whether all rows were seen, as far as the total can tell."""
        return self.count == self.total

    @property
    def is_over(self) -> bool:
        """Whether this reading ends, be it because nothing helps."""
        return self.agrees or self.passes > PASSES_MAX

    def wants(self) -> int | None:
        """The first page, then the last, for new rows mostly come at either end, then the others."""
        if self.waits:
            return None
        return self._pages if self._next > 1 and not self._tail else self._next

    def once_more(self, *, base: int) -> _Reading:
        """A reading of what is beyond ``base``; the first page is too old if the total moved after it."""
        again = copy(self)
        again.base, again.is_whole, again.passes = base, base == 0, 1
        again.waits = self._first_total != self.total
        again.paid, again.unpaid = {}, set()
        again.rewind()
        return again

    def rewind(self) -> None:
        """Back to the first page."""
        self._next, self._tail = 1, 0

    def take(self, page: Page, rows: Sequence[PaidRow], unknown: Sequence[PaidRow]) -> None:
        """Take a page with its rows, of which some were ``unknown``."""
        fell = page.total_records < self.total
        self.total, self._pages = page.total_records, page.total_pages
        if page.current_page == 1:
            self._first_total = page.total_records
        self._add(rows if self.is_whole else unknown)
        if fell or self.count > self.total:  # rows left: whatever was read may have moved
            self._begin_again(anew=True)
            self.waits = page.current_page != 1
            if not self.waits:
                self._add(rows)
        if not self.waits:
            self._advance(page.current_page)

    def _add(self, rows: Sequence[PaidRow]) -> None:
        for row in rows:
            if row.is_paid:
                self.unpaid.discard(row.key)
                self.paid[row.key] = row.paid_at.timestamp() if row.paid_at else inf
            elif row.key not in self.paid:
                self.unpaid.add(row.key)

    def _advance(self, number: int) -> None:
        """Go on behind a page; at the end of a pass begin another in the next sweep."""
        if number == self._next:
            self._next += 1
        elif number != 1:
            self._tail = number
        if self._next == self._tail:
            self._next += 1
        if self._next > max(1, self._pages) and not self.agrees:
            self._begin_again(anew=not self.is_whole)
            self.waits = True

    def _begin_again(self, *, anew: bool) -> None:
        """Another pass; ``anew``: without what was found so far."""
        self.passes += 1
        self.rewind()
        if anew:
            self.base, self.is_whole = 0, True
            self.paid.clear()
            self.unpaid.clear()


def newest_beyond(mark: Mark, paid: Mapping[int, float]) -> frozenset[int] | None:
    """The keys to take away so that the mark's are left: the newest, of equally new ones those that fit.

    ``paid``: key -> seconds since the epoch. None: no such keys were found.
    """
    wanted = len(paid) - mark.count
    missing = (sum(paid) - mark.digest) & MASK  # what the new ones sum up to
    if wanted <= 1:
        new = frozenset([missing] if wanted == 1 else [])
        return new if wanted >= 0 and new <= paid.keys() and (wanted or not missing) else None
    newest = sorted(paid, key=paid.__getitem__, reverse=True)
    border = paid[newest[wanted - 1]]
    sure = [key for key in newest if paid[key] > border]
    ties = [key for key in newest if paid[key] == border]
    missing = (missing - sum(sure)) & MASK
    for chosen in islice(combinations(ties, wanted - len(sure)), TIES_MAX):
        if sum(chosen) & MASK == missing:
            return frozenset((*sure, *chosen))
    return None
