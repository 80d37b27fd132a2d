# SPDX-License-Identifier: Apache-2.0
"""The state that the gateway's endpoints read and move: switches, clock, ledgers, faults, drift, logs.

What people and tests do to it is in ``world``.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from .callbacks import CallbackSender
from .clock import JAKARTA, SimulatedClock, as_seconds, iso_jakarta
from .drift import Drift
from .faults import Fault, FaultPlan
from .ledger import Ledger
from .plan import Plan
from .request_log import RequestLog
from .senangpay_state import SenangPay
from .settings import CLIENT_KEY, CLIENT_TOKEN, SEED_FIELDS, SimulatorSettings
from .wire import single_row

ADVANCE_MAX_S = 3_660 * 86_400


class WorldState:
    """One lock guards everything; ``open`` takes it."""

    def __init__(self, settings: SimulatorSettings | None = None, **overrides: Any) -> None:
        self.lock = threading.RLock()
        self._initial = (settings or SimulatorSettings()).changed(overrides)
        self.callbacks = CallbackSender()
        self.log = RequestLog(self._initial.requests_kept)
        self.senangpay = SenangPay(self)
        self.reset()

    def reset(self) -> None:
        """Everything as it was at the start: switches, clock, ledgers, faults, drift, logs."""
        with self.lock:
            self.settings = self._initial
            self.faults = FaultPlan()
            self.log.clear()
            self.callbacks.entries.clear()
            self.senangpay.clear()
            self._drifts: dict[tuple[str, int, str, str], Drift] = {}
            self._fill_bucket()
            self._restart()

    def configure(self, **changes: Any) -> SimulatorSettings:
        """Change switches; ValueError for an unknown name or value. Seed switches make the ledgers anew."""
        with self.lock:
            before, self.settings = self.settings, self.settings.changed(changes)
            changed = {name for name in changes if getattr(before, name) != getattr(self.settings, name)}
            if changed & SEED_FIELDS:
                self._restart()
            elif changed:
                for ledger in self.ledgers.values():
                    ledger.reconfigure(self.settings)
            if "frozen" in changed:
                self._clock.set(self.now_s(), frozen=self.settings.frozen)
            if changed & {"burst", "requests_per_second"}:
                self._fill_bucket()
            return self.settings

    def _fill_bucket(self) -> None:
        self._tokens_left, self._tokens_at_s = float(self.settings.burst), time.monotonic()

    def _restart(self) -> None:
        self._clock = SimulatedClock(self.settings.now, frozen=self.settings.frozen)
        self._rng = random.Random(f"world|{self.settings.seed}")
        self.tokens = {CLIENT_KEY: CLIENT_TOKEN, **self.settings.extra_credentials}
        self.ledgers = {key: Ledger(self.settings, number) for number, key in enumerate(self.tokens)}
        for ledger in self.ledgers.values():
            ledger.refresh(self.now_s())  # now: the first days must not depend on who asks when

    # -- clock ----------------------------------------------------------------------------------------

    def now_s(self) -> float:
        """Seconds since the epoch by the simulator's clock."""
        return self._clock.now_s()

    def now(self) -> datetime:
        """The simulator's time, in Asia/Jakarta."""
        return datetime.fromtimestamp(self.now_s(), JAKARTA)

    def set_clock(self, now: datetime | str, *, frozen: bool = True) -> None:
        """Set the clock; it stands still unless told otherwise."""
        with self.lock:
            self._clock.set(as_seconds(now), frozen=frozen)

    def advance(self, seconds: float) -> None:
        """Move the clock; it stays frozen, or runs on, as before."""
        if abs(seconds) > ADVANCE_MAX_S:
            raise ValueError(f"at most {ADVANCE_MAX_S} seconds at once")
        with self.lock:
            self._clock.set(self.now_s() + seconds, frozen=self._clock.frozen)

    @property
    def is_frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._clock.frozen

    # -- ledgers --------------------------------------------------------------------------------------

    @contextmanager
    def open(self, key: str | None = None) -> Iterator[Ledger]:
        """A credential's ledger (default: the first), brought to the present, under the lock."""
        with self.lock:
            ledger = self.ledgers[CLIENT_KEY if key is None else key]
            ledger.refresh(self.now_s())
            yield ledger
            self._send_callbacks(key or CLIENT_KEY, ledger)

    def tick(self) -> None:
        """Let time pass in every ledger, so that callbacks go out without a request."""
        for key in tuple(self.ledgers):
            with self.open(key):
                pass
        self.senangpay.tick()

    # -- for the endpoints ----------------------------------------------------------------------------

    def choose_fault(self, endpoint: str, target: str) -> Fault | None:
        """The fault for the next request."""
        with self.lock:
            return self.faults.choose(self.settings.seed, endpoint, target)

    def drift_before_listing(self, key: str, ledger: Ledger, day: int, type: str) -> None:
        """Move the listings of a day and type that is about to be read."""
        for drift in self._drifts.values():
            if (drift.key, drift.day, drift.type) == (key, day, type):
                for _ in range(drift.count_request() + drift.count_time()):
                    drift.happen(ledger, self.now_s())

    def rate_limited(self) -> bool:
        """Take a token of the bucket (real seconds); True when there is none."""
        rate = self.settings.requests_per_second
        if rate is None:
            return False
        with self.lock:
            now_s = time.monotonic()
            refilled = self._tokens_left + (now_s - self._tokens_at_s) * rate
            self._tokens_left, self._tokens_at_s = min(float(self.settings.burst), refilled), now_s
            if self._tokens_left < 1:
                return True
            self._tokens_left -= 1
            return False

    def notify(self, key: str, ledger: Ledger, plan: Plan, why: str) -> None:
        """Send (or record as not sent) the callback of a transaction as it is now."""
        if plan.callback is None:
            return
        status = ledger.status(plan)
        row = single_row(plan, status, self.settings)
        self.callbacks.post(
            url=plan.callback,
            body=b'{"responseCode":200,"responseMessage":"success","responseData":' + row + b"}",
            client_key=key,
            client_token=self.tokens[key],
            enabled=self.settings.callbacks,
            id=plan.id,
            status=status,
            why=why,
            at=iso_jakarta(self.now_s()),
        )

    def _send_callbacks(self, key: str, ledger: Ledger) -> None:
        resettled, ledger.resettled = ledger.resettled, []
        for plan in resettled:
            self.notify(key, ledger, plan, "status")
