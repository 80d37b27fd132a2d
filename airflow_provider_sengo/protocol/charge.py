# SPDX-License-Identifier: Apache-2.0
"""How a card is charged once with senangPay, and brought into a wanted state.

Pure generators (see ``steps``). The gateway takes the same order id twice (api facts, section 7) and need
not show a charge in its order query, so:

* a charge is sent at most once an order, and only where no earlier attempt can have sent it;
* the order is queried before, and a query that shows nothing proves nothing after something was sent;
* only one paid row over exactly the wanted sen, with nothing pending beside it, is our payment;
* everything else stops and says what to look up. Nothing is ever guessed to be paid or unpaid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NoReturn

import msgspec

from airflow_provider_sengo.exceptions import (
    NotSent,
    OutcomeUnknown,
    Rejected,
    SenGoProviderError,
    SignatureMismatch,
)
from airflow_provider_sengo.protocol.http import Call
from airflow_provider_sengo.protocol.senangpay import (
    DECLINED,
    FAILED,
    PAID,
    CardPayment,
    OrderPayment,
    TokenStatus,
)
from airflow_provider_sengo.protocol.steps import Mark, Steps, Unmark, Wait

QUERY_EVERY_S = 10.0  # while an order is watched after an answer was lost
TOGGLES_MAX = 2  # one, and one to correct it
LOST_TOGGLES_MAX = 1  # an answer that was lost leaves one more


class OrderView(msgspec.Struct, frozen=True):
    """The rows of an order by what they say."""

    paid: tuple[OrderPayment, ...]
    pending: tuple[OrderPayment, ...]
    failed: tuple[OrderPayment, ...]

    @property
    def rows(self) -> tuple[OrderPayment, ...]:
        return self.paid + self.pending + self.failed


class _Order(msgspec.Struct, frozen=True):
    """What is charged, and how to look it up."""

    order_id: str
    amount_sen: int
    query: Call[tuple[OrderPayment, ...]]
    reconcile_timeout_s: float


def view(rows: Sequence[OrderPayment]) -> OrderView:
    """Sort an order's rows; their order in the answer means nothing, and a row listed twice is one row."""
    named = [row for row in rows if row.transaction_reference]
    rows = [*dict.fromkeys(named), *(row for row in rows if not row.transaction_reference)]
    return OrderView(
        paid=tuple(row for row in rows if row.status == PAID),
        pending=tuple(row for row in rows if row.status not in (PAID, FAILED)),
        failed=tuple(row for row in rows if row.status == FAILED),
    )


def charge_token_once(
    *,
    order_id: str,
    amount_sen: int,
    query: Call[tuple[OrderPayment, ...]],
    charge: Call[CardPayment],
    may_have_been_sent: bool,
    reconcile_timeout_s: float,
) -> Steps[CardPayment]:
    """Charge an order once, however often this is run.

    ``may_have_been_sent``: False only if no earlier attempt can have sent the charge. Raises ``Rejected``
    with code ``DECLINED`` (verified), ``OutcomeUnknown`` that no retry cures where a person must look, and
    what the first query raises, before anything is sent.
    """
    if isinstance(reconcile_timeout_s, bool) or not isinstance(reconcile_timeout_s, int | float):
        raise ValueError("reconcile_timeout_s: must be a number of seconds, for example 60.")
    if not 0 <= reconcile_timeout_s < math.inf:
        raise ValueError("reconcile_timeout_s: must be a number of seconds, 0 or more.")
    order = _Order(order_id, amount_sen, query, reconcile_timeout_s)
    seen = view((yield query))
    if seen.rows or may_have_been_sent:
        return (
            yield from _settle(
                order, seen, sent=may_have_been_sent, why="an earlier attempt may have sent it"
            )
        )
    yield Mark()
    try:
        payment: CardPayment = yield charge
    except NotSent:
        yield Unmark()
        raise
    except SenGoProviderError as error:
        if isinstance(error, Rejected) and error.code == DECLINED:
            raise
        if isinstance(error, SignatureMismatch):
            yield from _stop_at_mismatch(order, error)
        lost = error
    else:
        return payment
    return (yield from _settle(order, OrderView((), (), ()), sent=True, why=str(lost)))


def _settle(order: _Order, seen: OrderView, *, sent: bool, why: str) -> Steps[CardPayment]:
    """Watch the order until its rows are conclusive, for ``reconcile_timeout_s`` at most."""
    waited_s = 0.0
    query_error = ""
    while not _conclusive(seen) and waited_s < order.reconcile_timeout_s:
        pause_s = min(QUERY_EVERY_S, order.reconcile_timeout_s - waited_s)
        yield Wait(pause_s)
        waited_s += pause_s
        try:
            seen = view((yield order.query))
            query_error = ""
        except SenGoProviderError as error:
            query_error = f" The last query failed: {error}"
    if _conclusive(seen):
        return _payment(order.order_id, order.amount_sen, seen)
    if seen.failed and not seen.pending and not sent and not query_error:
        raise Rejected(
            f"order {order.order_id}: declined ({_references(seen.failed)}). A new charge needs a new order id,"
            " or another attempt where it is derived. See the README's runbook, 'declined'.",
            code=DECLINED,
        )
    _stop(order, seen, f"{why}.{query_error}")


