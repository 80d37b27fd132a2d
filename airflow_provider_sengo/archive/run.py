# SPDX-License-Identifier: Apache-2.0
"""One day of one type, read from the gateway and archived: the shell around the pure parts.

The gateway, the archive and the clock are given, so that operators, the command line and tests run the
very same steps: read each listing -> ask for what vanished -> commit history and rows -> record the reads.
What a read proves is decided in ``pages`` and ``coverage``, what is written in ``merge``; nothing of it here.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

import msgspec

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.compare import RANK_PENDING, Partition, vanished_pending
from airflow_provider_sengo.archive.coverage import Outcome, ReadRecord, is_complete
from airflow_provider_sengo.archive.listing import Gateway, ListingRead, read_listing
from airflow_provider_sengo.archive.merge import Committed, commit
from airflow_provider_sengo.archive.pages import MAX_PASSES
from airflow_provider_sengo.archive.rows import read_row
from airflow_provider_sengo.archive.spool import Spool, hash_id
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.exceptions import ArchiveIncomplete, NotAuthorized, SenGoProviderError

log = logging.getLogger(__name__)

# Success last, so that a row that settles while the others are read is seen.
STATUSES = ("pending", "expired", "failed", "success")
ASKED_BY_ID_MAX = 1_000  # a run; pending rows that no listing shows, oldest first
CONCURRENCY = 16
SHOWN_MAX = 5  # ids named in a log line


class DayJob(msgspec.Struct, frozen=True, kw_only=True):
    """What to read and how. ``concurrency``: requests in flight."""

    project: str
    day: date
    type: str
    statuses: tuple[str, ...] = STATUSES
    retention_days: int = days.RETENTION_DAYS
    max_passes: int = MAX_PASSES
    concurrency: int = CONCURRENCY

    def __post_init__(self) -> None:
        for name in ("retention_days", "max_passes", "concurrency"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1")

    @property
    def partition(self) -> Partition:
        """Where its rows go."""
        return Partition(self.project, self.type, self.day)


class DayResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did. ``rows``: distinct transactions read; ``amount_sum``: whole rupiah of the successes.

    ``requests``: pages and single rows asked for, repeats by the transport not counted.
    """

    project: str
    day: str
    type: str
    rows: int
    new: int
    changed: int
    odd: int
    amount_sum: int
    requests: int
    passes: int
    complete: bool
    refused: int
    gone: int
    pending_left: int
    outcomes: dict[str, str]


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


async def archive_day(
    job: DayJob,
    gateway: Gateway,
    archive: Archive,
    *,
    clock: Callable[[], datetime] = utc_now,
    on_page: Callable[[str, int, int, int], None] | None = None,
) -> DayResult:
    """Read every listing of the day and bring the archive up to it. Safe to run again at any time.

    ``on_page(status, page, pages, rows)`` is told of each page read. Whatever was read is committed, also
    if a listing failed. Raises ``ArchiveIncomplete`` if the day has left the window, or is over and could
    not be read to the end; ``NotAuthorized`` as it is.
    """
    refuse_outside_window(job, archive, clock())
    run = f"{clock().astimezone(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:12]}"
    with Spool(job.day) as spool:
        reads = []
        for status in job.statuses:
            reads.append(await read_listing(job, status, gateway, spool, clock=clock, on_page=on_page))
            if isinstance(reads[-1].error, NotAuthorized):
                break  # the other listings would be refused as well
        asked = 0
        if all(read.outcome is not Outcome.FAILED for read in reads):
            asked = await _ask_for_vanished(job, gateway, archive, spool)
        done = commit(archive.tables, job.partition, spool, read_id=run, now=clock().astimezone(UTC))
        records = [_record(job, run, read, done) for read in reads]
        archive.record_reads(records)
        result = _result(job, reads, records, done, rows=len(spool.latest), asked=asked)
    _report(job, reads, result, done)
    _raise_if_incomplete(job, reads, result, clock())
    return result


def refuse_outside_window(job: DayJob, archive: Archive, now: datetime) -> None:
    """A clear error for a day that the gateway no longer lists, or that has not begun."""
    age = days.age_days(job.day, now)
    if age < 0:
        raise ValueError(f"day: {job.day} has not begun yet in Asia/Jakarta")
    if age < job.retention_days:
        return
    archived = Counter(archive.transactions(job.project, job.day, job.type)["status"].to_pylist())
    state = next(
        (
            str(item.state)
            for item in archive.coverage(now, job.retention_days, job.project)
            if (item.day, item.type) == (job.day, job.type)
        ),
        "never read",
    )
    holds = ", ".join(
        f"{count} {status or 'without status'}" for status, count in sorted(archived.items(), key=str)
    )
    forgotten = days.text(days.lost_after(job.day, job.retention_days))
    missing = "nothing is missing" if state in ("complete", "sealed") else "a complete read of it is missing"
    raise ArchiveIncomplete(
        f"{job.day} {job.type}: the gateway forgot this day at {forgotten};"
        f" archived: {holds or 'no row'} (state: {state}); {missing}."
        " Older transactions are to be had from SenGo's support only. See the README's runbook, 'a lost day'.",
        curable=False,
    )


