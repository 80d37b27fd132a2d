# SPDX-License-Identifier: Apache-2.0
"""senangPay's records as values.

Amounts are whole sen. No ``repr`` shows a card token or what a buyer typed in. No envelope, HTTP or request
may appear here, and no error text may hold a value. Sources: guide.senangpay.com, Tokenization API; what
queries answer is on no page, so it is as clients' code reads it, and rows are read leniently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_sengo.protocol.money import Sen, ringgit_to_sen

PAID, FAILED = "paid", "failed"  # of an OrderPayment; every other word means that it is under way

_SECONDS = re.compile(r"[0-9]{10}", re.ASCII)
_MILLISECONDS = re.compile(r"[0-9]{13}", re.ASCII)  # which one client guards against
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPayment:
    """A charge that went through, as verified by its hash; ``status`` is 1.

    ``amount_sen`` is what was taken from the card (``amount_paid``).
    """

    status: int
    transaction_id: str
    order_id: str
    amount_sen: Sen
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenValidation:
    """Whether a card token can be charged. Nothing signs this answer."""

    valid: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStatus:
    """The state that a toggle left a card token in. Nothing signs this answer."""

    enabled: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPayment:
    """One attempt to pay an order, as a query tells it; the order's id is not part of it.

    ``transaction_reference`` and ``status``: as sent, empty if absent or no text. ``amount_sen``,
    ``paid_at``: None if absent or unreadable; ``paid_at`` (aware UTC) is set for failed attempts, too.
    ``detail``: the charge's detail. ``raw``: the whole row, which holds the buyer's name, address, email
    and phone; neither ``repr`` nor ``as_plain_dict`` shows it.
    """

    transaction_reference: str
    status: str
    amount_sen: Sen | None = None
    paid_at: datetime | None = None
    payment_mode: str | None = None
    detail: str | None = field(default=None, repr=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardToken:
    """A stored card. ``token`` and the secret key charge it, ``token`` alone switches it: keep it as a secret.

    ``card_type``: ``vs``, ``mc``, or as sent.
    """

    token: str = field(repr=False)
    order_id: str
    last_four: str
    card_type: str
    message: str


SenangPayRecord = CardPayment | TokenValidation | TokenStatus | OrderPayment | CardToken


def as_plain_dict(record: SenangPayRecord) -> dict[str, Any]:
    """``record`` as JSON-native values for XCom: snake_case keys, dates as ISO 8601 text.

    A ``CardToken`` keeps its token, for it is of no use without; think before it goes to an XCom.
    """
    values = {each.name: getattr(record, each.name) for each in fields(record) if each.name != "raw"}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }


def read_order_payment(row: Mapping[str, Any]) -> OrderPayment:
    """A row of a query. Nothing in it is an error: what does not fit is empty or None, and in ``raw``."""
    payment, order = _part(row, "payment_info"), _part(row, "order_detail")
    return OrderPayment(
        transaction_reference=_text(payment.get("transaction_reference")) or "",
        status=_text(payment.get("status")) or "",
        amount_sen=_sen(order.get("grand_total")),
        paid_at=_unix_time(payment.get("transaction_date")),
        payment_mode=_text(payment.get("payment_mode")),
        detail=_text(_part(row, "product").get("product_name")),
        raw=row,
    )


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = row.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    """Leaves are strings; a number is one that PHP did not quote."""
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) else None


def _sen(value: object) -> Sen | None:
    """``grand_total`` is ringgit as text; a JSON number may be either unit, so it is none."""
    try:
        return ringgit_to_sen(value)
    except ValueError:
        return None


def _unix_time(value: object) -> datetime | None:
    text = _text(value) or ""
    if _SECONDS.fullmatch(text):
        return _EPOCH + timedelta(seconds=int(text))
    if _MILLISECONDS.fullmatch(text):
        return _EPOCH + timedelta(milliseconds=int(text))
    return None
