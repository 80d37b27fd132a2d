# SPDX-License-Identifier: Apache-2.0
"""A day's reading held against what stands in the archive. Reads only; ``merge`` writes.

The rules:

* A version replaces the standing one if its bytes differ and its status is at least as final (late
  settlement: success after expired). A less final one is refused.
* A row keeps the day under which it was first shown, so ids are looked up in other days as well.

How final a status is stands in ``rows``, which version of one reading counts in ``spool``.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
import pyarrow.compute as pc
from deltalake import DeltaTable

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.rows import RANK_SUCCESS, RANKS
from airflow_provider_sengo.archive.spool import RANK_MASK, Spool, hash_id, rank_of, version
from airflow_provider_sengo.archive.tables import Tables, batches_of, partitions

# A row may be shown under another day later (``date`` can mean creation, payment or expiry), but the
# gateway forgets it after seven days: that far, and a day for the zone, its standing row can be away.
LOOK_AROUND_DAYS = days.RETENTION_DAYS + 1
RANK_PENDING = RANKS["pending"]


class Partition(msgspec.Struct, frozen=True):
    """What is read: one day and type of one project."""

    project: str
    type: str
    day: date


class Standing(msgspec.Struct, frozen=True, gc=False):
    """A row of the archive of which another version, or another listing day, was seen."""

    id: str
    day: str
    first_seen_at: datetime
    last_changed_at: datetime
    replaced: bool  # False: the same bytes, shown by the listing of another day


class Comparison(msgspec.Struct):
    """A reading held against a snapshot, by the hashes of ids.

    ``settled``: what was read and is not to be written; ``refused`` of it: the versions that are less final
    than the standing ones. ``standing``: the rows whose place a version that was read takes.
    """

    settled: set[int]
    refused: dict[int, int]
    standing: dict[int, Standing]
    gone: list[str]
    pending_left: int


def look_around(partition: Partition) -> list[date]:
    """The days under which rows of this day's listings may stand already."""
    span = range(-LOOK_AROUND_DAYS, LOOK_AROUND_DAYS + 1)
    return [partition.day + timedelta(days=offset) for offset in span]


def vanished_pending(tables: Tables, partition: Partition, spool: Spool, limit: int) -> list[str]:
    """Ids archived as pending under this day that no listing of this reading showed, oldest first."""
    where = partitions(partition.project, partition.type, [partition.day]) & (pc.field("status") == "pending")
    rows = tables.scan("transactions", where, ["id", "first_seen_at"]).sort_by("first_seen_at")
    ids = [identity for identity in rows["id"].to_pylist() if hash_id(identity) not in spool.latest]
    return ids[:limit]


def compare(table: DeltaTable, partition: Partition, spool: Spool) -> Comparison:
    """Hold what was read against what stands, over all days that may hold its ids."""
    day = partition.day.isoformat()
    found = Comparison(set(), {}, {}, [], 0)
    pending: set[int] = set()
    lesser: dict[int, str] = {}  # archived successes of this day's listings, read with a less final status
    columns = ["id", "digest", "rank", "day", "last_listed_day", "first_seen_at", "last_changed_at"]
    where = partitions(partition.project, partition.type, look_around(partition))
    for batch in batches_of(table, where, columns):
        ids, digests, ranks, standing_days, listed_days = (batch.column(i).to_pylist() for i in range(5))
        for place, (identity, digest, rank, standing_day, listed_day) in enumerate(
            zip(ids, digests, ranks, standing_days, listed_days, strict=True)
        ):
            id_hash = hash_id(identity)
            read = spool.latest.get(id_hash)
            if read is None or id_hash in found.settled:
                if rank == RANK_SUCCESS and listed_day == day and read is None:
                    found.gone.append(identity)
                if rank == RANK_PENDING and standing_day == day:
                    pending.add(id_hash)
                continue
            if read != version(digest, rank) and rank_of(read) < rank:
                found.settled.add(id_hash)
                found.refused[id_hash] = read
                found.standing.pop(id_hash, None)  # of a double that is not healed yet
                if rank == RANK_SUCCESS and listed_day == day:
                    lesser[id_hash] = identity
            elif read == version(digest, rank) and listed_day == day:
                found.settled.add(id_hash)
                found.standing.pop(id_hash, None)
                if rank == RANK_PENDING and standing_day == day:
                    pending.add(id_hash)
            else:
                found.standing[id_hash] = Standing(
                    identity,
                    standing_day,
                    batch.column(5)[place].as_py(),
                    batch.column(6)[place].as_py(),
                    read != version(digest, rank),
                )
    found.gone += _gone_from_successes(spool, lesser)
    found.pending_left = len(pending) + _pending_to_come(spool, found, day)
    return found


def _pending_to_come(spool: Spool, found: Comparison, day: str) -> int:
    """How many versions still to be written are pending, and will stand under this day."""
    count = 0
    for id_hash, read in spool.latest.items():
        # Not ``rank_of``: this looks at every row.
        if read & RANK_MASK == RANK_PENDING and id_hash not in found.settled:
            standing = found.standing.get(id_hash)
            count += standing is None or standing.day == day
    return count


def _gone_from_successes(spool: Spool, lesser: dict[int, str]) -> list[str]:
    """Those of the given ids that only listings other than that of the successes showed."""
    if lesser:
        for batch in spool.batches():
            for id_hash, listing in zip(
                batch["id_hash"].to_pylist(), batch["listing"].to_pylist(), strict=True
            ):
                if listing == "success":
                    lesser.pop(id_hash, None)
    return list(lesser.values())
