# SPDX-License-Identifier: Apache-2.0
"""Each endpoint's request to the byte; how answers are read is in the tests of their own modules."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.exceptions import UnexpectedResponse
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.senangpay import SenangPayCredentials
from airflow_provider_sengo.transport.options import check_request

MERCHANT, SECRET = "543160464805574", "53-784"
BASE = "https://sandbox.senangpay.my/apiv1"
TOKEN = "6bcc32c3cf4c6de03f4b3c967a36606d965d54cd51eb6cb7507555e2ad7b4521"
CHARGE = {
    "name": "Abu Bin Ali",
    "email": "ahmad@google.com",
    "detail": "Order for product id #4",
    "phone": "0109876543",
    "order_id": "123",
    "amount_sen": 200,
    "token": TOKEN,
}
REFERENCE = "160499101311679101"
ROW = {
    "order_detail": {"grand_total": "24.50"},
    "payment_info": {"transaction_reference": REFERENCE, "status": "paid"},
}
START_S, END_S = 1577808000, 1577894399
WINDOW = (datetime(2019, 12, 31, 16, tzinfo=UTC), datetime(2020, 1, 1, 15, 59, 59, tzinfo=UTC))


def made(**changes: str) -> SenangPayCredentials:
    given = {"base_url": senangpay.BASE_URLS["sandbox"], "merchant_id": MERCHANT, "secret_key": SECRET}
    return SenangPayCredentials(**(given | changes))


CALLS = {
    "charge_token": lambda credentials: senangpay.charge_token(credentials, **CHARGE),
    "validate_token": lambda credentials: senangpay.validate_token(credentials, TOKEN),
    "toggle_token": lambda credentials: senangpay.toggle_token(credentials, TOKEN),
    "query_order": lambda credentials: senangpay.query_order(credentials, "123"),
    "query_transaction": lambda credentials: senangpay.query_transaction(credentials, REFERENCE),
    "list_transactions": lambda credentials: senangpay.list_transactions(credentials, *WINDOW),
}


@pytest.mark.parametrize(
    ("name", "method", "url", "repeatable"),
    [
        ("charge_token", "POST", "/pay_cc", False),
        ("validate_token", "POST", "/validate_token", False),
        ("toggle_token", "POST", "/update_token_status", False),
        (
            "query_order",
            "GET",
            f"/query_order_status?merchant_id={MERCHANT}&order_id=123&hash=",
            True,
        ),
        (
            "query_transaction",
            "GET",
            f"/query_transaction_status?merchant_id={MERCHANT}&transaction_reference={REFERENCE}&hash=",
            True,
        ),
        (
            "list_transactions",
            "GET",
            f"/get_transaction_list?merchant_id={MERCHANT}&timestamp_start={START_S}&timestamp_end={END_S}&hash=",
            True,
        ),
    ],
)
def test_every_call_says_where_it_goes_and_whether_it_may_be_repeated(name, method, url, repeatable):
    """Method, URL, name, gate and repeatability; what moves money or a state is never repeatable."""
    credentials = made()
    call = CALLS[name](credentials)
    assert (call.name, call.request.method, call.repeatable) == (name, method, repeatable)
    assert call.request.url.partition("hash=")[0] == BASE + url.partition("hash=")[0]
    assert call.gate_key == credentials.gate_key
    check_request(call.request)


def test_a_charge_is_the_pages_form_to_the_byte():
    """Fields in the page's order, form-encoded, signed unencoded; the sample's values, our secret."""
    request = senangpay.charge_token(made(), **CHARGE).request
    assert request.body == (
        b"name=Abu+Bin+Ali&email=ahmad%40google.com&detail=Order+for+product+id+%234&phone=0109876543"
        b"&order_id=123&amount=200&token=" + TOKEN.encode() + b"&hash="
        b"ee11b1799bdd41d838a673e22f07fb3f5b63cd9ef0b1f197e63b541c133450f2"
    )
    assert request.headers == {
        "Authorization": "Basic NTQzMTYwNDY0ODA1NTc0Og==",
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Accept": "application/json",
    }


def test_a_name_beyond_ascii_is_encoded_after_signing():
    """UTF-8, percent-encoded; the hash is that of the name itself."""
    call = senangpay.charge_token(made(), **CHARGE | {"name": "Siti Nurhaliza Özil"})
    assert b"name=Siti+Nurhaliza+%C3%96zil&" in call.request.body
    assert call.request.body.endswith(b"b6ddb8c1783870b271e5b926950caab93d3d3fc77265a501fd8d8c38bbe21547")


def test_amounts_rendered_by_a_template_are_the_same_charge():
    """Digits as text are numbers."""
    as_text = senangpay.charge_token(made(), **CHARGE | {"amount_sen": "200"})
    assert as_text.request.body == senangpay.charge_token(made(), **CHARGE).request.body


@pytest.mark.parametrize("name", ["validate_token", "toggle_token"])
def test_token_endpoints_send_the_token_alone(name):
    """Without hash; Basic is the merchant id with an empty password."""
    request = CALLS[name](made()).request
    assert request.body == b"token=" + TOKEN.encode()
    assert request.headers["Authorization"] == "Basic NTQzMTYwNDY0ODA1NTc0Og=="


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("query_order", f"{MERCHANT}{SECRET}123"),
        ("query_transaction", f"{MERCHANT}{SECRET}{REFERENCE}"),
        ("list_transactions", f"{MERCHANT}{SECRET}15778080001577894399"),
    ],
)
def test_queries_are_signed_by_the_chosen_hash_type(name, message):
    """SHA-256 as HMAC or plain MD5, in the query string; no Basic, no body."""
    sha256 = hmac.new(SECRET.encode(), message.encode(), hashlib.sha256).hexdigest()
    md5 = hashlib.md5(message.encode()).hexdigest()
    for hash_type, expected in (("sha256", sha256), ("md5", md5)):
        request = CALLS[name](made(hash_type=hash_type)).request
        assert dict(parse_qsl(urlsplit(request.url).query))["hash"] == expected
        assert (request.body, request.headers) == (None, {"Accept": "application/json"})


def test_an_order_id_cannot_leave_its_place_in_the_query():
    """Signs are percent-encoded, and signed as they are."""
    url = senangpay.query_order(made(), "a&hash=1#/ +é").request.url
    assert "order_id=a%26hash%3D1%23%2F%20%2B%C3%A9&hash=" in url


def test_a_slash_at_the_end_of_the_base_url_does_no_harm():
    """Nor does a path of the simulator's."""
    call = senangpay.query_order(made(base_url="http://127.0.0.1:8800/"), "1")
    assert call.request.url.startswith("http://127.0.0.1:8800/apiv1/query_order_status?")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": " s3cret"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "s3\ncret"}, "name"),
        ({"detail": "s3cret "}, "detail"),
        ({"detail": "x" * 101}, "detail"),
        ({"detail": None}, "detail"),
        ({"email": "s3cret"}, "email"),
        ({"email": ""}, "email"),
        ({"phone": 109876543}, "phone"),
        ({"phone": "\t0109876543"}, "phone"),
        ({"phone": "1" * 51}, "phone"),
        ({"order_id": "a-b"}, "order_id"),
        ({"order_id": ""}, "order_id"),
        ({"order_id": 123}, "order_id"),
        ({"order_id": "1" * 101}, "order_id"),
        ({"amount_sen": 0}, "amount_sen"),
        ({"amount_sen": -1}, "amount_sen"),
        ({"amount_sen": 2.0}, "amount_sen"),
        ({"amount_sen": "2.00"}, "amount_sen"),
        ({"amount_sen": ""}, "amount_sen"),
        ({"amount_sen": True}, "amount_sen"),
        ({"amount_sen": None}, "amount_sen"),
        ({"amount_sen": 2**63}, "amount_sen"),
        ({"token": ""}, "token"),
        ({"token": " "}, "token"),
        ({"token": "0"}, "token"),
        ({"token": "s3cret\n"}, "token"),
        ({"token": None}, "token"),
    ],
    ids=str,
)
def test_what_cannot_be_charged_is_refused_before_anything_is_built(change, named):
    """The error names the argument and the rule, never the value."""
    with pytest.raises(ValueError, match=f"^{named}: ") as error:
        senangpay.charge_token(made(), **CHARGE | change)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("value", ["", " ", "0", " s3cret", None])
