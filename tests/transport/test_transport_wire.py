# SPDX-License-Identifier: Apache-2.0
"""What goes over the wire: the request's own bytes, once, on the way that was configured, and no other."""

from __future__ import annotations

import logging
import socket
import threading

import pytest
import requests_mock

from airflow_provider_sengo import __version__
from airflow_provider_sengo.exceptions import NotSent, OutcomeUnknown

BODY = b'{"amount":10000,"url":"https:\\/\\/a.id\\/x","note":"caf\\u00e9"}'
AGENT = f"airflow-provider-sengo/{__version__}"


def lines(request: bytes) -> list[str]:
    return request.partition(b"\r\n\r\n")[0].decode().split("\r\n")


@pytest.mark.parametrize("host", ["api.sandbox.sengo.id", "api.sengo.id"])
def test_exact_bytes_over_tls(
    driver, serve, make_call, server_tools, tls_server_context, ca_bundle, resolve, host
):
    """Host, path, query, headers and body arrive as they were given, with nothing a library adds."""
    server = serve(server_tools.ok, context=tls_server_context(host))
    resolve(host, server.port)
    headers = {"Content-Type": "application/json", "CLIENT-KEY": "ck", "SIGNATURE": "ab+/=="}
    url = f"https://{host}/api/v1/qris/A%2FB?hash=0a%20b%41&x=%C3%A9"
    driver.run(
        make_call(url, method="POST", body=BODY, headers=headers, repeatable=False), ca_bundle=ca_bundle
    )
    driver.run(make_call(url, headers=headers), ca_bundle=ca_bundle)
    post, get = server.requests
    assert post.endswith(b"\r\n\r\n" + BODY)
    assert lines(post)[0] == "POST /api/v1/qris/A%2FB?hash=0a%20b%41&x=%C3%A9 HTTP/1.1"
    ours = [f"{name}: {value}" for name, value in headers.items()]
    ours += [f"Host: {host}", "Accept-Encoding: gzip", f"User-Agent: {AGENT}"]
    assert sorted(lines(post)[1:]) == sorted([*ours, "Connection: close", f"Content-Length: {len(BODY)}"])
    assert sorted(lines(get)[1:]) == sorted(ours)
    assert get.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("base", ["https://api.sandbox.sengo.id/api", "https://api.sengo.id/api"])
def test_exact_request_to_the_vendor(make_call, base):
    """requests is given the vendor's URL, our bytes and headers, and no proxy, redirect or cookie."""
    from airflow_provider_sengo.transport.options import TransportOptions
    from airflow_provider_sengo.transport.sync import Transport

    call = make_call(f"{base}/qris", method="POST", body=BODY, headers={"CLIENT-KEY": "ck"}, repeatable=False)
    with requests_mock.Mocker() as mocker, Transport(TransportOptions()) as transport:
        mocker.post(f"{base}/qris", content=b"{}", headers={"Set-Cookie": "a=b"})
        assert transport.run(call).body == b"{}"
        transport.run(call)
    assert [sent.url for sent in mocker.request_history] == [f"{base}/qris"] * 2
    for sent in mocker.request_history:
        assert sent.body == BODY
        assert not sent.proxies
        assert not sent.allow_redirects
        assert dict(sent.headers) == {
            "CLIENT-KEY": "ck",
            "Accept-Encoding": "gzip",
            "User-Agent": AGENT,
            "Connection": "close",
            "Content-Length": str(len(BODY)),
        }


