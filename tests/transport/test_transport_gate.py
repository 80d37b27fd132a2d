# SPDX-License-Identifier: Apache-2.0
"""The gate keeps workers under a limit it was never told, and costs nothing where there is none."""

from __future__ import annotations

import copy
import heapq
import math
import random
import threading
from collections import deque
from dataclasses import dataclass, field
from itertools import count

import pytest

from airflow_provider_sengo.transport.gate import GATES_MAX, HOLD_UNASKED_S, Gate, gate_for

WORKERS, JITTER_S = 16, 0.004


@dataclass
class Bucket:
    """``rate`` tokens a second, at most ``burst`` saved up."""

    rate: float
    burst: float
    retry_after_s: float = 1.0
    tokens: float = math.inf
    at_s: float = 0.0

    def refuses(self, now_s: float) -> float | None:
        """Seconds of Retry-After, or None where the request is served."""
        self.tokens = min(self.burst, self.tokens + (now_s - self.at_s) * self.rate)
        self.at_s = now_s
        if self.tokens < 1:
            return self.retry_after_s
        self.tokens -= 1
        return None


@dataclass
class FixedWindow:
    """``quota`` requests in every ``span_s``, as Laravel's throttle: told to wait to its end in whole seconds."""

    quota: int
    span_s: float
    by_the_clock: bool
    start_s: float = -math.inf
    served: int = 0

    def refuses(self, now_s: float) -> float | None:
        if now_s - self.start_s >= self.span_s:
            self.start_s = now_s - (now_s + 0.37 * self.span_s) % self.span_s if self.by_the_clock else now_s
            self.served = 0
        if self.served >= self.quota:
            return max(1.0, math.ceil(self.start_s + self.span_s - now_s))
        self.served += 1
        return None


@dataclass
class SlidingWindow:
    """``quota`` requests in any second."""

    quota: int
    served: deque[float] = field(default_factory=deque)

    def refuses(self, now_s: float) -> float | None:
        while self.served and self.served[0] <= now_s - 1.0:
            self.served.popleft()
        if len(self.served) >= self.quota:
            return 1.0
        self.served.append(now_s)
        return None


@dataclass
class Falling:
    """One limit for 20 seconds, then the other."""

    before: Bucket | SlidingWindow
    after: Bucket | SlidingWindow

    def refuses(self, now_s: float) -> float | None:
        return (self.before if now_s < 20.0 else self.after).refuses(now_s)


def simulate(limit, requests, *, latency_s=0.02, asks=True, rate=None, stall_s=0.0):
    """Seconds and number of 429s until all requests are through; time is simulated.

    ``asks``: whether a 429 has a Retry-After. Every two seconds the client does nothing for ``stall_s``.
    """
    gate, noise, order, events = Gate(), random.Random(7), count(), []
    left, refused, end_s = requests, 0, 0.0

    def worker():
        nonlocal left, refused, end_s
        now_s = yield 0.0, True
        while left > 0:
            left -= 1
            while True:
                wait_s = gate.reserve(now_s, requests_per_second=rate)
                while wait_s > 0:
                    now_s = yield wait_s, True
                    wait_s = gate.confirm(now_s, requests_per_second=rate)
                now_s = yield latency_s / 2 + JITTER_S * noise.random(), False
                retry_after_s = limit.refuses(now_s)
                now_s = yield latency_s / 2 + JITTER_S * noise.random(), True
                if retry_after_s is None:
                    end_s = now_s
                    break
                refused += 1
                gate.hold(now_s, retry_after_s if asks else None)
                now_s = yield retry_after_s * asks + 0.5 * noise.random(), True
        yield math.inf, False

    for _ in range(WORKERS):
        running = worker()
        next(running)
        heapq.heappush(events, (0.0, next(order), running))
    while events[0][0] < math.inf:
        now_s, _, running = heapq.heappop(events)
        wait_s, is_client = running.send(now_s)
        at_s = now_s + wait_s
        if is_client:
            at_s += max(0.0, stall_s - at_s % 2.0)
        heapq.heappush(events, (at_s, next(order), running))
    return end_s, refused


