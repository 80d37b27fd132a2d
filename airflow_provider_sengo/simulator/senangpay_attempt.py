# SPDX-License-Identifier: Apache-2.0
"""One attempt to pay an order: what became of the money, and what queries show of it. Pure.

An attempt holds times; its status is a function of (attempt, now). What is shown may lag behind.
"""

import hashlib
from typing import Any

import msgspec

from .clock import iso_jakarta
from .senangpay_settings import SenangPaySettings
from .tamper import remove_field, set_field
from .wire import REMOVE

STATUSES = ("paid", "failed", "pending")


class Attempt(msgspec.Struct, kw_only=True):
    """A charge by ``pay_cc``, or a payment put in by hand."""

    transaction_id: str
    order_id: str
    amount_sen: int
    created_s: float
    paid_s: float | None = None  # when the money moved
    failed_s: float | None = None
    by_pay_cc: bool = True
    msg: str = ""
    token: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    detail: str = ""
    shown_s: float = 0.0  # queries find it from then on,
    lag_queries: int = 0  # and once so many more found nothing
    pending_until_s: float = 0.0
    pending_queries: int = 0
    hidden: bool = False
    patch: dict[str, Any] = {}  # dotted path in the row -> value that is sent instead


def status_at(attempt: Attempt, now_s: float) -> str:
    """What became of the money."""
    if attempt.paid_s is not None and now_s >= attempt.paid_s:
        return "paid"
    return "failed" if attempt.failed_s is not None and now_s >= attempt.failed_s else "pending"


def shown_status(attempt: Attempt, now_s: float) -> str:
    """What a query says of it."""
    is_late = now_s < attempt.pending_until_s or attempt.pending_queries > 0
    return "pending" if is_late else status_at(attempt, now_s)


def is_shown(attempt: Attempt, now_s: float, query: str, settings: SenangPaySettings) -> bool:
    """Whether a kind of query finds it now."""
    if attempt.hidden or now_s < attempt.shown_s or attempt.lag_queries > 0:
        return False
    if attempt.by_pay_cc and query not in settings.charges_shown_by:
        return False
    return settings.declines_shown or shown_status(attempt, now_s) != "failed"


def count_query(attempt: Attempt, now_s: float) -> None:
    """One more query asked for it: first it is not found, then found pending."""
    if attempt.lag_queries > 0:
        attempt.lag_queries -= 1
    elif attempt.pending_queries > 0 and now_s >= attempt.shown_s and not attempt.hidden:
        attempt.pending_queries -= 1


def truth_of(attempt: Attempt, now_s: float) -> dict[str, Any]:
    """What really happened, for tests; the card token by its end only."""
    return {
        "transaction_id": attempt.transaction_id,
        "order_id": attempt.order_id,
        "amount_sen": attempt.amount_sen,
        "status": status_at(attempt, now_s),
        "shown_status": shown_status(attempt, now_s),
        "by_pay_cc": attempt.by_pay_cc,
        "created_at": iso_jakarta(attempt.created_s),
        "msg": attempt.msg,
        "token_ending": attempt.token[-4:],
        "hidden": attempt.hidden,
    }


def in_order(attempts: list[Attempt], order: str) -> list[Attempt]:
    """The rows of one answer in the order asked for; the documents promise none."""
    if order == "hash":
        return sorted(
            attempts, key=lambda one: hashlib.blake2b(one.transaction_id.encode(), digest_size=8).digest()
        )
    return attempts if order == "oldest" else attempts[::-1]


def row_of(attempt: Attempt, now_s: float, settings: SenangPaySettings) -> dict[str, Any]:
    """A row of a query's answer, as clients' parsers know it: every leaf a string, ``grand_total`` in RM."""
    ringgit = f"{attempt.amount_sen // 100}.{attempt.amount_sen % 100:02}"
    unit = 1000 if settings.transaction_date_unit == "milliseconds" else 1
    address = ("address_1", "address_2", "city", "postcode", "state", "country")
    row: dict[str, Any] = {
        "buyer_contact": {
            "name": attempt.name,
            "email": attempt.email,
            "phone": attempt.phone,
            "Note": "",
        },
        "delivery_address": dict.fromkeys(address, ""),
        "order_detail": {
            "quantity": "1",
            "unit_price": ringgit,
            "delivery_charge": "0.00",
            "gst": "0.00",
            "grand_total": ringgit,
        },
        "payment_info": {
            "transaction_reference": attempt.transaction_id,
            "transaction_date": str(int(attempt.created_s) * unit),
            "payment_mode": "Credit Card",
            "status": shown_status(attempt, now_s),
        },
        "discount_info": dict.fromkeys(("code", "amount", "type", "validity_start", "validity_end"), ""),
        "network_info": dict.fromkeys(("referer", "ip", "city", "country", "browser"), ""),
        "product": {"product_name": attempt.detail, "product_description": ""},
    }
    for path, value in attempt.patch.items():
        if value == REMOVE:
            remove_field(row, path)
        else:
            set_field(row, path, value)
    return row
