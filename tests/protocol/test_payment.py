# SPDX-License-Identifier: Apache-2.0
"""A SenGo payment is made once: each way through the state machines, step by step.

The same machine against a gateway, with every crash and every fault, is in ``tests/payments``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_sengo.exceptions import (
    DuplicateReference,
    NotAuthorized,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PaymentFailed,
    Rejected,
    Unavailable,
)
from airflow_provider_sengo.protocol import sengo
from airflow_provider_sengo.protocol.payment import (
    LOOKS_AFTER_S,
    REFERENCE_AGE_MAX,
    create_project_once,
    create_qris_once,
)
from airflow_provider_sengo.protocol.sengo_records import Project, Qris, QrisPayment, Transaction
from airflow_provider_sengo.protocol.steps import FindInArchive, Mark, Now, Unmark, Wait

CREDENTIALS = sengo.Credentials(
    base_url=sengo.BASE_URLS["sandbox"], client_key="SC-EXAMPLE000000001", client_token="example-token"
)
REFERENCE, AMOUNT = "ORDER-1001", 10_000
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)
LOOK = sengo.get_transaction(CREDENTIALS, REFERENCE)
CREATE = sengo.create_qris(
    CREDENTIALS,
    reference=REFERENCE,
    amount=AMOUNT,
    view_name="Toko",
    callback_url="https://shop.example/paid",
)
MAKE = sengo.create_project(CREDENTIALS, name="Shop", domain="https://shop.example", ip=["203.0.113.7/32"])

ABSENT = NotFound("not found", http_status=404)
LOST = OutcomeUnknown("no answer")
BUSY = Unavailable("SenGo is busy", http_status=503)
USED = DuplicateReference("used", http_status=409, code="DUPLICATE_REFERENCE")
NEW = ((LOOK, ABSENT), (FindInArchive(REFERENCE), None))  # neither the gateway nor the archive knows it
NO_LOOK_FINDS_IT = tuple(pair for wait_s in LOOKS_AFTER_S for pair in ((Wait(wait_s), None), (LOOK, ABSENT)))


def known(status: str = "pending", **changes: Any) -> Transaction:
    """The payment as the gateway tells it."""
    fields = {"id": "P1", "merchant_ref": REFERENCE, "amount": AMOUNT, "expired_date": LATER}
    return Transaction(**{**fields, "status": status, "qris": Qris(content="000201"), **changes})


def payment(status: str = "pending", **changes: Any) -> QrisPayment:
    """The same as a QRIS payment."""
    return sengo.as_qris_payment(known(status, **changes))


def machine(*, known_since: datetime | None = None, accept_overdue: bool = False):
    return create_qris_once(
        reference=REFERENCE,
        amount_rupiah=AMOUNT,
        look=LOOK,
        create=CREATE,
        known_since=known_since,
        accept_overdue=accept_overdue,
    )


def test_a_new_payment_is_looked_up_and_sent_once(play):
    """At the gateway, in the archive; then it is made, and is not over yet."""
    assert play(machine(), *NEW, (CREATE, payment()), (Now(), NOW)) == payment()


@pytest.mark.parametrize(
    "standing", [known("success"), known("on_hold"), known(expired_date=None)], ids=lambda found: found.status
)
def test_a_payment_that_stands_is_given_back(play, standing):
    """Paid, in a state that nobody knows, or without a time to end: nothing is sent."""
    assert play(machine(), (LOOK, standing)) == sengo.as_qris_payment(standing)


@pytest.mark.parametrize(
    "change", [{"merchant_ref": "ORDER-1"}, {"amount": AMOUNT + 1}, {"amount": None}, {"qris": None}], ids=str
)
def test_a_reference_of_another_payment_is_never_adopted(play, change):
    """Reference, amount and channel must agree; a reference of its own mends it."""
    with pytest.raises(Rejected, match=f"^reference {REFERENCE}: SenGo knows it as another payment") as error:
        play(machine(), (LOOK, known("success", **change)))
    assert (error.value.code, error.value.curable) == ("MISMATCH", False)
    assert "Give this payment a reference of its own." in str(error.value)


@pytest.mark.parametrize("status", ["expired", "failed"])
def test_a_payment_that_ended_unpaid_is_told_as_such(play, status):
    """A code that nobody can pay is not handed out again."""
    with pytest.raises(PaymentFailed, match=f"this payment is {status}. A new payment needs a new reference"):
        play(machine(), (LOOK, known(status)))


@pytest.mark.parametrize(("now", "is_over"), [(LATER - timedelta(seconds=1), False), (LATER, True)])
def test_a_pending_payment_is_handed_out_until_its_time_is_over(play, now, is_over):
    """Then it may still turn out paid, so a later run looks again; who waits for its end gets it anyway."""
    if not is_over:
        assert play(machine(), (LOOK, known()), (Now(), now)) == payment()
        return
    with pytest.raises(OutcomeUnknown, match="pending, though its time is over; look again") as error:
        play(machine(), (LOOK, known()), (Now(), now))
    assert error.value.curable
    assert play(machine(accept_overdue=True), (LOOK, known())) == payment()


@pytest.mark.parametrize("error", [BUSY, NotAuthorized("no", http_status=401)], ids=repr)
def test_a_first_look_that_fails_sends_nothing(play, error):
    """Only the gateway's own "not found" is one."""
    with pytest.raises(type(error)):
        play(machine(), (LOOK, error))


