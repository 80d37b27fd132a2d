# SPDX-License-Identifier: Apache-2.0
"""Which answer proves that a card was charged, which that it was not, and which proves nothing."""

from __future__ import annotations

import json

import pytest
from charge_answers import CALL, DECLINED, EMAIL, PAID, PHONE, SECRET, TOKEN, refused, signed
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_sengo.exceptions import (
    NotAuthorized,
    Rejected,
    SenGoProviderError,
    SignatureMismatch,
    Unavailable,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.protocol.retry import RetryPolicy


def test_a_verified_success_is_a_payment(answer):
    """Status, transaction, order, sen and message, as the page's sample has them."""
    payment = CALL.parse(answer(PAID))
    assert senangpay.as_plain_dict(payment) == {
        "status": 1,
        "transaction_id": "14951544812820",
        "order_id": "1234",
        "amount_sen": 1000,
        "message": "Payment was successful",
    }


@pytest.mark.parametrize(
    "body",
    [
        PAID | {"status": "1"},
        PAID | {"amount_paid": "1000"},
        PAID | {"transaction_id": 14951544812820},
        PAID | {"order_id": 1234},
        PAID | {"hash": PAID["hash"].upper()},
        PAID | {"new_field": [1.5]},
        signed(transaction_id="WSJ30000097DO"),
        signed(msg=None),
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_other_spellings_of_a_success_count(body, status, answer):
    """Numbers and their digits hash alike, capitals verify, unknown fields do no harm."""
    assert CALL.parse(answer(body, status)).amount_sen == 1000


@pytest.mark.parametrize(
    "body",
    [
        signed(order_id="1235"),
        signed(amount_paid=100),
        signed(amount_paid="10.00"),
        signed(amount_paid=-1000),
        signed(amount_paid=0),
        signed(order_id=None),
        signed(order_id="01234"),
        signed(status=0, order_id="1235"),
    ],
    ids=lambda body: f"{body.get('order_id')} {body['amount_paid']}",
)
def test_a_signed_answer_about_something_else_is_a_mismatch(body, answer):
    """The hash is senangPay's, but order or amount are not ours."""
    error = refused(answer, body)
    assert isinstance(error, SignatureMismatch)
    assert "is not the one that was sent" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        DECLINED,
        DECLINED | {"status": "0", "amount_paid": "0"},
        signed(status=0, transaction_id=None, amount_paid=None, msg="Insufficient funds"),
        signed(status=0, amount_paid=1000, msg="Insufficient funds"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_a_verified_decline_says_that_the_card_was_not_charged(body, status, answer):
    """With or without transaction and amount, as long as the hash is right and the order is ours."""
    error = refused(answer, body, status)
    assert type(error) is Rejected
    assert (error.code, error.http_status) == (senangpay.DECLINED, status)
    assert "Insufficient funds" in str(error)
    assert "was not charged" in str(error)


@pytest.mark.parametrize("body", [b"", b"<html>", {"status": 0, "msg": "Invalid Merchant"}, {}, []])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_merchant_is_not_authorized(body, status, answer):
    """Whatever the body is, unless it claims a success."""
    error = refused(answer, body, status)
    assert isinstance(error, NotAuthorized)
    assert error.http_status == status
    assert "merchant id, secret key" in str(error)


@pytest.mark.parametrize("status", [302, 401, 403, 404, 429, 500, 503])
def test_a_success_inside_an_http_error_proves_nothing(status, answer):
    """Least of all that the card was not charged."""
    error = refused(answer, PAID, status)
    assert isinstance(error, UnexpectedResponse)
    assert error.json_path == "$.status"


@pytest.mark.parametrize("body", [b"<html>502</html>", DECLINED, {"status": 0}])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_broken_gateway_proves_nothing(body, status, answer):
    """Not even with a signed decline inside."""
    error = refused(answer, body, status, {"retry-after": "7"})
    assert isinstance(error, Unavailable)
    assert (error.http_status, error.retry_after_s) == (status, 7.0)
    assert "charged is not known" in str(error)


@pytest.mark.parametrize(
    ("body", "status", "json_path"),
    [
        (b"", 200, "$"),
        (b"<html>Payment was successful</html>", 200, "$"),
        (json.dumps(PAID).encode()[:-1], 200, "$"),
        (b"Notice: x" + json.dumps(PAID).encode(), 200, "$"),
        ([PAID], 200, "$"),
        ("1", 200, "$"),
        (b"\xff", 200, "$"),
        (b"<html>", 404, "$"),
        (b"", 302, "$"),
        ({"status": 0}, 301, "$"),
        ({}, 200, "$.status"),
        ({"msg": "Payment was successful"}, 404, "$.status"),
        (PAID | {"status": True}, 200, "$.status"),
        (PAID | {"status": 1.0}, 200, "$.status"),
        (PAID | {"status": 2}, 200, "$.status"),
        (PAID | {"status": "01"}, 200, "$.status"),
        (PAID | {"status": None}, 200, "$.status"),
        (PAID | {"amount_paid": 1000.0}, 200, "$.amount_paid"),
        (PAID | {"amount_paid": True}, 200, "$.amount_paid"),
        (PAID | {"msg": ["Payment was successful"]}, 200, "$.msg"),
        (PAID | {"hash": {}}, 200, "$.hash"),
        (signed(transaction_id=None), 200, "$.transaction_id"),
        (signed(transaction_id=""), 200, "$.transaction_id"),
    ],
)
def test_anything_odd_proves_nothing(body, status, json_path, answer):
    """HTML, cut or wrapped JSON, redirects, other types: a place, never a value, and what to do."""
    error = refused(answer, body, status)
    assert isinstance(error, UnexpectedResponse)
    assert error.json_path == json_path
    assert "look the order up before anything else" in str(error)


def test_a_wrong_path_is_hinted_at(answer):
    """A 404 without JSON is about the address."""
    assert "ends before /apiv1" in str(refused(answer, b"<html>", 404))


def test_no_answer_makes_a_charge_go_out_again(answer):
    """The retry policy repeats none of them, for the call is not repeatable."""
    for body, status in ((DECLINED, 200), (b"", 200), (b"", 500), (b"", 429), ({"status": 0}, 200)):
        error = refused(answer, body, status)
        assert not RetryPolicy().may_repeat(repeatable=CALL.repeatable, error=error)


@pytest.mark.parametrize("status", [200, 400, 401, 503])
@pytest.mark.parametrize("code", [0, "0", 1])
def test_an_echo_of_secrets_is_never_shown(status, code, answer):
    """Neither an error nor a record shows token, hash, secret key, email or phone that a message repeats."""
    request_hash = CALL.request.body.decode().rpartition("hash=")[2]
    secrets = (TOKEN, request_hash, SECRET, EMAIL, PHONE)
    echo = " ".join((*secrets, TOKEN.upper(), "ahmad%40google.com"))
    texts = [repr(CALL), repr(CALL.request)]
    for body in (signed(status=code, msg=echo), PAID | {"status": code, "msg": echo, "hash": None}):
        try:
            payment = CALL.parse(answer(body, status))
        except SenGoProviderError as error:
            texts += [str(error), repr(error), repr(error.__dict__), repr(error.__cause__)]
        else:
            texts += [repr(payment), str(senangpay.as_plain_dict(payment))]
    for secret in (*secrets, "ahmad%40"):
        assert secret.lower() not in " ".join(texts).lower()


_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([]) | st.just({})
_fields = {name: st.sampled_from([value, str(value)]) | _values for name, value in (*PAID.items(), ("x", 1))}


@given(
    st.fixed_dictionaries({}, optional=_fields).map(lambda body: json.dumps(body).encode()) | st.binary(),
    st.sampled_from([200, 204, 302, 400, 401, 404, 429, 500]),
)
@example(b"[" * 100_000, 200)
@example(b'{"status":1,"amount_paid":1e999}', 200)
@example(b'{"status":1,"msg":"\\ud800"}', 200)
def test_any_answer_is_this_payment_or_one_of_our_errors(body, status):
    """And a payment only with the sample's own signed values."""
    try:
        payment = CALL.parse(Response(status, {}, body, None))
    except SenGoProviderError:
        return
    assert (status, payment.transaction_id, payment.amount_sen) == (200, "14951544812820", 1000)