def test_what_is_no_token_is_refused_everywhere(value):
    """By validation and toggle as well."""
    for build in (senangpay.validate_token, senangpay.toggle_token):
        with pytest.raises(ValueError, match=r"^token: "):
            build(made(), value)


@pytest.mark.parametrize("value", ["", " ", " s3cret", "1" * 101, None, 123])
def test_what_is_no_id_is_refused(value):
    """Orders and references to look up."""
    with pytest.raises(ValueError, match=r"^order_id: "):
        senangpay.query_order(made(), value)
    with pytest.raises(ValueError, match=r"^reference: "):
        senangpay.query_transaction(made(), value)


def test_a_transaction_is_found_by_its_reference(answer):
    """The row of that reference, or none: nothing is guessed from an empty answer."""
    call = CALLS["query_transaction"](made())
    (found,) = call.parse(answer({"status": 1, "msg": "", "data": [ROW]}))
    assert (found.transaction_reference, found.status, found.amount_sen) == (REFERENCE, senangpay.PAID, 2_450)
    assert call.parse(answer({"status": 1, "msg": "", "data": []})) == ()


@pytest.mark.parametrize("row", [{}, {"payment_info": {"transaction_reference": "1", "status": "paid"}}])
def test_a_row_of_another_transaction_is_unexpected(row, answer):
    """The reference is echoed, and must be the one asked for."""
    call = CALLS["query_transaction"](made())
    with pytest.raises(UnexpectedResponse, match="another transaction than the one asked for") as error:
        call.parse(answer({"status": 1, "data": [ROW, row]}))
    assert error.value.json_path == "$.data[1].payment_info.transaction_reference"


