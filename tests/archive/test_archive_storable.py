# SPDX-License-Identifier: Apache-2.0
"""Whatever a record holds, its row is one that a table can store."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest
from archive_world import DAY, record
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.archive.rows import hash63, read_row
from airflow_provider_sengo.archive.schema import row_batch
from airflow_provider_sengo.exceptions import UnexpectedResponse
from airflow_provider_sengo.protocol.lenient import CHANNELS

BROKEN_TEXTS = {
    "invalid UTF-8": b"\xff\xfe",
    "half a surrogate pair": b"\\ud83d",
    "the other half": b"\\ude00",
    "a pair the wrong way round": b"\\ude00\\ud83d",
    "a surrogate in UTF-8": b"\xed\xa0\x80",
}


@pytest.mark.parametrize("broken", BROKEN_TEXTS.values(), ids=BROKEN_TEXTS)
@pytest.mark.parametrize("wire", ["merchantRef", "status", "new", "id"])
def test_broken_text(wire, broken):
    """Text that cannot be encoded costs no record: it is archived legibly, and its bytes as they came."""
    raw = record(**{"id": "a", wire: "xHEREx"}).replace(b"HERE", broken)
    row = read_row(raw)
    assert row.odd_fields.startswith("$")
    batch = row_batch([row], [1], listing="success", listed_day=DAY)
    assert batch.to_pylist()[0]["raw"] == raw
    assert (row.amount, row.channel) == (1000, "virtual_account")


def test_broken_ids_stay_apart():
    """Two ids that cannot be encoded do not become one."""
    ids = {read_row(record("HERE").replace(b"HERE", broken)).id for broken in BROKEN_TEXTS.values()}
    assert len(ids) == len(BROKEN_TEXTS)


def test_broken_names_and_nested_text():
    """Broken names of fields, and broken text inside a channel, are stored as well."""
    raw = record("a", HERE=1, virtualAccount={"viewName": "HERE"}).replace(b"HERE", b"\\ud83d")
    row = read_row(raw)
    stored = row_batch([row], [1], listing="success", listed_day=DAY).to_pylist()[0]
    assert stored["account_name"] == "\\ud83d"
    assert stored["odd_fields"] == "$,\\ud83d"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.datetimes().map(datetime.isoformat),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTED = json.loads(record("a"))
FIELDS = st.dictionaries(st.sampled_from([*DOCUMENTED, *CHANNELS, "new"]) | st.text(), JSON, max_size=5)


def storable(raw: bytes) -> None:
    """Only our own error comes out, or a row that a batch holds unchanged."""
    try:
        row = read_row(raw)
    except UnexpectedResponse:
        return
    assert row.raw == raw
    batch = row_batch([row], [hash63(row.id.encode())], listing="success", listed_day=DAY)
    batch.validate(full=True)
    stored = batch.to_pylist()[0]
    for name, value in msgspec.structs.asdict(row).items():
        expected = value.astimezone(UTC) if isinstance(value, datetime) else value
        assert stored[name] == expected


@given(FIELDS)
def test_any_object_becomes_a_row_or_our_error(changes):
    """Whatever JSON the gateway sends, a row or our own error comes out."""
    storable(json.dumps(changes).encode())
    storable(json.dumps({**DOCUMENTED, **changes}).encode())


@given(st.binary(max_size=8), st.integers(0, 600), st.integers(0, 8))
def test_mutated_bytes_become_a_row_or_our_error(patch, place, cut):
    """Bytes broken anywhere give a row or our own error."""
    raw = record("a")
    storable(raw[: place % len(raw)] + patch + raw[place % len(raw) + cut :])
