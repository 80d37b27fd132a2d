# SPDX-License-Identifier: Apache-2.0
"""Listings of paid transactions as they are at one moment, fetched once for all triggers that look at them.

Which pages are wanted is decided by each trigger; here they are only fetched. One session for all of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from contextvars import Context
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_sengo.exceptions import NotAuthorized, OutcomeUnknown, SenGoProviderError
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.protocol import sengo
from airflow_provider_sengo.protocol.paid_book import window
from airflow_provider_sengo.protocol.paid_rows import SUCCESS, PaidRow, read_row
from airflow_provider_sengo.protocol.waiting import LookLimits

if TYPE_CHECKING:
    from airflow_provider_sengo.protocol.http import Call

IN_FLIGHT = 8
JITTER = 0.1  # of the interval, either way: many connections don't poll in step
LIMITS: LookLimits = {"max_attempts": 1, "deadline_s": 120.0}  # the next sweep tries again


class Session(Protocol):
    """What makes calls: an open session of the hook."""

    async def run(self, call: Call[Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class SweptPage:
    """A page with its rows read; each trigger may keep what it likes of it."""

    current_page: int
    total_pages: int
    total_records: int
    rows: tuple[PaidRow, ...]


class Gateway:
    """One connection, read once, with its open session; or the error that it could not be had with."""

    def __init__(self, sengo_conn_id: str) -> None:
        self.is_stale = False  # the connection should be read again
        self._conn_id = sengo_conn_id
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[SweptPage]] = set()
        self._session: Session | None = None
        self._error: SenGoProviderError | None = None

    async def open(self) -> None:
        """Never fails: the error is that of every page."""
        hook = SenGoHook(self._conn_id)
        try:
            opened = hook.with_limits(**LIMITS).open_session(in_flight=IN_FLIGHT)
            self._session = await self._stack.enter_async_context(opened)
            self._credentials = hook.credentials
        except (SenGoProviderError, ValueError, AirflowNotFoundException) as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - a secrets backend's error may be anything, its text as well
            self._fail(f"{type(error).__name__}.")

    def _fail(self, why: str) -> None:
        self._error = SenGoProviderError(f"The connection {self._conn_id!r} could not be used: {why}")
        self.is_stale = True

    def fetch(self, day: date, type: str, number: int) -> asyncio.Task[SweptPage]:
        """Fetch a page in a task of its own, so that no trigger that ends takes it from another."""
        # An empty context: a request that serves many is not logged as one trigger's.
        task = asyncio.create_task(self._fetch(day, type, number), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[SweptPage]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also if nobody waits any more

    async def _fetch(self, day: date, type: str, number: int) -> SweptPage:
        if self._session is None:
            raise self._error or SenGoProviderError("The session is closed.")
        call = sengo.list_rows(self._credentials, day=day, type=type, status=SUCCESS, page=number)
        try:
            page: sengo.ListingPage = await self._session.run(call)
        except NotAuthorized:
            self.is_stale = True  # keys get rotated
            raise
        project = self._credentials.project
        rows = tuple(read_row(raw, type=type, project=project) for raw in page.rows)
        return SweptPage(page.current_page, page.total_pages, page.total_records, rows)

    async def close(self) -> None:
        """End what is under way, and give the session back."""
        self._session = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stack.aclose()


class Sweep:
    """The gateway's listings at one moment: a page is fetched when first asked for, and only once.

    ``pages_max``: how many pages, first ones included, for which there is always room.
    """

    def __init__(self, gateway: Gateway, at: datetime, types: Sequence[str], pages_max: int) -> None:
        self.at = at
        self.days = window(at)
        self.is_superseded = False  # a later one is there
        self._gateway = gateway
        self._pages: dict[tuple[date, str, int], asyncio.Task[SweptPage]] = {}
        self._left = pages_max - len(self.days) * len(types)

    async def page(self, day: date, type: str, number: int) -> SweptPage | None:
        """A page of a listing; None if no more may be fetched in this sweep.

        Raises: the same error to everybody who asks for it.
        """
        task = self._pages.get((day, type, number))
        if task is None:
            if number > 1:
                if self._left <= 0:
                    return None
                self._left -= 1
            task = self._pages[day, type, number] = self._gateway.fetch(day, type, number)
        await asyncio.wait([task])  # unlike ``await task``, ends without ending the task
        if task.cancelled():
            raise OutcomeUnknown("The sweep ended before the page came.")
        return task.result()


async def open_sweeps(
    sengo_conn_id: str,
    *,
    poll_interval: float,
    types: Sequence[str],
    pages_max: int,
    now: Callable[[], datetime],
) -> AsyncGenerator[Sweep, None]:
    """A sweep each interval, for ever; the first after one interval."""
    gateway: Gateway | None = None
    sweep: Sweep | None = None
    try:
        while True:
            await asyncio.sleep(poll_interval * random.uniform(1 - JITTER, 1 + JITTER))
            if gateway is None or gateway.is_stale:
                if gateway is not None:
                    await gateway.close()
                gateway = Gateway(sengo_conn_id)
                await gateway.open()
            if sweep is not None:
                sweep.is_superseded = True
            sweep = Sweep(gateway, now(), types, pages_max)
            yield sweep
    finally:
        if gateway is not None:
            await gateway.close()
