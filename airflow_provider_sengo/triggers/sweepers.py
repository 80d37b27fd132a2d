# SPDX-License-Identifier: Apache-2.0
"""How each gateway is asked for many at once: SenGo by listings or by id, senangPay by order id.

No verdict is made here; what is seen goes to who waits.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol import senangpay, sengo
from airflow_provider_sengo.protocol.jakarta import window
from airflow_provider_sengo.protocol.waiting import LOOK_LIMITS
from airflow_provider_sengo.triggers.listings import Listing, Listings
from airflow_provider_sengo.triggers.poller import Hint, Wanted

if TYPE_CHECKING:
    from airflow_provider_sengo.hooks.senangpay import SenangPayHook
    from airflow_provider_sengo.hooks.sengo import SenGoHook

IN_FLIGHT = 16
TROUBLES_FREE = 2  # listings that fail so often in a row mean: nothing new; after that each is asked for
MISSES_FREE, DISTRUST_SWEEPS = 5, 100
GATEWAY_IDS_MAX = 100_000
BREATH = 200  # the event loop gets its turn after so many
# UUID-like, as the gateway's ids are (api facts 5.4; its sample is no valid one). A merchant's reference that
# looks so costs some looks, no truth.
_OWN_ID = re.compile(r"[0-9a-z]{8,9}(-[0-9a-z]{4}){3}-[0-9a-z]{12}", re.ASCII | re.IGNORECASE)


class Distrust:
    """Whether listings are worth reading: do they show what is found settled by asking for it?

    If they miss more than half of what they show, days mean something else there, and each id is asked for
    itself for the next sweeps.
    """

    def __init__(self) -> None:
        self._hits = self._misses = self._sweeps_left = 0

    def hit(self) -> None:
        self._hits += 1

    def miss(self) -> None:
        self._misses += 1
        if self._misses > MISSES_FREE + self._hits / 2:
            self._hits, self._misses, self._sweeps_left = 0, 0, DISTRUST_SWEEPS

    def is_on(self) -> bool:
        """Ask once a sweep."""
        self._sweeps_left = max(0, self._sweeps_left - 1)
        return self._sweeps_left > 0


class SenGoSweeper:
    """Asks listings where that costs less, and for the rest one by one."""

    def __init__(self, run: Callable[[Any], Any], credentials: sengo.Credentials) -> None:
        self._run = run
        self._credentials = credentials
        self._listings = Listings(self._page, window=_window, at_a_time=IN_FLIGHT)
        self._gateway_ids: dict[str, str] = {}  # of what is asked for by a reference
        self._troubles = 0  # of the listings, in a row
        self._distrust = Distrust()

    async def sweep(self, wanted: Mapping[str, Wanted], found: Callable[[str, Any], None]) -> bool:
        """See ``poller.Sweeper``."""
        listed = self._listed(wanted)
        shown: set[str] = set()

        def found_listed(id: str, seen: sengo.Transaction) -> None:
            if id not in shown:
                shown.add(id)
                self._distrust.hit()
                found(id, seen)

        was_read, trouble = await self._read_listings(listed, found_listed)
        if trouble is not None:
            for id in listed.keys() - shown:
                found(id, trouble)

        def found_by_id(id: str, seen: Any) -> None:
            if isinstance(seen, sengo.Transaction):
                self._gateway_ids[id] = seen.id
                if was_read and wanted[id].is_spot_check and seen.status in wanted[id].hint.statuses:
                    self._distrust.miss()
            found(id, seen)

        done = listed.keys() if was_read or trouble else shown
        one_by_one = [id for id in wanted if id not in done]
        has_answer = await look_one_by_one(one_by_one, self._look, found_by_id, at_a_time=IN_FLIGHT)
        return has_answer or was_read

    def _listed(self, wanted: Mapping[str, Wanted]) -> dict[str, Hint]:
        """Whom listings may show, each with the gateway's own id where it is known."""
        if len(self._gateway_ids) > GATEWAY_IDS_MAX:
            self._gateway_ids.clear()
        if self._distrust.is_on():
            return {}
        listed = {}
        for id, each in wanted.items():
            if not each.by_id and self._listings.may_show(each.hint):
                own = (
                    each.hint.gateway_id or self._gateway_ids.get(id) or (id if _OWN_ID.fullmatch(id) else "")
                )
                if own:
                    listed[id] = replace(each.hint, gateway_id=own)
        return listed

    async def _read_listings(
        self, listed: Mapping[str, Hint], found: Callable[[str, Any], None]
    ) -> tuple[bool, SenGoProviderError | None]:
        """Whether they were read, and what went wrong: one trouble is no reason to ask for each of many."""
        try:
            was_read = bool(listed) and await self._listings.read(listed, found)
        except SenGoProviderError as error:
            self._troubles += 1
            if error.curable and self._troubles <= TROUBLES_FREE:
                return False, error
            return False, None
        self._troubles = 0
        return was_read, None

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
    async with hook.with_limits(**LOOK_LIMITS).open_session(in_flight=IN_FLIGHT) as session:
        yield SenGoSweeper(session.run, hook.credentials)


@asynccontextmanager
async def open_senangpay(hook: SenangPayHook) -> AsyncIterator[OrderSweeper]:
    """One session for all who wait at senangPay with these credentials."""
    async with hook.with_limits(**LOOK_LIMITS).open_session(in_flight=IN_FLIGHT) as session:
        yield OrderSweeper(session.run, hook.credentials)


def _window() -> list[date]:
    return window(datetime.now(UTC))


async def look_one_by_one(
    ids: Collection[str],
    look: Callable[[str], Any],
    found: Callable[[str, Any], None],
    *,
    at_a_time: int,
) -> bool:
    """Ask for each id; True if any whole answer came. After ``at_a_time`` troubles in a row the rest waits.

    Those not asked any more are told of the trouble, as they would have met it. In another order each time:
    ids whose records are odd must not shut the others out for ever.
    """
    remaining = iter(random.sample(list(ids), k=len(ids)))
    in_a_row = told = 0
    has_answer = False
    last: SenGoProviderError | None = None

    async def work() -> None:
        nonlocal in_a_row, has_answer, last, told
        for id in remaining:
            if last is not None and in_a_row >= at_a_time:
                found(id, last)
                told += 1
                if told % BREATH == 0:
                    await asyncio.sleep(0)
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
