# SPDX-License-Identifier: Apache-2.0
"""One record, however odd, as a row."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from archive_world import DAY, record

from airflow_provider_sengo.archive.rows import (
    ACCOUNT_FIELDS,
    NAME_MAX,
    ODD_FIELDS_MAX,
    can_be_told,
    hash63,
    read_row,
    read_rows,
)
from airflow_provider_sengo.archive.schema import row_batch
from airflow_provider_sengo.exceptions import UnexpectedResponse
from airflow_provider_sengo.protocol.lenient import CHANNELS

WIB = timezone(timedelta(hours=7))
BIG = 2**63


def odd(raw: bytes) -> list[str]:
    """The odd fields of the row; its bytes are kept in any case."""
    row = read_row(raw)
    assert row.raw == raw
    assert row.digest == hash63(raw)
    return row.odd_fields.split(",") if row.odd_fields else []


def test_documented_record():
    """A record as documented has every field and nothing odd."""
    row = read_row(record("a", paidDate="2026-11-20T10:00:00+07:00"))
    assert (row.id, row.merchant_ref, row.status, row.rank, row.fee_payer) == (
        "a", "INV-a", "success", 3, "merchant",
    )  # fmt: skip
    assert (row.amount, row.fee, row.total_amount) == (1000, 7, 1000)
    assert row.expired_at == datetime(2026, 11, 20, 23, 59, 59, tzinfo=WIB)
    assert (row.paid_at, row.settle_at) == (datetime(2026, 11, 20, 10, tzinfo=WIB), None)
    assert row.callback == "https://shop.example/cb"
    assert (row.channel, row.channel_code, row.account_number, row.account_name, row.odd_fields) == (
        "virtual_account", "BCA", "0123", "Budi", "",
    )  # fmt: skip


@pytest.mark.parametrize(("status", "rank"), [("pending", 0), ("expired", 2), ("failed", 2), ("success", 3)])
def test_ranks(status, rank):
    """Pending is the least final, success the most."""
    assert read_row(record("a", status)).rank == rank


@pytest.mark.parametrize(
    ("wire", "attribute"),
    [("amount", "amount"), ("fee", "fee"), ("totalAmount", "total_amount")],
)
@pytest.mark.parametrize("value", [1.5, 1000.0, "1000", None, True, BIG, -BIG - 1, [], {}, ...], ids=str)
def test_odd_amounts(wire, attribute, value):
    """An amount that is no 64-bit integer is None and named, never rounded or guessed."""
    raw = record("a", **{wire: value})
    assert odd(raw) == [wire]
    assert getattr(read_row(raw), attribute) is None


@pytest.mark.parametrize("value", [0, -5, BIG - 1, -BIG])
def test_amounts_of_64_bits(value):
    """Every 64-bit integer is taken as it is."""
    row = read_row(record("a", amount=value))
    assert (row.amount, row.odd_fields) == (value, "")


@pytest.mark.parametrize("digits", [b"1" * 5_000, b"1e999", b"NaN", b"-Infinity"], ids=lambda raw: raw[:9])
def test_numbers_beyond_all_bounds(digits):
    """A number that no type holds costs its own field only, not the record."""
    raw = record("a", fee="HERE").replace(b'"HERE"', digits)
    assert "fee" in odd(raw)
    row = read_row(raw)
    assert (row.id, row.fee, row.amount, row.status) == ("a", None, 1000, "success")


@pytest.mark.parametrize("wire", ["merchantRef", "feePayer", "status"])
@pytest.mark.parametrize("value", [5, None, [], {}, True, ...], ids=str)
def test_odd_texts(wire, value):
    """A text of another type is None and named."""
    assert odd(record("a", **{wire: value})) == [wire]


def test_new_status_is_kept_and_named():
    """A status word that is new counts as unknown: kept, named, never a success."""
    row = read_row(record("a", "refunded"))
    assert (row.status, row.rank, row.odd_fields) == ("refunded", 1, "status")
    assert read_row(record("a", None)).rank == 1


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T10:00:00",  # no zone
        "2026-11-20",
        "2026-02-30T00:00:00Z",
        "20 Nov 2026",
        "",
        1763688600,
        [],
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+07:00",  # an instant before year 1
        "9999-12-31T23:59:59-07:00",  # an instant after year 9999
    ],
)
@pytest.mark.parametrize("wire", ["expiredDate", "paidDate", "settleDate"])
@pytest.mark.parametrize("extra", [{}, {"new": 1}], ids=["documented", "new field"])
def test_odd_dates(wire, value, extra):
    """A date that is no instant between the years 1 and 9999 is None and named."""
    raw = record("a", **{wire: value}, **extra)
    assert odd(raw) == [wire, *extra]
    row = read_row(raw)
    assert (row.expired_at is None, row.paid_at, row.settle_at) == (wire == "expiredDate", None, None)


@pytest.mark.parametrize(
    "value", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59+07:00", "9999-12-31T23:59:59Z"]
)
def test_dates_at_the_ends_of_time(value):
    """The first and the last instants that can be told are taken."""
    assert odd(record("a", expiredDate=value, paidDate=value)) == []


def test_instants_that_can_be_told():
    """Only what has a UTC time between the years 1 and 9999 can be told."""
    assert can_be_told(None)
    for text, told in (
        ("2026-11-20T00:00:00+07:00", True),
        ("9999-12-31T23:59:59+00:00", True),
        ("9999-12-31T23:59:59-01:00", False),
        ("0001-01-01T00:00:00+01:00", False),
    ):
        assert can_be_told(datetime.fromisoformat(text)) is told


def test_dates_may_be_absent():
    """Payment and settlement need not be there; expiry must."""
    assert odd(record("a", paidDate=..., settleDate=..., additionalInfo=...)) == []
    assert odd(record("a", expiredDate=...)) == ["expiredDate"]
    assert odd(record("a", expiredDate=None)) == ["expiredDate"]


@pytest.mark.parametrize(
    ("changes", "names", "channel"),
    [
        ({"qris": {}, "virtualAccount": ...}, [], "qris"),
        ({"creditCard": {"new": 1}, "virtualAccount": None}, [], "credit_card"),
        ({"virtualAccount": "BCA"}, ["virtualAccount"], "virtual_account"),
        ({"virtualAccount": []}, ["virtualAccount"], "virtual_account"),
        ({"virtualAccount": {"bankCode": 14}}, ["virtualAccount.bankCode"], "virtual_account"),
        ({"virtualAccount": {"bankCode": None}, "new": 1}, ["new"], "virtual_account"),
        ({"qris": {}, "new": 1, "virtualAccount": ...}, ["new"], "qris"),
        ({"qris": {}}, ["channel"], None),
        ({"qris": {}, "new": 1}, ["channel", "new"], None),
        ({"virtualAccount": ...}, ["channel"], None),
        ({"virtualAccount": None, "new": []}, ["channel", "new"], None),
    ],
)
def test_channels(changes, names, channel):
    """A channel is taken only if exactly one is there; what of it does not fit is named."""
    raw = record("a", **changes)
    assert odd(raw) == names
    assert read_row(raw).channel == channel


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("extra", [{}, {"new": 1}], ids=["documented", "new field"])
def test_each_channel(name, extra):
    """Each channel's code, number and holder are found under its own wire names, also in an odd record."""
    channel, fields = CHANNELS[name], ACCOUNT_FIELDS[name]
    account = {field: f"its {field}" for field in fields if field}
    row = read_row(record("a", **{"virtualAccount": ..., name: account, **extra}))
    found = (row.channel, row.channel_code, row.account_number, row.account_name)
    assert found == (channel, *(field and f"its {field}" for field in fields))


