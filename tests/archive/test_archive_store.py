# SPDX-License-Identifier: Apache-2.0
"""The archive as its users see it: tables that any engine reads, and what they prove."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from archive_world import CLOSED, DAY, NEXT_DAY, PROJECT, counted_commits, record
from deltalake import write_deltalake
from read_records import FIRST, read

from airflow_provider_sengo.archive import store
from airflow_provider_sengo.archive.rows import hash63, read_row
from airflow_provider_sengo.archive.schema import HISTORY, READS, SPOOLED, TRANSACTIONS, row_batch
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.archive.tables import PARTITION_BY, Tables, literal


@pytest.mark.also_on_s3
def test_absent_archive_is_empty(world):
    """Reading an archive that was never written finds nothing, and makes nothing."""
    assert world.archive.transactions().num_rows == 0
    assert world.archive.history("a").num_rows == 0
    assert world.archive.reads() == []
    assert world.archive.coverage(CLOSED) == []
    assert {str(item.state) for item in world.archive.coverage(CLOSED, project=PROJECT)} == {
        "missing",
        "open",
    }
    assert not world.archive.compact_reads()
    assert world.archive.transactions(PROJECT, DAY, "cashIn").schema == TRANSACTIONS
    assert world.archive.tables.scan("history", None, ["id", "digest"]).schema.names == ["id", "digest"]
    assert world.versions() == {}


@pytest.mark.parametrize("uri", ["", None])
def test_address_is_demanded(uri):
    """An archive without an address is refused by the name of its setting."""
    with pytest.raises(ValueError, match=r"^archive_uri: must not be empty"):
        Archive(uri)
    assert Tables("s3://bucket/x/", {"AWS_REGION": "x"}).address("reads") == "s3://bucket/x/reads"


@pytest.mark.also_on_s3
def test_filters(world):
    """Transactions are had by project, day (a date or text) and type."""
    world.gateway.fill(2)
    world.gateway.put("out", type="cashOut")
    world.gateway.put("next", day=NEXT_DAY)
    world.read()
    world.read(type="cashOut")
    world.read(NEXT_DAY)
    world.read(project="sandbox-00000000")
    for given, count in (
        ((), 6),
        ((PROJECT,), 4),
        ((PROJECT, DAY), 3),
        ((PROJECT, str(DAY), "cashIn"), 2),
        ((None, NEXT_DAY), 1),
        ((None, None, "cashOut"), 1),
        (("nobody",), 0),
    ):
        assert world.archive.transactions(*given).num_rows == count


def test_rewritten_files_hold_plain_columns(world):
    """A day written anew has plain text and binary columns, which every Arrow scanner can filter."""
    world.gateway.fill(3)
    world.gateway.put("p", "pending")
    world.read()
    world.gateway.put("late")
    world.gateway.put("p", "expired")
    with counted_commits() as commits:
        world.read()
    assert "overwrite" in commits.points
    table = world.archive.tables.open("transactions")
    for uri in table.file_uris():
        for field in pq.read_schema(uri):
            assert field.type == TRANSACTIONS.field(field.name).type
    rows = table.to_pyarrow_dataset()
    connection = duckdb.connect()
    connection.register("transactions", rows)
    for status, ids in (
        ("expired", ["p"]),
        ("pending", []),
        ("success", ["late", "success-0", "success-1", "success-2"]),
    ):
        query = "select id from transactions where status = ? order by id"
        assert [id for (id,) in connection.execute(query, [status]).fetchall()] == ids
        assert sorted(rows.to_table(filter=pc.field("status") == status)["id"].to_pylist()) == ids


@pytest.mark.also_on_s3
def test_columns_as_stored(world):
    """Tables have the columns and partitions that the README names; instants are UTC, amounts 64 bits."""
    world.gateway.put("a", amount=2**63 - 1)
    world.read()
    world.gateway.put("a", amount=-(2**63))
    world.read()
    for name, schema in (("transactions", TRANSACTIONS), ("history", HISTORY), ("reads", READS)):
        table = world.archive.tables.open(name)
        assert table.to_pyarrow_dataset().schema.names == schema.names
        parts = ["project"] if name == "reads" else PARTITION_BY
        assert table.metadata().partition_columns == parts
    row = world.row("a")
    assert (row["amount"], row["expired_at"]) == (-(2**63), datetime(2026, 11, 20, 16, 59, 59, tzinfo=UTC))
    assert (row["project"], row["type"], row["day"]) == (PROJECT, "cashIn", str(DAY))
    assert world.archive.history("a")["amount"].to_pylist() == [2**63 - 1]


def test_one_far_instant_does_not_make_the_archive_unreadable(world):
    """A date after year 9999 UTC stays in ``raw``; the tables can be opened afterwards."""
    raw = world.gateway.put(
        "a", expiredDate="9999-12-31T23:59:59-07:00", paidDate="0001-01-01T00:00:00+07:00"
    )
    world.gateway.put("b", expiredDate="9999-12-31T23:59:59Z", paidDate="0001-01-01T00:00:00Z")
    assert world.read().complete
    world.gateway.put("b", fee=9)
    world.read()
    assert world.row("a")["raw"] == raw
    assert (world.row("a")["expired_at"], world.row("a")["odd_fields"]) == (None, "expiredDate,paidDate")


@pytest.mark.also_on_s3
def test_coverage_comes_from_the_reads_alone(world):
    """Rows without a record of their read prove nothing; a record vouches without looking at rows."""
    world.gateway.fill(2)
    world.read()
    rows = world.archive.transactions().cast(TRANSACTIONS)
    bare = world.beside("-bare").archive
    write_deltalake(bare.tables.make("transactions"), rows, mode="append")
    assert bare.coverage(CLOSED) == []
    assert {str(item.state) for item in bare.coverage(CLOSED, project=PROJECT)} == {"missing", "open"}
    bare.record_reads(read(FIRST))
    assert {str(i.state) for i in bare.coverage("2026-11-21T12:00:00+07:00") if i.day == DAY} == {
        "complete",
        "missing",
    }
    assert [i for i in bare.coverage("2026-11-20") if i.day > DAY] == []


@pytest.mark.also_on_s3
def test_records_round_trip(world):
    """A record of a read comes back as it was written; columns of a later version are passed over."""
    records = read(FIRST, moved="the totals changed", requests=7)
    world.archive.record_reads(records)
    assert sorted(world.archive.reads(), key=lambda item: item.started_at) == records
    assert world.archive.reads("nobody") == []
    newer = world.archive.tables.scan("reads").append_column("newer", pa.array([1] * len(records)))
    from airflow_provider_sengo.archive.schema import read_records

    assert len(read_records(newer)) == len(records)


def test_history_of_a_crash_is_read_once(world):
    """A version that stands in the history twice, after a crash between two commits, is told once."""
    world.gateway.put("a", "pending")
    world.read()
    world.gateway.put("a")
    world.read()
    table = world.archive.tables
    table.append("history", table.scan("history").cast(HISTORY))
    assert len(world.history("a")) == 2
    assert world.archive.history("a")["raw"].to_pylist() == [record("a", "pending")]


def test_compaction_of_reads(world):
    """Beyond fifty files the records of reads are folded into one; none is lost."""
    for number in range(store.READS_FILES_MAX + 1):
        records = read(FIRST + timedelta(minutes=number), f"r{number}", outcomes={"pending": None})
        if number == store.READS_FILES_MAX:
            assert not world.archive.compact_reads()
        world.archive.record_reads(records)
    before = sorted(item.read_id for item in world.archive.reads())
    stale = world.archive.tables.open("reads")
    assert world.archive.compact_reads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.archive.tables, "open", lambda name: stale)
        assert not world.archive.compact_reads(), "a rival was quicker"
    assert len(world.archive.tables.open("reads").file_uris()) == 1
    assert sorted(item.read_id for item in world.archive.reads()) == before
    assert not world.archive.compact_reads()


@pytest.mark.parametrize(
    "value", ["", "a'b", 'a"b', "a b", "a;b", "a\\b", "x" * 201, "é", "a\n", "a%b", "a/b"]
)
def test_predicates_hold_plain_values_only(value):
    """What would need escaping in a predicate is refused."""
    with pytest.raises(ValueError, match="may hold letters"):
        literal(value)


@pytest.mark.parametrize(
    "value", ["api.sengo.id-0a1b2c3d", "127.0.0.1:8080-00000000", "[::1]:80-0", "cashIn", "2026-11-20"]
)
def test_plain_values(value):
    """Hosts, ports, types and days are plain."""
    assert literal(value) == f"'{value}'"


def test_batches_are_exact():
    """A batch is of the spooled schema, with instants in UTC whatever zones the records had."""
    rows = [
        read_row(record("a", expiredDate=text))
        for text in ("2026-11-20T07:00:00+07:00", "2026-11-20T00:00:00Z")
    ]
    batch = row_batch(rows, [hash63(b"a")] * 2, listing="success", listed_day=None)
    assert batch.schema == SPOOLED
    assert len(set(batch["expired_at"].to_pylist())) == 1
    assert batch["last_listed_day"].to_pylist() == [None, None]
