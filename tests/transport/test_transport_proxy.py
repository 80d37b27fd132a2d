# SPDX-License-Identifier: Apache-2.0
"""A proxy is used where it is given, for https only, and learns nothing but host and port."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from airflow_provider_sengo.exceptions import NotSent


class Proxy:
    """Answers CONNECT with ``refusal``, or joins both ends; keeps the CONNECT heads."""

    def __init__(self, target_port, refusal=b""):
        self.heads: list[bytes] = []
        self._target_port, self._refusal = target_port, refusal

    def __call__(self, connection, number):
        if self._refusal:
            connection.sendall(self._refusal)
            return False
        with socket.create_connection(("127.0.0.1", self._target_port)) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self._copy, args=(target, connection), daemon=True)
            back.start()
            self._copy(connection, target)
            back.join(5)
        return False

    @staticmethod
    def _copy(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_given_proxy_is_used_for_https(
    driver, serve, make_call, server_tools, tls_server_context, ca_bundle, repeatable
):
    """https goes through CONNECT with the proxy's login; the proxy sees neither key nor path nor body."""
    server = serve(server_tools.ok, context=tls_server_context("api.sengo.id"))
    proxy = serve(Proxy(server.port))
    call = make_call("https://api.sengo.id/api/x?hash=abc", repeatable=repeatable)
    options = {"proxy": f"http://me:pass@127.0.0.1:{proxy.port}", "ca_bundle": ca_bundle}
    assert driver.run(call, call, **options).body == b"ok"
    assert len(server.requests) == 2
    assert proxy.connections == (1 if repeatable else 2)
    for request in proxy.requests:
        assert request.startswith(b"CONNECT api.sengo.id:443 HTTP/1.")
        assert b"proxy-authorization: basic bwu6cgfzcw==" in request.lower()
        assert b"k-secret" not in request
        assert b"hash" not in request
        assert b"/api" not in request
    assert all(b"proxy-" not in request.lower() for request in server.requests)


def test_plain_http_to_this_machine_never_meets_the_proxy(driver, serve, make_call, server_tools):
    """A loopback address means this machine, not the proxy's."""
    trap, server = serve(server_tools.ok), serve(server_tools.ok)
    driver.run(make_call(server.url), proxy=f"http://127.0.0.1:{trap.port}")
    assert len(server.requests) == 1
    assert trap.connections == 0


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses(driver, serve, make_call, status):
    """A refused CONNECT is NotSent, so even a money call is tried again."""
    proxy = serve(Proxy(0, refusal=f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()))
    call = make_call("https://api.sengo.id/x", repeatable=False)
    with pytest.raises(NotSent, match=f"proxy refused the tunnel .HTTP {status}.") as caught:
        driver.run(call, proxy=f"http://me:pass@127.0.0.1:{proxy.port}")
    assert len(proxy.requests) == 3
    assert "pass" not in str(caught.value)


def test_a_proxy_that_hangs(driver, serve, make_call):
    """A proxy that does not answer CONNECT is NotSent after the connect timeout."""
    proxy = serve(lambda connection, number: True)
    with pytest.raises(NotSent, match="timed out"):
        driver.run(
            make_call("https://api.sengo.id/x", repeatable=False),
            proxy=f"http://127.0.0.1:{proxy.port}",
            timeout_s=0.2,
            max_attempts=1,
        )


def test_a_proxy_that_is_not_there(driver, make_call):
    """A proxy that refuses the connection is NotSent."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(NotSent, match="connection refused"):
            driver.run(make_call("https://api.sengo.id/x", repeatable=False), proxy=proxy)
