# SPDX-License-Identifier: Apache-2.0
"""The pages over tables that an older release wrote: columns are missing, and nothing else is."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import msgspec
import pyarrow.parquet as pq
import pytest
from archive_world import DAY, PROJECT, World
from deltalake import write_deltalake

from airflow_provider_sengo.archive import report
from airflow_provider_sengo.archive.coverage import ReadRecord, coverage
from airflow_provider_sengo.archive.schema import HISTORY, TRANSACTIONS
from airflow_provider_sengo.archive.tables import PARTITION_BY, SCHEMAS

QUERY = {"project": PROJECT, "day": str(DAY), "type": "cashIn"}
KEPT = {*PARTITION_BY, "id", "rank", "raw", "digest", "read_id", "reason"}
DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(ReadRecord)
    if field.default is not msgspec.NODEFAULT
}
LACKS = {
    "a few": {
        "transactions": ["callback", "account_name", "settle_at", "fee"],
        "history": ["callback", "account_name", "settle_at", "fee"],
        "reads": ["requests", "pending_left", "gone_rows", "moved"],
    },
    "all that can be": {
        "transactions": [name for name in TRANSACTIONS.names if name not in KEPT],
        "history": [name for name in HISTORY.names if name not in KEPT],
        "reads": [*DEFAULTS],
    },
}


@pytest.fixture(params=[*LACKS])
def lacks(request) -> dict[str, list[str]]:
    """Table -> the columns that it does not have."""
    return LACKS[request.param]


@pytest.fixture(params=["as it was", "widened"])
def old(request, world: World, lacks, monkeypatch) -> World:
    """A day that was read twice; a writer of today may have widened the tables since."""
    world.gateway.fill(3)
    world.gateway.put("changes", fee=0)
    world.read()
    world.gateway.put("changes", fee=1)
    world.read()
    older = world.beside("-older")
    for name, schema in SCHEMAS.items():
        rows = world.archive.tables.scan(name).select(schema.names).cast(schema).drop_columns(lacks[name])
        parts = ["project"] if name == "reads" else PARTITION_BY
        write_deltalake(older.archive.tables.address(name), rows, partition_by=parts)
        if request.param == "widened":
            older.archive.tables.make(name)
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", older.uri)
    return older


def test_every_page_shows_the_rows(ask, old, lacks):
    """The calendar, the day and the search."""
    text = ask("archive", project=PROJECT, first=DAY, last=DAY)
    assert re.findall(r'class="sum">([^<]+)<', text)[0] == "4"
    assert re.search(r'aria-label="20 November: cashIn \w+', text)
    text = ask("day", project=PROJECT, day=DAY)
    assert '<th scope="row" colspan="2">All, paid or not</th><td class="n">4</td>' in text
    assert text.count('<span class="outcome o-') == 2 * 4
    for show in ("", "personal"):
        text = ask("search", q="changes", show=show)
        assert "1 transaction found" in text
        assert "<td>replaced</td>" in text
        assert "None" not in text
    found = "merchant_ref" not in lacks["transactions"]
    assert ("1 transaction found" in ask("search", q="INV-changes")) is found


@pytest.mark.parametrize("show", ["", "personal"])
def test_downloads_hold_the_rows(client, old, lacks, show):
    """Absent columns are there, and empty; all others are as archived."""
    answer = client.get("/sengo/day.csv", params={**QUERY, "show": show})
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert {row["id"] for row in rows} == {"success-0", "success-1", "success-2", "changes"}
    assert {row[name] for row in rows for name in lacks["transactions"]} == {""}
    answer = client.get("/sengo/day.parquet", params={**QUERY, "show": show})
    assert answer.status_code == 200
    table = pq.read_table(io.BytesIO(answer.content))
    names = [name for name in TRANSACTIONS.names if show or name != "raw"]
    assert [(field.name, field.type) for field in table.schema] == [
        (name, TRANSACTIONS.field(name).type) for name in names
    ]
    archived = {row["id"]: row for row in old.archive.transactions(PROJECT).to_pylist()}
    assert set(table["id"].to_pylist()) == set(archived)
    if show:
        assert {row["id"]: row for row in table.to_pylist()} == archived


def test_reads_have_the_defaults_of_what_was_not_told(old, lacks):
    """In the records of a day and of the calendar alike, as the archive itself reads them."""
    tables = old.archive.tables
    reads = report.reads_of_day(tables, PROJECT, DAY)
    assert sorted(reads, key=lambda read: read.read_id) == sorted(
        old.archive.reads(PROJECT), key=lambda read: read.read_id
    )
    for name in lacks["reads"]:
        assert {getattr(read, name) for read in reads} == {DEFAULTS[name]}
    now = datetime(2026, 11, 22, 7, 10, tzinfo=UTC)
    told = coverage(report.read_log(tables, PROJECT), project=PROJECT, now=now)
    assert told == coverage(reads, project=PROJECT, now=now)
    state = "missing" if "outcome" in lacks["reads"] else "complete"
    assert {str(item.state) for item in told if (item.day, item.type) == (DAY, "cashIn")} == {state}


def test_sums_and_oddities_do_without(old, lacks):
    """Rows count, amounts that were not told are no amounts, and none of it is odd."""
    (total,) = report.totals(old.archive.tables, PROJECT, DAY, DAY, "cashIn")
    known = "amount" not in lacks["transactions"]
    assert (total.rows, total.amount_sum) == (4, 4000 if known else 0)
    assert report.odd_rows(old.archive.tables, PROJECT, DAY) == []
