# SPDX-License-Identifier: Apache-2.0
"""senangPay's queries: what they show of payments, when, and in which shape."""

import hashlib
import json

import pytest

from airflow_provider_sengo.simulator.senangpay_settings import QUERIES


@pytest.fixture
def token(merchant):
    return merchant.world.senangpay.issue_token()


def times(merchant):
    now = int(merchant.world.now_s())
    return {"timestamp_start": str(now - 60), "timestamp_end": str(now + 60)}


def leaves(value):
    if isinstance(value, dict):
        return [leaf for member in value.values() for leaf in leaves(member)]
    return [value]


def test_a_row(merchant, token):
    """A charge is a row whose leaves are all strings, with the amount in decimal ringgit."""
    charged = merchant.charge(token, amount="1005")
    reply = merchant.query("query_order_status", order_id="123")
    (row,) = reply["data"]
    assert reply["status"] == 1
    assert all(isinstance(leaf, str) for leaf in leaves(row))
    assert row["payment_info"]["transaction_reference"] == charged["transaction_id"]
    assert row["payment_info"]["transaction_date"] == str(int(merchant.world.now_s()))
    assert row["order_detail"]["grand_total"] == "10.05"
    assert row["product"]["product_name"] == "Order for product id #4"
    assert "Note" in row["buyer_contact"]
    merchant.world.senangpay.configure(transaction_date_unit="milliseconds")
    (row,) = merchant.query("query_order_status", order_id="123")["data"]
    assert row["payment_info"]["transaction_date"] == f"{int(merchant.world.now_s())}000"


def test_the_three_queries_agree(merchant, token):
    """Order, transaction and list show the same row; the list only within its times."""
    reference = merchant.charge(token)["transaction_id"]
    by_order = merchant.query("query_order_status", order_id="123")
    assert by_order == merchant.query("query_transaction_status", transaction_reference=reference)
    assert by_order == merchant.query("get_transaction_list", **times(merchant))
    merchant.world.advance(3600)
    assert merchant.query("get_transaction_list", **times(merchant))["data"] == []


@pytest.mark.parametrize(("start", "end"), [("0", "5"), ("5", "5"), ("x", "9"), ("9", "5")])
def test_wrong_times(merchant, start, end):
    """A list needs a start above zero and an end after it."""
    reply = merchant.query("get_transaction_list", timestamp_start=start, timestamp_end=end)
    assert reply == {"status": 0, "msg": "Invalid timestamp"}


def test_an_unknown_order(merchant):
    """An order that nobody paid is an empty list, or by a switch an error."""
    assert merchant.query("query_order_status", order_id="1") | {"msg": ""} == {
        "status": 1,
        "msg": "",
        "data": [],
    }
    merchant.world.senangpay.configure(unknown_order="error")
    assert merchant.query("query_order_status", order_id="1") == {"status": 0, "msg": "No transaction found"}
    assert merchant.query("query_transaction_status", transaction_reference="1")["status"] == 0


def test_refused_queries(merchant):
    """A wrong hash, a wrong merchant and a missing parameter are status 0, without any row."""
    merchant.secret = "other"
    assert merchant.query("query_order_status", order_id="1") == {"status": 0, "msg": "Invalid hash"}
    merchant.merchant_id = "1"
    assert merchant.query("query_order_status", order_id="1")["msg"] == "Invalid Merchant"
    merchant.merchant_id = "543160464805574"
    assert merchant.query("query_order_status")["msg"] == "Missing parameter"


@pytest.mark.parametrize(("hash_type", "accepted"), [("sha256", False), ("md5", True), ("both", True)])
def test_hash_types(merchant, hash_type, accepted):
    """The merchant's hash type decides whether MD5 is read."""
    merchant.world.senangpay.configure(hash_type=hash_type)
    md5 = hashlib.md5(b"54316046480557453-7841").hexdigest()
    target = f"/apiv1/query_order_status?merchant_id=543160464805574&order_id=1&hash={md5}"
    assert json.loads(merchant.world.handle("GET", target)[2])["status"] == int(accepted)


def test_the_log_keeps_no_secret_of_a_query(merchant):
    """Of a query the log keeps what identifies the order; the hash, made with the secret, is taken out."""
    merchant.query("query_order_status", order_id="77")
    entry = merchant.world.requests().entries[-1]
    assert entry["endpoint"] == "GET /apiv1/query_order_status"
    assert entry["target"].endswith("order_id=77&hash=[redacted]")
    assert entry["client_key"] == merchant.merchant_id


def test_charges_that_no_query_shows(merchant, token):
    """Queries may never show charges, or only some kinds of query do; the truth has them all the same."""
    reference = merchant.charge(token)["transaction_id"]
    merchant.world.senangpay.configure(charges_shown_by=[])
    assert merchant.statuses() == []
    merchant.world.senangpay.configure(charges_shown_by=["query_transaction_status"])
    assert merchant.statuses() == []
    assert merchant.query("get_transaction_list", **times(merchant))["data"] == []
    assert merchant.query("query_transaction_status", transaction_reference=reference)["data"]
    assert len(merchant.world.charges("123")) == 1
    assert len(QUERIES) == 3


