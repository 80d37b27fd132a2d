# SPDX-License-Identifier: Apache-2.0
"""Tables of an older and of a newer release: read, merged and kept up by today's code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from archive_world import NEXT_DAY, PROJECT, Clock, World, record
from deltalake import DeltaTable, write_deltalake

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.schema import HISTORY, READS, TRANSACTIONS
from airflow_provider_sengo.archive.tables import PARTITION_BY, SCHEMAS
from airflow_provider_sengo.archive.upkeep import keep_up

# Columns that rows can do without: any of them may be younger than a table.
LATER = {
    "transactions": ["callback", "account_name", "settle_at", "fee"],
    "history": ["callback", "account_name", "settle_at", "fee"],
    "reads": ["requests", "pending_left", "gone_rows", "moved"],
}


def rewritten(world: World, rows: dict[str, pa.Table]) -> World:
    """The same archive elsewhere, its tables made of these rows and columns."""
    other = world.beside("-rewritten")
    other.gateway, other.clock = world.gateway, world.clock
    for name, table in rows.items():
        parts = ["project"] if name == "reads" else PARTITION_BY
        address = other.archive.tables.address(name)
        write_deltalake(address, table, partition_by=parts, storage_options=world.storage_options)
    return other


def rows_of(world: World, name: str) -> pa.Table:
    return world.archive.tables.scan(name).select(SCHEMAS[name].names).cast(SCHEMAS[name])


@pytest.fixture
def late(world: World) -> World:
    """Two days that are over; one of them was read twice."""
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    world.gateway.fill(3)
    world.gateway.put("changes", fee=0)
    world.read()
    world.gateway.put("changes", fee=1)
    world.read()
    return world


def older(world: World, lacks: dict[str, list[str]] = LATER) -> World:
    """The archive as a release wrote it that did not know some columns."""
    return rewritten(world, {name: rows_of(world, name).drop_columns(lacks[name]) for name in SCHEMAS})


def columns(world: World, name: str) -> Sequence[str]:
    return [field.name for field in world.archive.tables.open(name).schema().fields]


def test_an_older_archive_is_read_without_being_touched(late):
    """Columns that it does not have are null, in today's order of columns or not; coverage is judged as before."""
    old = older(late)
    versions = old.versions()
    assert old.held() == late.held()
    for name, schema in (("transactions", TRANSACTIONS), ("history", HISTORY), ("reads", READS)):
        table = old.archive.tables.scan(name)
        assert set(table.column_names) == set(schema.names)
        assert {len(set(table[column].to_pylist())) for column in LATER[name]} == {1}
        assert table[LATER[name][0]].type == schema.field(LATER[name][0]).type
    assert old.archive.tables.scan("transactions", None, ["id", "fee"]).column_names == ["id", "fee"]
    assert old.state() == late.state() == "complete"
    assert old.archive.history("changes").num_rows == 1
    assert old.archive.find_reference(PROJECT, "INV-changes")["account_name"] is None
    assert old.versions() == versions


@pytest.mark.also_on_s3
def test_an_older_archive_is_written(late):
    """It gets the new columns once; rows that are new or change have them, the others keep what they had."""
    old = older(late)
    late.gateway.put("late")
    late.gateway.put("changes", fee=2)
    result = old.read()
    assert (result.new, result.changed, result.complete) == (1, 1, True)
    assert old.held() == late.ledger()
    assert (old.row("late")["account_name"], old.row("changes")["fee"]) == ("Budi", 2)
    assert old.row("success-0")["fee"] is None
    for name in SCHEMAS:
        assert set(columns(old, name)) == set(SCHEMAS[name].names)
    assert {raw for raw, _ in old.history("changes")} == {record("changes", fee=0), record("changes", fee=1)}
    versions = old.versions()
    late.gateway.put("next", day=NEXT_DAY)
    assert old.read(NEXT_DAY).complete
    after = old.versions()
    assert {name: after[name] - versions[name] for name in SCHEMAS} == {
        "transactions": 1,
        "history": 0,
        "reads": 1,
    }
    assert [read.pending_left for read in old.archive.reads()] == [0] * 16
    before = old.archive.tables.scan("transactions").num_rows
    keep_up(old.archive.tables)
    assert old.archive.tables.scan("transactions").num_rows == before


