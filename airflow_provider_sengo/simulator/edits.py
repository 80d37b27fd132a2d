# SPDX-License-Identifier: Apache-2.0
"""Changes that a test makes to a ledger by hand: put in, pay, spoil, hide. No endpoint of a gateway calls them."""

import random
from typing import Any

from .clock import DAY_S, as_seconds, zone_day_start_s
from .drift import as_new_row, force_status
from .ledger import Ledger
from .odd import ODD_KINDS
from .plan import Plan
from .seeded import fee_rupiah, make_plan, random_id
from .settings import STATUSES, TYPES
from .wire import REMOVE

# name in ``insert`` and ``mutate`` -> time field of a plan
TIMES = {
    "created_at": "created_s",
    "expires_at": "expires_s",
    "paid_at": "paid_s",
    "failed_at": "failed_s",
    "settles_at": "settles_s",
}
PLAIN = ("reference", "type", "channel", "amount", "fee", "callback", "view_name")
CHANNELS = ("qris", "virtualAccount", "eWallet", "retail", "disbursement", "creditCard")


def insert(ledger: Ledger, now_s: float, rng: random.Random, fields: dict[str, Any]) -> str:
    """Put in one transaction; ``status`` alone is enough, times may be given instead."""
    fields = dict(fields)
    status = fields.pop("status", None)
    type = fields.get("type", "cashIn")
    created_s = (
        as_seconds(fields["created_at"]) if fields.get("created_at") is not None else float(int(now_s))
    )
    plan = make_plan(rng, reference=f"INSERT-{rng.getrandbits(64):016x}", type=type, created_s=created_s)
    plan.id = fields.pop("id", plan.id)
    if plan.id in ledger.plans:
        raise ValueError("a transaction of this id exists")
    if status is not None:
        as_new_row(plan, status, now_s, date_by=ledger.settings.date_by)
    unknown = _apply(plan, fields)
    if unknown:
        raise ValueError(f"a plan has no {', '.join(unknown)}")
    if "fee" not in fields:
        plan.fee = fee_rupiah(plan.channel, plan.amount)
    ledger.add(plan)
    return plan.id


def mutate(ledger: Ledger, plan: Plan, now_s: float, fields: dict[str, Any]) -> None:
    """Change a transaction; what is no field of a plan (``merchantRef``, an amount in text) changes its row.

    ``remove``: names of wire fields that the row must lack. ``status``: one of the four, or any wire value.
    """
    fields = dict(fields)
    if ledger.by_reference.get(plan.reference) is not plan:
        raise ValueError("a later transaction has taken over this reference")
    removed = fields.pop("remove", ())
    patch: dict[str, Any] = dict.fromkeys(removed, REMOVE)
    with ledger.edit(plan):
        if fields.get("status") in STATUSES:
            force_status(plan, fields.pop("status"), now_s)
        if "amount" in fields and type(fields["amount"]) is not int:
            patch["amount"] = fields.pop("amount")
        if fields.get("reference", plan.reference) != plan.reference:
            del ledger.by_reference[plan.reference]
        patch |= _apply(plan, fields)
        plan.patch = (plan.patch or {}) | patch or None
        ledger.by_reference[plan.reference] = plan


def _apply(plan: Plan, fields: dict[str, Any]) -> dict[str, Any]:
    """Set the plan's own fields; what is left over is returned."""
    left = {}
    for name, value in fields.items():
        if name in TIMES:
            setattr(plan, TIMES[name], None if value is None else as_seconds(value))
        elif name == "fee_payer":
            plan.customer_pays = value == "customer"
        elif name in PLAIN:
            setattr(plan, name, value)
        else:
            left[name] = value
    if plan.type not in TYPES or plan.channel not in CHANNELS:
        raise ValueError(f"type must be one of {', '.join(TYPES)}, channel of {', '.join(CHANNELS)}")
    return left


def add_odd_rows(
    ledger: Ledger, now_s: float, rng: random.Random, *, day: int, type: str, status: str, kinds: list[str]
) -> list[str]:
    """One row of each kind of misfit, spread over the day."""
    unknown = set(kinds) - set(ODD_KINDS)
    if unknown:
        raise ValueError(f"no such kind: {', '.join(sorted(unknown))}")
    ids: list[str] = []
    for plan in _spread(ledger, now_s, rng, day=day, type=type, status=status, rows=len(kinds), prefix="ODD"):
        plan.patch = dict(ODD_KINDS[kinds[len(ids)]])
        ledger.add(plan)
        ids.append(plan.id)
    return ids


def fill(
    ledger: Ledger,
    now_s: float,
    rng: random.Random,
    *,
    day: int,
    type: str,
    status: str,
    rows: int,
    paid_within_s: float | None,
) -> int:
    """Many rows of one status at once; pending ones get paid one after the other within some seconds."""
    plans = _spread(ledger, now_s, rng, day=day, type=type, status=status, rows=rows, prefix="FILL")
    for number, plan in enumerate(plans):
        if paid_within_s is not None:
            plan.paid_s = now_s + paid_within_s * (number + 1) / rows
    ledger.add_all(plans)
    return len(plans)


def _spread(
    ledger: Ledger,
    now_s: float,
    rng: random.Random,
    *,
    day: int,
    type: str,
    status: str,
    rows: int,
    prefix: str,
) -> list[Plan]:
    if type not in TYPES or status not in STATUSES:
        raise ValueError(f"type must be one of {', '.join(TYPES)}, status of {', '.join(STATUSES)}")
    start_s = zone_day_start_s(day, ledger.settings.day_zone)
    span_s = max(0, int(min(now_s, start_s + DAY_S - 1) - start_s))
    batch = random_id(rng)[:8]
    plans = []
    for number in range(rows):
        created_s = start_s + span_s * number // max(1, rows)
        plan = make_plan(rng, reference=f"{prefix}-{batch}-{number:07}", type=type, created_s=created_s)
        as_new_row(plan, status, now_s, date_by=ledger.settings.date_by)
        plans.append(plan)
    return plans
