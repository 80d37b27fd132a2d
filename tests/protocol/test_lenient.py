# SPDX-License-Identifier: Apache-2.0
"""A broken record is read as far as it goes, and told from a sound one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.lenient import CHANNELS, INTEGER_DIGITS_MAX, decode_leniently
from airflow_provider_sengo.protocol.sengo_records import Transaction

BROKEN_TEXTS = {
    "invalid UTF-8": (b"\xff\xfe", "\\udcff\\udcfe"),
    "half a surrogate pair": (b"\\ud83d", "\\ud83d"),
    "the other half": (b"\\ude00", "\\ude00"),
    "a pair the wrong way round": (b"\\ude00\\ud83d", "\\ude00\\ud83d"),
    "a surrogate in UTF-8": (b"\xed\xa0\x80", "\\udced\\udca0\\udc80"),
}


@pytest.mark.parametrize(("broken", "told"), BROKEN_TEXTS.values(), ids=BROKEN_TEXTS)
def test_broken_text_becomes_its_escapes(broken: bytes, told: str) -> None:
    """In values, in names and inside objects; what stands beside it is read as it is."""
    raw = b'{"id":"HERE","HERE":1,"qris":{"url":"HERE"},"amount":5}'.replace(b"HERE", broken)
    record = {"id": told, told: 1, "qris": {"url": told}, "amount": 5}
    assert decode_leniently(raw) == (record, False)


@pytest.mark.parametrize(
    ("raw", "record"),
    [
        (b'{"a":"\\ud83d\\ude00"}', {"a": "\N{GRINNING FACE}"}),
        (b'{"a":' + b"9" * 20 + b"}", {"a": 10**20 - 1}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"{}", {}),
    ],
    ids=["a whole pair", "more than 64 bits", "a name twice", "empty"],
)
def test_a_sound_record_is_whole(raw: bytes, record: dict[str, object]) -> None:
    """Whatever JSON allows in UTF-8 is read as it stands."""
    assert decode_leniently(raw) == (record, True)


def test_a_number_beyond_all_bounds_costs_its_own_field() -> None:
    """It fits no field afterwards, for it is no integer any more."""
    assert decode_leniently(b'{"a":' + b"9" * 5_000 + b',"b":5}') == ({"a": float("inf"), "b": 5}, False)
    digits = b"1" * INTEGER_DIGITS_MAX
    record, whole = decode_leniently(b'{"a":' + digits + b',"b":' + digits + b'0,"c":NaN}')
    assert (record["a"], type(record["b"]), whole) == (int(digits), float, False)


@pytest.mark.parametrize("raw", [b"[1]", b"null", b"x", b"", b"[" * 99_999, b'["\xff"]', b'{"a":1'])
def test_what_is_no_record_is_empty(raw: bytes) -> None:
    """Never an error, also where it is sound JSON."""
    assert decode_leniently(raw) == ({}, False)


def test_every_channel_is_an_object_that_a_transaction_can_have() -> None:
    """Under the wire's name, and told by the name that a transaction has for it."""
    documented = dict(zip(Transaction.__struct_encode_fields__, Transaction.__struct_fields__, strict=True))
    assert CHANNELS.items() <= documented.items()


@given(st.binary(max_size=8), st.integers(0, 600), st.integers(0, 8))
def test_bytes_broken_anywhere_can_be_stored(patch: bytes, place: int, cut: int) -> None:
    """No error comes out, and all text of the record's own fields is text that UTF-8 has."""
    raw = b'{"id":"a","merchantRef":"INV-1","amount":1000,"virtualAccount":{"viewName":"Budi"}}'
    record, _ = decode_leniently(raw[: place % len(raw)] + patch + raw[place % len(raw) + cut :])
    for text in (*record, *(value for value in record.values() if isinstance(value, str))):
        text.encode()
