# SPDX-License-Identifier: Apache-2.0
"""Both transports name every failure alike, and send as often as the policy allows and no more."""

from __future__ import annotations

import gzip
import os
import pickle
import socket
import time
import traceback

import pytest

from airflow_provider_sengo.exceptions import NotSent, OutcomeUnknown

SMALL = {"timeout_s": 0.2, "deadline_s": 60.0}


def send(data: bytes, *, keep=False):
    return lambda connection, number: connection.sendall(data) or keep


def drip(head: bytes, piece: bytes):
    """Each wait is short, so only the deadline can end it."""

    def answer(connection, number):
        connection.sendall(head)
        for _ in range(40):
            connection.sendall(piece)
            time.sleep(0.03)

    return answer


def hang(connection, number):
    return True


def break_tls(connection, number):
    os.write(connection.fileno(), b"this is not a TLS record" * 4)  # past the TLS layer
    time.sleep(0.05)


def head(*lines: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode()


BOMB = gzip.compress(bytes(5_000_000))
AFTER_SENDING = {
    "close": (lambda connection, number: None, {}, "closed before the answer"),
    "slow": (hang, SMALL, "timed out"),
    "short": (send(head("Content-Length: 10") + b"123"), {}, "cut short"),
    "cut chunk": (send(head("Transfer-Encoding: chunked") + b"a\r\n123"), {}, "cut short"),
    "no last chunk": (send(head("Transfer-Encoding: chunked") + b"3\r\n123\r\n"), {}, ""),
    "cut status line": (send(b"HTTP/1.1 20"), {}, ""),
    "cut header": (send(b"HTTP/1.1 200 OK\r\nContent-Le"), {}, ""),
    "cut after a header": (send(b"HTTP/1.1 200 OK\r\nX-A: b\r\n"), {}, ""),
    "not http": (send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), {}, "not HTTP"),
    "too large": (
        send(head("Content-Length: 5000") + bytes(5000)),
        {"response_bytes_max": 4999},
        "larger than",
    ),
    "too large, endless": (send(head() + bytes(5000)), {"response_bytes_max": 4999}, "larger than"),
    "gzip bomb": (
        send(head("Content-Encoding: gzip", f"Content-Length: {len(BOMB)}") + BOMB),
        {"response_bytes_max": 100_000},
        "larger than",
    ),
    "bad gzip": (
        send(head("Content-Encoding: gzip", "Content-Length: 8") + b"notgzip!"),
        {},
        "not decompress",
    ),
    "cut gzip": (
        send(head("Content-Encoding: gzip", "Content-Length: 30") + gzip.compress(bytes(range(200)))[:30]),
        {},
        "cut short inside",
    ),
    "unknown coding": (send(head("Content-Encoding: br", "Content-Length: 1") + b"x"), {}, "not asked for"),
    "dripping body": (
        drip(head("Content-Length: 1000"), b"x"),
        {"timeout_s": 5.0, "deadline_s": 0.25, "max_attempts": 1},
        "timed out",
    ),
    "dripping headers": (
        drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        {"timeout_s": 5.0, "deadline_s": 0.25, "max_attempts": 1},
        "timed out",
    ),
}


def fail(driver, call, kind, **options) -> str:
    with pytest.raises(kind) as caught:
        driver.run(call, **options)
    assert type(caught.value) is kind
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    for secret in ("k-secret", "hash=", '"amount"'):
        assert secret not in shown
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("fault", AFTER_SENDING)
def test_after_sending_the_outcome_is_unknown(driver, serve, make_call, fault, repeatable):
    """Whatever breaks after the request left is OutcomeUnknown, sent again only if repeatable."""
    answer, options, words = AFTER_SENDING[fault]
    server = serve(answer)
    started = time.monotonic()
    text = fail(driver, make_call(server.url + "?hash=abc", repeatable=repeatable), OutcomeUnknown, **options)
    assert time.monotonic() - started < 1.5
    assert len(server.requests) == (options.get("max_attempts", 3) if repeatable else 1)
    assert words in text
    assert server.url in text
    assert ("Look it up" in text) is not repeatable


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_reset_after_sending_is_unknown(driver, serve, make_call, server_tools, repeatable):
    """A TCP reset after the request was read is OutcomeUnknown."""
    server = serve(lambda connection, number: server_tools.reset(connection))
    text = fail(driver, make_call(server.url, repeatable=repeatable), OutcomeUnknown)
    assert len(server.requests) == (3 if repeatable else 1)
    assert "closed before the answer" in text


