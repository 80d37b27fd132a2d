# SPDX-License-Identifier: Apache-2.0
"""The hook sends what the protocol says with the connection's merchant id, and gives no secret away."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from airflow.providers.common.compat.sdk import BaseHook

sys.path.insert(0, str(Path(__file__).parent))

import senangpay_shop
from senangpay_shop import API, CHARGE, MERCHANT, SANDBOX, SECRET, TOKEN, define, hidden_in, signature

from airflow_provider_sengo.exceptions import NotAuthorized, Rejected, SenGoProviderError, SignatureMismatch
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.protocol import senangpay

gateway = senangpay_shop.gateway
hook = senangpay_shop.hook

ROW = {
    "order_detail": {"grand_total": "10.00"},
    "payment_info": {"transaction_reference": "14951544812820", "status": "paid"},
}


def paid(**changes: Any) -> dict[str, Any]:
    """A signed answer to the charge."""
    fields = {
        "status": 1,
        "order_id": "1234",
        "transaction_id": "14951544812820",
        "amount_paid": 1000,
        "msg": "Payment was successful",
    } | changes
    return fields | {"hash": signature(MERCHANT, *(str(value) for value in fields.values()))}


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Airflow's masker was told."""
    told: list[str] = []
    monkeypatch.setattr("airflow_provider_sengo.hooks.masking.mask_secret", told.append)
    return told


def test_airflow_makes_the_hook_of_a_connection_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the parameters of any hook of Airflow's; another is refused by its name."""
    define(monkeypatch)
    hook = BaseHook.get_hook("senangpay_default", hook_params={"logger_name": "till"})
    assert (type(hook), hook.senangpay_conn_id) == (SenangPayHook, "senangpay_default")
    assert hook._logger_name == "till"
    with pytest.raises(TypeError, match="'timeout'"):
        BaseHook.get_hook("senangpay_default", hook_params={"timeout": 5})