LIMITS = {
    "bucket of 1": lambda rate: Bucket(rate, 1),
    "bucket of 10": lambda rate: Bucket(rate, 10),
    "bucket of 100": lambda rate: Bucket(rate, 100),
    "fixed window": lambda rate: FixedWindow(rate, 1.0, by_the_clock=True),
    "window from the first": lambda rate: FixedWindow(rate, 1.0, by_the_clock=False),
    "sliding window": SlidingWindow,
}


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("per_second", [5, 50, 100])
@pytest.mark.parametrize("limit", LIMITS)
def test_ninety_seconds_of_work_take_little_more(limit, per_second, is_known, asks):
    """A tenth more than the limit allows, and at most 5 % refused, the first rush of all workers included.

    A bucket of one serves nothing that comes a little early: arrivals must be further apart by as much as
    they are uneven, and how much that is takes more 429s to find.
    """
    requests, rate = max(1_200, 90 * per_second), per_second if is_known else None
    seconds, refused = simulate(LIMITS[limit](per_second), requests, asks=asks, rate=rate)
    assert refused <= 0.05 * (requests + refused)
    uneven_s, more = (JITTER_S, 1.25) if limit == "bucket of 1" else (0.0, 1.1)
    assert seconds <= more * requests * (1 / per_second + uneven_s)


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize(
    "limit",
    [Falling(Bucket(100, 10), Bucket(50, 10)), Falling(SlidingWindow(100), SlidingWindow(50))],
)
def test_a_limit_that_halves_is_found_again(limit, is_known):
    """The old pace is refused at once and every wait is a second: a quarter more, for all of it."""
    requests = 20 * 100 + 60 * 50
    seconds, refused = simulate(copy.deepcopy(limit), requests, rate=100 if is_known else None)
    assert refused <= 0.05 * (requests + refused)
    assert seconds <= 1.25 * (20 + 60)


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("quota", [60, 600])
@pytest.mark.parametrize("by_the_clock", [True, False])
def test_a_limit_by_the_minute(by_the_clock, quota, is_known, asks):
    """Half an hour's work. Where no 429 tells how long to wait, trying that out costs a little more."""
    requests, rate = 30 * quota, quota / 60.0 if is_known else None
    seconds, refused = simulate(FixedWindow(quota, 60.0, by_the_clock), requests, asks=asks, rate=rate)
    assert refused <= (0.05 if asks else 0.06) * (requests + refused)
    assert seconds <= (1.1 if asks else 1.2) * 60.0 * 30


@pytest.mark.parametrize("limit", ["bucket of 10", "fixed window", "window from the first"])
def test_a_busy_client_at_the_known_limit_loses_the_time_it_was_busy(limit):
    """Of every two seconds it is a tenth of one: nothing sent in a bunch afterwards, hardly a 429."""
    seconds, refused = simulate(LIMITS[limit](100), 6_000, rate=100, stall_s=0.1)
    assert refused <= 0.01 * 6_000
    assert seconds <= 1.1 * 60 / 0.95


@pytest.mark.parametrize("retry_after_s", [1.0, 2.0, None])
@pytest.mark.parametrize("requests", [600, 5_000])
@pytest.mark.parametrize("latency_s", [0.005, 0.05])
def test_sixteen_workers_stay_under_an_unknown_limit(retry_after_s, requests, latency_s):
    """At 100 requests a second allowed, at most 5 % are refused, and the rate is used: nine tenths of it,
    or half where the gateway asks for twice the wait that its bucket needs.
    """
    limit = Bucket(100.0, 100, retry_after_s or 1.0)
    seconds, refused = simulate(limit, requests, latency_s=latency_s, asks=retry_after_s is not None)
    assert refused <= 0.05 * (requests + refused)
    used = 45.0 if retry_after_s == 2.0 else 90.0
    assert seconds <= (requests - 100) / used + 2.0


