# SPDX-License-Identifier: Apache-2.0
"""One pace for all calls of a connection in this process, whatever thread or event loop they run in.

A gate only tells how long to wait: it never sleeps, logs or sends. Times are ``time.monotonic`` seconds,
given by the caller.

With neither a configured rate nor a 429 it remembers the starts and lets everything through. After a 429
nobody starts before the gateway's ``Retry-After`` is over (one second where it gives none, doubled while
that was too short), and after that, starts are spaced. Every such hold costs its seconds, so the limit is
found in few of them:

* the first pace is what was accepted in the last so many seconds as the hold takes. A limit by the second
  or minute shows itself in that; a bucket of few tokens that fills fast shows far less than it allows.
  So the pace **ramps** up, doubling several times a hold, until the next 429;
* the two bursts together tell the rate: what the second had more than the first came in by the refill;
* from then on it is **steady**, as in CUBIC (RFC 9438): a little under the pace that was too much, over it
  after ``PLATEAU_S`` of work, first slowly, then fast. A 429 in less time after a hold than the hold took
  tells of a limit that fell, and the pace falls by ``CUTS_IF_QUICK``.

Only work that uses the pace raises it; hours of quiet work would else make it a number without meaning.

A configured rate is an upper bound that is treated as a pace: a 429 takes a few per cent off for a while.

Starts that come late together (a busy event loop) would be a burst: ``confirm`` spaces them again.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from typing import NamedTuple

from airflow_provider_sengo.protocol.retry import RETRY_AFTER_MAX_S

GATES_MAX = 256  # connections of one process; the least recently used gate is forgotten beyond it
STARTS_KEPT = 2_000  # of the last ones the times are kept, to measure by
HOLD_UNASKED_S = 1.0  # a 429 without Retry-After: limits are mostly counted by the second
HOLD_MIN_S = 0.1  # "Retry-After: 0" is no pace
UNASKED_DOUBLED_MAX = 6  # it is doubled while it is too short, up to a minute
RAMP_PER_HOLD = 3.0  # the ramp doubles so many times in the time of a hold,
RAMP_STEP = 0.25  # and grows by no more than this from one start to the next
RAMP_LEAST = 0.45  # of its last pace is the limit, or more: too low lasts longer than one more hold
UNDER = 0.985  # a pace that was too much, by so much less, is the next plateau
UNDER_SOON = 0.94  # where it was too much within two holds,
UNDER_MOST = 0.9  # or by so much, where less was accepted
CUT = 0.02  # so much below the plateau the steady pace begins
# Pace and plateau after the first, the second and any further 429 soon after a hold.
CUTS_IF_QUICK = ((0.9, 0.95), (0.7, 0.85), (0.4, 0.6))
PLATEAU_S = 20.0  # from there the pace takes so long to the plateau, in work done
OVER = 0.1  # in as long again it is so much over it
PLATEAU_UNSURE_S = 6.0  # a plateau that is only reckoned from bursts
USED = 8.0  # a pace that is so many times what was sent in the time of a hold is not used
NOISE_STARTS = 12  # fewer starts than that tell no rate
LATE_S = 0.05  # so late a start may be, or half the space between two, without moving the next ones
SAME_START_S = 1e-6  # times that went through a sum differ by less


class _Hit(NamedTuple):
    """What a 429 found: the pace, and what was sent since the hold before."""

    at_s: float
    pace: float | None
    is_ramp: bool
    starts: int
    since_s: float  # seconds


class Gate:
    """The pace of one gate key; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held_until_s = self._next_start_s = self._last_start_s = self._spaced_s = -math.inf
        self._starts: deque[float] = deque(maxlen=STARTS_KEPT)
        self._started = self._booked = 0  # since the hold
        self._since_s: float | None = None  # the first start, or the end of the last hold
        self._configured: float | None = None
        self._pace: float | None = None  # starts a second; None: no 429 so far
        self._plateau: float | None = None  # None: ramp
        self._plateau_s = PLATEAU_S
        self._floor = self._ramp_step = 0.0  # where the ramp began; its growth with every start
        self._burst, self._burst_s = math.inf, 0.0  # what a rested gateway takes at once, and in which time
        self._span_s = 0.0  # the longest hold: the gateway may count by the minute
        self._hit: _Hit | None = None
        self._refused = self._quick = self._doubled = 0

    def reserve(
        self, now_s: float, *, requests_per_second: float | None = None, within_s: float = math.inf
    ) -> float:
        """Take the next free start; seconds until it. If they are positive, ask ``confirm`` after them.

        A start that is ``within_s`` seconds off, or more, is told but not taken: it stays free for others.
        """
        with self._lock:
            return self._reserve(now_s, requests_per_second, within_s)

    def confirm(
        self, now_s: float, *, requests_per_second: float | None = None, within_s: float = math.inf
    ) -> float:
        """0 if the reserved start still stands; else a new wait, as ``reserve`` has it: a 429 came, or others
        are late too.
        """
        with self._lock:
            if now_s >= self._held_until_s and now_s >= self._spaced_s - 0.001:
                self._count(now_s, self._pace_now(requests_per_second))
                return 0.0
            self._booked = max(0, self._booked - 1)  # the start that was reserved is not made
            return self._reserve(now_s, requests_per_second, within_s)

    def give_back(self, start_s: float) -> None:
        """The start that was reserved for then is not made; free again if it was the last in the line."""
        with self._lock:
            self._booked = max(0, self._booked - 1)
            if abs(start_s - self._last_start_s) < SAME_START_S:
                self._next_start_s = self._last_start_s

    def hold(self, now_s: float, seconds: float | None) -> None:
        """A 429 came, asking to wait ``seconds`` (None: it did not say); bounded."""
        with self._lock:
            is_over = now_s >= self._held_until_s and self._started > 0  # else it was sent before the hold
            is_new = self._hit is None or is_over
            if seconds is None and self._hit is not None and self._nothing_accepted(now_s):
                self._doubled = min(self._doubled + is_over, UNASKED_DOUBLED_MAX)
                is_new = False
            elif is_new:
                self._doubled = 0
            hold_s = HOLD_UNASKED_S * 2.0**self._doubled if seconds is None else seconds
            hold_s = min(max(hold_s, HOLD_MIN_S), RETRY_AFTER_MAX_S)
            if self._hit is None or is_new:
                self._hit, self._refused = self._note(now_s, hold_s), 0
            self._refused += 1
            self._held_until_s = max(self._held_until_s, now_s + hold_s)
            self._learn(self._hit, self._held_until_s - self._hit.at_s)
            self._since_s = self._next_start_s = self._spaced_s = self._held_until_s
            self._started = self._booked = 0

    def _reserve(self, now_s: float, requests_per_second: float | None, within_s: float) -> float:
        self._configured = requests_per_second
        start_s = max(now_s, self._held_until_s)
        pace = self._pace_now(requests_per_second)
        if pace is not None:
            start_s = max(start_s, self._next_start_s)
        if start_s <= now_s:
            self._count(now_s, pace)
        elif start_s - now_s >= within_s:
            return start_s - now_s  # had it moved the line, calls that all fail would starve every other
        if pace is not None:
            self._last_start_s, self._next_start_s = start_s, start_s + 1.0 / pace
            if start_s > now_s and self._is_used(now_s, pace):
                self._booked += 1
                if self._plateau is None and self._pace == pace:
                    self._pace += min(self._ramp_step, RAMP_STEP * pace)
        return start_s - now_s

    def _is_used(self, now_s: float, pace: float) -> bool:
        """Only then it grows (RFC 9438, 5.8): work that is far below it tells nothing of the limit."""
        number = math.ceil(min(self._started, STARTS_KEPT, pace * self._span_s / USED))
        return number == 0 or pace * (now_s - self._starts[-number]) <= USED * number

    def _pace_now(self, requests_per_second: float | None) -> float | None:
        """Starts a second for the next one to be booked. It grows by starts that wait, so not in idle time."""
        pace = self._pace
        if pace is not None and self._plateau is not None:
            part = self._booked / (self._plateau * self._plateau_s) - 1.0
            depth = self._plateau - pace if part < 0 else OVER * self._plateau
            pace = self._plateau + depth * part**3
        if pace is None or requests_per_second is None:
            return requests_per_second if pace is None else pace
        return min(pace, requests_per_second)

    def _count(self, now_s: float, pace: float | None) -> None:
        if self._since_s is None:
            self._since_s = now_s
        self._starts.append(now_s)
        self._started += 1
        if pace is not None:
            self._spaced_s = max(self._spaced_s, now_s - max(LATE_S, 0.5 / pace)) + 1.0 / pace

    def _nothing_accepted(self, now_s: float) -> bool:
        """Since the hold: its first request was refused, or two that were under way at once."""
        return self._started <= 1 or (self._started == 2 and now_s - self._held_until_s < HOLD_MIN_S)

    def _note(self, now_s: float, hold_s: float) -> _Hit:
        since_s = now_s - (now_s if self._since_s is None else self._since_s)
        is_ramp = self._pace is not None and self._plateau is None
        if since_s >= 5.0 * hold_s:
            self._quick = 0
        elif since_s < hold_s and self._pace is not None and not is_ramp:
            self._quick += 1
        return _Hit(now_s, self._pace_now(self._configured), is_ramp, self._started, since_s)

    def _learn(self, hit: _Hit, hold_s: float) -> None:
        """Set the pace for after the hold; asked again at every 429 of those that were under way."""
        self._span_s = min(max(self._span_s, hold_s), RETRY_AFTER_MAX_S)
        lately = max(1, sum(at_s > hit.at_s - self._span_s for at_s in self._starts) - self._refused)
        measured = lately / self._span_s
        is_quick = hit.since_s < hold_s and self._quick > 0
        if hit.pace is None or is_quick:
            self._burst, self._burst_s = min((self._burst, self._burst_s), self._rush(hit, measured))
        is_small = self._burst < lately / 2  # of the bucket: it fills anew while the hold lasts
        if hit.pace is None:
            self._ramp(measured)
        elif self._doubled:
            before = self._floor if self._plateau is None or self._pace is None else self._pace
            if self._plateau is None or measured < before:
                self._ramp(min(measured, before))
        elif hit.is_ramp:
            # With few starts a second the booked ones are far ahead of those that were sent.
            is_slow = lately <= NOISE_STARTS
            top = min(hit.pace, self._last_pace(hit)) if is_slow else hit.pace
            least = RAMP_LEAST * top if is_small else 0.0
            self._steady(max(self._floor, least, min(top, self._refill(hit))), is_sure=False)
        elif is_quick:
            cut, plateau = CUTS_IF_QUICK[min(self._quick, len(CUTS_IF_QUICK)) - 1]
            self._steady(
                max(plateau * hit.pace, measured), max(cut * hit.pace, 0.9 * measured), is_sure=False
            )
        elif hit.since_s < hold_s:
            self._steady(UNDER * hit.pace)
        else:
            shown = self._refill(hit) if is_small else self._shown(hit, measured)
            is_soon = hit.since_s < 2.0 * hold_s and self._configured is None
            under = UNDER_SOON if is_soon else UNDER
            self._steady(max(UNDER_MOST * hit.pace, under * min(hit.pace, shown)))

    def _shown(self, hit: _Hit, measured: float) -> float:
        """The pace that the gateway accepted, by the window; a busy client need not keep a configured one."""
        if self._configured is not None and measured > self._configured / 2:
            return self._configured
        if measured * self._span_s < NOISE_STARTS:
            return self._last_pace(hit)
        return measured + 1.0 / self._span_s

    def _accepted(self, hit: _Hit) -> list[float]:
        """Since the hold before; as if the last ones were refused."""
        return list(self._starts)[-max(1, hit.starts) :][: -self._refused]

    def _rush(self, hit: _Hit, rate: float) -> tuple[float, float]:
        """Starts and seconds of the last burst: where the starts are most above ``rate``."""
        starts, burst = self._accepted(hit), (1.0, 0.0)
        for number, at_s in enumerate(reversed(starts), 1):
            seconds = starts[-1] - at_s
            if number - rate * seconds > burst[0] - rate * burst[1]:
                burst = float(number), seconds
        return burst

    def _last_pace(self, hit: _Hit) -> float:
        """Starts a second of the last few."""
        starts = self._accepted(hit)[-NOISE_STARTS:]
        return (len(starts) - 1) / max(starts[-1] - starts[0], 0.001) if len(starts) > 1 else 0.0

    def _refill(self, hit: _Hit) -> float:
        """Tokens a second that a bucket must have got, to take so much more than the first burst."""
        starts = self._accepted(hit)
        rate, noise = 0.0, min(NOISE_STARTS, len(starts) / 3)
        for number, at_s in enumerate(reversed(starts), 1):
            seconds = starts[-1] - at_s - self._burst_s
            if number > self._burst + noise and seconds > self._burst_s:
                rate = max(rate, (number - self._burst) / seconds)
        return rate

    def _ramp(self, pace: float) -> None:
        self._pace = self._floor = pace
        self._plateau = None
        self._ramp_step = RAMP_PER_HOLD * math.log(2.0) / self._span_s

    def _steady(self, plateau: float, pace: float | None = None, *, is_sure: bool = True) -> None:
        self._plateau = plateau
        self._plateau_s = max(PLATEAU_S if is_sure else PLATEAU_UNSURE_S, self._span_s)
        self._pace = (1.0 - CUT) * plateau if pace is None else min(pace, plateau)


_gates: OrderedDict[str, Gate] = OrderedDict()
_gates_lock = threading.Lock()


def gate_for(gate_key: str) -> Gate:
    """The gate that all calls with this key share in this process."""
    with _gates_lock:
        gate = _gates.pop(gate_key, None) or Gate()
        _gates[gate_key] = gate
        while len(_gates) > GATES_MAX:
            _gates.popitem(last=False)
        return gate