def test_two_writers_of_an_older_archive(late):
    """Whoever comes second to the new columns finds them there."""
    old = older(late)
    rival = old.beside()
    tables = old.archive.tables
    stale = tables.open("transactions")
    rival.archive.tables.make("transactions")
    widened = tables._widened("transactions", stale)
    assert {field.name for field in widened.schema().fields} == set(TRANSACTIONS.names)
    late.gateway.put("late")
    assert old.read().new == 1
    assert old.held() == late.ledger()


def test_doubles_of_an_older_archive_are_healed(late):
    """Healing needs no reading before it."""
    old = older(late)
    double = rows_of(late, "transactions").slice(0, 1).drop_columns([*LATER["transactions"], "day"])
    double = double.append_column(TRANSACTIONS.field("day"), pa.array([str(NEXT_DAY)]))
    write_deltalake(old.archive.tables.address("transactions"), double, mode="append")
    assert old.archive.heal(PROJECT, old.clock.now, 7, read_id="check") == 1
    assert old.held() == late.held()


def newer(world: World) -> World:
    """The archive as a later release writes it: a column more in each table, filled."""
    rows = {}
    for name in SCHEMAS:
        table = rows_of(world, name)
        of = table["id" if name != "reads" else "read_id"].to_pylist()
        rows[name] = table.append_column("newer", pa.array([f"newer {id}" for id in of]))
    return rewritten(world, rows)


def kept(world: World, name: str = "transactions") -> dict[str, str | None]:
    rows = world.archive.tables.scan(name).to_pylist()
    return {row["id"]: row["newer"] for row in rows}


@pytest.mark.also_on_s3
def test_a_newer_archive_is_read_written_and_kept_up(late):
    """A column of a later release stays with its values through merges, first reads and upkeep."""
    new = newer(late)
    assert new.held() == late.held()
    assert new.state() == "complete"
    before = kept(new)
    assert set(before) == set(late.ledger())
    late.gateway.put("late")
    late.gateway.put("changes", fee=2)
    late.gateway.put("next", day=NEXT_DAY)
    assert (new.read().new, new.read(NEXT_DAY).new) == (1, 1)
    keep_up(new.archive.tables)
    assert new.held() == late.ledger()
    assert new.row("changes")["fee"] == 2
    assert kept(new) == before | {"late": None, "next": None}
    history = new.archive.tables.scan("history").sort_by("last_changed_at").to_pylist()
    assert [(row["id"], row["newer"]) for row in history] == [("changes", "newer changes")] * 2
    assert new.archive.history("changes").num_rows == 2
    assert new.state(NEXT_DAY) == "complete"
    for name in SCHEMAS:
        assert columns(new, name)[-1] == "newer"
        assert isinstance(new.archive.tables.open(name), DeltaTable)


def test_doubles_of_a_newer_archive_are_healed(late):
    """The row that stays keeps its own value, the other takes its along."""
    new = newer(late)
    before = kept(new)
    rows = new.archive.transactions()
    double = rows.filter(pc.field("id") == "changes").drop_columns(["day", "rank", "newer"])
    for name, value in (("day", str(NEXT_DAY)), ("rank", 0), ("newer", "of the other day")):
        double = double.append_column(
            rows.schema.field(name), pa.array([value], rows.schema.field(name).type)
        )
    write_deltalake(new.archive.tables.open("transactions"), double.select(rows.column_names), mode="append")
    assert new.archive.heal(PROJECT, new.clock.now, 7, read_id="check") == 1
    assert new.held() == late.held()
    assert kept(new) == before
