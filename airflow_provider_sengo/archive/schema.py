# SPDX-License-Identifier: Apache-2.0
"""The columns of the archive's three Delta tables, and how values get into them.

Batches are built here by the exact schema, since delta-rs casts in silence otherwise (a float would be
cut to an integer). Times are stored as UTC microseconds; amounts are int64 whole rupiah.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa

from airflow_provider_sengo.archive.coverage import ReadRecord
from airflow_provider_sengo.archive.rows import Row

INSTANT = pa.timestamp("us", "UTC")
PARTITION_BY = ["project", "type", "day"]

_ROW_TYPES: dict[str, pa.DataType] = {
    "id": pa.string(),
    "merchant_ref": pa.string(),
    "status": pa.string(),
    "rank": pa.int8(),
    "fee_payer": pa.string(),
    "amount": pa.int64(),
    "fee": pa.int64(),
    "total_amount": pa.int64(),
    "expired_at": INSTANT,
    "paid_at": INSTANT,
    "settle_at": INSTANT,
    "callback": pa.string(),
    "channel": pa.string(),
    "channel_code": pa.string(),
    "account_number": pa.string(),
    "account_name": pa.string(),
    "raw": pa.binary(),
    "digest": pa.int64(),
    "odd_fields": pa.string(),
}
assert (*_ROW_TYPES,) == Row.__struct_fields__
_ROW_COLUMNS = [(attrgetter(name), kind) for name, kind in _ROW_TYPES.items()]
_REQUIRED = {"project", "type", "day", "id", "rank", "raw", "digest", "odd_fields", "read_id", "reason"}


def _schema(types: dict[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=name not in _REQUIRED) for name, kind in types.items()])


# ``odd_fields``: wire names joined by commas, empty for a row that fits. ``last_listed_day``: the day of
# the listing that showed this version, null if it was asked for by id.
TRANSACTIONS = _schema(
    {
        "project": pa.string(),
        "type": pa.string(),
        "day": pa.string(),
        **_ROW_TYPES,
        "first_seen_at": INSTANT,
        "last_changed_at": INSTANT,
        "last_listed_day": pa.string(),
    }
)
# ``reason``: replaced (by a newer version), refused (its status was less final than the standing one's),
# double (the same id stood under two days).
HISTORY = pa.schema(
    [*TRANSACTIONS, pa.field("read_id", pa.string(), False), pa.field("reason", pa.string(), False)]
)

_PYTHON_TYPES = {"str": pa.string(), "int": pa.int64(), "datetime": INSTANT, "date": pa.string()}
READS = _schema(
    {
        field.name: _PYTHON_TYPES[getattr(field.type, "__name__", str(field.type))]
        for field in msgspec.structs.fields(ReadRecord)
    }
)

# A batch on its way to the tables: a row, the hash of its id, the day whose listing showed it, and which
# listing that was.
SPOOLED = _schema(
    {**_ROW_TYPES, "id_hash": pa.int64(), "last_listed_day": pa.string(), "listing": pa.string()}
)


def row_batch(
    rows: Sequence[Row], id_hashes: Sequence[int], *, listing: str, listed_day: date | None
) -> pa.RecordBatch:
    """The rows of one listing as a batch of ``SPOOLED``; ``listed_day`` None for rows asked for by id."""
    count = len(rows)
    pool = pa.system_memory_pool()  # gives memory back; Arrow's own keeps tens of MiB for later
    arrays = [
        # Column by column: a tuple a row would keep Python's garbage collector busy.
        pa.array([take(row) for row in rows], kind, memory_pool=pool)
        for take, kind in _ROW_COLUMNS
    ]
    arrays.append(pa.array(id_hashes, pa.int64()))
    arrays.append(pa.repeat(pa.scalar(listed_day and listed_day.isoformat(), pa.string()), count))
    arrays.append(pa.repeat(pa.scalar(listing, pa.string()), count))
    return pa.RecordBatch.from_arrays(arrays, schema=SPOOLED)


def reads_table(records: Sequence[ReadRecord]) -> pa.Table:
    """Records of reads as rows of ``READS``."""
    rows = [{**msgspec.structs.asdict(record), "day": record.day.isoformat()} for record in records]
    return pa.Table.from_pylist(rows, schema=READS)


def read_records(table: pa.Table) -> list[ReadRecord]:
    """Rows of ``READS`` as records; columns that a later version added are passed over.

    A null, in a column that an earlier version did not know, is the field's default.
    """
    names = [name for name in table.column_names if name in READS.names]
    columns: list[list[Any]] = [table.column(name).to_pylist() for name in names]
    records = []
    for values in zip(*columns, strict=True):
        fields = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        fields["day"] = date.fromisoformat(fields["day"])
        records.append(ReadRecord(**fields))
    return records
