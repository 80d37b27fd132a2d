# SPDX-License-Identifier: Apache-2.0
"""One pace for all calls of a connection in this process, whatever thread or event loop they run in.

A gate only tells how long to wait: it never sleeps, logs or sends. Times are ``time.monotonic`` seconds,
given by the caller.

With neither a configured rate nor a 429 it counts and lets everything through. After a 429:

* nobody starts before the gateway's ``Retry-After`` is over (one second where it gives none);
* after that, starts are spaced. The first pace is what the gateway has just shown to accept: the
  requests it did not refuse, divided by the time they and the hold take. A later 429 multiplies the pace
  by ``PACE_CUT``; without one it grows by ``PACE_GROWTH_PER_S`` of its last value every second, so one
  429 a while is the price of finding the limit.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from airflow_provider_sengo.protocol.retry import RETRY_AFTER_MAX_S

GATES_MAX = 256  # connections of one process; the least recently used gate is forgotten beyond it
HOLD_UNASKED_S = 1.0  # a 429 without Retry-After: limits are mostly counted by the second
PACE_CUT = 0.85
PACE_GROWTH_PER_S = 0.02
WINDOW_S = 1.0  # the first pace is measured over the running window and the one before it


class Gate:
    """The pace of one gate key; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held_until_s = float("-inf")
        self._next_start_s = float("-inf")
        self._paced_since_s = 0.0
        self._pace: float | None = None  # starts a second at _paced_since_s; None: no 429 so far
        self._is_measured = False  # the pace comes from the hold that is still running
        self._window_start_s = float("-inf")
        self._window_before_s = float("inf")
        self._starts = self._starts_before = 0
        self._accepted, self._accepted_from_s = 0, 0.0

    def reserve(self, now_s: float, *, requests_per_second: float | None = None) -> float:
        """Take the next free start; seconds until it. If they are positive, ask ``confirm`` after them."""
        with self._lock:
            start_s = max(now_s, self._held_until_s)
            pace = self._pace_at(start_s)
            if requests_per_second is not None:
                pace = min(pace or requests_per_second, requests_per_second)
            if pace is not None:
                start_s = max(start_s, self._next_start_s)
                self._next_start_s = start_s + 1.0 / pace
            self._count(start_s)
            return start_s - now_s

    def confirm(self, now_s: float, *, requests_per_second: float | None = None) -> float:
        """0 if the reserved start still stands; else a 429 came meanwhile, and this is the new wait."""
        if now_s >= self._held_until_s:
            return 0.0
        with self._lock:
            self._starts = max(0, self._starts - 1)  # the start that was reserved is not made
        return self.reserve(now_s, requests_per_second=requests_per_second)

    def hold(self, now_s: float, seconds: float | None) -> None:
        """A 429 came, asking to wait ``seconds`` (None: it did not say); bounded."""
        hold_s = HOLD_UNASKED_S if seconds is None else min(max(seconds, 0.0), RETRY_AFTER_MAX_S)
        with self._lock:
            is_first = now_s >= self._held_until_s  # of those under way when the limit was hit
            pace_before = self._pace_at(now_s)
            self._held_until_s = max(self._held_until_s, now_s + hold_s)
            if is_first:
                self._is_measured = pace_before is None
                self._accepted = self._starts_before + self._starts
                self._accepted_from_s = min(self._window_before_s, now_s)
                if pace_before is not None:
                    self._pace = pace_before * PACE_CUT
            if self._is_measured:
                self._accepted = max(1, self._accepted - 1)
                self._pace = self._accepted / max(self._held_until_s - self._accepted_from_s, 0.1)
            self._paced_since_s = self._held_until_s
            self._next_start_s = max(self._next_start_s, self._held_until_s)

    def _pace_at(self, at_s: float) -> float | None:
        if self._pace is None:
            return None
        return self._pace * (1.0 + PACE_GROWTH_PER_S * max(0.0, at_s - self._paced_since_s))

    def _count(self, start_s: float) -> None:
        if start_s - self._window_start_s >= WINDOW_S:
            follows = start_s - self._window_start_s < 2 * WINDOW_S
            self._window_before_s = self._window_start_s if follows else start_s
            self._starts_before = self._starts if follows else 0
            self._window_start_s, self._starts = start_s, 0
        self._starts += 1


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
