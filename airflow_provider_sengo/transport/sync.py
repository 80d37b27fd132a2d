# SPDX-License-Identifier: Apache-2.0
"""Send a ``Call`` with requests: for hooks, one call after another.

No rule lives here: send, sleep, ask (``rounds``). Nothing is read from the environment, no redirect is
followed, no cookie kept, and one attempt is one request on the wire.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from http.client import HTTPResponse, RemoteDisconnected
from http.cookiejar import DefaultCookiePolicy
from socket import socket
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self, TypeVar

import requests
import tenacity
from requests.adapters import HTTPAdapter
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Retry

from airflow_provider_sengo.protocol.http import Call
from airflow_provider_sengo.transport.options import TransportOptions, check_request
from airflow_provider_sengo.transport.rounds import Attempt, Rounds
from airflow_provider_sengo.transport.tls import tls_context

T = TypeVar("T")

READ_BYTES = 64 * 1024

# urllib3 builds connections deep inside; this is how they find the attempt that they work for.
_attempt: ContextVar[Attempt | None] = ContextVar("airflow_provider_sengo_attempt", default=None)


class Transport:
    """Runs calls one at a time over kept-alive connections. ``sleep`` and ``clock`` are for tests."""

    def __init__(
        self,
        options: TransportOptions,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._sleep = sleep
        self._clock = clock
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(tls_context(options.ca_bundle))
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # https only: plain http goes nowhere but to this machine, so no proxy may see it.
        self._proxies = {"https": options.proxy} if options.proxy else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def run(self, call: Call[T]) -> T:
        """Send until there is an answer or the policy says no; ``ValueError`` before anything is sent."""
        check_request(call.request)
        rounds = Rounds(call, self._options, clock=self._clock)
        retrying = tenacity.Retrying(
            retry=rounds.may_repeat, wait=rounds.wait_s, stop=rounds.is_over, sleep=self._sleep, reraise=True
        )
        answer: T = retrying(self._run_attempt, rounds)
        return answer

    def _run_attempt(self, rounds: Rounds[T]) -> T:
        wait_s = rounds.gate_wait_s()
        while wait_s > 0:
            with rounds.in_line():
                self._sleep(wait_s)
            wait_s = rounds.gate_wait_s(again=True)
        attempt = rounds.begin()
        token = _attempt.set(attempt)
        try:
            answer = self._exchange(attempt, rounds)
        except Exception as error:  # noqa: BLE001 - whatever broke, something may have been sent
            failed = rounds.failure(attempt, error)
        else:
            return rounds.read(*answer)
        finally:
            _attempt.reset(token)
        raise failed

    def _exchange(self, attempt: Attempt, rounds: Rounds[T]) -> tuple[int, dict[str, str], bytes]:
        timeout_s = attempt.wait_max_s()
        answer = self._session.send(
            _prepared(attempt),
            stream=True,
            allow_redirects=False,
            verify=True,
            proxies=self._proxies,
            timeout=(timeout_s, timeout_s),
        )
        with answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            reader = rounds.body_reader(headers)
            while chunk := answer.raw.read(READ_BYTES, decode_content=False):
                attempt.left_s()
                reader.feed(chunk)
            return answer.status_code, headers, reader.finish()


def _prepared(attempt: Attempt) -> requests.PreparedRequest:
    """Filled in by hand: ``prepare()`` re-quotes the URL and adds headers, cookies and netrc logins."""
    prepared = requests.PreparedRequest()
    prepared.method = attempt.request.method
    prepared.url = attempt.request.url
    prepared.headers = CaseInsensitiveDict(attempt.headers())
    prepared.body = attempt.request.body
    prepared.hooks = default_hooks()
    if prepared.body is not None:
        prepared.headers["Content-Length"] = str(len(prepared.body))
    prepared.prepare_cookies({})  # sets the empty jar that send() wants
    return prepared


class _Adapter(HTTPAdapter):
    """Pools of our own connection classes, no retries, our TLS context in place of ``verify``."""

    def __init__(self, context: SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=Retry(0, read=False))  # the policy repeats, no library

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context holds the trusted store already; requests would add its own to it."""
        conn.cert_reqs = "CERT_REQUIRED"


class _PhaseNoting:
    """Notes the phase of the attempt that a connection works for, and bounds each of its reads.

    requests wraps a failed handshake and TLS that breaks under an answer in the same class, so only
    these notes can tell whether anything was sent.
    """

    def connect(self) -> None:
        if attempt := _attempt.get():
            attempt.connecting()
        super().connect()  # type: ignore[misc]  # TCP, proxy tunnel and TLS handshake
        if attempt:
            attempt.connected()

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        attempt = _attempt.get()
        if attempt and self.sock is not None:  # type: ignore[attr-defined]
            attempt.sending()
        super().putrequest(*args, **kwargs)  # type: ignore[misc]

    def response_class(self, sock: socket, *args: Any, **kwargs: Any) -> HTTPResponse:
        """http.client's hook for the reader of an answer (and of a proxy's answer to CONNECT)."""
        attempt = _attempt.get()
        bounded: Any = _BoundedSocket(sock, attempt) if attempt else sock
        return HTTPResponse(bounded, *args, **kwargs)


class _HttpConnection(_PhaseNoting, HTTPConnection):  # type: ignore[misc]  # a method for a class
    pass


class _HttpsConnection(_PhaseNoting, HTTPSConnection):  # type: ignore[misc]  # a method for a class
    pass


class _FreshOnDemand:
    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        attempt = _attempt.get()
        if attempt and attempt.needs_fresh:
            connection.close()  # urllib3 connects a closed one anew
        return connection

    def _put_conn(self, connection: Any) -> None:
        attempt = _attempt.get()
        if connection is not None and attempt and attempt.needs_fresh:
            connection.close()  # we said "Connection: close"; a gateway that overlooks it may do so any time
        super()._put_conn(connection)  # type: ignore[misc]


class _HttpPool(_FreshOnDemand, HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(_FreshOnDemand, HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


class _BoundedSocket:
    """What ``HTTPResponse`` needs of a socket: a file whose every read ends by the deadline."""

    def __init__(self, sock: socket, attempt: Attempt) -> None:
        self._socket = sock
        self._attempt = attempt

    def makefile(self, mode: str) -> io.BufferedReader:
        return _WholeLines(_BoundedReader(self._socket, self._attempt), READ_BYTES)


class _WholeLines(io.BufferedReader):
    """http.client takes the end of the stream for the end of the headers, so a head that is cut in the
    middle would pass for a whole answer without a body.
    """

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n") and (size is None or size < 0 or len(line) < size):
            raise RemoteDisconnected("the head was cut")
        return line


class _BoundedReader(io.RawIOBase):
    def __init__(self, sock: socket, attempt: Attempt) -> None:
        self._socket = sock
        self._attempt = attempt
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open until it is closed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._attempt.wait_max_s())
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _NoUrls(logging.Filter):
    """urllib3 logs whole URLs at DEBUG, and senangPay's hash stands in the query: silent for our calls."""

    def filter(self, record: logging.LogRecord) -> bool:
        return _attempt.get() is None


for _logger_name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_logger_name).addFilter(_NoUrls())
