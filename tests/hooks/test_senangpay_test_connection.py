# SPDX-License-Identifier: Apache-2.0
"""Airflow's test of a senangPay connection: what it says, what it sends and what it hides."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from airflow.models import Connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException

sys.path.insert(0, str(Path(__file__).parent))

import senangpay_shop
from senangpay_shop import API, MERCHANT, SANDBOX, SECRET, define, hidden_in

from airflow_provider_sengo.hooks.senangpay import NO_ORDER_ID, SenangPayHook

gateway = senangpay_shop.gateway
hook = senangpay_shop.hook


@pytest.mark.parametrize("as_uri", [False, True])
def test_airflow_tests_the_connection(
    as_uri: bool, monkeypatch: pytest.MonkeyPatch, gateway: requests_mock.Mocker
) -> None:
    """Airflow's own test, as its UI runs it: a transient id in an environment variable, JSON or URI."""
    gateway.get(f"{API}/query_order_status", json={"status": 1, "msg": "", "data": []})
    extra = json.dumps({"environment": "sandbox", "timeout_s": 5, "max_attempts": None})
    connection = Connection(  # noqa: AIR311  # the class that the api-server tests with
        conn_id="TRANSIENT", conn_type="senangpay", login=MERCHANT, password=SECRET, port=443, extra=extra
    )
    monkeypatch.setenv("AIRFLOW_CONN_TRANSIENT", connection.get_uri() if as_uri else connection.as_json())
    works, message = connection.test_connection()  # type: ignore[no-untyped-call]
    assert (works, message) == (True, f"senangPay accepts merchant id and secret key at {SANDBOX}.")
    (sent,) = gateway.request_history
    assert (sent.method, sent.qs["order_id"]) == ("GET", [NO_ORDER_ID.lower()])


@pytest.mark.parametrize(
    ("http_status", "body"),
    [(200, {"status": 0, "msg": f"HASH ERROR {SECRET}"}), (401, {"status": 0, "msg": SECRET})],
)
def test_test_connection_says_what_to_mend(
    http_status: int, body: dict[str, Any], hook: SenangPayHook, gateway: requests_mock.Mocker
) -> None:
    """A refused hash is a finding, not an exception, and not an unknown order."""
    gateway.get(f"{API}/query_order_status", status_code=http_status, json=body)
    works, message = hook.test_connection()
    assert not works
    assert "merchant id, secret key, hash type and environment" in message
    assert not hidden_in(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"password": ""}, "Connection 'senangpay_default', field 'password': is missing"),
        ({"host": "https://u:p@x"}, "Connection 'senangpay_default', field 'host': must hold no user name"),
        ({"extra": {"ca_bundle": "/nowhere/roots.pem"}}, ""),
    ],
)
def test_test_connection_names_a_wrong_field(
    fields: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't even be sent is told by field."""
    define(monkeypatch, **fields)
    works, text = SenangPayHook().test_connection()
    assert not works
    assert message in text
    assert not hidden_in(text)


def test_test_connection_without_a_connection() -> None:
    """The missing connection is named."""
    works, message = SenangPayHook("nowhere").test_connection()
    assert not works
    assert "nowhere" in message
    assert "percent-encode" in message
    with pytest.raises(AirflowNotFoundException):
        _ = SenangPayHook("nowhere").credentials


def test_test_connection_hides_what_it_does_not_know(
    hook: SenangPayHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's error is told by its type alone."""

    def fails(order_id: str) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(hook, "query_order", fails)
    assert hook.test_connection() == (False, "The connection could not be tested: RuntimeError.")
