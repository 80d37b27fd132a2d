# SPDX-License-Identifier: Apache-2.0
"""One id under two days: found and made one again.

Days are archived by tasks that run side by side, so two of them can insert a transaction that both
listings showed (its ``date`` moved between them) before either sees the other's row. The check task, the
only one of its kind, mends that: the more final version stays, under the earlier day; the other goes to
``history``. Both days change in one commit. Which version of one day's reading stands is decided in
``compare``, never here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import QueryBuilder

from airflow_provider_sengo.archive.days import TYPES
from airflow_provider_sengo.archive.merge import with_reason
from airflow_provider_sengo.archive.rewrite import Rewrite
from airflow_provider_sengo.archive.tables import (
    Tables,
    keep_once,
    literal,
    partitions,
    rows_of,
    until_landed,
)


def heal_doubles(
    tables: Tables,
    project: str,
    days: Sequence[date],
    *,
    read_id: str,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Mend every id of the project that stands under several of ``days``; returns how many there were.

    Raises ``deltalake.exceptions.CommitFailedError`` if rivals won ``COMMIT_TRIES`` times, OSError if the
    storage failed ``STORAGE_TRIES`` times.
    """
    healed = 0
    for type_ in TYPES:
        found: set[str] = set()  # in all tries: what landed without an answer is no double in the next
        until_landed(partial(_heal, tables, project, type_, days, read_id, found), sleep=sleep)
        healed += len(found)
    return healed


def _heal(
    tables: Tables, project: str, type_: str, days: Sequence[date], read_id: str, found: set[str]
) -> None:
    """Mend what is double now, in one commit; ``found`` gets its ids before anything is written."""
    if tables.open("transactions") is None:
        return
    table = tables.make("transactions")
    where = (
        f"project = {literal(project)} AND type = {literal(type_)}"
        f" AND day IN ({', '.join(literal(str(day)) for day in days)})"
    )
    # ``literal`` refuses whatever would need escaping.
    query = f"SELECT id FROM t WHERE {where} GROUP BY id HAVING count(*) > 1"  # noqa: S608
    doubles = pa.table(QueryBuilder().register("t", table).execute(query).read_all())
    if not doubles.num_rows:
        return
    found.update(doubles["id"].to_pylist())
    leaving: dict[str, list[str]] = {}
    where_ids = partitions(project, type_, days) & pc.field("id").isin(doubles["id"].to_pylist())
    for row in rows_of(table, where_ids, ["day", "id"]).to_pylist():
        leaving.setdefault(row["day"], []).append(row["id"])
    with Rewrite(table, project, type_, leaving) as rewrite:
        stay, gone = _sorted_out(rewrite.left)
        keep_once(tables, with_reason(gone, read_id, "double"), project)
        rewrite.commit(stay.to_batches())


def merged(rows: list[dict[str, object]]) -> tuple[dict[str, object], list[dict[str, object]]]:
    """The row that stays, under the earliest day, and the versions that go to ``history``."""
    best = max(rows, key=lambda row: (row["rank"], row["last_changed_at"], row["day"]))
    stays = {
        **best,
        "day": min(str(row["day"]) for row in rows),
        "first_seen_at": min(row["first_seen_at"] for row in rows),  # type: ignore[type-var]  # datetimes all
    }
    return stays, [row for row in rows if row is not best]


def _sorted_out(doubles: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows that stay, one an id, and the versions that go to ``history``."""
    by_id: dict[str, list[dict[str, object]]] = {}
    for row in doubles.to_pylist():
        by_id.setdefault(row["id"], []).append(row)
    stay, gone = [], []
    for rows in by_id.values():
        stays, others = merged(rows)
        stay.append(stays)
        gone += others
    return pa.Table.from_pylist(stay, doubles.schema), pa.Table.from_pylist(gone, doubles.schema)