def _stop_at_mismatch(order: _Order, error: SignatureMismatch) -> Steps[NoReturn]:
    """An answer that does not verify is never a success, whatever the order's rows say; they are named."""
    try:
        rows = _described(view((yield order.query)))
    except SenGoProviderError as query_error:
        rows = f"unknown, the query failed ({query_error})"
    raise SignatureMismatch(
        f"order {order.order_id}: {error} The order's rows: {rows}. Look the order up in senangPay's dashboard;"
        " do not charge it again before. See the README's runbook, 'mismatch'."
    ) from error


def _conclusive(seen: OrderView) -> bool:
    """Paid rows and nothing pending: it can only get worse by waiting."""
    return bool(seen.paid) and not seen.pending


def payment_of_order(order_id: str, amount_sen: int, rows: Sequence[OrderPayment]) -> CardPayment | None:
    """The payment of an order, if its rows prove exactly one over this amount; None: not (yet).

    Raises ``OutcomeUnknown`` that no retry cures where they prove another thing.
    """
    seen = view(rows)
    return _payment(order_id, amount_sen, seen) if _conclusive(seen) else None


def _payment(order_id: str, amount_sen: int, seen: OrderView) -> CardPayment:
    """The one paid row, if it is ours to the sen."""
    if len(seen.paid) > 1:
        raise OutcomeUnknown(
            f"order {order_id}: paid {len(seen.paid)} times ({_references(seen.paid)}). Nothing was sent"
            " now. Refund what is too much in senangPay's dashboard. See the README's runbook, 'mismatch'.",
            curable=False,
        )
    row = seen.paid[0]
    if not row.transaction_reference:
        raise OutcomeUnknown(
            f"order {order_id}: paid, but the row has no transaction reference, so it proves no payment"
            " of ours. Look the order up in senangPay's dashboard. See the README's runbook, 'mismatch'.",
            curable=False,
        )
    if row.amount_sen != amount_sen:
        raise OutcomeUnknown(
            f"order {order_id}: paid, but over another amount ({_references(seen.paid)}); it may not be"
            " this payment. Give this payment an order id of its own. See the README's runbook, 'mismatch'.",
            curable=False,
        )
    return CardPayment(
        status=1,
        transaction_id=row.transaction_reference,
        order_id=order_id,
        amount_sen=row.amount_sen,
        message="found by the order query",
    )


def _stop(order: _Order, seen: OrderView, why: str) -> NoReturn:
    """Nobody knows whether the card was charged: a person must look."""
    raise OutcomeUnknown(
        f"order {order.order_id}: whether the card was charged is not known: {why} The order's rows after"
        f" {order.reconcile_timeout_s:g} s: {_described(seen)}. Look the order up in senangPay's dashboard; do"
        " not charge it again before. See the README's runbook, 'unknown outcome'.",
        curable=False,
    )


def _described(seen: OrderView) -> str:
    if not seen.rows:
        return "none"
    named = (("paid", seen.paid), ("pending", seen.pending), ("failed", seen.failed))
    return "; ".join(f"{name}: {_references(rows)}" for name, rows in named if rows)


def _references(rows: Sequence[OrderPayment]) -> str:
    return ", ".join(row.transaction_reference or "without reference" for row in rows)


def set_token_status(*, toggle: Call[TokenStatus], enabled: bool) -> Steps[TokenStatus]:
    """Bring a card into the wanted state with a call that only flips it.

    Two toggles at most, three when an answer was lost: the next answer tells where the card is. A card in
    the wanted state is flipped away and back.
    """
    if not isinstance(enabled, bool):
        raise ValueError("enabled: must be true or false, the wanted state.")
    toggles = lost = 0
    last = "not known"
    while toggles < TOGGLES_MAX + min(lost, LOST_TOGGLES_MAX):
        toggles += 1
        try:
            state: TokenStatus = yield toggle
        except NotSent:
            if toggles == 1:
                raise
            lost += 1
        except SenGoProviderError as error:
            if isinstance(error, Rejected) and not error.curable:
                if toggles == 1:
                    raise
                break  # refused half-way: where the card stands matters more than why
            lost, last = lost + 1, "not known"
        else:
            if state.enabled == enabled:
                return state
            last = "enabled" if state.enabled else "disabled"
    raise OutcomeUnknown(
        f"the card could not be brought into the wanted state ({'enabled' if enabled else 'disabled'}): after"
        f" {toggles} toggles, {lost} of them without an answer, its state is {last}. Run the task again. See"
        " the README's runbook, 'unknown outcome'."
    )
