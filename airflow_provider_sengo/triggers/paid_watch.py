# SPDX-License-Identifier: Apache-2.0
"""One trigger's own course through the sweeps: what to fetch, what to tell, when to give up.

What is new is decided in ``protocol.paid``; here pages are asked for and errors counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime, timedelta

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol.paid import Listing
from airflow_provider_sengo.protocol.paid_book import Book, Cursor, Key, name_of, read_cursor
from airflow_provider_sengo.protocol.paid_rows import PaidRow
from airflow_provider_sengo.triggers.paid_store import CursorStore, Log
from airflow_provider_sengo.triggers.paid_sweeps import Sweep, SweptPage

Answer = tuple[Key, Listing, SweptPage | None]


class PaidWatch:
    """Tells each payment of the sweeps it is given."""

    def __init__(
        self,
        store: CursorStore,
        *,
        types: Sequence[str],
        started_at: datetime,
        lookback_s: float,
        errors_max: int,
        log: Log,
    ) -> None:
        self._store = store
        self._types = types
        self._started_at = started_at
        self._since = started_at - timedelta(seconds=lookback_s)
        self._errors_max = errors_max
        self._log = log
        self._book: Book | None = None
        self._errors_in_a_row = 0
        self._errors: list[SenGoProviderError] = []  # of this sweep
        self._pages = 0  # of this sweep

    async def rows(self, sweep: Sweep) -> AsyncGenerator[PaidRow, None]:
        """The payments to tell of one sweep.

        Raises: the last error once ``errors_max`` sweeps in a row brought nothing.
        """
        self._errors, self._pages = [], 0
        try:
            self._book = self._book or await self._begin(sweep)
        except SenGoProviderError as error:
            self._errors.append(error)
        else:
            await self._store.write_settled()
            self._book.turn_to(sweep.days)
            async for row in self._read(self._book, sweep):
                yield row
            self._tell_notes(self._book)
        self._judge()

    async def _begin(self, sweep: Sweep) -> Book:
        """Go on where the cursor stands; without one, a while before now."""
        stored = await self._store.read()
        cursor = read_cursor(stored)
        if cursor is None:
            since = self._since
            if stored is not None:
                since = sweep.at - timedelta(days=len(sweep.days) + 1)
                self._log.warning(
                    "The stored cursor cannot be read: payments of all days are told, some again."
                )
            cursor = Cursor(since)
            await self._store.write(cursor.as_json())  # a later start must not begin later
        return Book(cursor, self._types, started_at=self._started_at)

    async def _read(self, book: Book, sweep: Sweep) -> AsyncGenerator[PaidRow, None]:
        """First pages, then in turns a page of each listing that wants one, so that none starves another."""
        wanted: Iterable[tuple[Key, Listing, int]]
        wanted = [(key, listing, 1) for key, listing in book.listings.items()]
        reading = []
        for key, listing, page in await self._fetch(sweep, wanted):
            if page is not None:
                reading.append((key, listing))
                for row in listing.look(page, page.rows, sweep.at):
                    yield row
        while wanted := [(*item, number) for item in reading if (number := item[1].wants()) is not None]:
            reading = []
            for key, listing, page in await self._fetch(sweep, wanted):
                if page is not None:
                    reading.append((key, listing))
                    for row in listing.take(page, page.rows, sweep.at):
                        yield row

    async def _fetch(self, sweep: Sweep, wanted: Iterable[tuple[Key, Listing, int]]) -> list[Answer]:
        """The pages at the same time; those that failed are left out, and counted."""
        wanted = list(wanted)
        pages = await asyncio.gather(
            *(sweep.page(*key, number) for key, _, number in wanted), return_exceptions=True
        )
        answers: list[Answer] = []
        for (key, listing, _), page in zip(wanted, pages, strict=True):
            if isinstance(page, SenGoProviderError):
                self._errors.append(page)
            elif isinstance(page, BaseException):
                raise page
            else:
                self._pages += page is not None
                answers.append((key, listing, page))
        return answers

    def all_told(self) -> None:
        """The rows of the sweep were handed over; so may the cursor be."""
        if self._book is not None:
            self._store.hand_over(self._book.cursor().as_json())

    def _tell_notes(self, book: Book) -> None:
        for key, listing in book.listings.items():
            for note in listing.notes:
                self._log.warning("Paid transactions of %s: %s.", name_of(key), note)
            listing.notes.clear()
        book.bound_memory()

    def _judge(self) -> None:
        """One line a sweep about what failed; after too many sweeps without a page, the last error."""
        if self._pages:
            self._errors_in_a_row = 0
        elif self._errors:
            self._errors_in_a_row += 1
        if self._errors:
            error = self._errors[-1]
            if self._errors_in_a_row >= self._errors_max:
                raise error
            self._log.warning(
                "%d of %d pages failed, the next sweep tries again: %s: %s",
                len(self._errors),
                len(self._errors) + self._pages,
                type(error).__name__,
                error,
            )