def test_plain_http_to_another_host_is_refused_before_anything_is_sent(driver, make_call, monkeypatch):
    """Not even the name is looked up."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: pytest.fail("looked up"))
    with pytest.raises(ValueError, match="plain http"):
        driver.run(make_call("http://api.sengo.id/api/v1/balance"))


def test_a_user_agent_and_a_coding_of_the_request_stay(driver, serve, make_call, server_tools):
    """What the request names itself is not doubled."""
    server = serve(server_tools.ok)
    driver.run(make_call(server.url, headers={"user-agent": "mine", "accept-encoding": "identity"}))
    assert sorted(lines(server.requests[0])[1:]) == [
        f"Host: 127.0.0.1:{server.port}",
        "accept-encoding: identity",
        "user-agent: mine",
    ]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer(driver, serve, make_call, server_tools, status):
    """A redirect is handed to the call; the headers with the key go nowhere else."""
    trap = serve(server_tools.ok)
    answer = f"HTTP/1.1 {status} X\r\nLocation: {trap.url}\r\nContent-Length: 0\r\n\r\n".encode()
    server = serve(answer)
    assert driver.run(make_call(server.url)).status == status
    assert len(server.requests) == 1
    assert trap.connections == 0


def test_cookies_are_not_kept(driver, serve, make_call):
    """A cookie that the gateway sets is not sent back."""
    server = serve(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 2\r\n\r\nok")
    url = server.url.replace("127.0.0.1", "localhost")  # cookie jars overlook bare addresses
    driver.run(make_call(url), make_call(url))
    assert all(b"cookie" not in request.lower() for request in server.requests)


def test_the_environment_counts_for_nothing(driver, serve, make_call, server_tools, monkeypatch, tmp_path):
    """Proxies and netrc logins of the environment are not used."""
    trap, server = serve(server_tools.ok), serve(server_tools.ok)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{trap.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    driver.run(make_call(server.url))
    assert trap.connections == 0
    assert b"authorization" not in server.requests[0].lower()


def test_ca_bundles_of_the_environment_count_for_nothing(
    driver, serve, make_call, server_tools, tls_server_context, ca_bundle, monkeypatch
):
    """Our test authority in every variable that a library reads is still unknown; given, it is trusted."""
    server = serve(server_tools.ok, context=tls_server_context())
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, ca_bundle)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with pytest.raises(NotSent, match="certificate is not accepted"):
        driver.run(make_call(server.url), max_attempts=1)
    assert driver.run(make_call(server.url), ca_bundle=ca_bundle).body == b"ok"


def test_a_given_ca_bundle_replaces_the_store(serve, make_call, server_tools, tls_server_context, ca_bundle):
    """After a call, requests has added none of its own authorities to the one that was given."""
    from airflow_provider_sengo.transport.options import TransportOptions
    from airflow_provider_sengo.transport.sync import Transport

    server = serve(server_tools.ok, context=tls_server_context())
    with Transport(TransportOptions(ca_bundle=ca_bundle)) as transport:
        transport.run(make_call(server.url))
        context = transport._session.get_adapter("https://")._context
    assert context.cert_store_stats()["x509_ca"] == 1


def test_repeatable_calls_share_a_connection_and_money_calls_do_not(driver, serve, make_call, server_tools):
    """Three GETs take one connection; each POST that must not be repeated takes one of its own."""
    server = serve(server_tools.ok)
    get, post = make_call(server.url), make_call(server.url, repeatable=False)
    driver.run(get, get, get)
    assert server.connections == 1
    driver.run(get, post, post, get)
    assert len(server.requests) == 7
    assert server.connections == 4 + (driver.library == "requests")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_one_attempt_is_one_request_when_a_kept_connection_drops(
    driver, serve, make_call, server_tools, method
):
    """A kept-alive connection that breaks under a request: no library sends it again by itself."""

    def answer(connection, number):
        if number == 1:
            connection.sendall(server_tools.ok)
            return True
        return False  # reads the second request on the same connection, and hangs up

    server = serve(answer)
    call = make_call(server.url, method=method)
    with pytest.raises(OutcomeUnknown):
        driver.run(call, call, max_attempts=1)
    assert len(server.requests) == 2
    assert server.connections == 1


def test_a_library_that_sends_again_is_stopped(driver, serve, make_call, server_tools, monkeypatch):
    """With the libraries' own retries switched on, a second connection is refused, not called NotSent."""
    from airflow_provider_sengo.transport import aio, sync

    three = sync.Retry(3)
    monkeypatch.setattr(sync, "Retry", lambda *args, **kwargs: three)
    real = aio._session

    def retrying(*args, **kwargs):
        session = real(*args, **kwargs)
        session._retry_connection = True
        return session

    monkeypatch.setattr(aio, "_session", retrying)
    server = serve(lambda connection, number: number == 1 and not connection.sendall(server_tools.ok))
    call = make_call(server.url)
    with pytest.raises(OutcomeUnknown, match="RuntimeError"):
        driver.run(call, call, max_attempts=1)
    assert len(server.requests) == 2


@pytest.mark.parametrize("repeatable", [True, False])
def test_one_call_is_one_request_when_the_connection_drops_between_two(
    driver, serve, make_call, server_tools, repeatable
):
    """A connection that the server closed between two calls costs nothing: the next call connects anew."""
    closed = threading.Event()

    def answer(connection, number):
        connection.sendall(server_tools.ok)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()
        return False

    server = serve(answer)
    call = make_call(server.url, repeatable=repeatable)

    def wait_for_the_close():
        assert closed.wait(1)
        threading.Event().wait(0.05)  # the FIN is on its way

    driver.run(call, call, between=wait_for_the_close, max_attempts=1)
    assert len(server.requests) == 2
    assert server.connections == 2


def test_a_repeated_attempt_takes_a_fresh_connection(driver, serve, make_call, server_tools):
    """After a broken attempt the next does not try another connection of the same stale pool."""

    def answer(connection, number):
        if number == 2:
            return False
        connection.sendall(server_tools.ok)
        return True

    server = serve(answer)
    call = make_call(server.url)
    driver.run(call, call)
    assert len(server.requests) == 3
    assert server.connections == 2


def test_debug_logs_hold_no_query(driver, serve, make_call, server_tools, caplog):
    """senangPay's hash stands in the query; urllib3 would log it at DEBUG."""
    server = serve(server_tools.ok)
    with caplog.at_level(logging.DEBUG):
        driver.run(make_call(server.url + "?hash=abc"))
    assert "hash=" not in caplog.text
    assert "k-secret" not in caplog.text
