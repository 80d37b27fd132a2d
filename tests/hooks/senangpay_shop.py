# SPDX-License-Identifier: Apache-2.0
"""A merchant's hook on senangPay, the vendor's host name answered in this process, and a charge."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests_mock

from airflow_provider_sengo.hooks.senangpay import NO_ORDER_ID, SenangPayHook
from airflow_provider_sengo.protocol import senangpay

MERCHANT, SECRET = "543160464805574", "SK-secret-of-the-tests-0001"
SANDBOX = senangpay.BASE_URLS["sandbox"]
API = f"{SANDBOX}/apiv1"
TOKEN = "6bcc32c3cf4c6de03f4b3c967a36606d965d54cd51eb6cb7507555e2ad7b4521"
CHARGE: dict[str, Any] = {
    "name": "Abu Bin Ali",
    "email": "ahmad@google.com",
    "detail": "Order for product id #4",
    "phone": "0109876543",
    "order_id": "1234",
    "amount_sen": "1000",
    "token": TOKEN,
}


def signature(*fields: str) -> str:
    """senangPay's hash, written down a second time."""
    return hmac.new(SECRET.encode(), "".join(fields).encode(), hashlib.sha256).hexdigest()


def define(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """Define the connection ``senangpay_default``."""
    given = {"conn_type": "senangpay", "login": MERCHANT, "password": SECRET} | fields
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", json.dumps(given))


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[SenangPayHook]:
    """A hook over a sandbox connection that sends every call once."""
    define(monkeypatch, extra={"max_attempts": 1})
    with SenangPayHook() as hook:
        yield hook


@pytest.fixture
def gateway() -> Iterator[requests_mock.Mocker]:
    """The vendor's host name, answered in this process."""
    with requests_mock.Mocker() as mocker:
        yield mocker


def hidden_in(text: str) -> list[str]:
    """The secrets that a text gives away."""
    hashes = (signature(MERCHANT, SECRET, "1234"), signature(MERCHANT, SECRET, NO_ORDER_ID))
    secrets = (SECRET, TOKEN, CHARGE["email"], CHARGE["phone"], *hashes)
    return [secret for secret in secrets if secret in text]
