# SPDX-License-Identifier: Apache-2.0
"""How the answers without a hash are read: card tokens and queries."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_sengo.exceptions import (
    NotAuthorized,
    Rejected,
    SenGoProviderError,
    Unavailable,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.protocol.senangpay import SenangPayCredentials, TokenStatus, TokenValidation

TOKEN, SECRET = "6bcc32c3cf4c6de03f4b3c967a36606d965d54cd51eb6cb7507555e2ad7b4521", "53-784"
CREDENTIALS = SenangPayCredentials(
    base_url=senangpay.BASE_URLS["sandbox"], merchant_id="543160464805574", secret_key=SECRET
)
VALIDATE = senangpay.validate_token(CREDENTIALS, TOKEN)
TOGGLE = senangpay.toggle_token(CREDENTIALS, TOKEN)
QUERY = senangpay.query_order(CREDENTIALS, "123")
TRANSACTION = senangpay.query_transaction(CREDENTIALS, "160499101311679101")
CALLS = {call.name: call for call in (VALIDATE, TOGGLE, QUERY, TRANSACTION)}
VALID = {"status": 1, "msg": "Card has been successfully verified", "token": TOKEN}
DISABLED = {"msg": "Credit card successfully disabled", "token": TOKEN}
ROW = {
    "buyer_contact": {"email": "ahmad@google.com", "phone": "0109876543"},
    "order_detail": {"grand_total": "24.50"},
    "payment_info": {"transaction_reference": "160499101311679101", "status": "paid"},
}
FAILED = {"payment_info": {"transaction_reference": "160499101311679101", "status": "failed"}}


def refused(call, response) -> SenGoProviderError:
    """The error that this answer is read as."""
    with pytest.raises(SenGoProviderError) as caught:
        call.parse(response)
    return caught.value


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        (VALID, True),
        (VALID | {"status": "1"}, True),
        (VALID | {"token": None}, True),
        (VALID | {"token": "enabled"}, True),
        (VALID | {"token": "Disabled"}, False),
        (VALID | {"status": 0, "msg": "Invalid token"}, False),
        ({"status": "0"}, False),
    ],
)
def test_a_validation_is_read_from_its_status(body, valid, answer):
    """The page's sentence about the echoed token allows for a state in its place; neither counts alone."""
    found = VALIDATE.parse(answer(body))
    assert found == TokenValidation(valid=valid, message=body.get("msg", ""))


@pytest.mark.parametrize(
    ("body", "json_path"),
    [
        (VALID | {"token": "another"}, "$.token"),
        (VALID | {"token": ""}, "$.token"),
        (VALID | {"token": 1}, "$.token"),
        ({"msg": "Card has been successfully verified"}, "$.status"),
        (VALID | {"status": True}, "$.status"),
        (VALID | {"status": 2}, "$.status"),
    ],
)
def test_an_odd_validation_is_unexpected(body, json_path, answer):
    """Another token or another status is no answer."""
    error = refused(VALIDATE, answer(body))
    assert isinstance(error, UnexpectedResponse)
    assert error.json_path == json_path


def test_an_http_error_is_no_verdict_on_a_token(answer):
    """A wrong address must not look like a bad card."""
    error = refused(VALIDATE, answer({"status": 0, "msg": "Not Found"}, 404))
    assert type(error) is Rejected
    assert error.http_status == 404


@pytest.mark.parametrize(
    ("body", "enabled"),
    [
        (DISABLED, False),
        (DISABLED | {"msg": "Credit card successfully enabled"}, True),
        (DISABLED | {"msg": "CARD HAS BEEN ENABLED."}, True),
        ({"status": 1, "msg": "Disabled"}, False),
        (DISABLED | {"token": "disabled"}, False),
    ],
)
def test_a_toggle_tells_its_new_state_in_words(body, enabled, answer):
    """In any case of letters; the page has no field for it."""
    assert TOGGLE.parse(answer(body)) == TokenStatus(enabled=enabled, message=body["msg"])


@pytest.mark.parametrize(
    "message",
    [
        None, "", "OK", "Credit card successfully switched", "reenabled", "Card is enabled or disabled",
        "Card could not be disabled", "Cannot be enabled", "Failed: disabled", "Error, card enabled", 1, ["enabled"],
    ],
)  # fmt: skip
def test_a_toggle_without_a_clear_state_is_unexpected(message, answer):
    """Neither word, both, or a denial: the state is not known, and that is said."""
    error = refused(TOGGLE, answer({"msg": message, "token": TOKEN}))
    assert isinstance(error, UnexpectedResponse)
    assert error.json_path == "$.msg"
    assert "switched is not known" in str(error)


def test_a_toggle_of_another_token_is_unexpected(answer):
    """The echo is all there is to check."""
    error = refused(TOGGLE, answer(DISABLED | {"token": TOKEN[:-1]}))
    assert isinstance(error, UnexpectedResponse)
    assert error.json_path == "$.token"


@pytest.mark.parametrize("status", [200, 400, 422])
def test_a_refused_toggle_is_rejected(status, answer):
    """Even where the message holds a word of state."""
    error = refused(TOGGLE, answer({"status": 0, "msg": "Credit card is disabled"}, status))
    assert type(error) is Rejected
    assert (error.http_status, error.code) == (status, "")


def test_a_message_is_read_before_it_is_redacted(answer):
    """A long number in it is shown as a hash, but does not make it an error about one."""
    assert QUERY.parse(answer({"status": 0, "msg": f"No transaction found: {TOKEN}"})) == ()


def test_all_rows_of_an_order_are_read(answer):
    """Failed and paid ones in the gateway's order, which means nothing."""
    for rows in ([FAILED, ROW], [ROW, FAILED]):
        found = QUERY.parse(answer({"status": 1, "msg": "x", "data": rows}))
        assert {payment.status for payment in found} == {senangpay.PAID, senangpay.FAILED}
        assert [payment.raw for payment in found] == rows
        assert sum(payment.amount_sen or 0 for payment in found) == 2450


