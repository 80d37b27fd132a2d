# SPDX-License-Identifier: Apache-2.0
"""What a day's reading changes in ``transactions`` and ``history``.

What changes is decided in ``compare``; how rows are written is in ``rewrite``; in which order, here:

* A rival that wrote to the same days first refuses the commit: then everything is decided again on the
  newer snapshot.
* Versions replaced and versions refused are kept in ``history``, once each.
* ``history`` is written before the rows, so that a crash loses no version; the rows before the record of
  their read, so that nothing is vouched for that is not there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime

import msgspec
import pyarrow as pa
from deltalake.exceptions import CommitFailedError

from airflow_provider_sengo.archive.compare import Comparison, Partition, Standing, compare
from airflow_provider_sengo.archive.rewrite import Rewrite
from airflow_provider_sengo.archive.schema import HISTORY, TRANSACTIONS
from airflow_provider_sengo.archive.spool import Spool, hash_id, version
from airflow_provider_sengo.archive.tables import COMMIT_TRIES, Tables, keep_once, until_landed
from airflow_provider_sengo.exceptions import ArchiveIncomplete


class Counts(msgspec.Struct, frozen=True):
    """Rows that were new and rows that changed, by the listing that showed them ("" = asked for by id)."""

    new: Counter[str]
    changed: Counter[str]

    def add(self, other: Counts) -> None:
        """Take over the counts of a step that landed."""
        self.new.update(other.new)
        self.changed.update(other.changed)


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit did. ``new`` and ``changed`` as in ``Counts``; ``gone``: ids no longer listed."""

    new: Counter[str]
    changed: Counter[str]
    refused: int
    gone: tuple[str, ...]
    pending_left: int


def commit(
    tables: Tables,
    partition: Partition,
    spool: Spool,
    *,
    read_id: str,
    now: datetime,
    sleep: Callable[[float], None] = time.sleep,
) -> Committed:
    """Bring what was read into the tables; nothing is written where nothing changed.

    Raises ``ArchiveIncomplete`` if rivals won ``COMMIT_TRIES`` times, OSError if the storage failed
    ``STORAGE_TRIES`` times. Rows of a commit whose answer was lost count neither as new nor as changed.
    """
    landed = Counts(Counter(), Counter())
    try:
        found = until_landed(
            lambda: _bring(tables, partition, spool, landed, read_id=read_id, now=now), sleep=sleep
        )
    except CommitFailedError:
        raise ArchiveIncomplete(
            f"{partition.day} {partition.type}: others wrote to this day {COMMIT_TRIES} times in between."
            " Nothing vouches for what was read now. Run it again."
        ) from None
    return Committed(
        new=landed.new,
        changed=landed.changed,
        refused=len(found.refused) + len(spool.refused),
        gone=tuple(found.gone),
        pending_left=found.pending_left,
    )


def _bring(
    tables: Tables, partition: Partition, spool: Spool, landed: Counts, *, read_id: str, now: datetime
) -> Comparison:
    """Compare and write, once; ``landed`` counts the rows if the commit succeeds."""
    table = tables.make("transactions")
    found = compare(table, partition, spool)
    to_come = len(spool.latest) - len(found.settled)
    if not to_come:
        _keep_history(tables, partition, spool, found, TRANSACTIONS.empty_table(), read_id=read_id)
        return found
    leaving = _leaving(partition, found, any_new=to_come > len(found.standing))
    with Rewrite(table, partition.project, partition.type, leaving) as rewrite:
        _keep_history(tables, partition, spool, found, _replaced(rewrite.left, spool), read_id=read_id)
        step = Counts(Counter(), Counter())
        rewrite.commit(_coming(spool, partition, found, to_come, now, step))
    landed.add(step)
    return found


def _replaced(left: pa.Table, spool: Spool) -> pa.Table:
    """Those of the rows that leave whose next version is another; all of them, should an id have stood twice."""
    columns = (left[name].to_pylist() for name in ("id", "digest", "rank"))
    return left.filter(
        pa.array(
            [
                spool.latest[hash_id(identity)] != version(digest, rank)
                for identity, digest, rank in zip(*columns, strict=True)
            ],
            pa.bool_(),
        )
    )


def _leaving(partition: Partition, found: Comparison, *, any_new: bool) -> dict[str, list[str]]:
    """Which rows leave which days: those whose place a version takes; new rows come to the day that was read."""
    leaving: dict[str, list[str]] = {partition.day.isoformat(): []} if any_new else {}
    for row in found.standing.values():
        leaving.setdefault(row.day, []).append(row.id)
    return leaving