def test_a_charge_sends_the_form_with_an_empty_password(
    hook: SenangPayHook, gateway: requests_mock.Mocker
) -> None:
    """One POST to the sandbox: the signed form to the byte, Basic without the secret key."""
    gateway.post(f"{API}/pay_cc", json=paid())
    payment = hook.charge_token(**CHARGE)
    assert (payment.transaction_id, payment.amount_sen, payment.order_id) == ("14951544812820", 1000, "1234")
    signed = signature(
        MERCHANT, "Abu Bin Ali", "ahmad@google.com", "0109876543", "Order for product id #4", "1234", "1000"
    )
    sent = gateway.request_history[0]
    assert (
        sent.body
        == (
            "name=Abu+Bin+Ali&email=ahmad%40google.com&detail=Order+for+product+id+%234&phone=0109876543"
            f"&order_id=1234&amount=1000&token={TOKEN}&hash={signed}"
        ).encode()
    )
    assert sent.headers["Authorization"] == "Basic NTQzMTYwNDY0ODA1NTc0Og=="
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert gateway.call_count == 1


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (200, paid(msg="x") | {"msg": "y"}, SignatureMismatch, ""),
        (200, paid(status=0, msg="Insufficient funds"), Rejected, senangpay.DECLINED),
        (200, {"status": 0, "msg": "Invalid token"}, Rejected, senangpay.UNVERIFIED),
        (401, {"status": 0, "msg": "Invalid Merchant"}, NotAuthorized, ""),
        (503, {}, SenGoProviderError, ""),
    ],
)
def test_no_answer_makes_a_charge_go_out_twice(
    status: int,
    body: dict[str, Any],
    kind: type[Exception],
    code: str,
    gateway: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not with attempts to spare either."""
    define(monkeypatch, extra={"max_attempts": 5})
    gateway.post(f"{API}/pay_cc", status_code=status, json=body)
    with SenangPayHook() as hook, pytest.raises(kind) as caught:
        hook.charge_token(**CHARGE)
    assert getattr(caught.value, "code", "") == code
    assert gateway.call_count == 1


@pytest.mark.parametrize(
    ("name", "value"), [("amount_sen", 10.0), ("order_id", "a-b"), ("token", "0"), ("name", " x")]
)
def test_a_wrong_argument_sends_nothing(
    name: str, value: object, hook: SenangPayHook, gateway: requests_mock.Mocker
) -> None:
    """The error names it."""
    with pytest.raises(ValueError, match=f"^{name}: "):
        hook.charge_token(**CHARGE | {name: value})
    assert gateway.call_count == 0


def test_validate_token(hook: SenangPayHook, gateway: requests_mock.Mocker) -> None:
    """The token alone, and Basic with an empty password."""
    gateway.post(f"{API}/validate_token", json={"status": 1, "msg": "ok", "token": TOKEN})
    assert hook.validate_token(TOKEN) == senangpay.TokenValidation(valid=True, message="ok")
    sent = gateway.request_history[0]
    assert sent.body == f"token={TOKEN}".encode()
    assert sent.headers["Authorization"] == "Basic NTQzMTYwNDY0ODA1NTc0Og=="


def test_toggle_token(hook: SenangPayHook, gateway: requests_mock.Mocker) -> None:
    """One POST, and the state from its words."""
    gateway.post(f"{API}/update_token_status", json={"msg": "Credit card successfully disabled"})
    assert not hook.toggle_token(TOKEN).enabled
    assert gateway.call_count == 1


def test_queries_are_lists(hook: SenangPayHook, gateway: requests_mock.Mocker) -> None:
    """Signed in the query string, without Basic; an empty answer is an empty list."""
    for endpoint in ("query_order_status", "query_transaction_status"):
        gateway.get(f"{API}/{endpoint}", json={"status": 1, "msg": "", "data": [ROW]})
    gateway.get(f"{API}/get_transaction_list", json={"status": 1, "msg": "", "data": []})
    day = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    (payment,) = hook.query_order("1234")
    assert (payment.status, payment.amount_sen) == (senangpay.PAID, 1000)
    assert hook.query_transaction("14951544812820") == [payment]
    assert hook.list_transactions(*day) == []
    keys = [sent.qs["hash"] for sent in gateway.request_history]
    assert keys == [
        [signature(MERCHANT, SECRET, "1234")],
        [signature(MERCHANT, SECRET, "14951544812820")],
        [signature(MERCHANT, SECRET, "1577836800", "1577923200")],
    ]
    assert not any("Authorization" in sent.headers for sent in gateway.request_history)


def test_queries_are_repeated(monkeypatch: pytest.MonkeyPatch, gateway: requests_mock.Mocker) -> None:
    """They change nothing, so a broken gateway is asked again."""
    define(monkeypatch, extra={"max_attempts": 2, "hash_type": "md5"})
    monkeypatch.setattr("random.random", lambda: 0.0)
    gateway.get(
        f"{API}/query_order_status", [{"status_code": 503}, {"json": {"status": 1, "msg": "", "data": []}}]
    )
    with SenangPayHook() as hook:
        assert hook.query_order("1234") == []
    md5 = hashlib.md5(f"{MERCHANT}{SECRET}1234".encode()).hexdigest()
    assert [sent.qs["hash"] for sent in gateway.request_history] == [[md5], [md5]]


def test_tokenization_there_and_back(
    hook: SenangPayHook, gateway: requests_mock.Mocker, masked: list[str]
) -> None:
    """A signed URL, and a verified card whose token is masked; nothing is sent."""
    url = hook.tokenization_url(order_id="abc1", name="Abu", email="ahmad@google.com", phone="0109876543")
    assert url.startswith(f"{SANDBOX}/tokenization/{MERCHANT}?order_id=abc1&")
    assert url.endswith(f"&hash={signature(MERCHANT, 'abc1')}")
    params = {"status_id": "1", "order_id": "abc1", "token": TOKEN, "cc_num": "1118", "cc_type": "mc"}
    signed = signature(MERCHANT, "abc1", "1", TOKEN, "1118", "mc", "Card validate")
    params |= {"msg": "Card validate", "hash": signed}
    card = hook.verify_tokenization_return(params, order_id="abc1")
    assert (card.token, card.last_four) == (TOKEN, "1118")
    assert TOKEN in masked
    with pytest.raises(SignatureMismatch):
        hook.verify_tokenization_return(params, order_id="abc2")
    assert gateway.call_count == 0


def test_secrets_are_masked_before_any_call(hook: SenangPayHook, masked: list[str]) -> None:
    """The secret key once the connection is read; a card token even if it is refused."""
    _ = hook.credentials
    assert masked == [SECRET]
    for method in (hook.validate_token, hook.toggle_token):
        masked.clear()
        with pytest.raises(ValueError, match=r"^token: "):
            method(f"{TOKEN} ")
        assert set(masked) == {TOKEN, f"{TOKEN} "}
    masked.clear()
    with pytest.raises(ValueError, match=r"^amount_sen: "):
        hook.charge_token(**CHARGE | {"amount_sen": 0})
    assert masked == [TOKEN]
    masked.clear()
    for value in ("", " ", None):
        with pytest.raises(ValueError, match=r"^token: "):
            hook.validate_token(value)  # type: ignore[arg-type]
    assert masked == []


def test_no_secret_in_reprs_errors_and_logs(
    hook: SenangPayHook, gateway: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at DEBUG either, and not when the gateway echoes what it was sent."""
    caplog.set_level(logging.DEBUG)
    echo = f"HASH {SECRET} {TOKEN} ahmad@google.com 0109876543 {signature(MERCHANT, SECRET, '1234')}"
    gateway.post(f"{API}/pay_cc", json={"status": 0, "msg": echo})
    gateway.get(f"{API}/query_order_status", json={"status": 0, "msg": echo.partition(" ahmad")[0]})
    with pytest.raises(Rejected) as declined:
        hook.charge_token(**CHARGE)
    with pytest.raises(NotAuthorized) as refused:
        hook.query_order("1234")
    shown = [repr(each) for each in (hook, hook.connection, hook.credentials, declined.value, refused.value)]
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("requests_mock")]
    assert not hidden_in("\n".join([*shown, str(hook), *logged]))


def test_close_twice_and_go_on(hook: SenangPayHook, gateway: requests_mock.Mocker) -> None:
    """A closed hook opens another session when it is used again."""
    gateway.get(f"{API}/query_order_status", json={"status": 1, "msg": "", "data": [ROW]})
    hook.query_order("1234")
    hook.close()
    hook.close()
    assert len(hook.query_order("1234")) == 1


def test_connection_in_an_event_loop(hook: SenangPayHook) -> None:
    """Async code reads the same connection, once."""

    async def read_twice() -> bool:
        return await hook.read_connection_async() is await hook.read_connection_async()

    assert asyncio.run(read_twice())
    assert hook.credentials.secret_key == SECRET
