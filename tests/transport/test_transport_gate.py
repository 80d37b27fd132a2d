# SPDX-License-Identifier: Apache-2.0
"""The gate keeps workers under a limit it was never told, and costs nothing where there is none."""

from __future__ import annotations

import heapq
import random
import threading
from itertools import count

import pytest

from airflow_provider_sengo.transport.gate import GATES_MAX, HOLD_UNASKED_S, Gate, gate_for


class Bucket:
    """A gateway's limit: ``rate`` tokens a second, at most ``rate`` saved up."""

    def __init__(self, rate: float) -> None:
        self.rate, self.tokens, self.at_s = rate, rate, 0.0

    def takes(self, now_s: float) -> bool:
        self.tokens = min(self.rate, self.tokens + (now_s - self.at_s) * self.rate)
        self.at_s = now_s
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def simulate(gate, bucket, *, workers, requests, latency_s, retry_after_s):
    """Seconds and number of 429s until all requests are through; time is simulated."""
    noise, order, events = random.Random(7), count(), []
    left, refused, end_s = requests, 0, 0.0

    def worker():
        nonlocal left, refused, end_s
        now_s = yield 0.0
        while left > 0:
            left -= 1
            while True:
                wait_s = gate.reserve(now_s)
                while wait_s > 0:
                    now_s = yield wait_s
                    wait_s = gate.confirm(now_s)
                taken = bucket.takes(now_s)
                now_s = yield latency_s
                if taken:
                    end_s = now_s
                    break
                refused += 1
                gate.hold(now_s, retry_after_s)
                now_s = yield (retry_after_s or 0.0) + 0.5 * noise.random()

    for _ in range(workers):
        running = worker()
        next(running)
        heapq.heappush(events, (0.0, next(order), running))
    while events:
        now_s, _, running = heapq.heappop(events)
        try:
            heapq.heappush(events, (now_s + running.send(now_s), next(order), running))
        except StopIteration:
            continue
    return end_s, refused


@pytest.mark.parametrize("retry_after_s", [1.0, 2.0, None])
@pytest.mark.parametrize("requests", [600, 5_000])
@pytest.mark.parametrize("latency_s", [0.005, 0.05])
def test_sixteen_workers_stay_under_an_unknown_limit(retry_after_s, requests, latency_s):
    """At 100 requests a second allowed, at most 5 % are refused, and the rate is used: nine tenths of it,
    or half where the gateway asks for twice the wait that its bucket needs.
    """
    seconds, refused = simulate(
        Gate(), Bucket(100.0), workers=16, requests=requests, latency_s=latency_s, retry_after_s=retry_after_s
    )
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


def test_a_429_without_a_wish_holds_for_a_second():
    """Without Retry-After the hold is a second."""
    gate = Gate()
    gate.hold(100.0, None)
    assert gate.reserve(100.0) == pytest.approx(HOLD_UNASKED_S)


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