def archived(status: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "id": "P1",
        "status": status,
        "merchant_ref": REFERENCE,
        "amount": AMOUNT,
        "channel": "qris",
        **changes,
    }


def test_the_archive_answers_for_a_payment_that_the_gateway_forgot(play):
    """A paid one is given back as it is archived, without a code to show."""
    row = archived("success", fee=70, total_amount=AMOUNT, fee_payer="merchant", paid_at=NOW, id=None)
    found = play(machine(), (LOOK, ABSENT), (FindInArchive(REFERENCE), row))
    assert (found.id, found.status, found.paid_date, found.fee) == ("unknown", "success", NOW, 70)
    assert found.qris == Qris()


@pytest.mark.parametrize(
    ("row", "error", "said"),
    [
        (archived("expired"), PaymentFailed, "this payment is expired"),
        (archived("success", amount=1), Rejected, "SenGo knows it as another payment"),
        (archived("success", channel="retail"), Rejected, "SenGo knows it as another payment"),
        (archived("pending"), OutcomeUnknown, "the archive has it as pending, and SenGo has forgotten it"),
        (archived(None), OutcomeUnknown, "the archive has it as without status, and SenGo has forgotten it"),
    ],
    ids=["expired", "another amount", "another channel", "pending", "no status"],
)
def test_an_archived_reference_is_never_sent_again(play, row, error, said):
    """Whatever the archive says of it: the gateway would take it as new."""
    with pytest.raises(error, match=said) as caught:
        play(machine(), (LOOK, ABSENT), (FindInArchive(REFERENCE), row))
    assert not caught.value.curable


def test_a_run_that_may_be_older_than_the_gateways_memory_sends_nothing(play):
    """Not found proves nothing any more; a second before, it does."""
    since = NOW - REFERENCE_AGE_MAX
    with pytest.raises(
        OutcomeUnknown, match="SenGo forgets after seven days, so that it is unknown"
    ) as error:
        play(machine(known_since=since), *NEW, (Now(), NOW))
    assert not error.value.curable
    assert since.isoformat() in str(error.value)
    in_time = machine(known_since=since + timedelta(seconds=1))
    assert play(in_time, *NEW, (Now(), NOW), (CREATE, payment()), (Now(), NOW)) == payment()


@pytest.mark.parametrize(
    "error",
    [
        NotSent("refused"),
        NotAuthorized("no", http_status=401),
        Rejected("no", http_status=402),
        Rejected("no", http_status=422),
    ],
    ids=repr,
)
def test_a_request_of_which_nothing_was_made_is_its_own_error(play, error):
    """Never sent, or looked at and refused: there is nothing to look for."""
    with pytest.raises(type(error)) as caught:
        play(machine(), *NEW, (CREATE, error))
    assert caught.value is error


