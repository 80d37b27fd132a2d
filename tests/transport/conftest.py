# SPDX-License-Identifier: Apache-2.0
"""Raw loopback servers in threads, and one driver for both transports. No sleeps, no fixed ports.

The servers know nothing of the package: they read bytes, count requests and answer with bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trustme

from airflow_provider_sengo.protocol.http import Call, Request, Response
from airflow_provider_sengo.transport.aio import AsyncTransport
from airflow_provider_sengo.transport.options import TransportOptions
from airflow_provider_sengo.transport.sync import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Counts connections and requests; ``answer(connection, number)`` is called for each whole request.

    The connection stays open while ``answer`` returns True. ``before_tls`` runs in place of a handshake.
    """

    def __init__(self, answer, *, context=None, before_tls=None):
        self.answer, self.context, self.before_tls = answer, context, before_tls
        self.requests: list[bytes] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self.context or self.before_tls else 'http'}://127.0.0.1:{self.port}/api/x"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.append(connection)
        with contextlib.suppress(OSError, ssl.SSLError), contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            if self.before_tls:
                self.before_tls(connection)
                return
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while request := read_request(connection):
                with self._lock:
                    self.requests.append(request)
                    number = len(self.requests)
                if not self.answer(connection, number):
                    return


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Clock:
    """Real time plus all that was slept: waits cost nothing."""

    def __init__(self) -> None:
        self.skew_s = 0.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return time.monotonic() + self.skew_s

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.skew_s += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


class Driver:
    """Runs calls one after another on one transport, whichever library is behind it."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.clock = Clock()

    def run(self, *calls: Call, between: Callable[[], None] = lambda: None, **options):
        options = TransportOptions(**{"max_attempts": 3, "timeout_s": 5.0, "deadline_s": 60.0} | options)
        answers = []
        if self.library == "requests":
            with Transport(options, sleep=self.clock.sleep, clock=self.clock.now) as transport:
                for call in calls:
                    answers.append(transport.run(call))
                    between()
            return answers[-1]

        async def run_all() -> None:
            async with AsyncTransport(
                options, in_flight=4, sleep=self.clock.asleep, clock=self.clock.now
            ) as transport:
                for call in calls:
                    answers.append(await transport.run(call))
                    await asyncio.to_thread(between)
                    await asyncio.sleep(0)

        asyncio.run(run_all())
        return answers[-1]


_gate_number = iter(range(1_000_000))


@pytest.fixture
def make_call():
    """A call with a gate of its own; money calls are POSTs that must not be repeated."""

    def make(
        url, *, repeatable=True, method=None, body=None, headers=None, parse=None, gate_key=None
    ) -> Call:
        method = method or ("GET" if repeatable else "POST")
        if body is None and method == "POST":
            body = b'{"amount":1}'
        headers = {"X-Key": "k-secret"} if headers is None else headers
        request = Request(method, url, headers, body)
        key = gate_key or f"test-{next(_gate_number)}"
        return Call("test", request, parse or (lambda response: response), repeatable, key)

    return make


@pytest.fixture(params=["requests", "aiohttp"])
def driver(request) -> Driver:
    return Driver(request.param)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(answer=None, **kwargs) -> Server:
        if isinstance(answer, bytes):
            text = answer

            def answer(connection, number):
                return connection.sendall(text) or True

        server = Server(answer, **kwargs)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_bundle(authority, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def tls_server_context(authority):
    def make(*names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        return context

    return make


@pytest.fixture
def resolve(monkeypatch):
    """``resolve(name, port)``: the name leads to that loopback port; ``resolve(name)``: it is unknown."""
    real = socket.getaddrinfo
    table: dict[str, int | None] = {}

    def fake(host, port, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if name in table:
            if table[name] is None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", table[name]))]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", fake)
    return lambda name, port=None: table.__setitem__(name, port)


@pytest.fixture
def whole() -> Callable[[Response], Response]:
    return lambda response: response


@pytest.fixture
def server_tools():
    """The plain functions of this file, for tests that script a connection byte by byte."""

    class Tools:
        ok = OK
        read_request = staticmethod(read_request)
        reset = staticmethod(reset)

    return Tools
