# SPDX-License-Identifier: Apache-2.0
"""The attempts of one call: what tenacity asks, and what one attempt knows. Sends and sleeps nothing.

No rule is made here: ``RetryPolicy`` decides what may be repeated and how long to wait, ``Gate`` when
the next request may start, ``Call.parse`` what an answer means.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

import tenacity

from airflow_provider_sengo import __version__
from airflow_provider_sengo.exceptions import NotSent, OutcomeUnknown
from airflow_provider_sengo.protocol.http import Call, Request, Response, without_query
from airflow_provider_sengo.protocol.retry import RetryPolicy, retry_after_s
from airflow_provider_sengo.transport.body import ACCEPT_ENCODING, BodyReader
from airflow_provider_sengo.transport.failure import Phase, failure
from airflow_provider_sengo.transport.gate import gate_for
from airflow_provider_sengo.transport.options import TransportOptions

T = TypeVar("T")

HTTP_TOO_MANY_REQUESTS = 429
# Of the deadline, so much must be left when a turn comes. Where calls queue up to their deadlines, each
# would else start just before its own: sent for nothing, and a payment's outcome unknown.
ANSWER_PART = 0.1


@dataclass(slots=True, repr=False)
class Attempt:
    """One request on the wire. ``needs_fresh``: it must not go out on a kept-alive connection.

    What moves money needs one: a kept-alive connection that the gateway is just closing would turn a
    payment that was never read into an unknown outcome, which nobody may repeat. The handshake is cheap
    beside looking the payment up. A repeated attempt after a broken one needs one too: a gateway that
    restarts leaves a whole pool of such connections behind.
    """

    request: Request
    needs_fresh: bool
    timeout_s: float
    deadline_at_s: float
    clock: Callable[[], float]
    phase: Phase = Phase.UNTOUCHED

    def left_s(self) -> float:
        """Seconds to the call's deadline; raises once there are none."""
        left_s = self.deadline_at_s - self.clock()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def wait_max_s(self) -> float:
        """The longest that one wait for the network may take now."""
        return min(self.timeout_s, self.left_s())

    def connecting(self) -> None:
        """A second connection in one attempt would be a library sending again on its own."""
        if self.phase is not Phase.UNTOUCHED:
            self.phase = Phase.CONNECTED
            raise RuntimeError("one attempt, one connection")
        self.phase = Phase.CONNECTING

    def connected(self) -> None:
        self.phase = Phase.CONNECTED

    def sending(self) -> None:
        """On a connection that stands already, kept alive or just made."""
        self.phase = Phase.CONNECTED

    def headers(self) -> dict[str, str]:
        """The request's own headers, and the two that a library would otherwise choose by itself."""
        headers = dict(self.request.headers)
        given = {name.lower() for name in headers}
        if "accept-encoding" not in given:
            headers["Accept-Encoding"] = ACCEPT_ENCODING
        if "user-agent" not in given:
            headers["User-Agent"] = f"airflow-provider-sengo/{__version__}"
        if self.needs_fresh:
            headers["Connection"] = "close"
        return headers


class Rounds(Generic[T]):
    """One call's attempts, from the first to the last."""

    def __init__(self, call: Call[T], options: TransportOptions, *, clock: Callable[[], float]) -> None:
        self._call = call
        self._options = options
        self._clock = clock
        self._policy = RetryPolicy(max_attempts=options.max_attempts)
        self._gate = gate_for(call.gate_key)
        self._deadline_at_s = clock() + options.deadline_s
        self._last_error: BaseException | None = None
        self._is_over = False
        self._turn_at_s = self._deadline_at_s

    def may_repeat(self, state: tenacity.RetryCallState) -> bool:
        """tenacity's ``retry``."""
        self._last_error = state.outcome.exception() if state.outcome else None
        if self._last_error is None:
            return False
        return self._policy.may_repeat(repeatable=self._call.repeatable, error=self._last_error)

    def wait_s(self, state: tenacity.RetryCallState) -> float:
        """tenacity's ``wait``."""
        assert self._last_error is not None
        return self._policy.wait_s(state.attempt_number, self._last_error, jitter=random.random())

    def is_over(self, state: tenacity.RetryCallState) -> bool:
        """tenacity's ``stop``: no attempt is left, or none could start before the deadline."""
        ends_at_s = self._clock() + state.upcoming_sleep
        return (
            self._is_over
            or state.attempt_number >= self._policy.max_attempts
            or ends_at_s >= self._deadline_at_s
        )

    def gate_wait_s(self, *, again: bool = False) -> float:
        """Seconds until the gate lets this attempt go; raises if too little of the deadline is left then."""
        ask = self._gate.confirm if again else self._gate.reserve
        now_s = self._clock()
        left_s = self._deadline_at_s - now_s
        if left_s > 0:
            within_s = left_s - ANSWER_PART * self._options.deadline_s
            wait_s = ask(now_s, requests_per_second=self._options.requests_per_second, within_s=within_s)
            if wait_s == 0 or wait_s < within_s:
                self._turn_at_s = now_s + wait_s
                return wait_s
        self._is_over = True
        if self._last_error is not None:
            raise self._last_error
        request = self._call.request
        raise NotSent(
            f"{request.method} {without_query(request.url)} was not sent: its turn would come too late "
            f"for the deadline of {self._options.deadline_s:g} s. Ask for less, or allow more requests a second."
        )

    @contextmanager
    def in_line(self) -> Iterator[None]:
        """Around the wait for the turn: whoever is interrupted or cancelled in it leaves the line."""
        with ExitStack() as leaving:
            leaving.callback(self._gate.give_back, self._turn_at_s)
            yield
            leaving.pop_all()

    def begin(self) -> Attempt:
        return Attempt(
            self._call.request,
            needs_fresh=not self._call.repeatable or isinstance(self._last_error, OutcomeUnknown),
            timeout_s=self._options.timeout_s,
            deadline_at_s=self._deadline_at_s,
            clock=self._clock,
        )

    def body_reader(self, headers: Mapping[str, str]) -> BodyReader:
        coding = headers.get("content-encoding", "")
        return BodyReader(coding, bytes_max=self._options.response_bytes_max)

    def read(self, status: int, headers: Mapping[str, str], body: bytes) -> T:
        """Hand a whole answer to the call, and a 429 to the gate before."""
        response = Response(status, headers, body, received_at=datetime.now(UTC))
        if status == HTTP_TOO_MANY_REQUESTS:
            self._gate.hold(self._clock(), retry_after_s(headers, response.received_at))
        return self._call.parse(response)

    def failure(self, attempt: Attempt, error: Exception) -> NotSent | OutcomeUnknown:
        return failure(self._call.request, attempt.phase, error, repeatable=self._call.repeatable)
