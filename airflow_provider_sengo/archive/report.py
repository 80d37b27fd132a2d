# SPDX-License-Identifier: Apache-2.0
"""Questions that people ask of the archive: sums by day, one transaction, one day's rows.

Reads only, and only the columns that a question needs. Sums and searches go over all partitions, so they
are asked of delta-rs' own engine, which prunes files by the log; an Arrow dataset of a year's partitions
takes longer to be made than the answer. What is shown, and to whom, is decided elsewhere. A column that an
older release's table does not have is null, and a record's field then its default, as in ``tables``.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from airflow_provider_sengo.archive.coverage import ReadRecord
from airflow_provider_sengo.archive.schema import INSTANT, TRANSACTIONS, read_records
from airflow_provider_sengo.archive.tables import SCHEMAS, StorageError, Tables

FOUND_MAX = 20  # transactions shown of one reference; more means that it is none
VERSIONS_MAX = 100  # replaced versions shown of one transaction
ODD_KINDS_MAX = 20  # kinds of oddity of one day

_BYTES = "raw"  # the record as it was sent: by far the largest column
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_READ_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(ReadRecord)
    if field.default is not msgspec.NODEFAULT
}

# What a day's state is computed from (see ``coverage``), and nothing more.
_STATE_COLUMNS = (
    *("read_id", "project", "day", "type", "status", "run", "started_at", "finished_at"),
    *("rows", "amount_sum", "ids_digest", "pending_left", "outcome", "lost_after"),
)


class Total(msgspec.Struct, frozen=True):
    """How many rows of one day share type, status and channel, and the sum of their amounts in whole rupiah."""

    type: str
    day: date
    status: str | None
    channel: str | None
    rows: int
    amount_sum: int


class Place(msgspec.Struct, frozen=True):
    """Where a transaction stands."""

    project: str
    type: str
    day: str
    id: str


def projects(tables: Tables) -> list[str]:
    """The projects that have reads or transactions, by name; from the log, without opening a file."""
    found: set[str] = set()
    for name in ("reads", "transactions"):
        table = tables.open(name)
        if table is not None:
            found.update(str(values["project"]) for values in table.partitions())
    return sorted(found)


def read_log(tables: Tables, project: str, since: date | None = None) -> list[ReadRecord]:
    """Records of a project's reads as far as ``coverage`` needs them; of days from ``since`` on, or all."""
    where = f"project = {quoted(project)}" + (f" AND day >= {quoted(since.isoformat())}" if since else "")
    return _records(_query(tables, "reads", where, _STATE_COLUMNS))


def read_log_of_day(tables: Tables, project: str, day: date) -> list[ReadRecord]:
    """Of ``read_log`` what the state of one day depends on; the states of other days cannot be told by it.

    The day's own reads, and of each type the first read and the earliest day's: a day that was never read is
    judged by when, and how far back, the project's reading began.
    """
    columns = ", ".join(_STATE_COLUMNS)
    first, earliest = (
        f"row_number() OVER (PARTITION BY type ORDER BY {order}) AS {name}"
        for order, name in (("started_at", "nth_read"), ("day, started_at", "nth_of_days"))
    )
    table = _select(
        tables,
        "reads",
        f"SELECT {columns} FROM (SELECT {columns}, {first}, {earliest} FROM t WHERE project = {quoted(project)}) "
        f"WHERE day = {quoted(day.isoformat())} OR nth_read = 1 OR nth_of_days = 1",
    )
    return [] if table is None else _records(table)


def reads_of_day(tables: Tables, project: str, day: date) -> list[ReadRecord]:
    """Every read of a day's listings, failed ones too, the latest first."""
    where = f"project = {quoted(project)} AND day = {quoted(day.isoformat())}"
    table = _query(tables, "reads", f"{where} ORDER BY started_at DESC", SCHEMAS["reads"].names)
    return read_records(table)


def totals(tables: Tables, project: str, first: date, last: date, type_: str | None = None) -> list[Total]:
    """Rows and sums of the days from ``first`` to ``last``, both included, split by type, status, channel."""
    where = (
        f"project = {quoted(project)} AND day BETWEEN {quoted(first.isoformat())} AND {quoted(last.isoformat())}"
        + (f" AND type = {quoted(type_)}" if type_ is not None else "")
    )
    keys = "type, day, status, channel"
    # Amounts are what the gateway sent: a wide sum cannot overflow.
    sums = "count(*), coalesce(sum(cast(amount AS decimal(38, 0))), 0)"
    table = _select(tables, "transactions", f"SELECT {keys}, {sums} FROM t WHERE {where} GROUP BY {keys}")
    if table is None:
        return []
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return [
        Total(type, date.fromisoformat(day), status, channel, count, int(amount))
        for type, day, status, channel, count, amount in rows
    ]


def find(tables: Tables, id_or_reference: str) -> list[Place]:
    """Where the transactions of an id or a merchant's reference stand, newest day first; at most 21."""
    value = quoted(id_or_reference)
    where = f"id = {value} OR merchant_ref = {value} ORDER BY day DESC, id LIMIT {FOUND_MAX + 1}"
    rows = _query(tables, "transactions", where, ("project", "type", "day", "id")).to_pylist()
    return [Place(**row) for row in rows]


def transaction(tables: Tables, place: Place, *, raw: bool) -> dict[str, Any] | None:
    """The row of a transaction, its bytes only if asked for, or None where it is gone from its place."""
    where = (
        f"project = {quoted(place.project)} AND type = {quoted(place.type)} AND day = {quoted(place.day)} "
        f"AND id = {quoted(place.id)} LIMIT 1"
    )
    columns = [name for name in TRANSACTIONS.names if raw or name != _BYTES]
    rows = _query(tables, "transactions", where, columns).to_pylist()
    return rows[0] if rows else None