def test_a_lag_by_clock(merchant, token):
    """A charge shows up after some seconds, pending first and paid later."""
    merchant.world.senangpay.configure(shown_after_s=10, pending_s=30)
    merchant.charge(token)
    seen = []
    for _ in range(4):
        seen.append(merchant.statuses())
        merchant.world.advance(10)
    assert seen == [[], ["pending"], ["pending"], ["paid"]]
    assert len(merchant.world.charges("123")) == 1


def test_a_lag_by_queries(merchant, token):
    """A charge shows up after some queries, pending first and paid later; another order's don't count."""
    merchant.world.senangpay.configure(shown_after_queries=2, pending_queries=1)
    merchant.charge(token)
    merchant.statuses("999")
    assert [merchant.statuses() for _ in range(4)] == [[], [], ["pending"], ["paid"]]


def test_a_decline_may_not_be_shown(merchant):
    """Failed attempts are rows unless switched off; pending ones that will fail look pending."""
    merchant.world.senangpay.configure(pending_queries=1)
    merchant.charge(merchant.world.senangpay.issue_token(decline="5"))
    assert [merchant.statuses() for _ in range(2)] == [["pending"], ["failed"]]
    merchant.world.senangpay.configure(declines_shown=False)
    assert merchant.statuses() == []


@pytest.mark.parametrize(
    ("statuses", "charged"),
    [(("failed", "paid"), 1), (("pending", "paid"), 1), (("paid", "paid"), 2), (("failed", "failed"), 0)],
)
def test_mixed_rows(merchant, statuses, charged):
    """An order may have several rows in any order; only paid ones moved money."""
    for status in statuses:
        merchant.world.senangpay.add_payment("7", amount_sen=500, status=status)
    assert merchant.statuses("7") == list(statuses)
    merchant.world.senangpay.configure(row_order="newest")
    assert merchant.statuses("7") == list(statuses)[::-1]
    merchant.world.senangpay.configure(row_order="hash")
    assert sorted(merchant.statuses("7")) == sorted(statuses)
    assert len(merchant.world.charges("7")) == charged


def test_late_settlement(merchant):
    """A pending row gets paid by the clock or by hand, or fails; money moves then and not before."""
    pay = merchant.world.senangpay
    pay.add_payment("8", amount_sen=500, status="pending", paid_after_s=60)
    assert (merchant.statuses("8"), merchant.world.charges("8")) == (["pending"], [])
    merchant.world.advance(60)
    assert (merchant.statuses("8"), len(merchant.world.charges("8"))) == (["paid"], 1)
    by_hand = pay.add_payment("9", amount_sen=500, status="pending", pending_queries=5)
    pay.settle(by_hand)
    assert merchant.statuses("9") == ["paid"]
    pay.fail(by_hand)
    assert (merchant.statuses("9"), merchant.world.charges("9")) == (["failed"], [])


def test_rows_can_be_hidden_and_shown(merchant):
    """A hidden row is found by no query, yet its money moved; shown again it needs no more queries."""
    pay = merchant.world.senangpay
    id = pay.add_payment("8", amount_sen=500, lag_queries=9)
    pay.hide(id)
    assert merchant.statuses("8") == []
    assert len(merchant.world.charges("8")) == 1
    pay.show(id)
    assert merchant.statuses("8") == ["paid"]


def test_odd_rows(merchant):
    """A row's fields can be spoilt on the wire without a change of the truth."""
    pay = merchant.world.senangpay
    id = pay.add_payment("8", amount_sen=500)
    spoilt = {"payment_info.status": "refunded", "order_detail.grand_total": 5.0}
    pay.mutate(id, remove=("product",), **spoilt)
    (row,) = merchant.query("query_order_status", order_id="8")["data"]
    assert (row["payment_info"]["status"], row["order_detail"]["grand_total"]) == ("refunded", 5)
    assert "product" not in row
    assert len(merchant.world.charges("8")) == 1
    with pytest.raises(ValueError, match="no such field"):
        pay.mutate(id, **{"nowhere.status": "x"})
    with pytest.raises(KeyError):
        pay.settle("unknown")


def test_wrong_payments_are_refused(merchant):
    """A status that there is none of and a transaction id that exists are ValueErrors."""
    id = merchant.world.senangpay.add_payment("8", amount_sen=500, created_at="2026-11-20T10:00:00")
    with pytest.raises(ValueError, match="status must be"):
        merchant.world.senangpay.add_payment("8", amount_sen=500, status="refunded")
    with pytest.raises(ValueError, match="exists"):
        merchant.world.senangpay.add_payment("8", amount_sen=500, transaction_id=id)
    with pytest.raises(ValueError, match="digits"):
        merchant.world.senangpay.issue_token(card="abc")
