# SPDX-License-Identifier: Apache-2.0
"""The hook sends what the protocol says with the connection's key and token, and gives no secret away."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests_mock
from airflow.models import Connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_sengo.exceptions import NotAuthorized
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.protocol import sengo

KEY, TOKEN = "SC-KEY-0001", "token-of-the-tests-0001"
CALLBACK = "https://shop.example/paid"
SANDBOX = sengo.BASE_URLS["sandbox"]
BALANCE = {"active": 1500, "pending": 25, "total": 1525}


def signature(body: bytes = b"") -> str:
    """SenGo's signature, written down a second time."""
    return hmac.new(TOKEN.encode(), KEY.encode() + body, hashlib.sha512).hexdigest()


def success(data: Any, **more: Any) -> dict[str, Any]:
    """SenGo's envelope around an answer."""
    return {"responseCode": 200, "responseMessage": "success", "responseData": data} | more


def transaction(**fields: Any) -> dict[str, Any]:
    """A pending QRIS payment as SenGo tells it."""
    return {
        "id": "01J9",
        "status": "pending",
        "merchantRef": "INV-1",
        "amount": 10000,
        "qris": {"content": "0002"},
    } | fields


def define(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """Define the connection ``sengo_default``."""
    given = {"conn_type": "sengo", "login": KEY, "password": TOKEN} | fields
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(given))


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[SenGoHook]:
    """A hook over a sandbox connection that sends every call once."""
    define(monkeypatch, extra={"max_attempts": 1, "callback_url": CALLBACK})
    with SenGoHook() as hook:
        yield hook


@pytest.fixture
def gateway() -> Iterator[requests_mock.Mocker]:
    """The vendor's host name, answered in this process."""
    with requests_mock.Mocker() as mocker:
        yield mocker


def test_airflow_makes_the_hook_of_a_connection_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the parameters of any hook of Airflow's; another is refused by its name."""
    define(monkeypatch)
    hook = BaseHook.get_hook("sengo_default", hook_params={"logger_name": "till"})
    assert (type(hook), hook.sengo_conn_id, hook._logger_name) == (SenGoHook, "sengo_default", "till")
    with pytest.raises(TypeError, match="'timeout'"):
        BaseHook.get_hook("sengo_default", hook_params={"timeout": 5})


def test_get_balance_goes_to_the_sandbox_signed(hook: SenGoHook, gateway: requests_mock.Mocker) -> None:
    """A GET carries key, token and the signature of no body."""
    gateway.get(f"{SANDBOX}/balance", json=success(BALANCE))
    assert sengo.as_plain_dict(hook.get_balance()).items() >= BALANCE.items()
    sent = gateway.request_history[0]
    assert (sent.headers["X-Client-Key"], sent.headers["X-Client-Token"]) == (KEY, TOKEN)
    assert sent.headers["X-Signature"] == signature()


def test_create_qris_sends_the_signed_bytes(hook: SenGoHook, gateway: requests_mock.Mocker) -> None:
    """The body is canonical PHP JSON, signed as sent; the callback is the connection's."""
    gateway.post(f"{SANDBOX}/qris", json=success(transaction()))
    payment = hook.create_qris(reference="INV-1", amount="10000", view_name="Shop", expiry_minutes=30)
    assert (payment.id, payment.amount, payment.qris.content) == ("01J9", 10000, "0002")
    body = (
        b'{"reference":"INV-1","amount":10000,"expiryMinutes":30,"viewName":"Shop",'
        b'"additionalInfo":{"callback":"https:\\/\\/shop.example\\/paid"}}'
    )
    sent = gateway.request_history[0]
    assert (sent.body, sent.headers["X-Signature"]) == (body, signature(body))
    assert gateway.call_count == 1


def test_create_qris_prefers_its_own_callback(hook: SenGoHook, gateway: requests_mock.Mocker) -> None:
    """The connection's callback URL is only the default."""
    gateway.post(f"{SANDBOX}/qris", json=success(transaction()))
    hook.create_qris(reference="INV-1", amount=10000, view_name="Shop", callback_url="https://other.example/")
    assert gateway.request_history[0].json()["additionalInfo"] == {"callback": "https://other.example/"}


def test_create_qris_without_any_callback(
    monkeypatch: pytest.MonkeyPatch, gateway: requests_mock.Mocker
) -> None:
    """Nothing is sent, and the error says where to set it."""
    define(monkeypatch)
    with pytest.raises(ValueError, match="in the extra of connection 'sengo_default'"):
        SenGoHook().create_qris(reference="INV-1", amount=10000, view_name="Shop")
    assert gateway.call_count == 0


def test_get_transaction(hook: SenGoHook, gateway: requests_mock.Mocker) -> None:
    """By id or reference; the callback is asked for only when told."""
    gateway.get(f"{SANDBOX}/check/INV-1", json=success(transaction()))
    assert hook.get_transaction("INV-1").id == "01J9"
    assert hook.get_transaction("INV-1", resend_callback=True).status == "pending"
    assert [sent.query for sent in gateway.request_history] == ["", "resendcallback=true"]


def test_list_transactions(hook: SenGoHook, gateway: requests_mock.Mocker) -> None:
    """One page with the totals of the listing."""
    extra = {"currentPage": 1, "totalPages": 1, "totalRecords": 1}
    gateway.get(f"{SANDBOX}/transactions", json=success([transaction()], responseExtra=extra))
    page = hook.list_transactions(day=date(2026, 11, 20), type="cashIn", status="pending")
    assert (page.current_page, page.total_pages, page.total_records) == (1, 1, 1)
    assert [found.merchant_ref for found in page.transactions] == ["INV-1"]
    assert gateway.request_history[0].qs["date"] == ["2026-11-20"]


