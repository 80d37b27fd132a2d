# SPDX-License-Identifier: Apache-2.0
"""Whole answers: what the call is handed, when it is asked again, and what ends the asking."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from airflow_provider_sengo.exceptions import (
    NotSent,
    OutcomeUnknown,
    Rejected,
    Unavailable,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol.retry import retry_after_s
from airflow_provider_sengo.transport.aio import AsyncTransport
from airflow_provider_sengo.transport.body import BodyReader, BrokenBody
from airflow_provider_sengo.transport.options import TransportOptions
from airflow_provider_sengo.transport.sync import Transport


def strict(response):
    """As an endpoint's parser does it: 429 and 5xx are Unavailable, HTML is not an answer."""
    if response.status == 429 or response.status >= 500:
        wish_s = retry_after_s(response.headers, response.received_at)
        raise Unavailable("busy", http_status=response.status, retry_after_s=wish_s)
    if response.body.startswith(b"<"):
        raise UnexpectedResponse("not JSON")
    if b'"responseCode":500' in response.body:
        raise Unavailable("broken inside", http_status=200)
    if response.status >= 400:
        raise Rejected("no", http_status=response.status)
    return response


def http(status: int, body: bytes = b"ok", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def script(*answers: bytes):
    """The answers one after another; the last one for ever."""
    return lambda connection, number: connection.sendall(answers[min(number, len(answers)) - 1]) or True


def test_what_the_call_is_handed(driver, serve, make_call):
    """Status, lower-case headers, doubled ones joined, the whole body and the time of receipt."""
    server = serve(http(418, b'{"a":1}', "X-Some: One", "X-Some: two"))
    before = datetime.now(UTC)
    response = driver.run(make_call(server.url))
    assert (response.status, response.body, response.headers["x-some"]) == (418, b'{"a":1}', "One, two")
    assert all(name == name.lower() for name in response.headers)
    assert before <= response.received_at <= datetime.now(UTC)
    assert response.received_at.utcoffset() == timedelta(0)


def chunked(*pieces: bytes) -> bytes:
    coded = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded


PACKED = gzip.compress(b"whole " * 1000)
BODIES = {
    "chunked": (chunked(b"who", b"le"), b"whole"),
    "to the end of the stream": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole", b"whole"),
    "gzip": (http(200, PACKED, "Content-Encoding: gzip"), b"whole " * 1000),
    "two gzip members": (http(200, PACKED + PACKED, "Content-Encoding: x-gzip"), b"whole " * 2000),
    "empty gzip": (http(200, b"", "Content-Encoding: gzip"), b""),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "identity": (http(200, b"whole", "Content-Encoding: identity"), b"whole"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_bodies_arrive_whole(driver, serve, make_call, kind):
    """However a body is framed and packed, the call is handed its own bytes."""
    wire, body = BODIES[kind]
    closes = kind.startswith("to the end")
    server = serve(lambda connection, number: connection.sendall(wire) or not closes)
    assert driver.run(make_call(server.url)).body == body


def test_a_body_as_large_as_allowed(driver, serve, make_call):
    """The limit itself is still allowed."""
    server = serve(http(200, bytes(300_000)))
    assert len(driver.run(make_call(server.url), response_bytes_max=300_000).body) == 300_000


def test_a_bomb_takes_no_memory():
    """A compressed body is inflated no further than one byte beyond the limit."""
    bomb = gzip.compress(bytes(50_000_000))
    reader = BodyReader("gzip", bytes_max=1_000)
    tracemalloc.start()
    with pytest.raises(BrokenBody, match="larger than 1000 bytes"):
        reader.feed(bomb)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 1_000_000


REFUSALS = {
    "500": (http(500), Unavailable),
    "503": (http(503), Unavailable),
    "HTML page": (http(200, b"<html>sign in</html>"), UnexpectedResponse),
    "error inside 200": (http(200, b'{"responseCode":500}'), Unavailable),
}


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_unsound_answers_are_asked_again_only_if_repeatable(driver, serve, make_call, refusal, repeatable):
    """5xx, an HTML page and an error inside HTTP 200 are repeated for GETs, never for money calls."""
    answer, kind = REFUSALS[refusal]
    server = serve(answer)
    with pytest.raises(kind):
        driver.run(make_call(server.url, repeatable=repeatable, parse=strict))
    assert len(server.requests) == (3 if repeatable else 1)


def test_a_refusal_is_never_asked_again(driver, serve, make_call):
    """A 4xx is the answer."""
    server = serve(http(404))
    with pytest.raises(Rejected):
        driver.run(make_call(server.url, parse=strict))
    assert len(server.requests) == 1
    assert driver.clock.sleeps == []


def test_a_later_success_counts(driver, serve, make_call):
    """Two failures and a success are a success."""
    server = serve(script(http(500), http(200, b'{"responseCode":500}'), http(200, b"fine")))
    assert driver.run(make_call(server.url, parse=strict)).body == b"fine"
    assert len(server.requests) == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(driver, serve, make_call, form):
    """A 429 is repeated no earlier than its Retry-After says, in seconds or as a date."""
    at = datetime.now(UTC) + timedelta(seconds=10)
    wish = "10" if form == "seconds" else format_datetime(at.replace(microsecond=0), usegmt=True)
    server = serve(script(http(429, b"", f"Retry-After: {wish}"), http(200)))
    driver.run(make_call(server.url, parse=strict))
    assert len(server.requests) == 2
    assert sum(driver.clock.sleeps) >= (10 if form == "seconds" else 8)


def test_a_429_to_a_money_call_is_not_repeated_but_holds_the_others(driver, serve, make_call):
    """The one who gets the 429 gives up, and the next call of the same gate waits."""
    server = serve(script(http(429, b"", "Retry-After: 7"), http(200)))
    key = f"held-{driver.library}"
    with pytest.raises(Unavailable):
        driver.run(make_call(server.url, repeatable=False, parse=strict, gate_key=key))
    assert len(server.requests) == 1
    assert driver.clock.sleeps == []
    driver.run(make_call(server.url, gate_key=key))
    assert sum(driver.clock.sleeps) == pytest.approx(7, abs=0.5)


def test_requests_per_second(driver, serve, make_call):
    """Calls of one gate key keep the configured pace."""
    server = serve(http(200))
    calls = [make_call(server.url, gate_key=f"paced-{driver.library}") for _ in range(5)]
    driver.run(*calls, requests_per_second=2.0)
    assert sum(driver.clock.sleeps) == pytest.approx(2.0, abs=0.5)


def test_the_deadline_ends_the_asking_with_the_last_error(driver, serve, make_call):
    """No wait goes beyond the deadline: the gateway's own error is raised instead."""
    server = serve(http(429, b"", "Retry-After: 20"))
    with pytest.raises(Unavailable):
        driver.run(make_call(server.url, parse=strict), deadline_s=30.0, max_attempts=9)
    assert sum(driver.clock.sleeps) < 30
    assert len(server.requests) == 2


def test_a_turn_after_the_deadline_is_not_sent(driver, serve, make_call):
    """A first attempt that the gate puts behind the deadline is NotSent, at once."""
    server = serve(script(http(429, b"", "Retry-After: 50"), http(200)))
    key = f"late-{driver.library}"
    driver.run(make_call(server.url, gate_key=key))
    with pytest.raises(NotSent, match="deadline"):
        driver.run(make_call(server.url, gate_key=key), deadline_s=10.0)
    assert len(server.requests) == 1
    assert driver.clock.sleeps == []


def test_a_bug_in_a_parser_comes_through_untouched(driver, serve, make_call):
    """An error that is not ours is neither renamed nor repeated."""
    server = serve(http(200))
    with pytest.raises(ZeroDivisionError):
        driver.run(make_call(server.url, parse=lambda response: 1 / 0))
    assert len(server.requests) == 1


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_comes_through_untouched(serve, make_call, interrupt):
    """Ctrl-C within an attempt ends it."""

    def stop(response):
        raise interrupt

    server = serve(http(200))
    with pytest.raises(interrupt), Transport(TransportOptions()) as transport:
        transport.run(make_call(server.url, parse=stop))
    assert len(server.requests) == 1


def test_cancelling_comes_through_untouched(serve, make_call):
    """A cancelled task raises CancelledError, gives its place back, and nothing is sent again."""
    arrived = threading.Event()

    def answer(connection, number):
        arrived.set()
        if number > 1:
            connection.sendall(http(200))
        return True

    server = serve(answer)

    async def scenario():
        async with AsyncTransport(TransportOptions(), in_flight=1) as transport:
            task = asyncio.create_task(transport.run(make_call(server.url)))
            await asyncio.to_thread(arrived.wait, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()
            return await transport.run(make_call(server.url))

    assert asyncio.run(scenario()).body == b"ok"
    assert len(server.requests) == 2


def test_many_calls_keep_to_the_places(serve, make_call):
    """Forty calls on four places use four connections, and waiting for a place eats no deadline."""

    def answer(connection, number):
        time.sleep(0.02)
        connection.sendall(http(200))
        return True

    server = serve(answer)

    async def scenario():
        options = TransportOptions(timeout_s=0.15, deadline_s=0.15)
        async with AsyncTransport(options, in_flight=4) as transport:
            key = "places"
            calls = (transport.run(make_call(server.url, gate_key=key)) for _ in range(40))
            return await asyncio.gather(*calls)

    assert len(asyncio.run(scenario())) == 40
    assert server.connections == 4
    assert len(server.requests) == 40


def test_a_closed_or_unopened_async_transport_says_so(make_call):
    """Used outside its context it is a RuntimeError, not an unknown outcome."""
    transport = AsyncTransport(TransportOptions(), in_flight=1)
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(transport.run(make_call("https://api.sengo.id/")))
    with pytest.raises(ValueError, match="in_flight"):
        AsyncTransport(TransportOptions(), in_flight=0)


def test_errors_of_a_library_without_a_connection_are_no_proof(make_call, monkeypatch):
    """An error from inside a library before it asked for a connection is not NotSent: nothing proves it."""
    import requests

    def broken(self, request, **kwargs):
        raise requests.ConnectTimeout("https://api.sengo.id/?hash=abc")

    monkeypatch.setattr(requests.Session, "send", broken)
    with pytest.raises(OutcomeUnknown) as caught, Transport(TransportOptions()) as transport:
        transport.run(make_call("https://api.sengo.id/", repeatable=False))
    assert "hash" not in str(caught.value)
