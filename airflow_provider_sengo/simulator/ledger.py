# SPDX-License-Identifier: Apache-2.0
"""The transactions of one credential, and the listings they stand in at the clock's time.

A listing is a list of plans in the order asked for, per (day, type, status). It is kept up to date by moving
only the plans whose time has come (a heap), so that a ledger of 100,000 rows costs nothing between changes.
It is made anew when the Jakarta day changes, the clock goes back, or a switch changes its meaning.
Not thread-safe: ``World`` holds the lock.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count

from .clock import DAY_S, day_start_s, is_within_retention, jakarta_day, zone_day
from .plan import Plan, created_day, listing_day, next_change_s, order_key, settles_at_s, status_at
from .seeded import seed_day
from .settings import TYPES, SimulatorSettings
from .wire import listed_row

Bucket = tuple[int, str, str]
# Larger ledgers encode each row when it is asked for: a cached row costs about 500 bytes.
ROWS_CACHED_MAX = 1_000_000


class Ledger:
    """All plans ever made for one credential; what the gateway has forgotten stays here as the truth."""

    def __init__(self, settings: SimulatorSettings, credential: int) -> None:
        self.settings = settings
        self.plans: dict[str, Plan] = {}
        self.by_reference: dict[str, Plan] = {}
        self.projects: dict[str, int] = {}  # domain -> project id
        self._lagging: dict[str, tuple[float, int]] = {}  # id -> /check knows it when, after how many
        self.resettled: list[Plan] = []  # became final since last asked; for callbacks
        self._credential = credential
        self._listings: dict[Bucket, list[Plan]] = {}
        self._changes: list[tuple[float, int, Plan]] = []  # (when, tie-breaker, what)
        self._ties = count()
        self._seeded_days: set[int] = set()
        self._first_day: int | None = None
        self._as_of_s = float("-inf")
        self._is_stale = True
        self._key = order_key(settings.order)

    # -- the clock moves ------------------------------------------------------------------------------

    def refresh(self, now_s: float) -> None:
        """Bring the listings to the clock's time."""
        today = jakarta_day(now_s)
        if self._is_stale or now_s < self._as_of_s or today != jakarta_day(self._as_of_s):
            self._seed(now_s)
            self._rebuild(now_s)
        self._as_of_s = now_s
        while self._changes and self._changes[0][0] <= now_s:
            plan = heapq.heappop(self._changes)[2]
            self.place(plan)

    def reconfigure(self, settings: SimulatorSettings) -> None:
        """Take new switches; every listing and row is made anew from the same plans."""
        self.settings, self._key, self._is_stale = settings, order_key(settings.order), True
        for plan in self.plans.values():
            plan.wire = None

    def _seed(self, now_s: float) -> None:
        """Make up the days that are new: at first ``days`` of them, later each day that the clock enters."""
        today, settings = jakarta_day(now_s), self.settings
        is_first = self._first_day is None or today < self._first_day
        if is_first:
            self._first_day = today - settings.days + 1
        elif not settings.traffic_continues:
            return
        first = self._first_day if is_first else today - settings.retention_days + 1
        for day in range(max(first or 0, self._first_day or 0), today + 1):
            if day in self._seeded_days:
                continue
            self._seeded_days.add(day)
            until_s = now_s if is_first and day == today else None
            for type in TYPES if settings.days else ():
                self.add_all(seed_day(settings, self._credential, day, type, until_s=until_s))

    def _rebuild(self, now_s: float) -> None:
        self._as_of_s, self._is_stale = now_s, False
        self._listings, self._changes = {}, []
        for plan in self.plans.values():
            plan.bucket = bucket = self._bucket_of(plan)
            if bucket is not None:
                self._listings.setdefault(bucket, []).append(plan)
                if plan.callback:
                    self._tell(plan, bucket[2])
            change_s = next_change_s(plan, now_s)
            if change_s is not None:
                self._changes.append((change_s, next(self._ties), plan))
        heapq.heapify(self._changes)
        for plans in self._listings.values():
            plans.sort(key=self._key)

    # -- plans come and change ------------------------------------------------------------------------

    def add_all(self, plans: Iterable[Plan]) -> None:
        """Take in many plans at once; the listings follow at the next refresh."""
        for plan in plans:
            self.plans[plan.id] = plan
            self.by_reference[plan.reference] = plan
        self._is_stale = True

    def add(self, plan: Plan) -> None:
        """Take in one plan now."""
        self.plans[plan.id] = plan
        self.by_reference[plan.reference] = plan
        self.place(plan)

    def remove(self, plan: Plan, before: Plan | None) -> None:
        """As if it had never been; ``before`` is what its reference meant until then."""
        self._take_out(plan)
        del self.plans[plan.id]
        self.by_reference.pop(plan.reference)
        self._lagging.pop(plan.id, None)
        if before is not None:
            self.by_reference[before.reference] = before
        plan.hidden = True  # what still waits in the heap places it nowhere

    @contextmanager
    def edit(self, plan: Plan) -> Iterator[Plan]:
        """Change a plan's fields inside this: it leaves its listing before and is placed anew after."""
        self._take_out(plan)
        try:
            yield plan
        finally:
            self.place(plan)

    def _take_out(self, plan: Plan) -> None:
        plan.wire = None
        if plan.bucket is None or self._is_stale:
            return
        plans = self._listings[plan.bucket]
        del plans[bisect_left(plans, self._key(plan), key=self._key)]
        plan.bucket = None

    def place(self, plan: Plan) -> None:
        """Put a plan into the listing where it belongs now."""
        if self._is_stale:
            return
        bucket = self._bucket_of(plan)
        if bucket != plan.bucket:
            self._take_out(plan)
            plan.bucket = bucket
            if bucket is not None:
                insort(self._listings.setdefault(bucket, []), plan, key=self._key)
                self._tell(plan, bucket[2])
        change_s = next_change_s(plan, self._as_of_s)
        if change_s is not None:
            heapq.heappush(self._changes, (change_s, next(self._ties), plan))

    def _tell(self, plan: Plan, status: str) -> None:
        """Note a final status that the merchant has not been told of."""
        if plan.callback and status not in ("pending", plan.told_status):
            plan.told_status = status
            self.resettled.append(plan)

    # -- what is to be seen ---------------------------------------------------------------------------

    def is_created(self, plan: Plan) -> bool:
        """Whether the clock has reached the creation."""
        return plan.created_s <= self._as_of_s

    def is_known(self, plan: Plan) -> bool:
        """Whether /check answers: created, not hidden, within retention by creation day."""
        return plan.created_s <= self._as_of_s and not plan.hidden and self.is_remembered(plan)

    def is_remembered(self, plan: Plan) -> bool:
        """Whether the creation day is within retention."""
        return is_within_retention(
            created_day(plan), jakarta_day(self._as_of_s), self.settings.retention_days
        )

    def status(self, plan: Plan) -> str:
        """The status by the clock, whatever a patch pretends."""
        return status_at(plan, self._as_of_s)

    def day(self, plan: Plan) -> int:
        """The listing day by the active meaning of ``date``."""
        now_status = status_at(plan, self._as_of_s)
        return listing_day(plan, now_status, date_by=self.settings.date_by, zone=self.settings.day_zone)

    def listing(self, day: int, type: str, status: str) -> list[Plan]:
        """The plans of a listing, in order; empty for days out of the window and in the future."""
        today = jakarta_day(self._as_of_s)
        final_day = max(today, zone_day(self._as_of_s, self.settings.day_zone))
        if day > final_day or not is_within_retention(day, today, self.settings.retention_days):
            return []
        return self._listings.get((day, type, status), [])

    def listings(self) -> dict[Bucket, list[Plan]]:
        """Every listing, within the window or not."""
        return self._listings

    def rows(self, plans: list[Plan], status: str) -> bytes:
        """The bytes of a page's rows, joined by commas; rows are encoded once while they don't change."""
        settings = self.settings
        if len(self.plans) > ROWS_CACHED_MAX:
            return b",".join([listed_row(plan, status, settings) for plan in plans])
        for plan in plans:
            if plan.wire is None or plan.wire_status != status:
                plan.wire, plan.wire_status = listed_row(plan, status, settings), status
        return b",".join([plan.wire or b"" for plan in plans])

    def find(self, id_or_reference: str) -> Plan | None:
        """A transaction that /check knows, by id or by reference."""
        for plan in (self.plans.get(id_or_reference), self.by_reference.get(id_or_reference)):
            if plan is not None and self.is_known(plan):
                return plan
        return None

    def let_lag(self, plan: Plan, *, until_s: float, requests: int) -> None:
        """Let /check find a new payment only from a time on, and after so many requests for it."""
        if until_s > self._as_of_s or requests:
            self._lagging[plan.id] = until_s, requests

    def lags_behind(self, plan: Plan) -> bool:
        """Whether /check doesn't know it yet; asking counts."""
        if plan.id not in self._lagging:
            return False
        until_s, requests = self._lagging[plan.id]
        self._lagging[plan.id] = until_s, max(0, requests - 1)
        return requests > 0 or self._as_of_s < until_s

    def is_reference_used(self, reference: str) -> bool:
        """Whether a reference is refused; remembered for ever, or for some days after its creation day."""
        plan, memory_days = self.by_reference.get(reference), self.settings.reference_memory_days
        if plan is None or memory_days is None:
            return plan is not None
        return self._as_of_s < day_start_s(created_day(plan)) + (memory_days + 1) * DAY_S

    def balance(self) -> tuple[int, int]:
        """Active and pending rupiah: settled and not yet settled payments, less payouts."""
        active, pending, now_s = self.settings.opening_balance_rupiah, 0, self._as_of_s
        for plan in self.plans.values():
            if plan.created_s > now_s or status_at(plan, now_s) != "success":
                continue
            if plan.type == "cashOut":
                active -= plan.amount
                continue
            received = plan.amount if plan.customer_pays else plan.amount - plan.fee
            if settles_at_s(plan) <= now_s:
                active += received
            else:
                pending += received
        return active, pending

    def _bucket_of(self, plan: Plan) -> Bucket | None:
        if plan.vanished or not self.is_known(plan):
            return None
        status = status_at(plan, self._as_of_s)
        settings = self.settings
        day = listing_day(plan, status, date_by=settings.date_by, zone=settings.day_zone)
        return day, plan.type, status
