# SPDX-License-Identifier: Apache-2.0
"""One id under two days: found and made one again.

Days are archived by tasks that run side by side, so two of them can insert a transaction that both
listings showed (its ``date`` moved between them) before either sees the other's row. The check task, the
only one of its kind, mends that: the more final version stays, under the earlier day; the other goes to
``history``. Both days change in one commit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import CommitFailedError

from airflow_provider_sengo.archive.merge import COMMIT_TRIES, COMMIT_WAIT_S
from airflow_provider_sengo.archive.schema import HISTORY, TRANSACTIONS
from airflow_provider_sengo.archive.tables import (
    WRITER,
    Tables,
    exactly,
    keep_once,
    literal,
    partitions,
    rows_of,
)


def heal_doubles(tables: Tables, project: str, days: Sequence[date], *, read_id: str) -> int:
    """Mend every id of the project that stands under several of ``days``; returns how many there were.

    Raises ``deltalake.exceptions.CommitFailedError`` if rivals won ``COMMIT_TRIES`` times.
    """
    for attempt in range(1, COMMIT_TRIES):
        try:
            return _heal(tables, project, days, read_id)
        except CommitFailedError:
            time.sleep(random.uniform(0, COMMIT_WAIT_S * 2**attempt))
    return _heal(tables, project, days, read_id)


def _heal(tables: Tables, project: str, days: Sequence[date], read_id: str) -> int:
    if tables.open("transactions") is None:
        return 0
    table = tables.make("transactions")
    where = f"project = {literal(project)} AND day IN ({', '.join(literal(str(day)) for day in days)})"
    # ``literal`` refuses whatever would need escaping.
    query = f"SELECT type, id FROM t WHERE {where} GROUP BY type, id HAVING count(*) > 1"  # noqa: S608
    doubles = pa.table(QueryBuilder().register("t", table).execute(query).read_all())
    if not doubles.num_rows:
        return 0
    where_ids = partitions(project, None, days) & pc.field("id").isin(doubles["id"].to_pylist())
    standing = exactly(rows_of(table, where_ids, None), TRANSACTIONS)
    by_id: dict[tuple[str, str], list[dict[str, object]]] = {}
    for row in standing.to_pylist():
        by_id.setdefault((row["type"], row["id"]), []).append(row)
    groups = [rows for rows in by_id.values() if len(rows) > 1]
    _commit(tables, table, groups, standing.schema, read_id)
    return len(groups)


def merged(rows: list[dict[str, object]]) -> tuple[dict[str, object], list[dict[str, object]]]:
    """The row that stays, under the earliest day, and the versions that go to ``history``."""
    best = max(rows, key=lambda row: (row["rank"], row["last_changed_at"], row["day"]))
    stays = {
        **best,
        "day": min(str(row["day"]) for row in rows),
        "first_seen_at": min(row["first_seen_at"] for row in rows),  # type: ignore[type-var]  # datetimes all
    }
    return stays, [row for row in rows if row is not best]


def _commit(
    tables: Tables, table: DeltaTable, groups: list[list[dict[str, object]]], schema: pa.Schema, read_id: str
) -> None:
    gone: list[dict[str, object]] = []
    actions: list[dict[str, object]] = []
    for rows in groups:
        stays, others = merged(rows)
        gone += [{**row, "read_id": read_id, "reason": "double"} for row in others]
        actions += [{**stays, "day": row["day"], "stays": row["day"] == stays["day"]} for row in rows]
    kept = pa.schema([*schema, *(HISTORY.field(name) for name in ("read_id", "reason"))])
    keep_once(tables, pa.Table.from_pylist(gone, schema=kept), str(actions[0]["project"]))
    source = pa.Table.from_pylist(actions, schema=schema.append(pa.field("stays", pa.bool_())))
    touched = sorted({str(row["day"]) for row in actions})
    project = str(actions[0]["project"])
    where = (
        f"t.project = {literal(project)} AND t.day IN ({', '.join(map(literal, touched))})"
        " AND t.type = s.type AND t.day = s.day AND t.id = s.id"
    )
    (
        table.merge(source, where, source_alias="s", target_alias="t", writer_properties=WRITER)
        .when_matched_delete(predicate="NOT s.stays")
        .when_matched_update({name: f"s.{name}" for name in schema.names}, predicate="s.stays")
        .execute()
    )
