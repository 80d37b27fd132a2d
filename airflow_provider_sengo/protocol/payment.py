# SPDX-License-Identifier: Apache-2.0
"""How a SenGo payment is made once, whatever is killed, lost or repeated.

Pure generators (see ``steps``): the same ones run behind the hook and in a test that walks every crash
and every fault. They rest on the gateway's refusal of a used reference (docs, error table: 409
DUPLICATE_REFERENCE): look first, send with the same reference, look again when the answer is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

from airflow_provider_sengo.exceptions import (
    DuplicateReference,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PaymentFailed,
    Rejected,
    SenGoProviderError,
)
from airflow_provider_sengo.protocol.http import Call
from airflow_provider_sengo.protocol.sengo import Project, QrisPayment, Transaction, as_qris_payment
from airflow_provider_sengo.protocol.sengo_records import Qris
from airflow_provider_sengo.protocol.steps import FindInArchive, Mark, Now, Steps, Unmark, Wait

# After a lost answer: when to look, in seconds after the look before. One minute in all.
LOOKS_AFTER_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
POSTS_MAX = 2
# The gateway forgets a reference after seven days, and then would take it again; a day is kept for clocks
# and for the run itself.
REFERENCE_AGE_MAX = timedelta(days=6)
REFUSALS = (401, 402, 403, 422)  # the gateway looked at the request and made nothing of it
FAILED = ("expired", "failed")


def create_qris_once(
    *,
    reference: str,
    amount_rupiah: int,
    look: Call[Transaction],
    create: Call[QrisPayment],
    known_since: datetime | None,
    accept_overdue: bool = False,
) -> Steps[QrisPayment]:
    """One QRIS payment for one reference, however often this is run.

    ``known_since``: since when the reference can have been in use; None = from now on. ``accept_overdue``: give
    back a payment that is pending though its time is over, to somebody who waits for its end. Raises
    ``PaymentFailed`` (it ended unpaid), ``Rejected`` (the reference belongs to another payment),
    ``DuplicateReference`` (used, yet unknown to the gateway), ``OutcomeUnknown``, and what the calls raise.
    """
    found = yield from _look(look)
    if found is not None:
        return (yield from _standing_payment(found, reference, amount_rupiah, accept_overdue=accept_overdue))
    archived = yield from _archived_payment(reference, amount_rupiah)
    if archived is not None:
        return archived
    yield from _refuse_old(reference, known_since)
    for _ in range(POSTS_MAX):
        try:
            created: QrisPayment = yield create
        except NotSent:
            raise  # nothing was sent, so the next run may
        except SenGoProviderError as error:
            if isinstance(error, Rejected) and not error.curable and error.http_status in REFUSALS:
                raise
            lost = error
        else:
            return (yield from _standing_payment(created, reference, amount_rupiah))
        found = yield from _look_after_loss(look, reference, lost)
        if found is not None:
            return (yield from _standing_payment(found, reference, amount_rupiah))
        if isinstance(lost, DuplicateReference):
            raise DuplicateReference(
                f"reference {reference}: SenGo says that it was used, yet does not know it. The payment may"
                " exist. Look it up in SenGo's dashboard; a new payment needs a new reference. See the"
                " README's runbook, 'duplicate reference'.",
                http_status=lost.http_status,
                code=lost.code,
            )
    raise OutcomeUnknown(
        f"reference {reference}: {POSTS_MAX} requests were sent, and neither an answer nor the payment came"
        " back. Running again looks for it first and is safe. See the README's runbook, 'unknown outcome'."
    )


def _look(look: Call[Transaction]) -> Steps[Transaction | None]:
    try:
        found: Transaction = yield look
    except NotFound:
        return None
    return found


def _look_after_loss(
    look: Call[Transaction], reference: str, lost: SenGoProviderError
) -> Steps[Transaction | None]:
    """Look again and again for a minute; None only if the last look said that it is not there."""
    unknown: SenGoProviderError | None = None
    for wait_s in LOOKS_AFTER_S:
        yield Wait(wait_s)
        try:
            found = yield from _look(look)
        except SenGoProviderError as error:
            unknown = error
            continue
        if found is not None:
            return found
        unknown = None
    if unknown is not None:
        raise OutcomeUnknown(
            f"reference {reference}: the answer was lost ({lost}) and looking it up failed ({unknown}). Running"
            " again looks for it first and is safe. See the README's runbook, 'unknown outcome'."
        )
    return None


def _standing_payment(
    found: Transaction, reference: str, amount_rupiah: int, *, accept_overdue: bool = False
) -> Steps[QrisPayment]:
    """The payment that the gateway knows under the reference, if it is ours and can still be used."""
    if found.merchant_ref != reference or found.amount != amount_rupiah or found.qris is None:
        raise Rejected(
            f"reference {reference}: SenGo knows it as another payment (reference, amount or channel differ)."
            " Give this payment a reference of its own. See the README's runbook, 'mismatch'.",
            code="MISMATCH",
        )
    if found.status in FAILED:
        raise PaymentFailed(
            f"reference {reference}: this payment is {found.status}. A new payment needs a new reference,"
            " or another attempt where the reference is derived. See the README's runbook, 'declined'."
        )
    if found.status == "pending" and found.expired_date is not None and not accept_overdue:
        now: datetime = yield Now()
        if found.expired_date <= now:
            raise OutcomeUnknown(
                f"reference {reference}: pending, though its time is over; look again in a while."
                " See the README's runbook, 'unknown outcome'."
            )
    return as_qris_payment(found)


def _archived_payment(reference: str, amount_rupiah: int) -> Steps[QrisPayment | None]:
    """A reference that the gateway has forgotten may stand in the archive: paid, failed, or not known."""
    row: Mapping[str, Any] | None = yield FindInArchive(reference)
    if row is None:
        return None
    status = row.get("status")
    if status not in ("success", *FAILED):
        raise OutcomeUnknown(
            f"reference {reference}: the archive has it as {status or 'without status'}, and SenGo has"
            " forgotten it. Sending it again could ask for the money twice. Look it up in SenGo's dashboard;"
            " a new payment needs a new reference. See the README's runbook, 'unknown outcome'.",
            curable=False,
        )
    return (yield from _standing_payment(_archived(row), reference, amount_rupiah))


def _archived(row: Mapping[str, Any]) -> Transaction:
    """A row of the archive as the gateway would tell it; what the archive has no column for stays None."""
    return Transaction(
        id=str(row.get("id") or "unknown"),
        status=row["status"],
        merchant_ref=row.get("merchant_ref"),
        fee_payer=row.get("fee_payer"),
        amount=row.get("amount"),
        fee=row.get("fee"),
        total_amount=row.get("total_amount"),
        expired_date=row.get("expired_at"),
        paid_date=row.get("paid_at"),
        settle_date=row.get("settle_at"),
        qris=Qris() if row.get("channel") == "qris" else None,
    )


def _refuse_old(reference: str, known_since: datetime | None) -> Steps[None]:
    """Not found proves nothing once the gateway may have forgotten the reference."""
    if known_since is None:
        return
    now: datetime = yield Now()
    if now - known_since >= REFERENCE_AGE_MAX:
        raise OutcomeUnknown(
            f"reference {reference}: may have been in use since {known_since.isoformat()}, and SenGo forgets"
            " after seven days, so that it is unknown there proves nothing. Look it up in SenGo's dashboard;"
            " a new payment needs a new reference. See the README's runbook, 'unknown outcome'.",
            curable=False,
        )


def create_project_once(create: Call[Project], *, name: str, may_have_been_sent: bool) -> Steps[Project]:
    """Make a project with one request; there is no reference to look it up by, so never with two."""
    if may_have_been_sent:
        _stop_project(name, "an earlier try may have made it")
    yield Mark()
    try:
        project: Project = yield create
    except NotSent:
        yield Unmark()
        raise
    except SenGoProviderError as error:
        if isinstance(error, Rejected) and not error.curable and error.http_status in (*REFUSALS, 409):
            yield Unmark()
            raise
        _stop_project(name, f"the answer was lost ({error})")
    return project


def _stop_project(name: str, why: str) -> NoReturn:
    raise OutcomeUnknown(
        f"project {name}: {why}. Look for it in SenGo's dashboard before making it again. See the README's"
        " runbook, 'unknown outcome'.",
        curable=False,
    )
