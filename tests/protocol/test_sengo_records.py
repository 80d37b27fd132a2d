# SPDX-License-Identifier: Apache-2.0
"""Records keep what is unknown, and refuse what is of the wrong type without quoting it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.exceptions import UnexpectedResponse
from airflow_provider_sengo.protocol.sengo import (
    Balance,
    Project,
    Qris,
    QrisPayment,
    Transaction,
    TransactionPage,
    as_plain_dict,
    as_qris_payment,
)
from airflow_provider_sengo.protocol.sengo_records import read_record

WIB = timezone(timedelta(hours=7))


def read(record_type, wire):
    return read_record(record_type, wire, call_name="get_x", json_path="$.responseData")


def test_a_documented_qris_payment_reads_whole(sample):
    """Every field of the page's sample is there, with its type and its offset."""
    payment = read(QrisPayment, sample("qris")["responseData"])
    assert payment.id == "66e934f6-f5d6-4f1c-bb3d-450ec2873782"
    assert (payment.merchant_ref, payment.status, payment.fee_payer) == ("REFF012", "pending", "customer")
    assert (payment.amount, payment.fee, payment.total_amount) == (10000, 85, 10085)
    assert payment.expired_date == datetime(2025, 3, 23, 10, 24, 58, tzinfo=WIB)
    assert payment.expired_date.utcoffset() == timedelta(hours=7)
    assert payment.additional_info == {"callback": "http://your-site-callback.com/notify"}
    assert payment.qris.content.startswith("000201")
    assert payment.qris.content.endswith("36F3")
    assert (payment.qris.url, payment.qris.image) == ("", "")
    assert payment.paid_date is payment.settle_date is payment.virtual_account is None
    assert payment.unknown == {}


def test_a_documented_check_reads_whole(sample):
    """The page's single transaction has its virtual account and no other channel."""
    found = read(Transaction, sample("check")["responseData"])
    assert found.virtual_account is not None
    assert found.virtual_account.bank_code == "014"
    assert (found.virtual_account.va_number, found.virtual_account.view_name) == (
        "666555440021",
        "Merchant Name",
    )
    assert found.qris is found.e_wallet is found.retail is found.disbursement is found.credit_card is None


def test_unknown_fields_and_words_survive():
    """A field, a channel part and a status that this release does not know are kept as they came."""
    wire = {
        "id": "1",
        "status": "refunded",
        "newField": {"a": [1, None]},
        "unknown": 5,
        "merchant_ref": "not the wire's name",
        "eWallet": {"channel": "ovo", "expiresIn": 5},
        "creditCard": {"maskedPan": "4111"},
    }
    found = read(Transaction, wire)
    assert found.status == "refunded"
    assert found.unknown == {
        "newField": {"a": [1, None]},
        "unknown": 5,
        "merchant_ref": "not the wire's name",
    }
    assert found.e_wallet is not None
    assert (found.e_wallet.channel, found.e_wallet.unknown) == ("ovo", {"expiresIn": 5})
    assert found.credit_card == {"maskedPan": "4111"}


def test_null_absent_and_php_s_empty_object_mean_none():
    """Null, no field, and [] where an object belongs are the same nothing."""
    names = ("merchantRef", "amount", "expiredDate", "additionalInfo", "qris", "creditCard")
    bare = read(Transaction, {"id": "1", "status": "x"})
    assert read(Transaction, {"id": "1", "status": "x"} | dict.fromkeys(names)) == bare
    assert read(Transaction, {"id": "1", "status": "x", "additionalInfo": [], "qris": []}) == bare
    assert read(Transaction, {"id": "1", "status": "x", "qris": {"content": None}}).qris == Qris()


GOOD = {"id": "1", "status": "pending", "qris": {"content": "x"}}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": 1}, "$.responseData.id"),
        ({"id": ""}, "$.responseData.id"),
        ({"id": None}, "$.responseData.id"),
        ({"status": None}, "$.responseData.status"),
        ({"status": 1}, "$.responseData.status"),
        ({"amount": "4711"}, "$.responseData.amount"),
        ({"amount": 4711.0}, "$.responseData.amount"),
        ({"amount": True}, "$.responseData.amount"),
        ({"merchantRef": 4711}, "$.responseData.merchantRef"),
        ({"expiredDate": "2025-02-29T00:00:00+07:00"}, "$.responseData.expiredDate"),
        ({"expiredDate": "2025-03-23T10:24:58"}, "$.responseData.expiredDate"),
        ({"expiredDate": ""}, "$.responseData.expiredDate"),
        ({"paidDate": 4711}, "$.responseData.paidDate"),
        ({"additionalInfo": "4711"}, "$.responseData.additionalInfo"),
        ({"additionalInfo": [4711]}, "$.responseData.additionalInfo"),
        ({"qris": "4711"}, "$.responseData.qris"),
        ({"qris": None}, "$.responseData.qris"),
        ({"qris": []}, "$.responseData.qris"),
        ({"qris": {"content": 4711}}, "$.responseData.qris.content"),
        ({"disbursement": {"recipientAccount": 4711}}, "$.responseData.disbursement.recipientAccount"),
    ],
)
def test_a_wrong_type_is_named_by_its_place(change, path):
    """A missing or mistyped field is UnexpectedResponse with the whole JSON path and without the value."""
    with pytest.raises(UnexpectedResponse, match=r"^SenGo's answer to get_x is not") as error:
        read(QrisPayment, GOOD | change)
    assert error.value.json_path == path
    assert f"(at {path})" in str(error.value)
    assert "4711" not in str(error.value)


