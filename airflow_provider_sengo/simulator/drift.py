# SPDX-License-Identifier: Apache-2.0
"""A listing that moves while it is being read: rows leave it, arrive in it, or both at once.

Driven by listing requests (the same requests give the same movements) or by real seconds. Every movement goes
through the ledger, so that the ledger always tells the truth.
"""

import random
import time
from dataclasses import dataclass, field

from .clock import DAY_S, day_start_s, jakarta_day, zone_day_start_s
from .ledger import Ledger
from .plan import Plan
from .seeded import make_plan

MODES = ("leave", "arrive", "both")
LEAVE_AS = ("auto", "success", "expired", "failed", "vanish")
LEAVE_FROM = ("random", "first", "last")
ARRIVE_AT = ("random", "start", "end")
EVENTS_AT_ONCE_MAX = 100_000  # seconds without a request must not become an endless catch-up


@dataclass(kw_only=True)
class Drift:
    """How one listing moves. ``both`` keeps the totals equal."""

    mode: str
    day: int
    type: str
    status: str
    rows_per_s: float = 0.0
    every_requests: int = 0  # an event before each request that follows N requests of this day and type
    rows: int = 1  # of each event
    max_events: int | None = None
    leave_as: str = "auto"  # what a leaving row becomes; auto: success if pending, else it vanishes
    leave_from: str = "random"  # its place in the listing's order
    arrive_at: str = "random"  # the creation time of a newcomer within the day
    seed: int = 1
    key: str = ""  # the credential
    requests: int = 0
    events: int = 0
    left_ids: list[str] = field(default_factory=list)
    arrived_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        choices = {"mode": MODES, "leave_as": LEAVE_AS, "leave_from": LEAVE_FROM, "arrive_at": ARRIVE_AT}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}")
        if self.rows_per_s < 0 or self.every_requests < 0 or self.rows < 1:
            raise ValueError("rows_per_s and every_requests must not be negative, rows at least 1")
        if bool(self.rows_per_s) == bool(self.every_requests):
            raise ValueError("give either rows_per_s or every_requests")
        self._rng = random.Random(f"drift|{self.seed}|{self.day}|{self.type}|{self.status}|{self.mode}")
        self._started_s = time.monotonic()

    def count_request(self) -> int:
        """How many events come before this listing request: the first is always served unmoved."""
        self.requests += 1
        is_due = self.every_requests and self.requests > 1 and (self.requests - 1) % self.every_requests == 0
        return self._bounded(1 if is_due else 0)

    def count_time(self) -> int:
        """How many events are due by real seconds since this drift began."""
        if not self.rows_per_s:
            return 0
        due = int((time.monotonic() - self._started_s) * self.rows_per_s / self.rows) - self.events
        return self._bounded(min(due, EVENTS_AT_ONCE_MAX))

    def _bounded(self, events: int) -> int:
        return events if self.max_events is None else max(0, min(events, self.max_events - self.events))

    def happen(self, ledger: Ledger, now_s: float) -> None:
        """Let one event happen in the ledger."""
        self.events += 1
        for _ in range(self.rows):
            leaving = self._pick(ledger) if self.mode != "arrive" else None
            if self.mode != "leave" and (self.mode == "arrive" or leaving is not None):
                self._arrive(ledger, now_s)
            if leaving is not None:
                self._leave(ledger, leaving, now_s)

    def _pick(self, ledger: Ledger) -> Plan | None:
        plans = ledger.listing(self.day, self.type, self.status)
        if not plans:
            return None
        if self.leave_from == "random":
            return plans[self._rng.randrange(len(plans))]
        return plans[0 if self.leave_from == "first" else -1]

    def _leave(self, ledger: Ledger, plan: Plan, now_s: float) -> None:
        target = self.leave_as
        if target == "auto":
            target = "success" if self.status == "pending" else "vanish"
        with ledger.edit(plan):
            if target == "vanish":
                plan.vanished = True
            else:
                force_status(plan, target, now_s)
        self.left_ids.append(plan.id)

    def _arrive(self, ledger: Ledger, now_s: float) -> None:
        start_s = zone_day_start_s(self.day, ledger.settings.day_zone)
        span_s = max(0, int(min(now_s, start_s + DAY_S - 1) - start_s))
        share = {"random": self._rng.random(), "start": 0.0, "end": 1.0}[self.arrive_at]
        number = len(self.arrived_ids)
        plan = make_plan(
            self._rng,
            reference=f"DRIFT-{self._rng.getrandbits(48):012x}-{number:06}",
            type=self.type,
            created_s=start_s + int(span_s * share),
        )
        as_new_row(plan, self.status, now_s, date_by=ledger.settings.date_by)
        ledger.add(plan)
        self.arrived_ids.append(plan.id)


def force_status(plan: Plan, status: str, now_s: float) -> None:
    """Rewrite a plan's times so that it has a status from now on."""
    plan.paid_s = plan.failed_s = plan.settles_s = None
    if status == "success":
        plan.paid_s, plan.settles_s = now_s, now_s + DAY_S
    elif status == "failed":
        plan.failed_s = now_s
    elif status == "expired":
        plan.expires_s = min(plan.expires_s, now_s)
    else:
        plan.expires_s = max(plan.expires_s, now_s + DAY_S)


def as_new_row(plan: Plan, status: str, now_s: float, *, date_by: str = "created") -> None:
    """Give a fresh plan the status it must have now, with times near its creation.

    Its times stay within the creation second where ``date_by`` could otherwise move it to another day.
    """
    at_s = plan.created_s if date_by != "created" else min(now_s, plan.created_s + 60)
    if date_by == "expired":
        plan.expires_s = plan.created_s
    if status == "pending":
        day_end_s = day_start_s(jakarta_day(plan.created_s) + 1) - 1
        plan.expires_s = day_end_s if date_by == "expired" else max(plan.expires_s, now_s + DAY_S)
    elif status == "expired":
        plan.expires_s = min(plan.expires_s, now_s)
    else:
        force_status(plan, status, at_s)