def versions(tables: Tables, project: str, type_: str, id: str) -> list[dict[str, Any]]:
    """Versions of a transaction that were replaced or refused, newest first, each once; at most 101.

    Of any day, for the same id may have stood under two. Without their bytes.
    """
    columns = ", ".join(name for name in SCHEMAS["history"].names if name != _BYTES)
    where = f"project = {quoted(project)} AND type = {quoted(type_)} AND id = {quoted(id)}"
    # A writer that died may have left a version twice.
    nth = "row_number() OVER (PARTITION BY digest ORDER BY last_changed_at) AS nth"
    table = _select(
        tables,
        "history",
        f"SELECT {columns} FROM (SELECT *, {nth} FROM t WHERE {where}) WHERE nth = 1 "
        f"ORDER BY last_changed_at DESC NULLS LAST, digest LIMIT {VERSIONS_MAX + 1}",
    )
    return [] if table is None else table.to_pylist()


def odd_rows(tables: Tables, project: str, day: date) -> list[tuple[str, str, int]]:
    """Type, the fields that did not fit, and how many rows of the day are odd so; the most frequent first."""
    where = f"project = {quoted(project)} AND day = {quoted(day.isoformat())} AND odd_fields <> ''"
    table = _select(
        tables,
        "transactions",
        f"SELECT type, odd_fields, count(*) AS n FROM t WHERE {where} "
        f"GROUP BY type, odd_fields ORDER BY n DESC, type, odd_fields LIMIT {ODD_KINDS_MAX}",
    )
    return [] if table is None else [tuple(row.values()) for row in table.to_pylist()]


def _dataset_of(table: DeltaTable, partition: list[tuple[str, str, str]]) -> Any:
    """The files of one partition. deltalake 1.6 calls the argument by a new name, and warns of the old one."""
    new, old = "file_pruning_predicate", "partitions"
    known = inspect.signature(table.to_pyarrow_dataset).parameters
    which: dict[str, Any] = {new if new in known else old: partition}
    return table.to_pyarrow_dataset(**which)


def rows_of_day(
    tables: Tables, project: str, type_: str, day: date, columns: Sequence[str]
) -> pa.RecordBatchReader:
    """The rows of one partition, batch by batch. In its schema a column may be null where the table says so."""
    table = tables.open("transactions")
    fields = [TRANSACTIONS.field(name) for name in columns]
    if table is None:
        return pa.RecordBatchReader.from_batches(pa.schema(fields), [])
    partition = [("project", "=", project), ("type", "=", type_), ("day", "=", day.isoformat())]
    dataset = _dataset_of(table, partition)
    filled = {field.name for field in dataset.schema if not field.nullable}
    schema = pa.schema([field.with_nullable(field.name not in filled) for field in fields])
    there = [name for name in columns if name in dataset.schema.names]
    batches = dataset.scanner(columns=there, use_threads=False).to_batches()
    return pa.RecordBatchReader.from_batches(schema, (_widened(batch, schema) for batch in batches))


def _widened(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with every column of the schema, in its order; those that it lacks are null."""
    there = batch.schema.names
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in there
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _records(table: pa.Table) -> list[ReadRecord]:
    """Rows of ``reads`` as records: a year has twenty thousand, and Arrow takes its time over each instant."""
    columns = [_values(name, column) for name, column in zip(table.column_names, table.columns, strict=True)]
    rows = [dict(zip(table.column_names, values, strict=True)) for values in zip(*columns, strict=True)]
    return msgspec.convert(rows, list[ReadRecord])


def _values(name: str, column: pa.ChunkedArray) -> list[Any]:
    """A column of ``reads``; a null, in a column that an earlier version did not know, is the field's default."""
    if pa.types.is_timestamp(column.type):
        return _instants(column)
    values: list[Any] = column.to_pylist()
    if column.null_count and name in _READ_DEFAULTS:
        default = _READ_DEFAULTS[name]
        return [default if value is None else value for value in values]
    return values


def _instants(column: pa.ChunkedArray) -> list[datetime]:
    microseconds = column.cast(INSTANT).cast(pa.int64()).to_pylist()
    return [_EPOCH + timedelta(microseconds=each) for each in microseconds]


def quoted(value: str) -> str:
    """A text literal of SQL; quotes are doubled, and nothing else has a meaning inside one."""
    return "'" + value.replace("'", "''") + "'"


def _query(tables: Tables, name: str, where: str, columns: Sequence[str]) -> pa.Table:
    """Columns of the rows that match; an absent table is an empty one."""
    found = _select(tables, name, f"SELECT {', '.join(columns)} FROM t WHERE {where}")
    if found is not None:
        return found
    return pa.schema([SCHEMAS[name].field(column) for column in columns]).empty_table()


def _select(tables: Tables, name: str, sql: str) -> pa.Table | None:
    """What a statement over one table, called ``t`` in it, finds; None where the table was never made.

    ``t`` has every column of today. The engine still prunes files and reads only the columns it needs.
    """
    table = tables.open(name)
    if table is None:
        return None
    there = {field.name for field in table.schema().fields}
    absent = [f'NULL AS "{column}"' for column in SCHEMAS[name].names if column not in there]
    whole = f"WITH t AS (SELECT {', '.join(['*', *absent])} FROM stored) {sql}"
    try:
        return pa.table(QueryBuilder().register("stored", table).execute(whole).read_all())
    except Exception as error:  # noqa: BLE001  # nothing narrower comes from delta-rs' engine
        raise StorageError(f"{name} cannot be read: {error}") from error
