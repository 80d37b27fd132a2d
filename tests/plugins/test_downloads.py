# SPDX-License-Identifier: Apache-2.0
"""A day as CSV and Parquet: every row, masked unless asked for, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archive_maker import PROJECT
from archive_world import PROJECT as WORLD_PROJECT
from archive_world import World, record
from hypothesis import given
from hypothesis import strategies as st

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


TRAPS = st.text(st.sampled_from("=+-@\uff1d;,\"' \n\r\t\u200bab"), max_size=12)
FORMULA = re.compile(r"[\s\u200b]*[=+\-@\uff1d]")


@given(st.lists(st.tuples(*[TRAPS] * 3), min_size=1, max_size=3))
def test_no_text_begins_a_formula_in_any_cell(rows):
    """Neither where commas separate, nor in Indonesia, where ``;`` does and our quotes count as text."""
    schema = pa.schema([(name, pa.string()) for name in ("one", "two", "three")])
    batch = pa.RecordBatch.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
    text = b"".join(csv_chunks(schema, [batch])).decode()
    assert [*csv.reader(io.StringIO(text, newline=""))][1:] == [
        [cell(value) for value in row] for row in rows
    ]
    for separator in ",;":
        cells = chain.from_iterable(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        assert [each for each in cells if FORMULA.match(each)] == []


def test_every_text_of_the_archive_is_quoted_and_guarded(client, world: World):
    """Each column that can hold text, whoever filled it; numbers stay bare."""
    evil = 'x;=1+1;"@a\n-2'
    batch = pa.RecordBatch.from_pylist(
        [{field.name: evil if field.type == pa.string() else None for field in TRANSACTIONS}], TRANSACTIONS
    )
    header, *lines = b"".join(csv_chunks(TRANSACTIONS, [batch])).decode().split("\r\n")
    assert header == ",".join(f'"{name}"' for name in TRANSACTIONS.names)
    texts = sum(field.type == pa.string() for field in TRANSACTIONS)
    assert "".join(lines).count('"x;\'=1+1;\'""@a\n\'-2"') == texts
    world.gateway.put("tx-1", raw=record("tx-1", amount=-5, merchantRef="a;-b"))
    world.read()
    query = {"project": WORLD_PROJECT, "day": "2026-11-20", "type": "cashIn"}
    text = client.get("/sengo/day.csv", params=query).text
    assert ',"a;\'-b",' in text
    assert ",-5,7,1000," in text
    exact = client.get("/sengo/day.parquet", params=query).content
    assert pq.read_table(io.BytesIO(exact))["merchant_ref"].to_pylist() == ["a;-b"]


@pytest.mark.parametrize(
    "text", ["Toko Ani; Budi", "a;b;c", "https://shop.example/a;v=1", "a\nb", "1;2", "a=b;c=d", "", ";"]
)
def test_a_text_without_a_formula_is_exact(text):
    """A separator alone is no danger."""
    assert cell(text) == text


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
