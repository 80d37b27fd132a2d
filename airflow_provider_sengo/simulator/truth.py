# SPDX-License-Identifier: Apache-2.0
"""What is really in a ledger, told to tests: rows that came, left, were forgotten or spoilt included."""

from typing import Any

from .clock import day_text, iso_jakarta
from .ledger import Ledger
from .plan import Plan
from .wire import shown_fields


def truth_rows(
    ledger: Ledger, project: str, *, day: int | None = None, type: str | None = None
) -> list[dict[str, Any]]:
    """Every transaction created so far, in order of creation; ``day`` is a listing day."""
    rows = [
        truth_row(ledger, project, plan)
        for plan in ledger.plans.values()
        if type in (None, plan.type) and (day is None or ledger.day(plan) == day) and ledger.is_created(plan)
    ]
    return sorted(rows, key=lambda row: (row["created_at"], row["id"]))


def payments(ledger: Ledger, project: str, reference: str) -> list[dict[str, Any]]:
    """What was ever created under one reference."""
    plans = [plan for plan in ledger.plans.values() if plan.reference == reference]
    return [truth_row(ledger, project, plan) for plan in plans if ledger.is_created(plan)]


def truth_row(ledger: Ledger, project: str, plan: Plan) -> dict[str, Any]:
    """One transaction. ``status`` is the clock's; ``shown_*`` what the row says (None: unreadable)."""
    status = ledger.status(plan)
    shown_status, shown_amount = shown_fields(plan, status)
    return {
        "id": plan.id,
        "reference": plan.reference,
        "type": plan.type,
        "channel": plan.channel,
        "status": status,
        "amount": plan.amount,
        "fee": plan.fee,
        "fee_payer": "customer" if plan.customer_pays else "merchant",
        "created_at": iso_jakarta(plan.created_s),
        "expires_at": iso_jakarta(plan.expires_s),
        "paid_at": iso_jakarta(plan.paid_s) if status == "success" and plan.paid_s is not None else None,
        "listing_day": day_text(ledger.day(plan)),
        "listed": plan.bucket is not None and bool(ledger.listing(*plan.bucket)),
        "remembered": ledger.is_remembered(plan),
        "vanished": plan.vanished,
        "hidden": plan.hidden,
        "odd_fields": sorted(name.strip("\x00") for name in plan.patch or {}),
        "shown_status": shown_status,
        "shown_amount": shown_amount,
        "project": project,
    }


def truth_sums(ledger: Ledger) -> list[dict[str, Any]]:
    """Per listing that the gateway shows now: rows, the sum of readable amounts, and the same of paid rows.

    ``paid_*`` counts rows whose own status word is ``success``, whatever listing they stand in.
    """
    sums = []
    for (day, type, status), plans in sorted(ledger.listings().items()):
        if not plans or not ledger.listing(day, type, status):
            continue
        shown = [shown_fields(plan, status) for plan in plans]
        paid = [amount or 0 for word, amount in shown if word == "success"]
        sums.append(
            {
                "day": day_text(day),
                "type": type,
                "status": status,
                "rows": len(plans),
                "amount_sum": sum(amount or 0 for _, amount in shown),
                "paid_rows": len(paid),
                "paid_amount_sum": sum(paid),
            }
        )
    return sums
