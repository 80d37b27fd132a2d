# SPDX-License-Identifier: Apache-2.0
"""Whom a connection trusts, from the connection to the wire: nothing loosens it, and nothing leads elsewhere.

The transports' own tests have each rule by itself (redirects, proxies, certificates, plain http).
"""

from __future__ import annotations

import asyncio
import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Connection

from airflow_provider_sengo.connection_fields import CONNECTION_TYPES
from airflow_provider_sengo.exceptions import NotSent, SenGoProviderError
from airflow_provider_sengo.hooks.connection import read_connection, read_senangpay_connection
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.simulator import Simulator
from airflow_provider_sengo.transport.tls import tls_context

READERS = {"sengo": read_connection, "senangpay": read_senangpay_connection}
BUYER = {"name": "Siti", "email": "siti@example.my", "detail": "Order", "phone": "0123456789"}


class Trap(socketserver.ThreadingTCPServer):
    """Counts who comes."""

    visits = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.visits += 1
        self.shutdown_request(request)


@pytest.fixture
def trap() -> Iterator[Trap]:
    with Trap(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(days=0, per_day=0) as running:
        yield running


def listing(hook: SenGoHook) -> Any:
    async def read() -> Any:
        async with hook.open_listing() as pages:
            return await pages.fetch_page(day=date(2026, 11, 20), type="cashIn", status="success", page=1)

    return asyncio.run(read())


CALLS: dict[str, Callable[[SenGoHook, SenangPayHook], Any]] = {
    "balance": lambda sengo, _: sengo.get_balance(),
    "one": lambda sengo, _: sengo.get_transaction("INV-1"),
    "pages": lambda sengo, _: listing(sengo),
    "qris": lambda sengo, _: sengo.create_qris(
        reference="INV-1", amount=10_000, view_name="S", callback_url="https://s.example"
    ),
    "project": lambda sengo, _: sengo.create_project(
        name="S", domain="https://s.example", ip=["203.0.113.7"]
    ),
    "charge": lambda _, senangpay: senangpay.charge_token(
        **BUYER, order_id="O1", amount_sen=100, token="t-1"
    ),
    "query": lambda _, senangpay: senangpay.query_order("O1"),
    "validate": lambda _, senangpay: senangpay.validate_token("t-1"),
}


@pytest.mark.parametrize("status", [302, 308])
@pytest.mark.parametrize("name", CALLS)
def test_no_call_follows_a_redirect(
    name: str, status: int, simulator: Simulator, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key, token and signature go to the connection's host alone, whatever that answers."""
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", simulator.sengo_connection(max_attempts=1))
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", simulator.senangpay_connection(max_attempts=1))
    simulator.world.reset()
    elsewhere = f"http://127.0.0.1:{trap.server_address[1]}/"
    simulator.world.set_fault("redirect", status=status, location=elsewhere)
    with pytest.raises(SenGoProviderError, match=rf"redirect \(HTTP {status}\)"):
        CALLS[name](SenGoHook(), SenangPayHook())
    assert simulator.world.requests().total == 1
    assert trap.visits == 0


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "name",
    [
        "verify",
        "verify_ssl",
        "ssl_verify",
        "insecure",
        "check_hostname",
        "trust_env",
        "proxies",
        "allow_redirects",
    ],
)
def test_no_extra_loosens_it(kind: str, name: str) -> None:
    """Names that other providers use for it are refused, not passed over in silence."""
    connection = Connection(
        conn_id="c", conn_type=kind, login="1", password="p", extra=json.dumps({name: False})
    )
    assert name not in CONNECTION_TYPES[kind].extras
    with pytest.raises(ValueError, match="a key that this connection type does not know"):
        READERS[kind](connection)


def test_certificates_and_names_are_checked(tmp_path: Any) -> None:
    """TLS 1.2 at least, a certificate of a known authority, and its name."""
    context = tls_context(None)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "host",
    [
        *(
            "http://api.sengo.id",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://127.0.0.1.example",
            "http://localhost.x",
        ),
        *(
            "http://[::ffff:127.0.0.1]",
            "http://[fe80::1]",
            "http://2130706433",
            "http://127.1",
            "http://0x7f000001",
        ),
        *("http://localhost@evil.example", "ftp://127.0.0.1", "ws://127.0.0.1", "//evil.example", "https://"),
    ],
)
def test_plain_http_is_for_this_machine_only(kind: str, host: str) -> None:
    """Also for what some resolver may take for this machine."""
    with pytest.raises(ValueError, match="host"):
        READERS[kind](Connection(conn_id="c", conn_type=kind, login="1", password="p", host=host))


@pytest.mark.parametrize("kind", READERS)
def test_the_proxy_is_the_connections_own(kind: str, trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment see nothing; a given one is used, and its refusal sends nothing."""
    address = f"http://127.0.0.1:{trap.server_address[1]}"
    fields = {"conn_type": kind, "login": "1", "password": "p", "host": "https://gateway.invalid"}
    hooks = {
        "sengo": lambda: SenGoHook().get_balance(),
        "senangpay": lambda: SenangPayHook().query_order("O1"),
    }
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, address)
    for proxied in (False, True):
        extra = {"max_attempts": 1, "timeout_s": 5} | ({"proxy": address} if proxied else {})
        monkeypatch.setenv(f"AIRFLOW_CONN_{kind.upper()}_DEFAULT", json.dumps(fields | {"extra": extra}))
        with pytest.raises(NotSent):
            hooks[kind]()
        assert trap.visits == proxied


def test_the_simulator_stays_on_this_machine() -> None:
    """It prints its keys and lets anybody pay."""
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com"):
        with pytest.raises(ValueError, match="loopback"), suppress(OSError):
            Simulator(host=host).__enter__()