@pytest.mark.parametrize("repeatable", [True, False])
def test_tls_that_breaks_after_the_request_was_read_is_unknown(
    driver, serve, make_call, tls_server_context, ca_bundle, repeatable
):
    """A TLS error on a standing connection is OutcomeUnknown, though requests calls it SSLError too."""
    server = serve(break_tls, context=tls_server_context())
    text = fail(driver, make_call(server.url, repeatable=repeatable), OutcomeUnknown, ca_bundle=ca_bundle)
    assert len(server.requests) == (3 if repeatable else 1)
    assert "SSL" in text


def not_sent(driver, call, **options) -> str:
    """Nothing was sent, so even a money call may try three times."""
    text = fail(driver, call, NotSent, **options)
    assert len(driver.clock.sleeps) == 2
    return text


@pytest.mark.parametrize("repeatable", [True, False])
def test_refused(driver, make_call, repeatable):
    """A refused connection is NotSent."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: nobody else can take the port
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x?hash=abc"
        text = not_sent(driver, make_call(url, repeatable=repeatable))
    assert "connection refused" in text


def test_unknown_name(driver, make_call, resolve):
    """A name that does not resolve is NotSent, at once."""
    resolve("api.sengo.invalid")
    started = time.monotonic()
    text = not_sent(driver, make_call("https://api.sengo.invalid/x?hash=abc", repeatable=False))
    assert time.monotonic() - started < 1
    assert "does not resolve" in text


def test_connect_timeout(driver, make_call):
    """A connection that is not accepted in time is NotSent."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first:
        others = [first]
        first.connect(full.getsockname())
        for _ in range(3):
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(full.getsockname())
            others.append(other)
        url = f"http://127.0.0.1:{full.getsockname()[1]}/x"
        text = not_sent(driver, make_call(url, repeatable=False), **SMALL)
        for other in others:
            other.close()
    assert "timed out" in text


HANDSHAKES = {
    "not tls": lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "closed": lambda connection: None,
    "closed after hello": lambda connection: connection.recv(4096),
    "hanging": lambda connection: connection.recv(4096) and connection.recv(4096),
}


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("handshake", HANDSHAKES)
def test_failed_handshake(driver, serve, make_call, handshake, repeatable):
    """A TLS handshake that fails, however, is NotSent."""
    server = serve(before_tls=HANDSHAKES[handshake])
    not_sent(driver, make_call(server.url, repeatable=repeatable), **SMALL)
    assert server.connections == 3


def test_reset_in_handshake(driver, serve, make_call, server_tools):
    """A reset within the handshake is NotSent, though the same reset later is not."""
    server = serve(before_tls=server_tools.reset)
    not_sent(driver, make_call(server.url, repeatable=False))


def test_certificate_of_an_unknown_authority(driver, serve, make_call, tls_server_context):
    """Without the bundle our own authority is not trusted: NotSent, no request read."""
    server = serve(send(b""), context=tls_server_context())
    assert "certificate is not accepted" in not_sent(driver, make_call(server.url, repeatable=False))
    assert server.requests == []


def test_certificate_of_another_name(driver, serve, make_call, tls_server_context, ca_bundle):
    """A trusted certificate for another name is NotSent."""
    server = serve(send(b""), context=tls_server_context("api.sengo.id"))
    text = not_sent(driver, make_call(server.url, repeatable=False), ca_bundle=ca_bundle)
    assert "certificate is not accepted" in text
    assert server.requests == []
