# SPDX-License-Identifier: Apache-2.0
"""One listing fetched to the end: passes over its pages, a bounded number of requests in flight.

Which pages, and what they prove, is decided in ``pages``; here they are only asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Protocol

import msgspec

from airflow_provider_sengo.archive.coverage import Outcome
from airflow_provider_sengo.archive.pages import Pass, PassFacts
from airflow_provider_sengo.archive.rows import read_rows
from airflow_provider_sengo.archive.spool import Spool
from airflow_provider_sengo.exceptions import Rejected, SenGoProviderError
from airflow_provider_sengo.protocol.envelope import ListingPage

REQUEST_INVALID = 422  # how a gateway refuses a status that it does not filter by


class Gateway(Protocol):
    """Where listings come from; ``hooks.listing`` has one."""

    async def fetch_page(self, *, day: date, type: str, status: str, page: int) -> ListingPage:
        """One page of a listing; raises an error of this package if it cannot be had whole."""

    async def fetch_row(self, id: str) -> bytes | None:
        """One record by its id, as its own bytes; None if the gateway does not know it."""


class Job(Protocol):
    """What of a ``DayJob`` matters here."""

    @property
    def day(self) -> date: ...
    @property
    def type(self) -> str: ...
    @property
    def max_passes(self) -> int: ...
    @property
    def concurrency(self) -> int: ...


class ListingRead(msgspec.Struct):
    """How reading one listing went; ``facts`` are those of the final pass, None if none was finished."""

    status: str
    started_at: datetime
    finished_at: datetime
    outcome: Outcome
    facts: PassFacts | None = None
    passes: int = 0
    requests: int = 0
    error: SenGoProviderError | None = None


async def read_listing(
    job: Job,
    status: str,
    gateway: Gateway,
    spool: Spool,
    *,
    clock: Callable[[], datetime],
    on_page: Callable[[str, int, int, int], None] | None = None,
) -> ListingRead:
    """Read one listing into the spool until a pass is quiet, at most ``job.max_passes`` times.

    Never raises an error of this package: it is kept in the result, with the rows read so far spooled.
    """
    started_at = clock().astimezone(UTC)
    read = ListingRead(status, started_at, started_at, Outcome.FAILED)

    async def fetch(number: int) -> ListingPage:
        read.requests += 1
        return await gateway.fetch_page(day=job.day, type=job.type, status=status, page=number)

    try:
        while read.passes < job.max_passes and not (read.facts and read.facts.quiet):
            read.passes += 1
            downward = read.facts is not None and read.facts.totals_fell
            read.facts = await _walk(fetch, spool, status, on_page, job.concurrency, downward=downward)
        read.outcome = Outcome.QUIET if read.facts and read.facts.quiet else Outcome.MOVED
    except* SenGoProviderError as group:
        read.error = _first(group)
        if status != "success" and _refused_at_once(read):
            read.outcome = Outcome.UNSUPPORTED
        read.facts = None
    read.finished_at = clock().astimezone(UTC)
    return read


async def _walk(
    fetch: Callable[[int], Awaitable[ListingPage]],
    spool: Spool,
    status: str,
    on_page: Callable[[str, int, int, int], None] | None,
    concurrency: int,
    *,
    downward: bool,
) -> PassFacts:
    """One pass: the first page, the others, then the first and the last once more."""
    first = await fetch(1)
    this = Pass(first, downward=downward)

    unreadable: list[SenGoProviderError] = []

    def take(page: ListingPage) -> None:
        rows, error = read_rows(page.rows)
        if error is not None:
            unreadable.append(error)
        spool.add(rows, this.take(page, rows), listing=status)
        if on_page is not None:
            on_page(status, page.current_page, first.total_pages, len(rows))

    def look_again(page: ListingPage) -> None:
        if not this.compare(page):
            take(page)  # what moved in meanwhile is true as well

    take(first)
    await _fetch_all(fetch, this.numbers, concurrency, take)
    await _fetch_all(fetch, this.pushed_out(), concurrency, take)
    await _fetch_all(fetch, this.look_again(), concurrency, look_again)
    if unreadable:
        raise unreadable[0]  # every other row is spooled by now
    return this.close()


async def _fetch_all(
    fetch: Callable[[int], Awaitable[ListingPage]],
    numbers: Iterable[int],
    concurrency: int,
    take: Callable[[ListingPage], None],
) -> None:
    """Fetch pages in the given order, so many at a time, and take each as it comes."""
    remaining: Iterator[int] = iter(numbers)

    async def work() -> None:
        for number in remaining:
            take(await fetch(number))

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


def _refused_at_once(read: ListingRead) -> bool:
    """Whether the gateway refused the very first request: later, a refusal is no word about the status."""
    refused = isinstance(read.error, Rejected) and read.error.http_status == REQUEST_INVALID
    return refused and read.requests == 1


def _first(group: BaseExceptionGroup[SenGoProviderError]) -> SenGoProviderError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, SenGoProviderError)  # the group was caught by that type
    return error
