# SPDX-License-Identifier: Apache-2.0
"""The connection rule: every spelling means the same, and odd ones are refused by name."""

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

from airflow_provider_sengo.connection_fields import SENGO
from airflow_provider_sengo.hooks.base_url import is_loopback
from airflow_provider_sengo.hooks.connection import SenGoConnection, read_connection
from airflow_provider_sengo.protocol.sengo import BASE_URLS

KEY, TOKEN = "SC-KEY-0001", "t0ken/with+odd:signs@0001"
LOOPBACK = "http://127.0.0.1:8800/api"
LOGIN = f"{quote(KEY, safe='')}:{quote(TOKEN, safe='')}"
SANDBOX, PRODUCTION = BASE_URLS["sandbox"], BASE_URLS["production"]
SECRET_VALUE = "ZZZ-secret-value-ZZZ"
SPELLINGS = Spellings(SENGO, read_connection, KEY, TOKEN)
from_json, from_uri, from_form = SPELLINGS.from_json, SPELLINGS.from_uri, SPELLINGS.from_form


@pytest.mark.parametrize(
    "connection",
    [
        from_json(host=LOOPBACK),
        from_json(host=LOOPBACK + "/"),
        from_json(host="127.0.0.1:8800/api"),
        from_json(host="127.0.0.1:8800", schema="api"),
        from_json(host="127.0.0.1", port=8800, schema="/api/"),
        from_json(host="http://127.0.0.1", port="8800", schema="api"),
        from_json(host=LOOPBACK, port=443, schema="elsewhere"),
        from_json(host=LOOPBACK, conn_type=""),
        from_json(host=LOOPBACK, extra={"environment": "production"}),
        from_form(host=LOOPBACK),
        from_uri(f"sengo://{LOGIN}@127.0.0.1:8800/api"),
        from_uri(f"sengo://{LOGIN}@{quote(LOOPBACK, safe='')}"),
        from_uri(f"sengo://{LOGIN}@{quote(LOOPBACK, safe='')}/"),
        from_uri(f"sengo://http://{LOGIN}@127.0.0.1:8800/api"),
        from_uri(
            Connection(conn_id="c", conn_type="sengo", host=LOOPBACK, login=KEY, password=TOKEN).get_uri()
        ),
    ],
)
def test_every_spelling_means_the_same(connection: SenGoConnection) -> None:
    """JSON, three URIs, Airflow's own URI and the form all give one base URL and one key and token."""
    credentials = connection.credentials
    assert (credentials.base_url, credentials.client_key, credentials.client_token) == (LOOPBACK, KEY, TOKEN)


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({}, SANDBOX),
        ({"extra": {"environment": "production"}}, PRODUCTION),
        ({"extra": {"environment": ""}}, SANDBOX),
        ({"extra": {"environment": None}}, SANDBOX),
        ({"extra": None}, SANDBOX),
        ({"port": 443}, SANDBOX),
        ({"host": PRODUCTION}, PRODUCTION),
        ({"host": PRODUCTION, "port": 443, "extra": {"environment": "production"}}, PRODUCTION),
        ({"host": "API.SenGo.id", "extra": {"environment": None}}, PRODUCTION),
        ({"host": "api.sandbox.sengo.id./api", "extra": {"environment": "sandbox"}}, SANDBOX),
        ({"host": "gateway.example:8443/v2/api"}, "https://gateway.example:8443/v2/api"),
        ({"host": "gateway.example", "port": 8443}, "https://gateway.example:8443"),
        ({"host": "HTTPS://gateway.example:443/"}, "https://gateway.example"),
        ({"host": "localhost", "port": 80}, "http://localhost"),
        ({"host": "https://localhost:8443"}, "https://localhost:8443"),
        ({"host": "127.9.9.9"}, "http://127.9.9.9"),
        ({"host": "[::1]:8800/api"}, "http://[::1]:8800/api"),
        ({"host": "http://[0:0:0:0:0:0:0:1]:8800"}, "http://[::1]:8800"),
        ({"host": "::1", "port": 8800, "schema": "api"}, "http://[::1]:8800/api"),
        ({"host": "[2001:DB8::1]"}, "https://[2001:db8::1]"),
    ],
)
def test_base_url(fields: dict[str, Any], base_url: str) -> None:
    """Host wins over environment; scheme, port and path are filled in where the host has none."""
    assert from_json(**fields).credentials.base_url == base_url