def test_one_row_may_stand_alone(answer):
    """A single row that is not wrapped in a list is still a row."""
    (found,) = TRANSACTION.parse(answer({"status": "1", "data": ROW}))
    assert found.transaction_reference == "160499101311679101"


@pytest.mark.parametrize("data", [[], {}, None, ""])
def test_no_rows_mean_no_such_order(data, answer):
    """However PHP writes nothing; a missing ``data`` is not nothing."""
    assert QUERY.parse(answer({"status": 1, "msg": "", "data": data})) == ()


@pytest.mark.parametrize(
    "message",
    ["No transaction found", "no transactions were found.", "Order not found", "Record does not exist"],
)
def test_not_found_in_words_means_no_such_order(message, answer):
    """Only under HTTP 2xx; an HTTP error with these words is an error."""
    assert QUERY.parse(answer({"status": 0, "msg": message})) == ()
    for status in (400, 404):
        assert type(refused(QUERY, answer({"status": 0, "msg": message}, status))) is Rejected


@pytest.mark.parametrize(
    "message",
    [
        "HASH ERROR", "Invalid hash", "Hash mismatch: no transaction found", "Invalid Merchant", "Merchant not found",
        "Merchant account is inactive", "Unauthorized", "You are not authorised to use this API", "Wrong signature",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [200, 400])
def test_refused_credentials_are_never_no_such_order(message, name, status, answer):
    """A wrong secret key must not look like an order that was never paid, nor like a bad token."""
    error = refused(CALLS[name], answer({"status": 0, "msg": message}, status))
    assert isinstance(error, NotAuthorized)
    assert error.http_status == status
    assert "hash type" in str(error)


@pytest.mark.parametrize("message", ["", None, "System busy", "Page not found", "Too many orders"])
def test_other_refusals_of_a_query_are_rejected(message, answer):
    """What is not understood is not "no such order"."""
    assert type(refused(QUERY, answer({"status": 0, "msg": message, "data": []}))) is Rejected


@pytest.mark.parametrize(
    ("body", "json_path"),
    [
        ({}, "$.status"),
        ({"data": [ROW]}, "$.status"),
        ({"status": True, "data": []}, "$.status"),
        ({"status": 2, "data": []}, "$.status"),
        ({"status": 1}, "$.data"),
        ({"status": 1, "data": "none"}, "$.data"),
        ({"status": 1, "data": 0}, "$.data"),
        ({"status": 1, "data": False}, "$.data"),
        ({"status": 1, "data": {"1": ROW}}, "$.data"),
        ({"status": 1, "data": [ROW, None]}, "$.data[1]"),
        ({"status": 1, "data": [[]]}, "$.data[0]"),
    ],
)
def test_odd_answers_of_a_query_are_unexpected(body, json_path, answer):
    """A row that cannot be looked into might be a payment, so nothing is left out."""
    error = refused(QUERY, answer(body))
    assert isinstance(error, UnexpectedResponse)
    assert error.json_path == json_path


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 401, NotAuthorized),
        ({"status": 0, "msg": "x"}, 403, NotAuthorized),
        (b"", 429, Unavailable),
        (b"<html>", 500, Unavailable),
        (VALID, 503, UnexpectedResponse),
        (b"<html>", 200, UnexpectedResponse),
        ([], 200, UnexpectedResponse),
        (b"", 302, UnexpectedResponse),
        (b"<html>", 404, UnexpectedResponse),
        ({"error": "not found"}, 404, UnexpectedResponse),
        (VALID, 404, UnexpectedResponse),
        ({"status": 1, "data": []}, 404, UnexpectedResponse),
    ],
)
def test_http_decides_first(name, body, status, kind, answer):
    """Refused, busy, broken, elsewhere or no JSON: the same for every call, and never "no such order"."""
    assert type(refused(CALLS[name], answer(body, status))) is kind


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [200, 401, 503])
def test_an_echo_of_secrets_is_never_shown(name, status, answer):
    """Neither errors nor records show token, hash or secret key that a message repeats."""
    call = CALLS[name]
    query_hash = QUERY.request.url.rpartition("hash=")[2]
    echo = f"enabled {TOKEN} {TOKEN.upper()} {SECRET} {query_hash}"
    texts = [repr(call), repr(call.request), str(call.request)]
    for code in (0, 1):
        try:
            found = call.parse(answer({"status": code, "msg": echo, "data": [ROW]}, status))
        except SenGoProviderError as error:
            texts += [str(error), repr(error), repr(error.__dict__)]
        else:
            texts.append(repr(found))
    for secret in (TOKEN, SECRET, query_hash, "ahmad@google.com", "0109876543"):
        assert secret.lower() not in " ".join(texts).lower()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_bodies = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from([0, 1, "0", "1"]) | _json,
        "msg": st.sampled_from(["No transaction found", "HASH ERROR", "enabled"]) | _json,
        "token": st.just(TOKEN) | _json,
        "data": st.lists(st.just(ROW) | _json, max_size=3) | _json,
    },
)


@given(
    st.sampled_from(sorted(CALLS)),
    _bodies.map(lambda body: json.dumps(body).encode()) | st.binary(),
    st.sampled_from([200, 204, 302, 400, 401, 404, 429, 500]),
)
@example("query_order", b"[" * 100_000, 200)
def test_any_answer_is_a_record_or_one_of_our_errors(name, body, status):
    """And a record only under HTTP 2xx."""
    try:
        CALLS[name].parse(Response(status, {}, body, None))
    except SenGoProviderError:
        return
    assert status in (200, 204)
