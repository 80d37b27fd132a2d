# SPDX-License-Identifier: Apache-2.0
"""senangPay without sockets: lost, tampered and made-up answers, at a price that thousands of cases can pay."""

import json
import time

import pytest

from airflow_provider_sengo.simulator import ConnectionCut, World

BUDGET_MS = 3.0  # ten times what a call and a new world may take: a guard, not a measurement


@pytest.fixture
def token(merchant):
    return merchant.world.senangpay.issue_token()


CUTS = ("reset", "truncated", "timeout")
SPOILT = ("html", "http_500", "rate_429", "soft_error", "cut_json", "http_status", "refuse", "oversize")


@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize("name", [*CUTS, *SPOILT])
@pytest.mark.parametrize("call", ["pay_cc", "update_token_status", "validate_token"])
def test_every_answer_can_get_lost(merchant, token, call, name, processed):
    """A charge or toggle whose answer is lost has happened, or has not; the truth tells which."""
    pay, details = merchant.world.senangpay, {"body_bytes": 10_000} if name == "oversize" else {}
    merchant.world.set_fault(name, endpoint=f"POST /apiv1/{call}", at=(1,), processed=processed, **details)
    fields = merchant.signed(token) if call == "pay_cc" else {"token": token}
    if name in CUTS:
        with pytest.raises(ConnectionCut) as caught:
            merchant.post(call, fields)
        assert caught.value.processed is processed
    else:
        merchant.post(call, fields)
    assert len(merchant.world.charges()) == int(processed and call == "pay_cc")
    is_flipped = processed and call == "update_token_status"
    assert (pay.token(token)["enabled"], pay.token(token)["toggles"]) == (not is_flipped, int(is_flipped))


@pytest.mark.parametrize(
    "fields",
    [{"status": 0}, {"amount_paid": 1}, {"order_id": "9"}, {"transaction_id": "1"}, {"msg": "Expired Card"}],
)
@pytest.mark.parametrize("sign", ["keep", "again", "blank"])
def test_tampered_charges(merchant, token, fields, sign):
    """A changed answer may keep its hash, be signed again, or carry the stray blank's; the charge is true."""
    merchant.world.set_fault("tamper", endpoint="POST /apiv1/pay_cc", fields=fields, sign=sign)
    reply = merchant.charge(token)
    assert fields.items() <= reply.items()
    assert merchant.is_signed(reply) is (sign == "again")
    assert merchant.world.charges("123")[0]["amount_sen"] == 200


def test_the_stray_blank_alone(merchant, token):
    """The documents' blank in the hash text is a hash of its own."""
    merchant.world.set_fault("tamper", sign="blank")
    reply = merchant.charge(token)
    blank = f"1123 {reply['transaction_id']}200Payment was successful"
    assert reply["hash"] == merchant.hash(merchant.merchant_id, blank)


def test_a_missing_hash(merchant, token):
    """An answer without a hash; one that has no such place goes out as it is."""
    merchant.world.set_fault("tamper", fields={"nowhere.at.all": 1}, at=(1,))
    merchant.world.set_fault("tamper", remove=["hash"], at=(2,))
    assert merchant.is_signed(merchant.charge(token))
    assert "hash" not in merchant.charge(token)


def test_a_made_up_success(merchant, token):
    """A signed success behind which no charge stands: taken back after it was answered."""
    merchant.world.set_fault("tamper", processed=False)
    reply = merchant.charge(token)
    assert merchant.is_signed(reply)
    assert merchant.world.charges() == []


def test_a_toggle_that_lies(merchant, token):
    """The toggle's text may be anything."""
    merchant.world.set_fault("tamper", fields={"msg": "Done"})
    assert json.loads(merchant.post("update_token_status", {"token": token})[2])["msg"] == "Done"


@pytest.mark.parametrize(
    ("name", "details", "status"),
    [
        ("http_500", {}, 500),
        ("html", {}, 200),
        ("rate_429", {}, 429),
        ("refuse", {"status": 200, "code": "Hash error"}, 200),
        ("refuse", {"status": 401, "code": "UNAUTHORIZED"}, 401),
    ],
)
def test_queries_fail(merchant, token, name, details, status):
    """A query can fail in each way, hash refusal included, in senangPay's own words."""
    merchant.charge(token)
    merchant.world.set_fault(name, endpoint="GET /apiv1/query_order_status", **details)
    got, _, body = merchant.world.handle("GET", "/apiv1/query_order_status")
    assert got == status
    if name == "refuse":
        msg = {"Hash error": "Hash error", "UNAUTHORIZED": "Invalid Merchant"}[details["code"]]
        assert json.loads(body) == {"status": 0, "msg": msg}
    else:
        assert b"responseCode" not in body


def test_calls_and_new_worlds_are_cheap(merchant, token):
    """Thousands of cases are affordable: the best of some calls of each kind is within the budget."""

    def best_ms(work):
        took = []
        for _ in range(20):
            began_s = time.perf_counter()
            work()
            took.append(time.perf_counter() - began_s)
        return min(took) * 1000

    assert best_ms(lambda: World(per_day=0)) < BUDGET_MS
    assert best_ms(merchant.world.reset) < BUDGET_MS
    token = merchant.world.senangpay.issue_token()
    assert best_ms(lambda: merchant.charge(token)) < BUDGET_MS
    assert best_ms(lambda: merchant.query("query_transaction_status", transaction_reference="1")) < BUDGET_MS
