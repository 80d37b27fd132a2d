# SPDX-License-Identifier: Apache-2.0
"""Records keep what was sent, show no secret, and read rows without ever failing."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.senangpay import (
    CardPayment,
    CardToken,
    OrderPayment,
    TokenStatus,
    TokenValidation,
    as_plain_dict,
)
from airflow_provider_sengo.protocol.senangpay_records import read_order_payment

ROW = {
    "buyer_contact": {"name": "Abu Bin Ali", "email": "ahmad@google.com", "phone": "0109876543", "Note": ""},
    "delivery_address": {"address_1": "1 Jalan Besar", "city": "Ipoh"},
    "order_detail": {"quantity": "1", "unit_price": "24.50", "grand_total": "24.50"},
    "payment_info": {
        "transaction_reference": "15899864888614642",
        "transaction_date": "1589986488",
        "payment_mode": "Credit Card",
        "status": "paid",
    },
    "network_info": {"ip": "203.0.113.9"},
    "product": {"product_name": "Order for product id #4", "product_description": ""},
}
PAID_AT = datetime(2020, 5, 20, 14, 54, 48, tzinfo=UTC)
EXPECTED = OrderPayment(
    transaction_reference="15899864888614642",
    status="paid",
    amount_sen=2450,
    paid_at=PAID_AT,
    payment_mode="Credit Card",
    detail="Order for product id #4",
)


def row(**changes: object) -> dict[str, object]:
    """The row with leaves changed by name, wherever they stand."""
    changed = copy.deepcopy(ROW)
    for part in changed.values():
        part.update({name: value for name, value in changes.items() if name in part})
    return changed


def test_a_row_is_read_whole():
    """Reference, status, sen, time, mode and detail; the row itself stays at hand."""
    payment = read_order_payment(ROW)
    assert payment == EXPECTED
    assert payment.raw == ROW


@pytest.mark.parametrize(
    ("grand_total", "amount_sen"),
    [
        ("24.50", 2450), ("24", 2400), ("0.01", 1), ("0.00", 0), ("90071992547409.93", 9007199254740993),
        ("24.5", None), ("1,000.00", None), ("-1.00", None), ("1e3", None), ("", None), (" 1.00", None),
        (24, None), (24.5, None), (True, None), (None, None), (["24.50"], None),
    ],
)  # fmt: skip
def test_amounts_are_exact_or_none(grand_total, amount_sen):
    """No float is used and nothing is rounded or guessed; a JSON number could be either unit."""
    assert read_order_payment(row(grand_total=grand_total)).amount_sen == amount_sen


@pytest.mark.parametrize(
    ("sent", "paid_at"),
    [
        ("1589986488", PAID_AT), (1589986488, PAID_AT), ("1589986488000", PAID_AT),
        ("1589986488123", PAID_AT.replace(microsecond=123000)),
        ("158998648800", None),
        ("", None), ("0", None), ("2020-05-20", None), ("15899864881234", None), (True, None), (1.5, None),
        ("\u0661589986488", None), (None, None), ({}, None),
    ],
)  # fmt: skip
def test_times_are_seconds_or_milliseconds(sent, paid_at):
    """One client guards against milliseconds; what is neither is None."""
    assert read_order_payment(row(transaction_date=sent)).paid_at == paid_at


def test_unquoted_numbers_and_unknown_words_survive():
    """A reference that PHP did not quote is its digits; any status word is kept as sent."""
    payment = read_order_payment(row(transaction_reference=15899864888614642, status="In-Progress"))
    assert (payment.transaction_reference, payment.status) == ("15899864888614642", "In-Progress")


@pytest.mark.parametrize("odd", [None, [], "", 1, True])
def test_parts_that_are_missing_are_empty(odd):
    """A row without readable parts is still a row."""
    expected = OrderPayment(transaction_reference="", status="")
    assert read_order_payment(dict.fromkeys(ROW, odd)) == expected
    assert read_order_payment({}) == expected


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_parts = {name: st.fixed_dictionaries({}, optional=dict.fromkeys(part, _json)) for name, part in ROW.items()}


@given(st.fixed_dictionaries({}, optional={name: part | _json for name, part in _parts.items()}))
def test_no_row_is_an_error(any_row):
    """Whatever stands in it; and it becomes JSON."""
    json.dumps(as_plain_dict(read_order_payment(any_row)))


TOKEN = CardToken(
    token="6bcc32c3", order_id="abc1", last_four="1118", card_type="mc", message="Card validate"
)
RECORDS = [
    CardPayment(
        status=1, transaction_id="149", order_id="12", amount_sen=200, message="Payment was successful"
    ),
    TokenValidation(valid=True, message="ok"),
    TokenStatus(enabled=False, message="Credit card successfully disabled"),
    read_order_payment(ROW),
    TOKEN,
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_plain_dicts_are_json_and_hold_no_buyers_data(record):
    """Every field but the raw row; records survive a pickle."""
    text = json.dumps(as_plain_dict(record))
    for hidden in ("ahmad@google.com", "0109876543", "Jalan", "203.0.113.9"):
        assert hidden not in text
    assert pickle.loads(pickle.dumps(record)) == record


def test_plain_dicts_have_the_documented_keys():
    """Dates are ISO 8601 text; a card token is kept, for without it the record is of no use."""
    assert as_plain_dict(read_order_payment(ROW)) == {
        "transaction_reference": "15899864888614642",
        "status": "paid",
        "amount_sen": 2450,
        "paid_at": "2020-05-20T14:54:48+00:00",
        "payment_mode": "Credit Card",
        "detail": "Order for product id #4",
    }
    assert as_plain_dict(RECORDS[0]) == {
        "status": 1,
        "transaction_id": "149",
        "order_id": "12",
        "amount_sen": 200,
        "message": "Payment was successful",
    }
    assert as_plain_dict(TOKEN)["token"] == "6bcc32c3"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_no_repr_shows_a_token_or_a_buyer(record):
    """A record may be logged."""
    shown = repr(record) + str(record)
    for hidden in ("6bcc32c3", "ahmad@google.com", "0109876543", "Abu", "Jalan", "product id"):
        assert hidden not in shown