def test_ipv6_in_a_uri() -> None:
    """Airflow takes the brackets off; the base URL has them again."""
    assert from_uri(f"sengo://{LOGIN}@[::1]:8800/api").credentials.base_url == "http://[::1]:8800/api"


@pytest.mark.parametrize("port", [None, 0, "", "0"])
def test_an_empty_port_is_no_port(port: Any) -> None:
    """The form writes 0 where nothing was typed."""
    connection = Connection(conn_id="c", conn_type="sengo", host="127.0.0.1", login=KEY, password=TOKEN)
    connection.port = port
    assert read_connection(connection).credentials.base_url == "http://127.0.0.1"


EXTRAS = {
    "environment": "sandbox",
    "timeout_s": 7.5,
    "deadline_s": 60,
    "max_attempts": 3,
    "requests_per_second": 0.5,
    "callback_url": "https://shop.example/paid?x=1",
    "proxy": "http://user:pass@proxy.example:3128",
    "ca_bundle": "/etc/ssl/own roots.pem",
}


@pytest.mark.parametrize(
    "connection",
    [
        from_json(extra=EXTRAS),
        from_json(extra=json.dumps(EXTRAS)),
        from_json(extra={name: str(value) for name, value in EXTRAS.items()}),
        from_form(extra=EXTRAS),
        from_uri(f"sengo://{LOGIN}@/?{urlencode(EXTRAS)}"),
        from_uri(f"sengo://{LOGIN}@/?{urlencode({'__extra__': json.dumps(EXTRAS)})}"),
    ],
)
def test_extras_from_every_spelling(connection: SenGoConnection) -> None:
    """Extras mean the same as JSON values, as text and in a URI."""
    options = connection.options
    assert (options.timeout_s, options.deadline_s, options.max_attempts) == (7.5, 60, 3)
    assert isinstance(options.max_attempts, int)
    assert (options.requests_per_second, options.proxy) == (0.5, EXTRAS["proxy"])
    assert (options.ca_bundle, connection.callback_url) == (EXTRAS["ca_bundle"], EXTRAS["callback_url"])