@pytest.mark.parametrize("name", CALLS)
def test_the_secret_key_is_in_no_byte_of_a_request(name):
    """Nor does anything that can be printed show key, hash, token, email or phone."""
    secret = "SK-very-secret-0001"
    call = CALLS[name](made(secret_key=secret))
    request = call.request
    sent = " ".join([request.url, *request.headers.values(), (request.body or b"").decode()])
    assert secret not in sent
    shown = f"{call!r} {call} {request!r} {request}"
    hashed = sent.partition("hash=")[2]
    for hidden in (secret, TOKEN, CHARGE["email"], CHARGE["phone"], *([hashed] if hashed else [])):
        assert hidden not in shown


_text = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zs", "Zl", "Zp"]), min_size=1, max_size=40
)


@given(_text, _text, st.integers(1, 2**63 - 1))
def test_what_is_sent_is_what_was_signed(name, detail, amount_sen):
    """Decoding the form gives back the signed values, and their HMAC is the hash that was sent."""
    try:
        call = senangpay.charge_token(
            made(), **CHARGE | {"name": name, "detail": detail, "amount_sen": amount_sen}
        )
    except ValueError:
        return
    sent = dict(parse_qsl(call.request.body.decode("ascii"), keep_blank_values=True))
    message = MERCHANT + "".join(
        sent[field] for field in ("name", "email", "phone", "detail", "order_id", "amount")
    )
    assert sent["hash"] == hmac.new(SECRET.encode(), message.encode(), hashlib.sha256).hexdigest()
    assert (sent["name"], sent["detail"], sent["amount"]) == (name, detail, str(amount_sen))
