# SPDX-License-Identifier: Apache-2.0
"""What the archive may claim about each day.

Pure: computed from the records of the reads alone, so nothing counts as complete that was not recorded
so. Every rule of a day's state is in ``_state``; nothing else decides it.

==========  =========================================================================================
state       means
==========  =========================================================================================
open        not yet over for eight hours; its rows are archived all the same
missing     over, no complete read yet, still in the gateway's window
complete    a read found expired and failed (or unsupported) and success each quiet, began after the
            day had been over for eight hours and ended before the gateway dropped it
sealed      the latest two complete reads saw the same successes, began at least 20 h apart, the later
            on the last day of the window, and no row of the day is archived as pending
shrunk      the latest such read was quiet, but a success that this listing had shown is gone from it
lost        left the window without a complete read
before      had left the window already when the project's first read began
==========  =========================================================================================
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from airflow_provider_sengo.archive import days

SEALING_HOURS = 20  # two reads on the same morning are one look, not two


class State(StrEnum):
    """The state of a day; the table in this module's docstring."""

    OPEN = "open"
    MISSING = "missing"
    COMPLETE = "complete"
    SEALED = "sealed"
    SHRUNK = "shrunk"
    LOST = "lost"
    BEFORE = "before"


class Outcome(StrEnum):
    """How the read of one listing ended."""

    QUIET = "quiet"  # read to the end, nothing moved
    SHRUNK = "shrunk"  # quiet, but a success shown by this listing before is gone from it
    MOVED = "moved"  # read to the end, but it never held still
    UNSUPPORTED = "unsupported"  # the gateway refuses this status as a filter
    FAILED = "failed"  # not read to the end


class ReadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One read of one listing, as kept in the table ``reads``. Times: aware UTC. Sums: whole rupiah.

    ``run``: the same for all listings of one day read together. ``pending_left``: rows of the day archived
    as pending once this read was committed. ``moved``: signs of movement, or the error of a failed read.
    """

    read_id: str
    project: str
    day: date
    type: str
    status: str
    run: str
    started_at: datetime
    finished_at: datetime
    pages: int = 0
    passes: int = 0
    requests: int = 0
    rows: int = 0
    distinct_ids: int = 0
    ids_digest: str = ""
    claimed_total: int = 0
    amount_sum: int = 0
    new_rows: int = 0
    changed_rows: int = 0
    odd_rows: int = 0
    refused_rows: int = 0
    gone_rows: int = 0
    pending_left: int = 0
    outcome: str = Outcome.FAILED
    moved: str = ""
    lost_after: datetime


class DayCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """What is archived of one day and type.

    ``rows`` and ``amount_sum`` (whole rupiah, rows whose own status is success) are those of the latest
    complete read of the success listing, None without one. ``last_read_at``: when the latest read of any
    of its listings ended. ``lost_after``: the gateway has forgotten the day from then on. ``days_left``:
    days after today on which it can still be read; negative once it is gone.
    """

    project: str
    day: date
    type: str
    state: State
    rows: int | None
    amount_sum: int | None
    last_read_at: datetime | None
    lost_after: datetime
    days_left: int
    last_complete_at: datetime | None = None

    @property
    def unproven(self) -> bool:
        """In the window, over, and without a complete read: it must be read before it is lost."""
        return self.state is State.MISSING or (self.state is State.SHRUNK and self.rows is None)


class _DayRead(msgspec.Struct, frozen=True):
    """All listings of one day that were read in one run."""

    listings: dict[str, ReadRecord]

    @property
    def success(self) -> ReadRecord | None:
        return self.listings.get("success")

    @property
    def started_at(self) -> datetime:
        return min(record.started_at for record in self.listings.values())

    @property
    def finished_at(self) -> datetime:
        return max(record.finished_at for record in self.listings.values())

    def timely(self, day: date) -> bool:
        """Begun once the day had been over for eight hours, ended before the gateway dropped it."""
        end = min(record.lost_after for record in self.listings.values())
        return self.started_at >= days.closed_at(day) and self.finished_at < end

    def whole(self, success: Outcome) -> bool:
        """Expired and failed quiet or unsupported, and success as asked for."""
        settled = (Outcome.QUIET, Outcome.UNSUPPORTED)
        sides = (self.listings.get("expired"), self.listings.get("failed"))
        if self.success is None or self.success.outcome != success:
            return False
        return all(side is not None and side.outcome in settled for side in sides)


def is_complete(records: Iterable[ReadRecord]) -> bool:
    """Whether the records of one run over one day make a complete read."""
    listings = {record.status: record for record in records}
    if not listings:
        return False
    read = _DayRead(listings)
    return read.whole(Outcome.QUIET) and read.timely(next(iter(listings.values())).day)


def coverage(
    records: Iterable[ReadRecord],
    *,
    project: str,
    now: datetime,
    retention_days: int = days.RETENTION_DAYS,
    types: Sequence[str] = days.TYPES,
) -> list[DayCoverage]:
    """The state of every day of a project from its first known day to today, oldest first.

    A project that was never read has the days of today's window.
    """
    by_day: dict[tuple[date, str], dict[str, dict[str, ReadRecord]]] = defaultdict(lambda: defaultdict(dict))
    first_read_at: datetime | None = None
    first_day = days.window(now, retention_days)[0]
    for record in records:
        if record.project != project or record.started_at > now:
            continue
        by_day[record.day, record.type][record.run][record.status] = record
        first_day = min(first_day, record.day)
        if first_read_at is None or record.started_at < first_read_at:
            first_read_at = record.started_at
    if first_read_at is not None:
        first_day = min(first_day, days.window(first_read_at, retention_days)[0])
    result = []
    for age in range((days.today(now) - first_day).days, -1, -1):
        day = days.today(now) - timedelta(days=age)
        for type_ in types:
            runs = by_day.get((day, type_), {})
            reads = sorted(
                (_DayRead(listings) for listings in runs.values()), key=lambda read: read.started_at
            )
            result.append(_judge(reads, project, day, type_, now, retention_days, first_read_at))
    return result


def _judge(
    reads: list[_DayRead],
    project: str,
    day: date,
    type_: str,
    now: datetime,
    retention_days: int,
    first_read_at: datetime | None,
) -> DayCoverage:
    timely = [read for read in reads if read.timely(day)]
    complete = [read for read in timely if read.whole(Outcome.QUIET)]
    stands = complete[-1].success if complete else None
    return DayCoverage(
        project=project,
        day=day,
        type=type_,
        state=_state(timely, complete, day, now, retention_days, first_read_at),
        rows=stands.rows if stands else None,
        amount_sum=stands.amount_sum if stands else None,
        last_read_at=max((read.finished_at for read in reads), default=None),
        lost_after=days.lost_after(day, retention_days),
        days_left=days.days_left(day, now, retention_days),
        last_complete_at=complete[-1].started_at if complete else None,
    )


def _state(
    timely: list[_DayRead],
    complete: list[_DayRead],
    day: date,
    now: datetime,
    retention_days: int,
    first_read_at: datetime | None,
) -> State:
    """The one place where a day's state is decided; ``timely`` and ``complete`` are oldest first."""
    gone_from_window = now >= days.lost_after(day, retention_days)
    if now < days.closed_at(day):
        return State.OPEN
    shrunk = [read for read in timely if read.whole(Outcome.SHRUNK)]
    if shrunk and not gone_from_window and (not complete or shrunk[-1].started_at > complete[-1].started_at):
        return State.SHRUNK
    if _sealed(timely, complete, day, retention_days):
        return State.SEALED
    if complete:
        return State.COMPLETE
    if not gone_from_window:
        return State.MISSING
    if first_read_at is None or first_read_at >= days.lost_after(day, retention_days):
        return State.BEFORE
    return State.LOST


def _sealed(timely: list[_DayRead], complete: list[_DayRead], day: date, retention_days: int) -> bool:
    """Two equal looks, far enough apart, the later on the last day of the window; none between differs.

    Nothing was left pending then, nor by a read after it, complete or not.
    """
    if not complete or days.age_days(day, complete[-1].started_at) != retention_days - 1:
        return False
    last = complete[-1]
    since = [read for read in timely if read.started_at >= last.started_at]
    if any(record.pending_left for read in since for record in read.listings.values()):
        return False
    for read in reversed(complete):
        if read.success is None or last.success is None or read.success.ids_digest != last.success.ids_digest:
            return False
        if last.started_at - read.started_at >= timedelta(hours=SEALING_HOURS):
            return True
    return False
