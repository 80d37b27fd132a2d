# SPDX-License-Identifier: Apache-2.0
"""What will happen to one transaction, and what it therefore is at any time. Pure.

A plan holds times; the status is a function of (plan, now) and is stored nowhere.
"""

import hashlib
from typing import Any

import msgspec

from .clock import jakarta_day, zone_day


class Plan(msgspec.Struct, gc=False, kw_only=True):
    """One transaction: what is known of it, and the times at which it changes."""

    id: str
    reference: str
    type: str  # cashIn or cashOut
    channel: str  # qris, virtualAccount, eWallet, retail or disbursement
    amount: int  # whole rupiah
    fee: int
    customer_pays: bool
    created_s: float
    expires_s: float
    paid_s: float | None = None
    failed_s: float | None = None
    settles_s: float | None = None  # money reaches the balance; None = a day after payment
    callback: str | None = None
    view_name: str | None = None
    patch: dict[str, Any] | None = None  # wire fields that differ from the plan; see ``wire``
    vanished: bool = False  # in no listing, but /check knows it
    hidden: bool = False  # unknown to /check, too
    bucket: tuple[int, str, str] | None = None  # the listing that holds it: (day, type, status)
    wire: bytes | None = None  # its bytes in listings while in ``wire_status``
    wire_status: str = ""
    told_status: str = ""  # the final status that a callback was made for


def status_at(plan: Plan, now_s: float) -> str:
    """Paid wins over failed wins over expired; a payment after expiry is a late settlement."""
    if plan.paid_s is not None and now_s >= plan.paid_s:
        return "success"
    if plan.failed_s is not None and now_s >= plan.failed_s:
        return "failed"
    return "expired" if now_s >= plan.expires_s else "pending"


def next_change_s(plan: Plan, now_s: float) -> float | None:
    """The first time after now at which the plan may look different; None when it is final."""
    times = (plan.created_s, plan.paid_s, plan.failed_s, plan.expires_s)
    coming = [at_s for at_s in times if at_s is not None and at_s > now_s]
    if not coming or (plan.paid_s is not None and now_s >= plan.paid_s):
        return None
    return min(coming)


def listing_day(plan: Plan, status: str, *, date_by: str, zone: str) -> int:
    """The day under which the ``date`` filter finds a transaction; its meaning is undocumented.

    ``paid`` means the paid time once there is one, else the creation.
    """
    if date_by == "expired":
        return zone_day(plan.expires_s, zone)
    if date_by == "paid" and status == "success" and plan.paid_s is not None:
        return zone_day(plan.paid_s, zone)
    return zone_day(plan.created_s, zone)


def created_day(plan: Plan) -> int:
    """The Asia/Jakarta day that retention counts from."""
    return jakarta_day(plan.created_s)


def order_key(order: str) -> Any:
    """The sort key of a listing: total, so that pages are stable between requests."""
    if order == "oldest":
        return lambda plan: (plan.created_s, plan.id)
    if order == "newest":
        return lambda plan: (-plan.created_s, plan.id)
    return lambda plan: hashlib.blake2b(plan.id.encode(), digest_size=8).digest()


def settles_at_s(plan: Plan) -> float:
    """When a payment reaches the balance; while unpaid the gateway shows the creation time instead."""
    if plan.settles_s is not None:
        return plan.settles_s
    return plan.created_s if plan.paid_s is None else plan.paid_s + 86_400
