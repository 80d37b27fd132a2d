# SPDX-License-Identifier: Apache-2.0
"""One listing read to the end while it moves.

Pure: decides which pages to ask for and what the answers prove; fetching is the caller's. A listing is
one (day, type, status) of the gateway. It has no cursor and no snapshot, so rows that come or go shift
others across page borders between two requests:

* arrivals at the front push rows to later pages, also to pages that were not there when the walk began:
  walking up to the last of them sees some twice, and misses none;
* departures pull rows to earlier pages: walking up misses them, walking down does not.

A walk over all pages is a *pass*. A pass is *quiet* if nothing in it shows a movement: then what it saw is
the listing. What it cannot show: one row leaving and another arriving between two requests in the middle
of the list. That is why a day is sealed only by two equal reads on different days (``coverage``).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from airflow_provider_sengo.archive.rows import RANK_SUCCESS, Row, hash63
from airflow_provider_sengo.protocol.envelope import ListingPage

MAX_PASSES = 5
_DIGEST_MASK = (1 << 64) - 1
INT64_MAX = 2**63 - 1


class PassFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass saw. ``moved``: every sign of movement, empty for a quiet pass.

    ``amount_sum``: whole rupiah, ``amount`` of the rows whose own status is success. ``ids_digest``: the
    same for the same set of ids, in whatever order.
    """

    pages: int
    rows: int
    distinct_ids: int
    ids_digest: str
    claimed_total: int
    amount_sum: int
    odd_rows: int
    moved: tuple[str, ...]
    totals_fell: bool

    @property
    def quiet(self) -> bool:
        """Nothing moved while the pass was read."""
        return not self.moved


class Pass:
    """One walk over a listing, begun by its first page.

    ``downward``: walk from the last page to the second, because the totals fell in the pass before.
    """

    def __init__(self, first: ListingPage, *, downward: bool) -> None:
        self.first = first
        numbers = range(2, first.total_pages + 1)
        self.numbers: Sequence[int] = numbers[::-1] if downward else numbers
        self._last: ListingPage = first
        self._pages_most = first.total_pages
        self._ids: set[int] = set()
        self._moved: dict[str, None] = {}
        self._fell = False
        self._rows = self._amount_sum = self._odd_rows = self._digest = 0

    def take(self, page: ListingPage, rows: Sequence[Row]) -> list[int]:
        """Count a page's rows and look for signs of movement; return the hashes of their ids."""
        self._check(page)
        if page.current_page == self.first.total_pages:
            self._last = page
        hashes = [hash63(row.id.encode("utf-8", "surrogatepass")) for row in rows]
        for row, id_hash in zip(rows, hashes, strict=True):
            if id_hash in self._ids:
                self._moved["an id was listed twice"] = None
            else:
                self._ids.add(id_hash)
                self._digest += id_hash
            if row.rank == RANK_SUCCESS and row.amount is not None:
                self._amount_sum += row.amount
            if row.odd_fields:
                self._odd_rows += 1
        self._rows += len(rows)
        return hashes

    def pushed_out(self) -> Sequence[int]:
        """The pages that came up behind the last one while the others were taken."""
        return range(self.first.total_pages + 1, self._pages_most + 1)

    def look_again(self) -> Sequence[int]:
        """The pages to read a second time once all were taken: the first, and the last if it is another."""
        return (1,) if self.first.total_pages < 2 else (1, self.first.total_pages)

    def compare(self, again: ListingPage) -> bool:
        """Whether a page read a second time is as it was; if not, the listing moved."""
        self._check(again)
        before = self.first if again.current_page == 1 else self._last
        if before.rows != again.rows:
            self._moved[f"page {again.current_page} changed while the others were read"] = None
            return False
        return True

    def close(self) -> PassFacts:
        """The facts of the pass; distinct ids must make up the total that the gateway claims."""
        if len(self._ids) != self.first.total_records:
            self._moved["distinct ids differ from the total"] = None
        return PassFacts(
            pages=max(1, self.first.total_pages),
            rows=self._rows,
            distinct_ids=len(self._ids),
            ids_digest=f"{self._digest & _DIGEST_MASK:016x}",
            claimed_total=self.first.total_records,
            # What no column holds must not make the day unprovable; no sum of real payments comes near.
            amount_sum=max(-INT64_MAX, min(self._amount_sum, INT64_MAX)),
            odd_rows=self._odd_rows,
            moved=tuple(self._moved),
            totals_fell=self._fell,
        )

    def _check(self, page: ListingPage) -> None:
        """Totals as on the first page, and as many rows as a page of its place must have."""
        first = self.first
        if (page.total_records, page.total_pages) != (first.total_records, first.total_pages):
            self._moved["the totals changed"] = None
            self._fell = self._fell or page.total_records < first.total_records
            self._pages_most = max(self._pages_most, page.total_pages)
        size = len(first.rows)
        if page.current_page < first.total_pages:
            expected = size
        else:
            expected = first.total_records - size * max(0, first.total_pages - 1)
        if len(page.rows) != expected:
            self._moved["a page had another number of rows than its place asks for"] = None
