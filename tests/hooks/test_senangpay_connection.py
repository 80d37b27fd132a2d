# SPDX-License-Identifier: Apache-2.0
"""A senangPay connection is read by the same rule as a SenGo one; what differs is here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from airflow.providers.common.compat.sdk import Connection

sys.path.insert(0, str(Path(__file__).parent))

from connection_spellings import Spellings

from airflow_provider_sengo.connection_fields import SENANGPAY
from airflow_provider_sengo.hooks.connection import SenangPayConnection, read_senangpay_connection
from airflow_provider_sengo.protocol.senangpay import BASE_URLS

MERCHANT, SECRET = "543160464805574", "SK-s3cret/with+odd:signs@0001"
LOOPBACK = "http://127.0.0.1:8800"
LOGIN = f"{MERCHANT}:{quote(SECRET, safe='')}"
SANDBOX, PRODUCTION = BASE_URLS["sandbox"], BASE_URLS["production"]
SECRET_VALUE = "ZZZ-secret-value-ZZZ"
SPELLINGS = Spellings(SENANGPAY, read_senangpay_connection, MERCHANT, SECRET)
from_json, from_uri, from_form = SPELLINGS.from_json, SPELLINGS.from_uri, SPELLINGS.from_form


@pytest.mark.parametrize(
    "connection",
    [
        from_json(host=LOOPBACK),
        from_json(host=LOOPBACK + "/"),
        from_json(host="127.0.0.1:8800"),
        from_json(host="127.0.0.1", port="8800"),
        from_json(host=LOOPBACK, conn_type=""),
        from_json(host=LOOPBACK, extra={"environment": "production"}),
        from_form(host=LOOPBACK),
        from_uri(f"senangpay://{LOGIN}@127.0.0.1:8800"),
        from_uri(f"senangpay://{LOGIN}@{quote(LOOPBACK, safe='')}"),
        from_uri(f"senangpay://http://{LOGIN}@127.0.0.1:8800"),
        from_uri(
            Connection(
                conn_id="c", conn_type="senangpay", host=LOOPBACK, login=MERCHANT, password=SECRET
            ).get_uri()
        ),
    ],
)
def test_every_spelling_means_the_same(connection: SenangPayConnection) -> None:
    """JSON, URIs and the form all give one base URL, merchant id and secret key."""
    credentials = connection.credentials
    assert (credentials.base_url, credentials.merchant_id, credentials.secret_key) == (
        LOOPBACK,
        MERCHANT,
        SECRET,
    )


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({}, SANDBOX),
        ({"extra": {"environment": ""}}, SANDBOX),
        ({"extra": {"environment": "sandbox"}, "port": 443}, SANDBOX),
        ({"extra": {"environment": "production"}}, PRODUCTION),
        ({"host": PRODUCTION}, PRODUCTION),
        ({"host": "APP.senangPay.my.", "extra": {"environment": "production"}}, PRODUCTION),
        ({"host": "sandbox.senangpay.my"}, SANDBOX),
        ({"host": "proxy.example/senangpay"}, "https://proxy.example/senangpay"),
    ],
)
def test_base_url(fields: dict[str, Any], base_url: str) -> None:
    """The sandbox, unless something says otherwise: a forgotten setting must not move money."""
    assert from_json(**fields).credentials.base_url == base_url


EXTRAS = {
    "environment": "sandbox",
    "timeout_s": 7.5,
    "deadline_s": 60,
    "max_attempts": 3,
    "hash_type": "md5",
    "proxy": "http://user:p%40ss@proxy.example:3128",
    "ca_bundle": "/etc/ssl/own roots.pem",
}


@pytest.mark.parametrize(
    "connection",
    [
        from_json(extra=EXTRAS),
        from_json(extra=json.dumps(EXTRAS)),
        from_json(extra={name: str(value) for name, value in EXTRAS.items()}),
        from_form(extra=EXTRAS),
        from_uri(f"senangpay://{LOGIN}@/?{urlencode(EXTRAS)}"),
        from_uri(f"senangpay://{LOGIN}@/?{urlencode({'__extra__': json.dumps(EXTRAS)})}"),
    ],
)
def test_extras_from_every_spelling(connection: SenangPayConnection) -> None:
    """Extras mean the same as JSON values, as text and in a URI."""
    options = connection.options
    assert (options.timeout_s, options.deadline_s, options.max_attempts) == (7.5, 60, 3)
    assert (options.proxy, options.ca_bundle) == (EXTRAS["proxy"], EXTRAS["ca_bundle"])
    assert connection.credentials.hash_type == "md5"


@pytest.mark.parametrize("absent", [None, ""])
def test_empty_extras_are_the_defaults(absent: str | None) -> None:
    """Null and empty text mean absent."""
    connection = from_json(extra=dict.fromkeys(SENANGPAY.extras, absent))
    options = connection.options
    assert (options.timeout_s, options.deadline_s, options.max_attempts) == (30, 120, 5)
    assert (options.requests_per_second, options.proxy, options.ca_bundle) == (None, None, None)
    assert connection.credentials.hash_type == "sha256"


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("environment", {"host": PRODUCTION, "extra": {"environment": "sandbox"}}),
        ("environment", {"host": SANDBOX, "extra": {"environment": "production"}}),
        ("environment", {"host": "app.senangpay.my.:443", "extra": {"environment": "sandbox"}}),
        ("environment", {"extra": {"environment": SECRET_VALUE}}),
        ("host", {"host": f"https://user:{SECRET_VALUE}@gateway.example"}),
        ("host", {"host": "app.senangpay.my/api"}),  # as a SenGo user would write it
        ("host", {"host": f"http://{SECRET_VALUE}.example"}),
        ("host", {"host": f"{SANDBOX}/apiv1"}),
        ("host", {"host": f"{LOOPBACK}/apiv1/"}),
        ("host", {"host": "127.0.0.1", "port": 8800, "schema": "apiv1"}),
        ("login", {"login": None}),
        ("login", {"login": ""}),
        ("login", {"login": 543160464805574}),
        ("login", {"login": f"{SECRET_VALUE}:x"}),
        ("login", {"login": f"{SECRET_VALUE} "}),
        ("login", {"login": "-"}),
        ("password", {"password": None}),
        ("password", {"password": f"{SECRET_VALUE} "}),
        ("conn_type", {"conn_type": "sengo"}),
        ("hash_type", {"extra": {"hash_type": "SHA256"}}),
        ("hash_type", {"extra": {"hash_type": SECRET_VALUE}}),
        ("hash_type", {"extra": {"hash_type": 5}}),
        ("extra", {"extra": {"callback_url": "https://shop.example"}}),
        ("extra", {"extra": {"requests_per_second": 1}}),
        ("timeout_s", {"extra": {"timeout_s": SECRET_VALUE}}),
        ("proxy", {"extra": {"proxy": f"socks5://u:{SECRET_VALUE}@proxy.example"}}),
    ],
)
def test_refusals_name_connection_and_field_but_no_value(field: str, fields: dict[str, Any]) -> None:
    """What is wrong, missing or odd is named, so that it can be mended; its value stays out of the text."""
    text = SPELLINGS.refusal(field, **fields)
    for value in (SECRET_VALUE, SECRET, MERCHANT):
        assert value not in text


def test_a_merchant_id_too_long_is_named() -> None:
    """Whatever the credentials refuse is told with the connection's id, too."""
    with pytest.raises(ValueError, match=r"^Connection 'c', merchant_id: must be 1 to 64"):
        from_json(login="1" * 65)


def test_secrets_to_mask() -> None:
    """Secret key and a proxy's password in both spellings; the merchant id is public."""
    assert from_json(extra=EXTRAS).secrets() == (SECRET, "p%40ss", "p@ss")
    assert from_json().secrets() == (SECRET,)


def test_repr_shows_no_secret() -> None:
    """A connection in a traceback or a debugger gives nothing away."""
    connection = from_json(extra=EXTRAS)
    for secret in (*connection.secrets(), MERCHANT):
        assert secret not in repr(connection)