def test_without_a_429_nobody_waits():
    """No rate and no 429: every start is free, however many there are."""
    gate = Gate()
    assert {gate.reserve(number / 10_000) for number in range(20_000)} == {0.0}


def test_a_configured_rate_spaces_the_starts():
    """Ten a second are a tenth of a second apart, and idle time is not saved up for a burst."""
    gate = Gate()
    waits = [gate.reserve(100.0, requests_per_second=10.0) for _ in range(4)]
    assert waits == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert gate.reserve(900.0, requests_per_second=10.0) == 0.0
    assert gate.reserve(900.0, requests_per_second=10.0) == pytest.approx(0.1)


def test_a_429_holds_those_who_already_had_their_turn():
    """A start that was reserved before the 429 is taken back, and lies behind the hold afterwards."""
    gate = Gate()
    gate.reserve(100.0, requests_per_second=10.0)
    assert gate.reserve(100.0, requests_per_second=10.0) == pytest.approx(0.1)
    gate.hold(100.05, 3.0)
    assert gate.confirm(100.1, requests_per_second=10.0) >= 2.95
    assert gate.confirm(104.0, requests_per_second=10.0) == 0.0


def test_a_hold_is_bounded():
    """No gateway's wish holds the process longer than a minute, and none shortens a hold."""
    gate = Gate()
    gate.hold(100.0, 86_400.0)
    gate.hold(100.0, 1.0)
    assert gate.reserve(100.0) == pytest.approx(60.0)


def test_holds_of_our_own_choice_grow_while_they_are_too_short():
    """A second without Retry-After; each whose first request is refused again doubles it, up to a minute."""
    gate, now_s, waits = Gate(), 100.0, []
    gate.reserve(now_s)
    for _ in range(9):
        gate.hold(now_s, None)
        waits.append(gate.reserve(now_s))
        now_s += waits[-1]
        assert gate.confirm(now_s) == 0.0
    assert waits == pytest.approx([HOLD_UNASKED_S, 2, 4, 8, 16, 32, 60, 60, 60])


def test_a_hold_of_no_time_still_ends_the_rush():
    """``Retry-After: 0`` holds for a moment, and those refused with the same rush are one 429."""
    gate = Gate()
    assert [gate.reserve(100.0 + number / 1_000) for number in range(20)] == [0.0] * 20
    for number in range(10):
        gate.hold(100.03 + number / 1_000, 0.0)
    assert gate.reserve(100.04) == pytest.approx(0.099, abs=0.01)
    assert gate.reserve(100.04) <= 0.2


def test_late_starts_do_not_go_out_together():
    """A client that was busy for 0.16 s finds 16 of its starts due: some may go, the others wait again."""
    gate = Gate()
    assert gate.reserve(100.0, requests_per_second=100.0) == 0.0
    waits = [gate.reserve(100.0, requests_per_second=100.0) for _ in range(16)]
    assert waits[-1] == pytest.approx(0.16)
    again = [gate.confirm(100.16, requests_per_second=100.0) for _ in waits]
    assert sum(wait == 0.0 for wait in again) == 6
    assert [wait for wait in again if wait] == pytest.approx([0.01 * number for number in range(1, 11)])


def test_equal_keys_share_a_gate_and_their_number_is_bounded():
    """A process that sees endless keys forgets the least recently used gates."""
    first = gate_for("bounded-first")
    for number in range(GATES_MAX - 1):
        gate_for(f"bounded-{number}")
        assert gate_for("bounded-first") is first
    for number in range(GATES_MAX):
        gate_for(f"bounded-more-{number}")
    assert gate_for("bounded-first") is not first


def test_threads_get_different_starts():
    """Sixteen threads never get the same start."""
    gate, waits = Gate(), []

    def take():
        waits.extend(gate.reserve(100.0, requests_per_second=100.0) for _ in range(200))

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({round(wait, 6) for wait in waits}) == 3200