@pytest.mark.parametrize("absent", [None, ""])
def test_empty_extras_are_the_defaults(absent: str | None) -> None:
    """Null and empty text mean absent."""
    connection = from_json(extra=dict.fromkeys(SENGO.extras, absent))
    options = connection.options
    assert (options.timeout_s, options.deadline_s, options.max_attempts) == (30, 120, 5)
    assert (options.requests_per_second, options.proxy, options.ca_bundle) == (None, None, None)
    assert connection.callback_url is None


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("environment", {"host": PRODUCTION, "extra": {"environment": "sandbox"}}),
        ("environment", {"host": SANDBOX, "extra": {"environment": "production"}}),
        ("environment", {"host": "api.sengo.id.:443", "extra": {"environment": "sandbox"}}),
        ("environment", {"extra": {"environment": SECRET_VALUE}}),
        ("environment", {"extra": {"environment": 1}}),
        ("host", {"host": "https://api.sengo.id/v1"}),  # the gateway documents one path for its host
        ("host", {"host": f"{PRODUCTION}/{SECRET_VALUE}"}),
        ("schema", {"host": "api.sengo.id", "schema": SECRET_VALUE}),
        ("host", {"host": f"https://user:{SECRET_VALUE}@gateway.example"}),
        ("host", {"host": f"https://gateway.example/?{SECRET_VALUE}"}),
        ("host", {"host": f"https://gateway.example/#{SECRET_VALUE}"}),
        ("host", {"host": f"http://{SECRET_VALUE}.example"}),
        ("host", {"host": f"ftp://{SECRET_VALUE}.example"}),
        ("host", {"host": f" https://{SECRET_VALUE}.example"}),
        ("host", {"host": f"https://{SECRET_VALUE}.example\n"}),
        ("host", {"host": f"https://{SECRET_VALUE}\\example"}),
        ("host", {"host": f"https://{SECRET_VALUE}/../x"}),
        ("host", {"host": f"https://{SECRET_VALUE}//x"}),
        ("host", {"host": f"https://{SECRET_VALUE}é.example"}),
        ("host", {"host": "https://"}),
        ("host", {"host": "https://gateway.example:0"}),
        ("host", {"host": "https://gateway.example:70000"}),
        ("host", {"host": "http://0.0.0.0:8800"}),
        ("host", {"host": "http://[::ffff:127.0.0.1]:8800"}),
        ("host", {"host": "http://127.0.0.1.example"}),
        ("host", {"host": "http://[1::2::3]"}),
        ("port", {"host": "127.0.0.1", "port": 70000}),
        ("port", {"port": 8800}),
        ("schema", {"schema": "api"}),
        ("schema", {"host": "127.0.0.1", "schema": "https"}),
        ("schema", {"host": "127.0.0.1", "schema": f"api?{SECRET_VALUE}"}),
        ("schema", {"host": "127.0.0.1", "schema": f"../{SECRET_VALUE}"}),
        ("login", {"login": None}),
        ("login", {"login": f"{SECRET_VALUE} "}),
        ("password", {"password": ""}),
        ("password", {"password": f"{SECRET_VALUE}\n"}),
        ("password", {"password": f"{SECRET_VALUE}é"}),
        ("conn_type", {"conn_type": "http"}),
        ("conn_type", {"conn_type": "senangpay"}),
        ("extra", {"extra": f"{{{SECRET_VALUE}"}),
        ("extra", {"extra": f'["{SECRET_VALUE}"]'}),
        ("extra", {"extra": {SECRET_VALUE: 1}}),
        ("timeout_s", {"extra": {"timeout_s": SECRET_VALUE}}),
        ("timeout_s", {"extra": {"timeout_s": True}}),
        ("timeout_s", {"extra": {"timeout_s": 0}}),
        ("timeout_s", {"extra": {"timeout_s": 301}}),
        ("timeout_s", {"extra": {"timeout_s": "nan"}}),
        ("timeout_s", {"extra": '{"timeout_s": NaN}'}),
        ("timeout_s", {"extra": '{"timeout_s": 1e999}'}),
        ("timeout_s", {"extra": {"timeout_s": [30]}}),
        ("timeout_s", {"extra": {"timeout_s": "9" * 9000}}),
        ("deadline_s", {"extra": {"deadline_s": "-1"}}),
        ("max_attempts", {"extra": {"max_attempts": 2.5}}),
        ("max_attempts", {"extra": {"max_attempts": "2.0"}}),
        ("max_attempts", {"extra": {"max_attempts": 0}}),
        ("requests_per_second", {"extra": {"requests_per_second": 0}}),
        ("callback_url", {"extra": {"callback_url": SECRET_VALUE}}),
        ("callback_url", {"extra": {"callback_url": f"https://u:{SECRET_VALUE}@shop.example/"}}),
        ("callback_url", {"extra": {"callback_url": f"https://[{SECRET_VALUE}"}}),
        ("proxy", {"extra": {"proxy": f"socks5://u:{SECRET_VALUE}@proxy.example"}}),
        ("proxy", {"extra": {"proxy": f"http://u:{SECRET_VALUE}@proxy.example:x"}}),
        ("ca_bundle", {"extra": {"ca_bundle": f"{SECRET_VALUE} "}}),
        ("ca_bundle", {"extra": {"ca_bundle": False}}),
    ],
)
def test_refusals_name_connection_and_field_but_no_value(field: str, fields: dict[str, Any]) -> None:
    """What is wrong, missing or odd is named, so that it can be mended; its value stays out of the text."""
    text = SPELLINGS.refusal(field, **fields)
    for value in (SECRET_VALUE, TOKEN, KEY, "9999"):
        assert value not in text


def test_a_slip_in_an_extra_is_pointed_at() -> None:
    """A misspelt environment would otherwise mean the sandbox."""
    with pytest.raises(ValueError, match="did you mean 'environment'"):
        from_json(extra={"enviroment": "production"})


def test_repr_shows_no_secret() -> None:
    """A connection in a traceback or a debugger gives nothing away."""
    connection = from_json(extra=EXTRAS)
    for secret in connection.secrets():
        assert secret not in repr(connection)


def test_secrets_to_mask() -> None:
    """Token, key, the signature of every GET, and a proxy's password in both spellings."""
    connection = from_json(extra={"proxy": "http://user:p%40ss@proxy.example:3128"})
    secrets = connection.secrets()
    assert {KEY, TOKEN, "p%40ss", "p@ss"} < set(secrets)
    assert [len(secret) for secret in secrets if len(secret) == 128] == [128]
    assert len(from_json().secrets()) == 3


@pytest.mark.parametrize(
    ("name", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback(name: str, loopback: bool) -> None:
    """Only names that can't be another machine are this machine."""
    assert is_loopback(name) is loopback
