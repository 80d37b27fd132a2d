# SPDX-License-Identifier: Apache-2.0
"""The line before a gate: who is too late for it holds up nobody, and quiet work leaves the pace as it was.

All in simulated time; the calls of the last tests are sent to a loopback server.
"""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

import pytest

from airflow_provider_sengo.exceptions import NotSent
from airflow_provider_sengo.transport.aio import AsyncTransport
from airflow_provider_sengo.transport.gate import Gate, gate_for
from airflow_provider_sengo.transport.options import TransportOptions
from airflow_provider_sengo.transport.rounds import ANSWER_PART, Rounds
from airflow_provider_sengo.transport.sync import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DEADLINE_S, LATE_S = 60.0, 0.001  # a sleep takes a little longer than it was asked to
RATE, SAVED_UP, RETRY_AFTER_S = 10.0, 20.0, 10.0


def starts_of(call, arrivals_s, per_second):
    """The seconds at which these calls started, and the least that one had left then, of ``DEADLINE_S``."""
    now, order, starts, left_s = [0.0], count(), [], DEADLINE_S
    options = TransportOptions(deadline_s=DEADLINE_S, requests_per_second=per_second)
    line = [(at_s, next(order), None, 0.0) for at_s in arrivals_s]
    heapq.heapify(line)
    while line:
        now_s, _, rounds, ends_s = heapq.heappop(line)
        now[0], is_new = now_s, rounds is None
        if rounds is None:
            rounds, ends_s = Rounds(call, options, clock=lambda: now[0]), now_s + DEADLINE_S
        try:
            wait_s = rounds.gate_wait_s(again=not is_new)
        except NotSent:
            continue
        if wait_s > 0:
            heapq.heappush(line, (now_s + wait_s + LATE_S, next(order), rounds, ends_s))
        else:
            starts.append(now_s)
            left_s = min(left_s, ends_s - now_s)
    return starts, left_s


def by_minute(starts, minutes):
    return [sum(60 * minute <= at_s < 60 * (minute + 1) for at_s in starts) for minute in range(minutes)]


@pytest.mark.parametrize("load", [1.1, 2.0, 10.0])
@pytest.mark.parametrize("per_second", [1, 20])
def test_a_line_as_long_as_the_deadline_goes_on(load, per_second, make_call):
    """More calls than may start, for half an hour: the pace is used all the time, by calls that can be
    answered; those too many are not sent.
    """
    arrivals_s = [number / (load * per_second) for number in range(int(1_800 * load * per_second))]
    starts, left_s = starts_of(make_call("http://127.0.0.1/"), arrivals_s, per_second)
    assert min(by_minute(starts, 30)) >= 59 * per_second
    assert left_s >= (ANSWER_PART - 0.01) * DEADLINE_S


def test_a_burst_far_too_long_is_over_with_the_deadline(make_call):
    """A thousand calls at once at one a second: a deadline later, all others start again."""
    arrivals_s = [number / 0.9 for number in range(1_620)]
    starts, _ = starts_of(make_call("http://127.0.0.1/"), [*arrivals_s, *[300.5] * 1_000], 1)
    assert min(by_minute(starts, 30)) >= 53
    assert len(starts) >= 0.98 * len(arrivals_s)


def test_who_sleeps_beyond_the_deadline_is_not_sent(make_call):
    """The turn came in time, but the process did not wake up for it."""
    now, call = [100.0], make_call("http://127.0.0.1/")
    options = TransportOptions(deadline_s=DEADLINE_S, requests_per_second=0.1)
    first, second = (Rounds(call, options, clock=lambda: now[0]) for _ in range(2))
    assert first.gate_wait_s() == 0.0
    assert second.gate_wait_s() == pytest.approx(10.0)
    now[0] += DEADLINE_S
    with pytest.raises(NotSent, match="deadline"):
        second.gate_wait_s(again=True)


@pytest.mark.parametrize("is_held", [False, True])
def test_a_start_that_is_too_far_off_is_not_taken(is_held):
    """Asked for in vain a thousand times, it is as far off as before, and the pace is the same."""
    waits = []
    for tries in (0, 1_000):
        gate, rate = Gate(), None if is_held else 10.0
        assert gate.reserve(100.0, requests_per_second=rate) == 0.0
        if is_held:
            gate.hold(100.0, 1.0)
        assert gate.reserve(100.0, requests_per_second=rate) > 0.0
        for _ in range(tries):
            assert gate.reserve(100.0, requests_per_second=rate, within_s=0.05) >= 0.05
        waits.append([gate.reserve(100.0, requests_per_second=rate, within_s=9.0) for _ in range(5)])
    assert waits[0] == waits[1]