@pytest.mark.parametrize("wire", [None, [], "text", 1])
def test_what_is_no_object_is_no_record(wire):
    """Anything but an object is refused at the place where it stood."""
    with pytest.raises(UnexpectedResponse) as error:
        read(Balance, wire)
    assert error.value.json_path == "$.responseData"


def test_balance_and_project_read_as_documented(sample):
    """The page's balance adds up, and its project has an int as id."""
    balance = read(Balance, sample("balance")["responseData"])
    assert (balance.active, balance.pending, balance.total) == (1000000, 10000, 1010000)
    project = read(Project, sample("projects")["responseData"])
    assert (project.id, project.name, project.domain) == (1, "SenGo", "https://sengo.id")
    assert (project.ip, project.status) == (["0.0.0.0/0"], "Review")


def test_plain_dicts_are_json_with_snake_case_keys(sample):
    """What goes to XCom is JSON-native, has every field, and dates with their offset."""
    plain = as_plain_dict(read(QrisPayment, sample("qris")["responseData"] | {"newField": 1}))
    assert json.loads(json.dumps(plain)) == plain
    assert plain["merchant_ref"] == "REFF012"
    assert plain["expired_date"] == "2025-03-23T10:24:58+07:00"
    assert plain["paid_date"] is None
    assert plain["qris"]["url"] == ""
    assert plain["newField"] == 1
    assert "unknown" not in plain


def test_plain_dicts_reach_into_channels_and_pages(sample):
    """Channel objects and the transactions of a page are plain too; a known name beats an unknown one."""
    rows = sample("transactions")["responseData"]
    rows[0]["disbursement"]["feeNote"] = "x"
    rows[0]["amount_"] = rows[0]["merchant_ref"] = "unknown to us"
    transactions = tuple(read(Transaction, row) for row in rows)
    page = TransactionPage(transactions=transactions, current_page=1, total_pages=1, total_records=2)
    plain = as_plain_dict(page)
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["current_page"], plain["total_pages"], plain["total_records"]) == (1, 1, 2)
    first = plain["transactions"][0]
    assert first["disbursement"] == {
        "bank_code": None,
        "recipient_account": "5443020792443311",
        "recipient_name": "Mr. Deangelo Robel IV",
        "feeNote": "x",
    }
    assert (first["amount_"], first["merchant_ref"]) == ("unknown to us", "nisi")


def test_a_transaction_becomes_a_qris_payment():
    """What a look-up found is the same payment, unknown fields included; another channel is refused."""
    found = read(Transaction, {"id": "1", "status": "success", "amount": 5, "qris": {}, "x": 1})
    payment = as_qris_payment(found)
    assert type(payment) is QrisPayment
    assert (payment.id, payment.amount, payment.qris, payment.unknown) == ("1", 5, Qris(), {"x": 1})
    with pytest.raises(UnexpectedResponse) as error:
        as_qris_payment(read(Transaction, {"id": "1", "status": "success", "retail": {}}))
    assert error.value.json_path == "$.responseData.qris"


def test_records_are_frozen():
    """What the gateway said cannot be changed in passing."""
    with pytest.raises(AttributeError):
        read(Balance, {"active": 1, "pending": 2, "total": 3}).active = 5


_names = st.sampled_from(["id", "status", "amount", "paidDate", "qris", "retail", "content", "unknown", "x"])
_wire = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=6),
    max_leaves=10,
)


@given(_wire)
def test_no_json_breaks_the_reader(wire):
    """Any JSON is a record or UnexpectedResponse under its place; a record is plain JSON again."""
    for record_type in (Transaction, QrisPayment, Balance, Project):
        path = "$.responseData"
        try:
            json.dumps(as_plain_dict(read(record_type, wire)), allow_nan=False)
        except UnexpectedResponse as error:
            path = error.json_path
        assert path.startswith("$.responseData")
