# SPDX-License-Identifier: Apache-2.0
"""Send a ``Call`` with aiohttp: for triggers and for reading listings, many calls under way at once.

No rule lives here: send, sleep, ask (``rounds``). Nothing is read from the environment, no redirect is
followed, no cookie kept, and one attempt is one request on the wire.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from ssl import SSLContext
from types import SimpleNamespace, TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import tenacity
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from airflow_provider_sengo.protocol.http import Call
from airflow_provider_sengo.transport.options import TransportOptions, check_request
from airflow_provider_sengo.transport.rounds import Attempt, Rounds
from airflow_provider_sengo.transport.tls import tls_context

T = TypeVar("T")

_LIBRARY_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class AsyncTransport:
    """Runs at most ``in_flight`` calls at a time, in one event loop. ``sleep`` and ``clock`` are for tests.

    A call that waits for its turn, or between two attempts, keeps its place: trouble slows all down. Its
    deadline starts when it gets its place.
    """

    def __init__(
        self,
        options: TransportOptions,
        *,
        in_flight: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if in_flight < 1:
            raise ValueError("in_flight must be at least 1")
        self._options = options
        self._sleep = sleep
        self._clock = clock
        self._places = asyncio.Semaphore(in_flight)
        self._kept: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Reading certifi's store takes some 20 ms, too long for a triggerer's event loop.
        context = await asyncio.to_thread(tls_context, self._options.ca_bundle)
        self._kept = _session(context, keeps_alive=True)
        self._fresh = _session(context, keeps_alive=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        for session in (self._kept, self._fresh):
            if session is not None:
                await session.close()
        # A TLS connection is let go of by callbacks; a loop that ends at once would leave it open.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self._kept = self._fresh = None

    async def run(self, call: Call[T]) -> T:
        """Send until there is an answer or the policy says no; ``ValueError`` before anything is sent."""
        check_request(call.request)
        if self._kept is None:
            raise RuntimeError("AsyncTransport is used inside 'async with'")
        async with self._places:
            rounds = Rounds(call, self._options, clock=self._clock)
            retrying = tenacity.AsyncRetrying(
                retry=rounds.may_repeat,
                wait=rounds.wait_s,
                stop=rounds.is_over,
                sleep=self._sleep,
                reraise=True,
            )
            return await retrying(self._run_attempt, rounds)

    async def _run_attempt(self, rounds: Rounds[T]) -> T:
        wait_s = rounds.gate_wait_s()
        while wait_s > 0:
            with rounds.in_line():
                await self._sleep(wait_s)
            wait_s = rounds.gate_wait_s(again=True)
        attempt = rounds.begin()
        try:
            answer = await self._exchange(attempt, rounds)
        except Exception as error:  # noqa: BLE001 - whatever broke, something may have been sent
            failed = rounds.failure(attempt, error)
        else:
            return rounds.read(*answer)
        raise failed

    async def _exchange(self, attempt: Attempt, rounds: Rounds[T]) -> tuple[int, dict[str, str], bytes]:
        session = self._fresh if attempt.needs_fresh else self._kept
        assert session is not None
        url = URL(attempt.request.url, encoded=True)  # as it stands: what was signed is what is sent
        async with session.request(
            attempt.request.method,
            url,
            headers=attempt.headers(),
            data=attempt.request.body,
            allow_redirects=False,
            # https only: plain http goes nowhere but to this machine, so no proxy may see it.
            proxy=self._options.proxy if url.scheme == "https" else None,
            timeout=_timeout(attempt),
            trace_request_ctx=attempt,
        ) as answer:
            headers = {name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers}
            reader = rounds.body_reader(headers)
            while chunk := await answer.content.readany():
                attempt.left_s()
                reader.feed(chunk)
            return answer.status, headers, reader.finish()


def _timeout(attempt: Attempt) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=attempt.left_s(),  # bounds dripping headers and bodies too
        connect=attempt.wait_max_s(),  # name, TCP, proxy and TLS together
        sock_read=attempt.wait_max_s(),
        ceil_threshold=math.inf,  # aiohttp rounds longer timeouts up to whole seconds
    )


def _session(context: SSLContext, *, keeps_alive: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        # The semaphore of the transport is the limit. aiohttp's own would count the wait for a free
        # connection as connecting.
        limit=0,
        ssl=context,
        resolver=ThreadedResolver(),  # the system's, as requests uses; aiodns has rules of its own
        force_close=not keeps_alive,
    )
    session = aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_LIBRARY_HEADERS,
        trace_configs=[_phase_noting()],
        trust_env=False,
    )
    # aiohttp re-sends GET, PUT and DELETE on a dropped kept-alive connection and offers no public
    # switch. The tests count requests, and ``Attempt`` refuses a second connection.
    session._retry_connection = False  # noqa: SLF001 - see above
    return session


def _phase_noting() -> aiohttp.TraceConfig:
    """aiohttp's error classes do not tell for sure how far a request came; its trace points do."""

    async def connecting(session: Any, context: SimpleNamespace, params: Any) -> None:
        context.trace_request_ctx.connecting()

    async def connected(session: Any, context: SimpleNamespace, params: Any) -> None:
        context.trace_request_ctx.connected()

    async def reused(session: Any, context: SimpleNamespace, params: Any) -> None:
        context.trace_request_ctx.sending()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(connecting)
    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(reused)
    return trace