def test_a_late_start_that_comes_too_late_again_is_not_taken():
    """``confirm`` after a 429 tells of the end of the hold, and who cannot wait for it takes no turn."""
    gate = Gate()
    assert [gate.reserve(100.0, requests_per_second=1.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    gate.hold(100.5, 10.0)
    for _ in range(1_000):
        assert gate.confirm(101.0, requests_per_second=1.0, within_s=5.0) == pytest.approx(9.5)
    assert gate.confirm(102.0, requests_per_second=1.0, within_s=9.0) == pytest.approx(8.5)


def test_the_last_of_the_line_gives_its_start_back():
    """The next one gets it; a start in the middle stays empty, for those behind it have theirs."""
    gate = Gate()
    waits = [gate.reserve(100.0, requests_per_second=10.0) for _ in range(4)]
    gate.give_back(100.0 + waits[3])
    assert gate.reserve(100.0, requests_per_second=10.0) == pytest.approx(waits[3])
    gate.give_back(100.0 + waits[1])
    assert gate.reserve(100.0, requests_per_second=10.0) == pytest.approx(0.4)


def test_an_interrupted_wait_gives_its_turn_back(serve, make_call):
    """Ctrl-C while a call waits for its turn: the next one waits no longer for it."""
    server, key = serve(OK), "interrupted"

    def interrupted(seconds):
        raise KeyboardInterrupt

    options = TransportOptions(requests_per_second=0.1)
    with Transport(options, sleep=interrupted, clock=lambda: 100.0) as transport:
        transport.run(make_call(server.url, gate_key=key))
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                transport.run(make_call(server.url, gate_key=key))
    assert gate_for(key).reserve(100.0, requests_per_second=0.1) == pytest.approx(10.0)
    assert len(server.requests) == 1


def test_a_cancelled_wait_gives_its_turn_back(serve, make_call):
    """A trigger that is cancelled while its call waits for its turn: the same."""
    server, key = serve(OK), "cancelled"

    async def cancel_one():
        waits = asyncio.Event()

        async def forever(seconds):
            waits.set()
            await asyncio.get_running_loop().create_future()

        options = TransportOptions(requests_per_second=0.1)
        async with AsyncTransport(options, in_flight=2, sleep=forever, clock=lambda: 100.0) as transport:
            await transport.run(make_call(server.url, gate_key=key))
            task = asyncio.create_task(transport.run(make_call(server.url, gate_key=key)))
            await waits.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancel_one())
    assert gate_for(key).reserve(100.0, requests_per_second=0.1) == pytest.approx(10.0)
    assert len(server.requests) == 1


class Tokens:
    """A gateway that serves ``RATE`` a second, ``SAVED_UP`` at once, and then asks for a long wait."""

    def __init__(self):
        self.tokens, self.at_s = SAVED_UP, 0.0

    def serves(self, now_s):
        self.tokens = min(SAVED_UP, self.tokens + (now_s - self.at_s) * RATE)
        self.at_s = now_s
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def work(gate, gateway, starts_s, *, until_s=float("inf"), is_endless=False):
    """Requests served by ``until_s``: one from each start, or one after the other, each in 0.05 s."""
    order, served = count(), 0
    events = [(at_s, next(order), True) for at_s in starts_s]
    while events and events[0][0] <= until_s:
        now_s, _, is_new = heapq.heappop(events)
        wait_s = (gate.reserve if is_new else gate.confirm)(now_s)
        if wait_s > 0:
            heapq.heappush(events, (now_s + wait_s, next(order), False))
            continue
        is_served = gateway.serves(now_s)
        served += is_served
        if not is_served:
            gate.hold(now_s + 0.02, RETRY_AFTER_S)
        if is_endless:
            next_s = 0.05 if is_served else 0.02 + RETRY_AFTER_S
            heapq.heappush(events, (now_s + next_s, next(order), True))
    return served


@pytest.mark.parametrize("hours", [0.05, 4])
@pytest.mark.parametrize(("at_once", "every_s"), [(1, 1.0), (2, 10.0), (8, 10.0), (19, 10.0)])
def test_quiet_work_does_not_spoil_the_pace(at_once, every_s, hours):
    """One early 429, then far less than the limit: when many come again, they get on as at a fresh gate."""
    fresh = work(Gate(), Tokens(), [0.0] * 64, until_s=120.0, is_endless=True)
    gate, gateway = Gate(), Tokens()
    assert work(gate, gateway, [0.0] * 21) == SAVED_UP
    ticks = [60.0 + every_s * number for number in range(int(hours * 3_600 / every_s))]
    quiet = [at_s for at_s in ticks for _ in range(at_once)]
    assert work(gate, gateway, quiet) == len(quiet)
    now_s = ticks[-1] + 10.0
    later = work(gate, gateway, [now_s] * 64, until_s=now_s + 120.0, is_endless=True)
    assert later >= 0.9 * fresh


@pytest.mark.parametrize("quiet", [0, 500])
def test_starts_that_wait_for_nothing_leave_the_pace(quiet):
    """Two accepted in the second before the 429: the next ones are half a second apart, whatever went on."""
    gate = Gate()
    assert [gate.reserve(100.0) for _ in range(3)] == [0.0] * 3
    gate.hold(100.0, 1.0)
    assert [gate.reserve(200.0 + number) for number in range(quiet)] == [0.0] * quiet
    assert [gate.reserve(900.0) for _ in range(2)] == pytest.approx([0.0, 0.5])
