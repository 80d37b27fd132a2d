# SPDX-License-Identifier: Apache-2.0
"""What a day's reading changes in ``transactions`` and ``history``.

What changes is decided in ``compare``; how it is committed, here:

* Never a plain append to ``transactions``: two appends from one snapshot both land. New rows go in by an
  overwrite of a partition that holds no row at all, else by a merge; both refuse a rival's commit, and
  then everything is decided again on the newer snapshot.
* Versions replaced and versions refused are kept in ``history``, once each.
* ``history`` is written before the rows, so that a crash loses no version; the rows before the record of
  their read, so that nothing is vouched for that is not there.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from airflow_provider_sengo.archive.compare import Comparison, Partition, Standing, compare
from airflow_provider_sengo.archive.schema import HISTORY, TRANSACTIONS
from airflow_provider_sengo.archive.spool import Spool, version
from airflow_provider_sengo.archive.tables import (
    STORAGE_TRIES,
    WRITER,
    Tables,
    exactly,
    keep_once,
    literal,
    partitions,
    rows_of,
)
from airflow_provider_sengo.exceptions import ArchiveIncomplete

COMMIT_TRIES = 8  # each on a fresh snapshot; more rivals than that in one partition is a fault elsewhere
COMMIT_WAIT_S = 0.2


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
    lost_races = failures = 0
    while True:
        try:
            table = tables.make("transactions")
            found = compare(table, partition, spool)
            keep_history(tables, table, partition, spool, found, read_id=read_id)
            if not _write(table, partition, spool, found, now, landed):
                continue  # at most once: the partition holds rows from now on
        except OSError:
            failures += 1
            if failures == STORAGE_TRIES:
                raise
            sleep(random.uniform(0, COMMIT_WAIT_S * 2**failures))
            continue  # an answer may be lost and not the commit: the next comparison shows what landed
        except CommitFailedError:
            lost_races += 1
            if lost_races == COMMIT_TRIES:
                raise ArchiveIncomplete(
                    f"{partition.day} {partition.type}: others wrote to this day {COMMIT_TRIES} times in between."
                    " Nothing vouches for what was read now. Run it again."
                ) from None
            sleep(random.uniform(0, COMMIT_WAIT_S * 2**lost_races))
            continue
        return Committed(
            new=landed.new,
            changed=landed.changed,
            refused=len(found.refused) + len(spool.refused),
            gone=tuple(found.gone),
            pending_left=found.pending_left,
        )


def keep_history(
    tables: Tables, table: DeltaTable, partition: Partition, spool: Spool, found: Comparison, *, read_id: str
) -> None:
    """Append the versions that are about to be replaced, and those refused, unless they are there."""
    parts = [_with_reason(_replaced_rows(table, partition, found), read_id, "replaced")]
    parts.extend(
        _with_reason(_as_transactions(batch, partition), read_id, "refused")
        for batch in _refused_batches(spool, found)
    )
    keep_once(tables, pa.concat_tables(parts, promote_options="default"), partition.project)


def _replaced_rows(table: DeltaTable, partition: Partition, found: Comparison) -> pa.Table:
    """The standing rows of which another version takes the place."""
    replaced = [row for row in found.standing.values() if row.replaced]
    if not replaced:
        return TRANSACTIONS.empty_table()
    where = partitions(partition.project, partition.type, {row.day for row in replaced})
    where = where & pc.field("id").isin([row.id for row in replaced])
    return exactly(rows_of(table, where, None), TRANSACTIONS)


def _refused_batches(spool: Spool, found: Comparison) -> Iterator[pa.RecordBatch]:
    yield from spool.refused
    if found.refused:
        for batch in spool.batches():
            yield batch.filter(pa.array(_mask(batch, dict(found.refused))))


def _with_reason(rows: pa.Table, read_id: str, reason: str) -> pa.Table:
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


def _write(
    table: DeltaTable, partition: Partition, spool: Spool, found: Comparison, now: datetime, landed: Counts
) -> bool:
    """Commit open rows, once; ``landed`` counts them. False: some are left, to be compared again.

    One commit a comparison: the next would be based on a newer snapshot, in which a rival may have put
    versions that nobody compared, so that they were replaced without a trace in ``history``.
    """
    changed = {h: found.open.pop(h) for h in found.standing}
    new = found.open  # not copied, and used up below: it may hold millions
    if new and found.partition_is_empty:
        step = Counts(Counter(), Counter())
        source = _reader(spool, partition, new, {}, now, step)
        where = " AND ".join(
            f"{name} = {literal(value)}"
            for name, value in (
                ("project", partition.project),
                ("type", partition.type),
                ("day", str(partition.day)),
            )
        )
        write_deltalake(
            table, source, mode="overwrite", schema_mode="merge", predicate=where, writer_properties=WRITER
        )
        landed.add(step)
        return not changed
    if new or changed:
        step = Counts(Counter(), Counter())
        new.update(changed)
        _merge(table, partition, found, _reader(spool, partition, new, found.standing, now, step))
        landed.add(step)
    return True


def _merge(table: DeltaTable, partition: Partition, found: Comparison, source: pa.RecordBatchReader) -> None:
    touched = {partition.day.isoformat(), *(row.day for row in found.standing.values())}
    where = (
        f"t.project = {literal(partition.project)} AND t.type = {literal(partition.type)}"
        f" AND t.day IN ({', '.join(map(literal, sorted(touched)))}) AND t.day = s.day AND t.id = s.id"
    )
    # The guard repeats what ``compare`` decided, against a rival that the snapshot did not show.
    guard = (
        "(s.digest <> t.digest AND s.rank >= t.rank)"
        " OR (s.digest = t.digest AND s.last_listed_day IS DISTINCT FROM t.last_listed_day)"
    )
    (
        table.merge(
            source,
            where,
            source_alias="s",
            target_alias="t",
            streamed_exec=False,
            # No ``max_spill_size``: from some 20,000 rows a partition on, deltalake 1.5 then ends with "not
            # enough memory to continue external sort", whatever the limit, and the day could not be archived.
            writer_properties=WRITER,
        )
        .when_matched_update_all(predicate=guard)
        .when_not_matched_insert_all()
        .execute()
    )


def _reader(
    spool: Spool,
    partition: Partition,
    wanted: dict[int, int],
    standing: dict[int, Standing],
    now: datetime,
    counts: Counts,
) -> pa.RecordBatchReader:
    """The wanted versions as rows of ``TRANSACTIONS``, batch by batch; each id once, so ``wanted`` empties."""

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in spool.batches():
            keep = _mask(batch, wanted)
            kept = batch if all(keep) else batch.filter(pa.array(keep))
            if kept.num_rows:
                yield _complete(kept, partition, standing, now, counts)

    return pa.RecordBatchReader.from_batches(TRANSACTIONS, rows())


def _mask(batch: pa.RecordBatch, wanted: dict[int, int]) -> list[bool]:
    """Which rows of the batch are wanted; those found are taken out of ``wanted``."""
    keep = []
    for id_hash, digest, rank in zip(
        batch["id_hash"].to_pylist(), batch["digest"].to_pylist(), batch["rank"].to_pylist(), strict=True
    ):
        found = wanted.get(id_hash) == version(digest, rank)
        if found:
            del wanted[id_hash]
        keep.append(found)
    return keep


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
    for listing, row in zip(batch["listing"].to_pylist(), rows, strict=True):
        if row is None:
            counts.new[listing] += 1
        elif row.replaced:
            counts.changed[listing] += 1
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
