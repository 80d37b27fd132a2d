# SPDX-License-Identifier: Apache-2.0
"""A day as CSV and Parquet: every row, masked unless asked for, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archive_maker import PROJECT
from archive_world import PROJECT as WORLD_PROJECT
from archive_world import World, record

from airflow_provider_sengo.archive.schema import TRANSACTIONS
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.plugins.downloads import cell, csv_chunks, parquet_chunks

DAY = {"project": PROJECT, "day": "2026-11-18", "type": "cashIn"}


def as_rows(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


@pytest.fixture
def archived(month_uri: str) -> dict[str, dict[str, object]]:
    """Id -> row, as archived."""
    rows = Archive(month_uri).transactions(PROJECT, DAY["day"], DAY["type"]).to_pylist()
    return {row["id"]: row for row in rows}


def test_csv_holds_every_row_masked(client, archived):
    """Amounts as digits, times as UTC, and neither names nor the records' bytes."""
    answer = client.get("/sengo/day.csv", params=DAY)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="{PROJECT}-cashIn-2026-11-18-masked.csv"'
    )
    assert answer.headers["Cache-Control"] == "no-store"
    rows = as_rows(answer)
    assert {row["id"]: int(row["amount"]) for row in rows} == {
        id: row["amount"] for id, row in archived.items()
    }
    assert set(rows[0]) == set(TRANSACTIONS.names) - {"raw"}
    assert {row["account_name"] for row in rows} == {"B***"}
    assert all(re.fullmatch(r"\*\*\*\d{4}", row["account_number"]) for row in rows)
    assert {row["callback"] for row in rows} == {"https://shop.example/***"}
    assert datetime.fromisoformat(rows[0]["paid_at"]) == archived[rows[0]["id"]]["paid_at"]
    assert rows[0]["paid_at"].endswith("+00:00")


def test_csv_with_personal_data(client, archived):
    """Only where it is asked for by name."""
    rows = as_rows(client.get("/sengo/day.csv", params={**DAY, "show": "personal"}))
    assert {row["id"]: row["account_number"] for row in rows} == {
        id: row["account_number"] for id, row in archived.items()
    }
    assert {row["account_name"] for row in rows} == {"Budi Santoso"}
    masked = client.get("/sengo/day.csv", params={**DAY, "show": "anything"})
    assert "Budi Santoso" not in masked.text


def test_parquet_holds_the_archive_s_own_columns(client, archived):
    """Whole with personal data; without it no bytes, and masked."""
    answer = client.get("/sengo/day.parquet", params={**DAY, "show": "personal"})
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.schema.remove_metadata().equals(TRANSACTIONS)
    assert {row["id"]: row for row in table.to_pylist()} == archived
    masked = pq.read_table(io.BytesIO(client.get("/sengo/day.parquet", params=DAY).content))
    assert masked.column_names == [name for name in TRANSACTIONS.names if name != "raw"]
    assert set(masked["account_name"].to_pylist()) == {"B***"}
    assert masked.num_rows == len(archived)
    assert b"Budi" not in client.get("/sengo/day.parquet", params=DAY).content


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", " =", "\r", "\n", "\uff1d", "\uff20"])
def test_a_cell_that_a_spreadsheet_would_run_is_guarded(client, world: World, begin):
    """Whatever the gateway or a customer wrote."""
    formula = f"{begin}cmd|' /C calc'!A0"
    account = {"bankCode": formula, "vaNumber": formula, "viewName": formula}
    world.gateway.put(
        "tx-1", raw=record("tx-1", merchantRef=formula, feePayer=formula, virtualAccount=account)
    )
    world.read()
    query = {"project": WORLD_PROJECT, "day": "2026-11-20", "type": "cashIn"}
    for show in ("", "personal"):
        (row,) = as_rows(client.get("/sengo/day.csv", params={**query, "show": show}))
        assert row["merchant_ref"] == f"'{formula}"
        assert [name for name, value in row.items() if re.match(r"\s*[=+\-@\uff1d\uff20]", value)] == []


def test_numbers_stay_numbers():
    """A negative amount is no formula."""
    assert cell(-5) == -5
    assert cell("-5") == "'-5"
    assert cell("a=b") == "a=b"
    assert cell(None) is None


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_day_without_rows_is_an_empty_file(client, month_uri, kind):
    """With its columns; a project that nobody knows is no error either."""
    for project in (PROJECT, "x' OR '1'='1", 'a"b\r\nX-Evil: 1'):
        answer = client.get(f"/sengo/day.{kind}", params={**DAY, "day": "2019-01-01", "project": project})
        assert answer.status_code == 200
        assert "X-Evil" not in answer.headers
        assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer.headers["Content-Disposition"])
    if kind == "csv":
        assert as_rows(answer) == []
    else:
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == 0


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_odd_addresses_are_refused(client, month_uri, kind):
    """A day and a type that cannot be."""
    for odd in ({"day": "x"}, {"type": "cashUp"}):
        assert client.get(f"/sengo/day.{kind}", params={**DAY, **odd}).status_code == 400


@pytest.mark.parametrize("encode", [csv_chunks, parquet_chunks])
def test_a_file_is_written_as_it_is_read(encode):
    """Each batch is on its way before the next one is read, so memory holds one of them."""
    schema = pa.schema([pa.field("id", pa.string()), pa.field("at", pa.timestamp("us", "UTC"))])
    read = []

    def batches():
        for number in range(3):
            read.append(number)
            rows = [{"id": f"{number}-{place}" * 9, "at": datetime.now(UTC)} for place in range(500)]
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    chunks = encode(schema, batches())
    for number in range(3):
        assert len(next(chunks)) > 1000
        assert read == [*range(number + 1)]