def _keep_history(
    tables: Tables, partition: Partition, spool: Spool, found: Comparison, replaced: pa.Table, *, read_id: str
) -> None:
    """Append the versions that are about to be replaced, and those refused, unless they are there."""
    parts = [with_reason(replaced, read_id, "replaced")]
    parts.extend(
        with_reason(_as_transactions(batch, partition), read_id, "refused")
        for batch in _refused_batches(spool, found)
    )
    keep_once(tables, pa.concat_tables(parts, promote_options="default"), partition.project)


def _refused_batches(spool: Spool, found: Comparison) -> Iterator[pa.RecordBatch]:
    yield from spool.refused
    if found.refused:
        once: set[int] = set()
        for batch in spool.batches():
            yield _wanted(batch, found.refused, spool, once)


def with_reason(rows: pa.Table, read_id: str, reason: str) -> pa.Table:
    """Versions of rows as ``history`` keeps them."""
    for name, value in (("read_id", read_id), ("reason", reason)):
        rows = rows.append_column(HISTORY.field(name), pa.repeat(pa.scalar(value), rows.num_rows))
    return rows


def _as_transactions(batch: pa.RecordBatch, partition: Partition) -> pa.Table:
    """Spooled rows that never stood in the archive, as rows of ``TRANSACTIONS``."""
    rows = pa.Table.from_batches([batch])
    columns = {"project": partition.project, "type": partition.type, "day": partition.day.isoformat()}
    nothing = pa.nulls(rows.num_rows, TRANSACTIONS.field("first_seen_at").type)
    arrays = [
        pa.repeat(pa.scalar(columns[name]), rows.num_rows)
        if name in columns
        else (rows[name] if name in rows.column_names else nothing)
        for name in TRANSACTIONS.names
    ]
    return pa.Table.from_arrays(arrays, schema=TRANSACTIONS)


def _versions(batch: pa.RecordBatch) -> Iterator[tuple[int, int]]:
    """The hash of the id and the version of each row."""
    columns = (batch[name].to_pylist() for name in ("id_hash", "digest", "rank"))
    return ((id_hash, version(digest, rank)) for id_hash, digest, rank in zip(*columns, strict=True))


def _coming(
    spool: Spool, partition: Partition, found: Comparison, to_come: int, now: datetime, counts: Counts
) -> Iterator[pa.RecordBatch]:
    """The versions to be written as rows of ``TRANSACTIONS``, batch by batch, each id once."""
    came = 0
    once: set[int] = set()
    for batch in spool.batches():
        # A first read, the costliest, needs no look at each row.
        everything = not (found.settled or spool.repeated)
        kept = batch if everything else _wanted(batch, spool.latest, spool, once, found.settled)
        if kept.num_rows:
            came += kept.num_rows
            yield _complete(kept, partition, found.standing, now, counts)
    if came != to_come:
        raise RuntimeError(f"{to_come} rows were to come, {came} came: nothing was committed")


def _wanted(
    batch: pa.RecordBatch,
    versions: Mapping[int, int],
    spool: Spool,
    once: set[int],
    settled: Collection[int] = (),
) -> pa.RecordBatch:
    """Rows that are the wanted version of an id that is not settled; ``once`` has those that come again."""
    keep = []
    for id_hash, this in _versions(batch):
        wanted = versions.get(id_hash) == this and id_hash not in settled and id_hash not in once
        if wanted and id_hash in spool.repeated:
            once.add(id_hash)
        keep.append(wanted)
    return batch.filter(pa.array(keep, pa.bool_()))


def _complete(
    batch: pa.RecordBatch,
    partition: Partition,
    standing: dict[int, Standing],
    now: datetime,
    counts: Counts,
) -> pa.RecordBatch:
    """Add what only the archive knows: the day a row is of, when it was first seen and last changed."""
    count = batch.num_rows
    here = partition.day.isoformat()
    rows = [standing.get(id_hash) for id_hash in batch["id_hash"].to_pylist()] if standing else [None] * count
    listings = batch["listing"].to_pylist()
    counts.new.update(listing for listing, row in zip(listings, rows, strict=True) if row is None)
    counts.changed.update(
        listing for listing, row in zip(listings, rows, strict=True) if row is not None and row.replaced
    )
    added = {
        "project": pa.repeat(pa.scalar(partition.project), count),
        "type": pa.repeat(pa.scalar(partition.type), count),
        "day": pa.array([here if row is None else row.day for row in rows], pa.string()),
        "first_seen_at": pa.array([now if row is None else row.first_seen_at for row in rows]),
        "last_changed_at": pa.array(
            [now if row is None or row.replaced else row.last_changed_at for row in rows]
        ),
    }
    arrays = [
        (added[field.name] if field.name in added else batch[field.name]).cast(field.type)
        for field in TRANSACTIONS
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=TRANSACTIONS)