@pytest.mark.parametrize("error", [LOST, BUSY, USED, Rejected("no", http_status=400)], ids=repr)
def test_after_a_lost_answer_the_payment_is_looked_for(play, error):
    """For a minute, more and more rarely; what is found is the payment, and nothing is sent again."""
    looks = ((Wait(1.0), None), (LOOK, ABSENT), (Wait(2.0), None), (LOOK, BUSY), (Wait(4.0), None))
    assert play(machine(), *NEW, (CREATE, error), *looks, (LOOK, known()), (Now(), NOW)) == payment()
    assert sum(LOOKS_AFTER_S) == 60


def test_a_payment_that_is_not_there_after_a_minute_is_sent_once_more(play):
    """With the same reference, which the gateway takes only once; then no third time."""
    script = (*NEW, (CREATE, LOST), *NO_LOOK_FINDS_IT)
    assert play(machine(), *script, (CREATE, payment()), (Now(), NOW)) == payment()
    with pytest.raises(OutcomeUnknown, match="2 requests were sent, and neither an answer nor") as error:
        play(machine(), *script, (CREATE, LOST), *NO_LOOK_FINDS_IT)
    assert error.value.curable


def test_a_look_that_failed_is_forgotten_by_the_next_answer(play):
    """The last look counts: "not found" is known again, whatever failed before it."""
    looks = ((Wait(LOOKS_AFTER_S[0]), None), (LOOK, BUSY), *NO_LOOK_FINDS_IT[2:])
    assert play(machine(), *NEW, (CREATE, LOST), *looks, (CREATE, payment()), (Now(), NOW)) == payment()


def test_a_look_that_fails_last_leaves_the_outcome_unknown(play):
    """Only a gateway that answers "not found" in the end allows a second request."""
    looks = (*NO_LOOK_FINDS_IT[:-1], (LOOK, BUSY))
    with pytest.raises(OutcomeUnknown) as error:
        play(machine(), *NEW, (CREATE, LOST), *looks)
    assert error.value.curable
    assert "the answer was lost (no answer) and looking it up failed (SenGo is busy)" in str(error.value)


def test_a_used_reference_that_the_gateway_does_not_know_is_not_sent_again(play):
    """The payment may exist: a person looks it up."""
    with pytest.raises(DuplicateReference, match="says that it was used, yet does not know it") as error:
        play(machine(), *NEW, (CREATE, USED), *NO_LOOK_FINDS_IT)
    assert (error.value.http_status, error.value.code) == (409, "DUPLICATE_REFERENCE")
    assert "a new payment needs a new reference" in str(error.value)


PROJECT = Project(id=1, name="Shop", domain="https://shop.example", ip=["203.0.113.7/32"], status="Review")


def make(*, may_have_been_sent: bool = False):
    return create_project_once(MAKE, name="Shop", may_have_been_sent=may_have_been_sent)


def test_a_project_is_made_with_one_marked_request(play):
    """There is no reference to look it up by."""
    assert play(make(), (Mark(), None), (MAKE, PROJECT)) == PROJECT


@pytest.mark.parametrize(
    "error", [NotSent("refused"), *(Rejected("no", http_status=s) for s in (401, 422, 409))]
)
def test_a_project_that_was_surely_not_made_may_be_tried_again(play, error):
    """The mark is taken back before the error goes up."""
    with pytest.raises(type(error)) as caught:
        play(make(), (Mark(), None), (MAKE, error), (Unmark(), None))
    assert caught.value is error


@pytest.mark.parametrize("error", [LOST, BUSY, Rejected("no", http_status=400)], ids=repr)
def test_a_project_that_may_have_been_made_is_not_made_again(play, error):
    """The mark stays, so no later try sends it either; the error says where to look."""
    for script, sent, why in (
        (((Mark(), None), (MAKE, error)), False, f"the answer was lost ({error})"),
        ((), True, "an earlier try may have made it"),
    ):
        with pytest.raises(OutcomeUnknown) as caught:
            play(make(may_have_been_sent=sent), *script)
        assert not caught.value.curable
        assert str(caught.value).startswith(
            f"project Shop: {why}. Look for it in SenGo's dashboard before making it again."
        )