async def _ask_for_vanished(job: DayJob, gateway: Gateway, archive: Archive, spool: Spool) -> int:
    """Ask by id for rows archived as pending that no listing shows; returns how many were asked for."""
    ids = vanished_pending(archive.tables, job.partition, spool, ASKED_BY_ID_MAX)
    name = f"{job.day} {job.type}"
    unknown = []
    for identity in ids:
        try:
            raw = await gateway.fetch_row(identity)
            row = None if raw is None else read_row(raw)
        except NotAuthorized as error:
            log.warning("%s: vanished pending rows cannot be asked for: %s", name, error)
            break  # the others would be refused as well
        except SenGoProviderError as error:
            log.warning("%s: asking for the vanished pending row %s failed: %s", name, identity, error)
            continue
        if row is None or row.id != identity:
            unknown.append(identity)
        elif row.rank > RANK_PENDING:
            spool.add_found_by_id(row, hash_id(identity))
    if unknown:
        few = ", ".join(unknown[:SHOWN_MAX])
        log.warning(
            "%s: %s pending rows are in no listing and unknown by id, e.g. %s", name, len(unknown), few
        )
    return len(ids)


def _record(job: DayJob, run: str, read: ListingRead, done: Committed) -> ReadRecord:
    facts, outcome = read.facts, read.outcome
    gone = len(done.gone) if read.status == "success" and outcome is Outcome.QUIET else 0
    return ReadRecord(
        read_id=f"{run}-{read.status}",
        project=job.project,
        day=job.day,
        type=job.type,
        status=read.status,
        run=run,
        started_at=read.started_at,
        finished_at=read.finished_at,
        pages=facts.pages if facts else 0,
        passes=read.passes,
        requests=read.requests,
        rows=facts.rows if facts else 0,
        distinct_ids=facts.distinct_ids if facts else 0,
        ids_digest=facts.ids_digest if facts else "",
        claimed_total=facts.claimed_total if facts else 0,
        amount_sum=facts.amount_sum if facts else 0,
        new_rows=done.new[read.status],
        changed_rows=done.changed[read.status],
        odd_rows=facts.odd_rows if facts else 0,
        refused_rows=done.refused if read.status == "success" else 0,
        gone_rows=gone,
        pending_left=done.pending_left,
        outcome=Outcome.SHRUNK if gone else outcome,
        moved=str(read.error) if read.error else "; ".join(facts.moved if facts else ()),
        lost_after=days.lost_after(job.day, job.retention_days),
    )


def _result(
    job: DayJob,
    reads: Sequence[ListingRead],
    records: Sequence[ReadRecord],
    done: Committed,
    *,
    rows: int,
    asked: int,
) -> DayResult:
    success = next((record for record in records if record.status == "success"), None)
    return DayResult(
        project=job.project,
        day=job.day.isoformat(),
        type=job.type,
        rows=rows,
        new=done.new.total(),
        changed=done.changed.total(),
        odd=sum(record.odd_rows for record in records),
        amount_sum=success.amount_sum if success else 0,
        requests=sum(read.requests for read in reads) + asked,
        passes=sum(read.passes for read in reads),
        complete=is_complete(records),
        refused=done.refused,
        gone=sum(record.gone_rows for record in records),
        pending_left=done.pending_left,
        outcomes={record.status: str(record.outcome) for record in records},
    )


def _report(job: DayJob, reads: Sequence[ListingRead], result: DayResult, done: Committed) -> None:
    """What a person should know, as log lines."""
    name = f"{job.day} {job.type}"
    log.info(
        "%s: %s rows read, %s new, %s changed, complete: %s",
        name,
        result.rows,
        result.new,
        result.changed,
        result.complete,
    )
    for read in reads:
        if read.error is not None:
            log.warning(
                "%s: the %s listing was not read (%s): %s", name, read.status, read.outcome, read.error
            )
        if read.outcome is Outcome.MOVED and read.facts:
            log.warning(
                "%s: the %s listing did not hold still: %s", name, read.status, "; ".join(read.facts.moved)
            )
    if result.odd:
        log.warning(
            "%s: %s rows with odd fields, kept whole in raw and named in odd_fields", name, result.odd
        )
    if result.refused:
        log.warning(
            "%s: %s versions refused, less final than the archived ones; see history", name, result.refused
        )
    if result.gone:
        log.warning(
            "%s: %s archived successes are no longer listed, e.g. %s",
            name,
            result.gone,
            ", ".join(done.gone[:SHOWN_MAX]),
        )


def _raise_if_incomplete(job: DayJob, reads: Sequence[ListingRead], result: DayResult, now: datetime) -> None:
    failed = [read for read in reads if read.error is not None and read.outcome is Outcome.FAILED]
    for read in failed:
        if isinstance(read.error, NotAuthorized):
            raise read.error
    # Pending is a snapshot: it fails nothing, unless it is all that was asked for.
    failed = [read for read in failed if read.status != "pending" or len(reads) == 1]
    if failed:
        cause = str(failed[0].error).rstrip(".")
        raise ArchiveIncomplete(
            f"{job.day} {job.type}: the {failed[0].status} listing could not be read to the end: {cause}."
            f" What was read is archived ({result.rows} rows); the day is not complete. Run it again."
        ) from failed[0].error
    restless = [read for read in reads if read.outcome is Outcome.MOVED and read.status != "pending"]
    if restless and now >= days.closed_at(job.day):
        raise ArchiveIncomplete(
            f"{job.day} {job.type}: the {restless[0].status} listing moved in each of {restless[0].passes} passes."
            f" What was read is archived ({result.rows} rows); the day is not complete. Run it again."
        )
