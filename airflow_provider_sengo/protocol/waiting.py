# SPDX-License-Identifier: Apache-2.0
"""What an answer means to someone who waits for a payment: settled, not yet, or no use to wait.

Pure, and the only place that decides it: every mode of the sensors, the triggers and the QRIS operator ask
here. No clock: the caller says whether an unknown id may still appear.

======================================  ==============================================
seen                                    means
======================================  ==============================================
a status that was asked for             settled, well
a status that counts as a failure       settled, badly (``PaymentFailed`` once all are)
any other status, unknown words too     not yet
404 while it may still appear           not yet; later ``NotFound``
gateway down, 429, 5xx, an odd answer   not yet
401, 403 and every other refusal        raised: no waiting cures it
======================================  ==============================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

import msgspec

from airflow_provider_sengo.exceptions import NotFound, PaymentFailed, SenGoProviderError
from airflow_provider_sengo.protocol.charge import payment_of_order
from airflow_provider_sengo.protocol.jakarta import today
from airflow_provider_sengo.protocol.senangpay import OrderPayment
from airflow_provider_sengo.protocol.senangpay import as_plain_dict as order_as_plain_dict
from airflow_provider_sengo.protocol.sengo import Transaction, as_plain_dict
from airflow_provider_sengo.protocol.sengo_arguments import check_path

SUCCESS_STATUSES = ("success",)
FAILURE_STATUSES = ("expired", "failed")
UNKNOWN_FOR_S = 120.0  # a payment just made may not be known everywhere at the gateway
NAMED_MAX = 20  # ids in one sentence
ONLY_PAID = "paid"


class LookLimits(TypedDict):
    """How long one look may take; ``deadline_s`` in seconds, all attempts together."""

    max_attempts: int
    deadline_s: float


# The next look is the better retry, and one that is stuck must not hold up everybody's.
LOOK_LIMITS: LookLimits = {"max_attempts": 3, "deadline_s": 30.0}


class Statuses(msgspec.Struct, frozen=True):
    """Which words end the waiting, and how."""

    success: tuple[str, ...] = SUCCESS_STATUSES
    failure: tuple[str, ...] = FAILURE_STATUSES


class Settled(msgspec.Struct, frozen=True):
    """What became of one payment: the gateway's own word, and the whole record as a plain dict."""

    status: str
    record: dict[str, Any]


def checked_statuses(success: object, failure: object) -> Statuses:
    """The statuses as given to a sensor; ValueError names the field."""
    statuses = Statuses(_words(success, "success_statuses"), _words(failure, "failure_statuses"))
    if not statuses.success:
        raise ValueError("success_statuses: must name at least one status, for example ['success'].")
    if both := set(statuses.success) & set(statuses.failure):
        raise ValueError(
            f"failure_statuses: {sorted(both)} stands in success_statuses too; leave it in one of them."
        )
    return statuses


def _words(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) and word for word in value):
        raise ValueError(f"{field}: must be a list of words such as ['success'], not one text.")
    return tuple(value)


def checked_ids(transaction_id: object) -> tuple[str, ...]:
    """One id or reference, or a list of them, each once and in their order; ValueError names the place."""
    if isinstance(transaction_id, str):
        check_path(transaction_id)
        if transaction_id[0] in "[(":
            raise ValueError(
                "transaction_id: is a list that a template turned into text; give the list itself (an upstream"
                " task's .output), or set render_template_as_native_obj=True on the DAG."
            )
        return (transaction_id,)
    if not isinstance(transaction_id, Sequence):
        raise ValueError("transaction_id: must be an id or a reference as text, or a list of them.")
    for index, each in enumerate(transaction_id):
        try:
            check_path(each)
        except ValueError as error:
            raise ValueError(f"transaction_id[{index}]: {error}") from None
    return tuple(dict.fromkeys(transaction_id))


def settled_transaction(
    id: str, seen: Transaction | SenGoProviderError, statuses: Statuses, *, may_appear: bool
) -> Settled | None:
    """What became of a SenGo transaction; None: not yet. Raises what no waiting cures.

    ``may_appear``: whether an id that the gateway does not know may still become known.
    """
    if isinstance(seen, SenGoProviderError):
        _raise_if_hopeless(f"transaction {id}", seen, may_appear=may_appear)
        return None
    if seen.status in statuses.success or seen.status in statuses.failure:
        return Settled(seen.status, as_plain_dict(seen))
    return None


def settled_order(
    order_id: str,
    amount_sen: int,
    seen: Sequence[OrderPayment] | SenGoProviderError,
    *,
    may_appear: bool,
) -> Settled | None:
    """The one paid row of a senangPay order; None: not yet, which failed attempts alone mean as well.

    Raises ``OutcomeUnknown`` that no waiting cures: paid more than once, or another amount.
    """
    if isinstance(seen, SenGoProviderError):
        _raise_if_hopeless(f"order {order_id}", seen, may_appear=may_appear)
        return None
    payment = payment_of_order(order_id, amount_sen, seen)
    return None if payment is None else Settled(ONLY_PAID, order_as_plain_dict(payment))


def _raise_if_hopeless(what: str, seen: SenGoProviderError, *, may_appear: bool) -> None:
    if isinstance(seen, NotFound):
        if may_appear:
            return
        raise NotFound(
            f"{what}: unknown to the gateway, or older than the seven days that it remembers. Check the id and"
            " the connection; an older one stands in the archive. See the README's runbook, 'unknown"
            " transaction'.",
            http_status=seen.http_status,
            code=seen.code,
        )
    if not seen.curable:
        raise seen


def raise_failed(ended: Mapping[str, str], statuses: Statuses) -> None:
    """Raise ``PaymentFailed`` naming those that ended in a failure status; ``ended``: id -> status."""
    failed = {id: status for id, status in ended.items() if status in statuses.failure}
    if not failed:
        return
    named = _named([f"{id} ({status})" for id, status in failed.items()])
    count = f"{len(failed)} of {len(ended)} transactions" if len(ended) > 1 else "the transaction"
    raise PaymentFailed(
        f"{count} ended unpaid: {named}. A new payment needs a new reference. See the README's runbook,"
        " 'declined'."
    )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def too_late(waiting: Sequence[str], limit: str, trouble: str) -> str:
    """The sentence for a wait that took longer than ``limit``; ``trouble``: the last error, if any."""
    last = f" The last look failed: {trouble}" if trouble else ""
    return (
        f"{_named(waiting)}: not settled within {limit}.{last} Nothing was cancelled: a customer may still pay. See"
        " the README's runbook, 'waited too long'."
    )


def listing_hint(waiting: Mapping[str, Transaction], now: datetime) -> dict[str, Any]:
    """Where pending transactions may be listed, as a trigger's arguments; nothing rests on it.

    ``waiting``: by what was asked for. ``days`` (Asia/Jakarta), for what a listing's ``date`` means is
    unknown; ``type``, which the record shows by its channel alone, empty if they differ; ``gateway_ids``, for
    listings are searched by the gateway's own id; ``by_id_from``, when all should have settled.
    """
    seen = waiting.values()
    expiries = [each.expired_date for each in seen if each.expired_date is not None]
    instants = [now, *expiries, *(each.settle_date for each in seen if each.settle_date is not None)]
    types = {"cashOut" if each.disbursement else "cashIn" for each in seen}
    return {
        "days": sorted({today(instant).isoformat() for instant in instants}),
        "type": "" if len(types) > 1 else next(iter(types), "cashIn"),
        "gateway_ids": {id: each.id for id, each in waiting.items()},
        "by_id_from": max(expiries).isoformat() if expiries else None,
    }
