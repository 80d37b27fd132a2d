# SPDX-License-Identifier: Apache-2.0
"""A record as the event about its payment tells it, and sets of ids in eight bytes each."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.lenient import CHANNELS
from airflow_provider_sengo.protocol.paid_rows import Ids, Mark, hash64, read_row


def test_a_row_is_told_without_personal_data() -> None:
    """The whole event, as a consumer gets it."""
    record = {
        "id": "abc",
        "merchantRef": "INV-1",
        "status": "success",
        "feePayer": "customer",
        "amount": 10000,
        "fee": 85,
        "totalAmount": 10085,
        "paidDate": "2026-11-20T10:00:00+07:00",
        "additionalInfo": {"callback": "https://shop.example"},
        "virtualAccount": {"viewName": "Abu", "vaNumber": "123"},
    }
    row = read_row(json.dumps(record).encode(), type="cashIn", project="p")
    assert row.event == {
        "id": "abc",
        "reference": "INV-1",
        "amount": 10000,
        "total_amount": 10085,
        "fee": 85,
        "fee_payer": "customer",
        "paid_at": "2026-11-20T10:00:00+07:00",
        "channel": "virtual_account",
        "type": "cashIn",
        "project": "p",
        "status": "success",
    }
    assert (row.is_paid, row.key) == (True, hash64(b"abc"))


@pytest.mark.parametrize(
    ("raw", "id", "is_paid"),
    [
        (b'{"id": "a", "status": "success", "amount": "1", "fee": true, "totalAmount": 1.5}', "a", True),
        (b'{"id": "a", "status": "success", "amount": 99999999999999999999999}', "a", True),
        (b'{"id": "a", "status": "success", "amount": ' + 5000 * b"9" + b"}", "a", True),
        (b'{"id": "a", "status": "success", "paidDate": "2026-11-20T10:00:00"}', "a", True),
        (b'{"id": "a", "status": "success", "paidDate": "0001-01-01T00:00:00+07:00"}', "a", True),
        (b'{"id": "a\\ud83d", "status": "success"}', "a\\ud83d", True),
        (b'{"id": "a\xff", "status": "success"}', "a\\udcff", True),
        (b'{"id": "a", "status": "success", "amount": NaN}', "a", True),
        (b'{"id": "a", "status": "Success"}', "a", False),
        (b'{"id": "a"}', "a", False),
        (b'{"id": 5, "status": "success"}', None, False),
        (b'{"id": "", "status": "success"}', None, False),
        *((raw, None, False) for raw in (b"[]", b"null", b"{", b"\xff", b"[" * 100_000)),
    ],
)
def test_an_odd_row_is_read_as_far_as_it_goes(raw: bytes, id: str | None, is_paid: bool) -> None:
    """Never an error; what does not fit is None, and what is told can be stored as JSON."""
    row = read_row(raw, type="cashIn", project="p")
    assert (row.event["id"], row.is_paid) == (id, is_paid)
    assert row.paid_at is None or row.paid_at.year == 1
    assert (row.event["amount"], row.event["fee"], row.event["total_amount"]) == (None, None, None)
    json.dumps(row.event).encode()
    str(row.event).encode()


@pytest.mark.parametrize(("wire", "told"), CHANNELS.items())
def test_the_channel_is_the_object_that_a_record_has(wire: str, told: str) -> None:
    """An empty object, as PHP writes it, is none."""
    record = {name: [] for name in CHANNELS} | {"id": "a", wire: {"url": "https://shop.example"}}
    assert read_row(json.dumps(record).encode(), type="cashIn", project="p").event["channel"] == told
    record[wire] = {}
    assert read_row(json.dumps(record).encode(), type="cashIn", project="p").event["channel"] is None


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("2026-11-20T10:00:00+07:00", "2026-11-20T10:00:00+07:00"),
        ("2026-11-20T03:00:00Z", "2026-11-20T03:00:00+00:00"),
        *(
            (odd, None)
            for odd in ("2026-11-20T10:00:00", "yesterday", "2026-02-30T00:00:00Z", "", 1795143600)
        ),
    ],
    ids=str,
)
def test_an_instant_is_told_with_its_zone_or_not_at_all(sent: object, told: str | None) -> None:
    """As it was sent; without a zone it would be hours off, and nothing is guessed."""
    row = read_row(json.dumps({"id": "a", "paidDate": sent}).encode(), type="cashIn", project="p")
    assert row.event["paid_at"] == told
    assert (row.paid_at is None) is (told is None)


def test_records_without_an_id_are_told_apart_by_their_bytes() -> None:
    """Two of them are two rows, and neither is a payment to tell."""
    one, other = (read_row(raw, type="cashIn", project="p") for raw in (b'{"fee":1}', b'{"fee":2}'))
    assert (one.is_paid, one.key) == (False, hash64(b'{"fee":1}'))
    assert one.key != other.key


def test_a_mark_is_the_same_for_the_same_set() -> None:
    """In whatever order, and in one step or in many; it stays within 64 bits."""
    keys = [hash64(b"%d" % number) for number in range(100)]
    whole = Mark().plus(keys)
    assert (whole.count, whole.digest) == (100, sum(keys) % 2**64)
    assert Mark().plus(reversed(keys[50:])).plus(keys[:50]) == whole
    assert Mark().plus(keys[1:]) != whole
    assert Mark(1, 2**64 - 1).plus([1]) == Mark(2, 0)


@given(st.sets(st.integers(0, 2**64 - 1), max_size=60), st.randoms())
def test_ids_are_a_set(keys: set[int], chance: random.Random) -> None:
    """Sorted eight-byte integers answer as Python's own set does."""
    shuffled = list(keys)
    chance.shuffle(shuffled)
    ids = Ids(shuffled[::2])
    assert [ids.add(key) for key in shuffled] == [at % 2 == 1 for at in range(len(shuffled))]
    assert len(ids) == len(keys)
    assert all(key in ids for key in keys)
    assert 2**64 // 3 in keys or 2**64 // 3 not in ids
