# SPDX-License-Identifier: Apache-2.0
"""Other engines read the tables: the same rows, the same sums, every kind of column."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from archive_world import NEXT_DAY, PROJECT, Clock, World, record

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.rows import read_row
from airflow_provider_sengo.archive.tables import SCHEMAS
from airflow_provider_sengo.archive.upkeep import keep_up

Rows = list[dict[str, Any]]
ROW = [
    "id",
    "status",
    "amount",
    "fee",
    "total_amount",
    "merchant_ref",
    "expired_at",
    "paid_at",
    "settle_at",
    "callback",
    "channel",
    "raw",
]


def duckdb_over_pyarrow(world: World, name: str) -> Rows:
    """As the README says."""
    rows = world.archive.tables.open(name).to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("rows", rows)
        return connection.sql("select * from rows").to_arrow_table().to_pylist()


def polars_scan(world: World, name: str) -> Rows:
    """Polars' own reader of Delta tables."""
    address, options = world.archive.tables.address(name), world.storage_options
    return pl.scan_delta(address, storage_options=options or None).collect().to_dicts()


def polars_over_pyarrow(world: World, name: str) -> Rows:
    """Polars over the dataset, with a filter that goes down to the files."""
    rows = world.archive.tables.open(name).to_pyarrow_dataset()
    return pl.scan_pyarrow_dataset(rows).filter(pl.col("project") == PROJECT).collect().to_dicts()


ENGINES = [duckdb_over_pyarrow, polars_scan, polars_over_pyarrow]


def fresh(world: World) -> None:
    """One reading a day."""
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    world.gateway.fill(5)
    world.gateway.put(
        "most", amount=2**63 - 1, fee=None, totalAmount=0, paidDate="2026-11-20T23:59:59.999999+07:00"
    )
    world.gateway.put(
        "nulls", ..., amount=None, merchantRef=None, expiredDate=None, additionalInfo=None, listing="failed"
    )
    world.gateway.put(
        "raw", raw=b'{"id":"raw","status":"success" ,"x":"\\u0000","n":1e400,"e":"\xc3\xa9\xff"}'
    )
    world.gateway.put("next", "pending", day=NEXT_DAY)
    world.read()
    world.read(NEXT_DAY)


def merged(world: World) -> None:
    """Read again, with what is new, changed and refused."""
    fresh(world)
    for nth in range(3):
        world.gateway.put("success-1", fee=nth + 100)
        world.gateway.put("success-2", "pending", listing="success")
        world.gateway.put(f"late-{nth}", amount=-(2**63))
        world.read()


def kept_up(world: World) -> None:
    """Folded after merges, with a checkpoint."""
    merged(world)
    keep_up(world.archive.tables)


STATES = [fresh, merged, kept_up]


def in_order(rows: Rows) -> Rows:
    """Values as plain Python's, instants in UTC, columns and rows in one order."""
    plain = [
        {
            name: value.astimezone(UTC) if isinstance(value, datetime) else value
            for name, value in sorted(row.items())
        }
        for row in rows
    ]
    return sorted(plain, key=repr)


@pytest.mark.also_on_s3
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_every_engine_reads_the_same(world, state):
    """Each table, each engine: the rows are those that the archive itself reads, value by value."""
    state(world)
    for name in SCHEMAS:
        table = world.archive.tables.open(name)
        if table is None:
            assert (name, state) == ("history", fresh)
            continue
        expected = in_order(world.archive.tables.scan(name).to_pylist())
        assert expected
        for engine in ENGINES:
            assert in_order(engine(world, name)) == expected, (engine.__name__, name)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
def test_values_are_those_of_the_records(world, state, engine: Callable[[World, str], Rows]):
    """What an engine reads is what the record's own bytes say: instants in UTC, 64 bits, nulls, bytes."""
    state(world)
    rows = {row["id"]: row for row in engine(world, "transactions")}
    ledger = world.ledger() | ({"success-2": record("success-2")} if state is not fresh else {})
    assert {id: row["raw"] for id, row in rows.items()} == ledger
    for row in rows.values():
        wanted = read_row(row["raw"])
        for name in ROW:
            assert row[name] == getattr(wanted, name), (row["id"], name)
    assert rows["most"]["paid_at"] == datetime(2026, 11, 20, 16, 59, 59, 999999, tzinfo=UTC)
    assert rows["most"]["amount"] == 2**63 - 1
    assert [rows["nulls"][name] for name in ("status", "amount", "merchant_ref", "expired_at")] == [None] * 4


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_sums_by_status(world, state):
    """Counts and sums that the engines compute are those of the archive's own rows."""
    state(world)
    everything = world.archive.transactions().to_pylist()
    expected = {}
    for row in everything:
        count, amount = expected.get((row["day"], row["status"]), (0, 0))
        expected[row["day"], row["status"]] = (count + 1, amount + (row["amount"] or 0))
    rows = world.archive.tables.open("transactions").to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        query = "select day, status, count(*), coalesce(sum(amount), 0) from rows group by all"
        found = connection.execute(query).fetchall()
    assert {(day, status): (count, int(amount)) for day, status, count, amount in found} == expected
    scanned = pl.scan_delta(world.archive.tables.address("transactions"))
    wide = pl.col("amount").cast(pl.Int128).sum()  # an int64 sum would wrap around in silence
    sums = scanned.group_by("day", "status").agg(pl.len(), wide).collect().rows()
    assert {(day, status): (count, amount or 0) for day, status, count, amount in sums} == expected


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_types_of_the_columns(world, state):
    """Instants carry their zone and amounts are whole, in every engine."""
    state(world)
    address = world.archive.tables.address("transactions")
    polars = pl.scan_delta(address).collect_schema()
    with duckdb.connect() as connection:
        connection.register("rows", world.archive.tables.open("transactions").to_pyarrow_dataset())
        described = dict(row[:2] for row in connection.execute("describe rows").fetchall())
    of = {
        pa.string(): (pl.String, "VARCHAR"),
        pa.int8(): (pl.Int8, "TINYINT"),
        pa.int64(): (pl.Int64, "BIGINT"),
        pa.binary(): (pl.Binary, "BLOB"),
        pa.timestamp("us", "UTC"): (pl.Datetime("us", "UTC"), "TIMESTAMP WITH TIME ZONE"),
    }
    for field in SCHEMAS["transactions"]:
        assert (polars[field.name], described[field.name]) == of[field.type], field.name