def test_create_project(hook: SenGoHook, gateway: requests_mock.Mocker) -> None:
    """The project as SenGo registered it."""
    project = {
        "id": 7,
        "name": "Shop",
        "domain": "https://shop.example",
        "ip": ["203.0.113.0/24"],
        "status": "Review",
    }
    gateway.post(f"{SANDBOX}/projects", json=success(project))
    made = hook.create_project(name="Shop", domain="https://shop.example", ip=["203.0.113.0/24"])
    assert (made.id, made.status) == (7, "Review")


def test_project_is_no_secret(hook: SenGoHook) -> None:
    """The archive's name of the project holds the host and a fingerprint, not the key."""
    assert hook.project.startswith("api.sandbox.sengo.id-")
    assert KEY.lower() not in hook.project


def test_every_hook_reads_its_connection_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was changed counts from the next hook on."""
    define(monkeypatch)
    assert SenGoHook().credentials.base_url == SANDBOX
    define(monkeypatch, host="http://127.0.0.1:8800/api")
    assert SenGoHook().credentials.base_url == "http://127.0.0.1:8800/api"


def test_close_twice_and_go_on(hook: SenGoHook, gateway: requests_mock.Mocker) -> None:
    """A closed hook opens another session when it is used again."""
    gateway.get(f"{SANDBOX}/balance", json=success(BALANCE))
    hook.get_balance()
    hook.close()
    hook.close()
    assert hook.get_balance().total == 1525


@pytest.mark.parametrize("as_uri", [False, True])
def test_airflow_tests_the_connection(
    as_uri: bool, monkeypatch: pytest.MonkeyPatch, gateway: requests_mock.Mocker
) -> None:
    """Airflow's own test, as its UI runs it: a transient id in an environment variable, JSON or URI."""
    gateway.get(f"{SANDBOX}/balance", json=success(BALANCE))
    extra = json.dumps({"environment": "sandbox", "timeout_s": 5, "max_attempts": None})
    connection = Connection(  # noqa: AIR311  # the class that the api-server tests with
        conn_id="TRANSIENT", conn_type="sengo", login=KEY, password=TOKEN, port=443, extra=extra
    )
    monkeypatch.setenv("AIRFLOW_CONN_TRANSIENT", connection.get_uri() if as_uri else connection.as_json())
    works, message = connection.test_connection()  # type: ignore[no-untyped-call]
    assert (works, message) == (True, f"SenGo accepts key and token at {SANDBOX}.")
    assert [sent.method for sent in gateway.request_history] == ["GET"]


@pytest.mark.parametrize(
    ("http_status", "advice"),
    [(401, "Check client key, client token"), (403, "allows this machine's address")],
)
def test_test_connection_says_what_to_mend(
    http_status: int, advice: str, hook: SenGoHook, gateway: requests_mock.Mocker
) -> None:
    """A refused key is a finding, not an exception."""
    refused = {"responseCode": http_status, "responseMessage": f"bad key {KEY} {TOKEN}"}
    gateway.get(f"{SANDBOX}/balance", status_code=http_status, json=refused)
    works, message = hook.test_connection()
    assert not works
    assert advice in message
    assert not hidden_in(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"password": ""}, "Connection 'sengo_default', field 'password': is missing"),
        ({"host": "https://u:p@x"}, "Connection 'sengo_default', field 'host': must hold no user name"),
        ({"extra": {"ca_bundle": "/nowhere/roots.pem"}}, ""),
    ],
)
def test_test_connection_names_a_wrong_field(
    fields: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't even be sent is told by field."""
    define(monkeypatch, **fields)
    works, text = SenGoHook().test_connection()
    assert not works
    assert message in text
    assert not hidden_in(text)


def test_test_connection_without_a_connection() -> None:
    """The missing connection is named."""
    works, message = SenGoHook("nowhere").test_connection()
    assert not works
    assert "nowhere" in message
    assert "percent-encode" in message
    with pytest.raises(AirflowNotFoundException):
        _ = SenGoHook("nowhere").credentials


def test_test_connection_hides_what_it_does_not_know(
    hook: SenGoHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's error is told by its type alone."""

    def fails() -> None:
        raise RuntimeError(TOKEN)

    monkeypatch.setattr(hook, "get_balance", fails)
    assert hook.test_connection() == (False, "The connection could not be tested: RuntimeError.")


def hidden_in(text: str) -> list[str]:
    """The secrets that a text gives away."""
    return [secret for secret in (TOKEN, KEY, signature()) if secret in text]


def test_no_secret_in_reprs_errors_and_logs(
    hook: SenGoHook, gateway: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at DEBUG either, and not when the gateway echoes what it was sent."""
    caplog.set_level(logging.DEBUG)
    echo = {"responseCode": 401, "responseMessage": f"{KEY} {TOKEN} {signature()}"}
    gateway.get(f"{SANDBOX}/balance", status_code=401, json=echo)
    with pytest.raises(NotAuthorized) as caught:
        hook.get_balance()
    shown = [repr(hook), str(hook), repr(hook.connection), repr(caught.value), str(caught.value)]
    assert not hidden_in("\n".join([*shown, *(record.getMessage() for record in caplog.records)]))


def test_secrets_are_masked_once_read(hook: SenGoHook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Token, key and signature are told to Airflow's masker before any call."""
    masked: list[str] = []
    monkeypatch.setattr("airflow_provider_sengo.hooks.masking.mask_secret", masked.append)
    _ = hook.credentials
    assert masked == [TOKEN, KEY, signature()]


def test_connection_in_an_event_loop(hook: SenGoHook) -> None:
    """Async code reads the same connection, once."""

    async def read() -> bool:
        return await hook.read_connection_async() is await hook.read_connection_async()

    assert asyncio.run(read())
    assert hook.credentials.client_token == TOKEN
