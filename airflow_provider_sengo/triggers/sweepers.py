# SPDX-License-Identifier: Apache-2.0
"""How each gateway is asked for many at once: SenGo by listings or by id, senangPay by order id.

No verdict is made here; what is seen goes to who waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol import senangpay, sengo
from airflow_provider_sengo.protocol.jakarta import window
from airflow_provider_sengo.triggers.listings import Listing, Listings
from airflow_provider_sengo.triggers.poller import Wanted

if TYPE_CHECKING:
    from airflow_provider_sengo.hooks.senangpay import SenangPayHook
    from airflow_provider_sengo.hooks.sengo import SenGoHook

IN_FLIGHT = 16
ATTEMPTS_MAX = 3  # the next look is the better retry
# Ids found settled by asking for them though listings should have shown them: so many more than half of
# those that listings did show, and listings are not trusted any more (the days may be of another meaning).
MISSES_FREE = 5


class SenGoSweeper:
    """Asks listings where that costs less, and for the rest one by one."""

    def __init__(self, run: Callable[[Any], Any], credentials: sengo.Credentials) -> None:
        self._run = run
        self._credentials = credentials
        self._listings = Listings(self._page, window=_window, at_a_time=IN_FLIGHT)
        self._hits = self._misses = 0
        self._refused = False

    async def sweep(self, wanted: Mapping[str, Wanted], found: Callable[[str, Any], None]) -> bool:
        """See ``poller.Sweeper``."""
        listed = {id: each.hint for id, each in wanted.items() if not each.by_id} if self._is_trusted else {}
        listed = {id: hint for id, hint in listed.items() if self._listings.may_show(hint)}
        shown: set[str] = set()

        def found_listed(id: str, seen: sengo.Transaction) -> None:
            if id not in shown:
                shown.add(id)
                self._hits += 1
                found(id, seen)

        was_read = await self._read_listings(listed, found_listed)

        def found_by_id(id: str, seen: Any) -> None:
            each = wanted[id]
            if was_read and each.by_id and getattr(seen, "status", None) in each.hint.statuses:
                self._misses += 1
            found(id, seen)

        one_by_one = [id for id in wanted if id not in shown and not (was_read and id in listed)]
        has_answer = await look_one_by_one(one_by_one, self._look, found_by_id, at_a_time=IN_FLIGHT)
        return has_answer or was_read

    @property
    def _is_trusted(self) -> bool:
        return not self._refused and self._misses <= MISSES_FREE + self._hits / 2

    async def _read_listings(self, listed: Mapping[str, Any], found: Callable[[str, Any], None]) -> bool:
        if not listed:
            return False
        try:
            return await self._listings.read(listed, found)
        except SenGoProviderError as error:
            self._refused = self._refused or not error.curable
            return False

    async def _look(self, id: str) -> sengo.Transaction:
        return await self._run(sengo.get_transaction(self._credentials, id))  # type: ignore[no-any-return]

    async def _page(self, name: Listing, number: int) -> sengo.ListingPage:
        day = date.fromisoformat(name.day)
        call = sengo.list_rows(self._credentials, day=day, type=name.type, status=name.status, page=number)
        return await self._run(call)  # type: ignore[no-any-return]


class OrderSweeper:
    """Asks for orders one by one; senangPay's list of transactions names no order."""

    def __init__(self, run: Callable[[Any], Any], credentials: senangpay.SenangPayCredentials) -> None:
        self._run = run
        self._credentials = credentials

    async def sweep(self, wanted: Mapping[str, Wanted], found: Callable[[str, Any], None]) -> bool:
        """See ``poller.Sweeper``."""
        return await look_one_by_one(wanted, self._look, found, at_a_time=IN_FLIGHT)

    async def _look(self, order_id: str) -> Any:
        return await self._run(senangpay.query_order(self._credentials, order_id))


@asynccontextmanager
async def open_sengo(hook: SenGoHook) -> AsyncIterator[SenGoSweeper]:
    """One session for all who wait at SenGo with these credentials."""
    async with hook.open_session(in_flight=IN_FLIGHT, max_attempts=ATTEMPTS_MAX) as session:
        yield SenGoSweeper(session.run, hook.credentials)


@asynccontextmanager
async def open_senangpay(hook: SenangPayHook) -> AsyncIterator[OrderSweeper]:
    """One session for all who wait at senangPay with these credentials."""
    async with hook.open_session(in_flight=IN_FLIGHT, max_attempts=ATTEMPTS_MAX) as session:
        yield OrderSweeper(session.run, hook.credentials)


def _window() -> list[date]:
    return window(datetime.now(UTC))


async def look_one_by_one(
    ids: Iterable[str],
    look: Callable[[str], Any],
    found: Callable[[str, Any], None],
    *,
    at_a_time: int,
) -> bool:
    """Ask for each id; True if any whole answer came. After ``at_a_time`` troubles in a row the rest waits.

    Those not asked any more are told of the trouble, as they would have met it.
    """
    remaining = iter(list(ids))
    in_a_row = 0
    has_answer = False
    last: SenGoProviderError | None = None

    async def work() -> None:
        nonlocal in_a_row, has_answer, last
        for id in remaining:
            if last is not None and in_a_row >= at_a_time:
                found(id, last)
                continue
            try:
                seen: Any = await look(id)
            except SenGoProviderError as error:
                seen = error
                if error.curable:
                    in_a_row, last = in_a_row + 1, error
            if not (isinstance(seen, SenGoProviderError) and seen.curable):
                in_a_row, has_answer = 0, True
            found(id, seen)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_a_time):
            group.create_task(work())
    return has_answer