@pytest.mark.parametrize(
    ("info", "names"),
    [
        ({"callback": 5}, ["additionalInfo.callback"]),
        ({"other": 5}, []),
        ([], ["additionalInfo"]),
        ("text", ["additionalInfo"]),
        (None, []),
    ],
)
def test_additional_info(info, names):
    """Only an object with a text is a callback; anything else is named."""
    raw = record("a", additionalInfo=info)
    assert odd(raw) == names
    assert read_row(raw).callback is None


def test_new_fields_are_named():
    """New fields are named, bounded in number and length."""
    assert odd(record("a", refund=1, batch={})) == ["batch", "refund"]
    names = odd(record("a", **{f"{number:03}" + "x" * 200: 1 for number in range(99)}))
    assert len(names) == ODD_FIELDS_MAX
    assert {len(name) for name in names} == {NAME_MAX}


@pytest.mark.parametrize("id", ["", None, 1.0, True, [], ["a"], {}, ..., 1e300], ids=str)
def test_no_readable_id(id):
    """A record without a readable id is the one thing that is refused."""
    with pytest.raises(UnexpectedResponse, match="without a readable id"):
        read_row(record(id, merchantRef="x"))


@pytest.mark.parametrize("field", ["additionalInfo", "paidDate", "settleDate"])
@pytest.mark.parametrize("value", [..., None], ids=["absent", "null"])
def test_an_optional_field_may_be_left_out_of_an_odd_record(field, value):
    """A record that is odd elsewhere is not blamed for what the gateway leaves out while unpaid."""
    assert odd(record("a", fee=1.5, **{field: value})) == ["fee"]


@pytest.mark.parametrize("id", [0, 17, -5, 2**70])
def test_integer_id(id):
    """An integer id is taken as its digits, and named."""
    row = read_row(record(id))
    assert (row.id, row.odd_fields) == (str(id), "id")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x",
        b"[]",
        b"null",
        b'"a"',
        b'{"id":"a"',
        b"\xff\xfe",
        b"[" * 9_999,
        b'{"id":' + b"1" * 5_000 + b"}",
    ],
    ids=lambda raw: raw[:9],
)
def test_no_record(raw):
    """Bytes that are no JSON object are refused as our own error."""
    with pytest.raises(UnexpectedResponse):
        read_row(raw)


def test_very_deep_nesting_is_refused_as_our_error():
    """Nesting beyond what Python can walk is our error, not a crash."""
    with pytest.raises(UnexpectedResponse):
        read_row(record("a", deep="HERE").replace(b'"HERE"', b"[" * 99_999 + b"]" * 99_999))


@pytest.mark.parametrize(
    "text", ["a\0b", "<b>&amp;</b>", "'; DROP TABLE t; --", "😀", "\u202e", " ", "x" * 100_000]
)
def test_any_text_is_just_text(text):
    """NUL, markup, quotes, emoji and length are data like any other."""
    row = read_row(record("a", merchantRef=text, additionalInfo={"callback": text}))
    stored = row_batch([row], [1], listing="success", listed_day=DAY).to_pylist()[0]
    assert (stored["merchant_ref"], stored["callback"], stored["odd_fields"]) == (text, text, "")


def test_read_rows_goes_on_after_an_unreadable_one():
    """Every other row of a page is read; the first without an id is told by its place."""
    good = record("a")
    rows, error = read_rows([good, b"{}", record(7), b"[]"])
    assert [row.id for row in rows] == ["a", "7"]
    assert isinstance(error, UnexpectedResponse)
    assert error.json_path == "$.responseData[1].id"
    assert read_rows([good])[1] is None
