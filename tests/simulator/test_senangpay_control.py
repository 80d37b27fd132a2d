# SPDX-License-Identifier: Apache-2.0
"""senangPay over HTTP: the gateway itself, and ``/_control`` with what ``world.senangpay`` can do."""

import json
from urllib.parse import urlencode

import pytest

from airflow_provider_sengo.simulator import MERCHANT_ID, SECRET_KEY


def test_a_charge_on_the_wire(wire, merchant):
    """Token, charge, query and truth over HTTP, next to the SenGo gateway on the same port."""
    token = wire.control("POST", "/senangpay/tokens", {})["token"]
    body = urlencode(merchant.signed(token)).encode()
    status, headers, answer = wire.call("POST", "/apiv1/pay_cc", body, merchant.basic())
    assert (status, headers["content-type"]) == (200, "application/json")
    assert merchant.is_signed(json.loads(answer))
    (charge,) = wire.control("GET", "/senangpay/charges?order_id=123")
    assert charge["transaction_id"] == json.loads(answer)["transaction_id"]
    log = wire.control("GET", "/requests")
    assert log["by_endpoint"] == {"POST /apiv1/pay_cc": 1}
    assert token not in json.dumps(log)
    simulator = wire.simulator
    assert simulator.senangpay_base_url == simulator.origin
    assert (simulator.merchant_id, simulator.secret_key) == (MERCHANT_ID, SECRET_KEY)


def test_a_charge_that_is_reset_on_the_wire(wire, merchant):
    """The faults on the wire hit the second gateway, too."""
    token = wire.simulator.world.senangpay.issue_token()
    wire.control("POST", "/faults", {"name": "reset", "endpoint": "POST /apiv1/pay_cc", "at": [1]})
    body = urlencode(merchant.signed(token)).encode()
    with pytest.raises(ConnectionResetError):
        wire.call("POST", "/apiv1/pay_cc", body, merchant.basic())
    assert len(wire.simulator.world.charges("123")) == 1


def test_the_page_on_the_wire(wire, merchant):
    """The tokenization page is served with its policy."""
    fields = {"order_id": "1", "name": "A", "email": "a@b", "phone": "1"}
    fields["hash"] = merchant.hash(merchant.merchant_id, "1")
    status, headers, body = wire.call("GET", f"/tokenization/{MERCHANT_ID}?{urlencode(fields)}", b"", {})
    assert (status, b"<form" in body) == (200, True)
    assert "default-src 'none'" in headers["content-security-policy"]


def test_payments_and_tokens_are_steered(wire):
    """Tokens and rows are put in, changed and told over HTTP; reset forgets them, and steering goes on."""
    wire.control("POST", "/reset")
    token = wire.control("POST", "/senangpay/tokens", {"decline": "5"})["token"]
    changed = wire.control("PATCH", f"/senangpay/tokens/{token}", {"enabled": False, "decline": None})
    assert (changed["enabled"], changed["decline"]) == (False, None)
    assert wire.control("GET", "/senangpay/tokens") == [changed]
    row = {"order_id": "5", "amount_sen": 100, "status": "pending"}
    id = wire.control("POST", "/senangpay/payments", row)["transaction_id"]
    for edit, charges in (("settle", 1), ("hide", 1), ("show", 1), ("fail", 0)):
        wire.control("POST", f"/senangpay/{edit}/{id}")
        assert len(wire.control("GET", "/senangpay/charges")) == charges
    wire.control("POST", f"/senangpay/mutate/{id}", {"payment_info.status": "odd"})
    assert wire.control("GET", "/senangpay/attempts?order_id=5")[0]["status"] == "failed"


def test_switches_over_http(wire):
    """PATCH merges senangPay's switches; the secret key is not told."""
    answer = wire.control("PATCH", "/settings", {"senangpay": {"duplicate_orders": "reject"}})
    assert answer["senangpay"]["duplicate_orders"] == "reject"
    assert answer["senangpay"]["merchant_id"] == MERCHANT_ID
    assert answer["senangpay"]["secret_key"] == "[redacted]"


def test_the_payments_of_a_reference_over_http(wire):
    """The truth of one SenGo reference."""
    wire.control("POST", "/insert", {"reference": "P-1"})
    assert [one["reference"] for one in wire.control("GET", "/payments/P-1")] == ["P-1"]
    assert wire.control("GET", "/payments/unknown") == []


@pytest.mark.parametrize(
    ("method", "path", "value", "status"),
    [
        ("POST", "/senangpay/settle/unknown", {}, 404),
        ("PATCH", "/senangpay/tokens/unknown", {"enabled": True}, 404),
        ("POST", "/senangpay/tokens", {"colour": "red"}, 422),
        ("POST", "/senangpay/payments", {"order_id": "1", "amount_sen": 1, "colour": "red"}, 422),
        ("PATCH", "/settings", {"senangpay": {"status_type": "float"}}, 422),
        ("PATCH", "/settings", {"senangpay": 1}, 422),
    ],
)
def test_mistakes_are_told(wire, method, path, value, status):
    """A wrong name or value is 422, an unknown token or payment 404."""
    sent = {"Content-Type": "application/json"}
    assert wire.call(method, f"/_control{path}", json.dumps(value).encode(), sent)[0] == status
