# SPDX-License-Identifier: Apache-2.0
"""A card is charged once: each way through the state machine, step by step.

The same machine against a gateway, with every crash and every fault, is in ``tests/payments``.
"""

from __future__ import annotations

import math

import pytest
from order_to_charge import AMOUNT, ORDER, charge_call

from airflow_provider_sengo.exceptions import (
    NotAuthorized,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SignatureMismatch,
    Unavailable,
)
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.charge import (
    charge_token_once,
    payment_of_order,
    set_token_status,
    view,
)
from airflow_provider_sengo.protocol.senangpay import DECLINED, CardPayment, OrderPayment, TokenStatus
from airflow_provider_sengo.protocol.steps import Mark, Unmark, Wait

CREDENTIALS = senangpay.SenangPayCredentials(
    base_url=senangpay.BASE_URLS["sandbox"], merchant_id="543160464805574", secret_key="53-784"
)
TOKEN = "6bcc32c3cf4c6de03f4b3c967a36606d"
QUERY = senangpay.query_order(CREDENTIALS, ORDER)
CHARGE = charge_call(CREDENTIALS, TOKEN)
TOGGLE = senangpay.toggle_token(CREDENTIALS, TOKEN)

CHARGED = CardPayment(
    status=1, transaction_id="T1", order_id=ORDER, amount_sen=AMOUNT, message="Payment was successful"
)
LOST = OutcomeUnknown("the answer to charge_token was lost")
NO_ANSWER = Unavailable("senangPay is busy (503)", http_status=503)
ENABLED = TokenStatus(enabled=True, message="enabled")
DISABLED = TokenStatus(enabled=False, message="disabled")


def row(status: str, reference: str = "T1", amount_sen: int | None = AMOUNT) -> OrderPayment:
    return OrderPayment(transaction_reference=reference, status=status, amount_sen=amount_sen)


PAID, FAILED, PENDING = row("paid"), row("failed", "T2"), row("pending_authorization", "T3")
FOUND = CardPayment(
    status=1, transaction_id="T1", order_id=ORDER, amount_sen=AMOUNT, message="found by the order query"
)


def machine(*, may_have_been_sent=False, timeout_s=25.0):
    return charge_token_once(
        order_id=ORDER,
        amount_sen=AMOUNT,
        query=QUERY,
        charge=CHARGE,
        may_have_been_sent=may_have_been_sent,
        reconcile_timeout_s=timeout_s,
    )


def test_rows_are_sorted_by_what_they_say():
    """A word that is not known is under way; a row listed twice is one, rows without a reference are not."""
    unknown, nameless = row("on_hold", "T4"), row("paid", "")
    seen = view([FAILED, PAID, nameless, PENDING, PAID, nameless, unknown])
    assert seen.paid == (PAID, nameless, nameless)
    assert (seen.pending, seen.failed) == ((PENDING, unknown), (FAILED,))
    assert seen.rows == (PAID, nameless, nameless, PENDING, unknown, FAILED)


@pytest.mark.parametrize("rows", [[], [FAILED], [PENDING], [PENDING, PAID], [FAILED, PENDING]], ids=len)
def test_an_order_without_a_sure_payment_has_none_yet(rows):
    """Nothing, failures, or something pending beside whatever else."""
    assert payment_of_order(ORDER, AMOUNT, rows) is None


@pytest.mark.parametrize("rows", [[PAID], [FAILED, PAID], [PAID, PAID]], ids=len)
def test_the_one_paid_row_over_the_same_sen_is_the_payment(rows):
    """Whatever failed before it, and however often the gateway lists it."""
    assert payment_of_order(ORDER, AMOUNT, rows) == FOUND


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([PAID, row("paid", "T9")], "paid 2 times (T1, T9). Nothing was sent now. Refund what is too much"),
        ([row("paid", "")], "the row has no transaction reference, so it proves no payment of ours. Look"),
        ([row("paid", amount_sen=AMOUNT + 1)], "paid, but over another amount (T1); it may not be this"),
        ([row("paid", amount_sen=None)], "paid, but over another amount (T1); it may not be this"),
    ],
    ids=["twice", "no reference", "other amount", "no amount"],
)
def test_paid_rows_that_are_not_ours_need_a_person(rows, said):
    """No retry cures it, and the error says what is there and where to go on."""
    with pytest.raises(OutcomeUnknown) as error:
        payment_of_order(ORDER, AMOUNT, rows)
    assert not error.value.curable
    text = str(error.value)
    assert text.startswith(f"order {ORDER}: ")
    assert said in text
    assert text.endswith("See the README's runbook, 'mismatch'.")


def test_a_new_order_is_queried_marked_and_charged(play):
    """In this order: what could not be told apart after a crash is never sent unmarked."""
    assert play(machine(), (QUERY, ()), (Mark(), None), (CHARGE, CHARGED)) == CHARGED


@pytest.mark.parametrize("sent", [False, True])
def test_a_paid_order_is_not_charged(play, sent):
    """One query, whoever paid."""
    assert play(machine(may_have_been_sent=sent), (QUERY, (FAILED, PAID))) == FOUND


def test_a_query_that_fails_first_sends_nothing(play):
    """Its own error goes up: nothing was done yet."""
    with pytest.raises(Unavailable):
        play(machine(), (QUERY, NO_ANSWER))


def test_not_sent_takes_the_mark_back(play):
    """So the next try may charge."""
    with pytest.raises(NotSent, match="refused"):
        play(machine(), (QUERY, ()), (Mark(), None), (CHARGE, NotSent("refused")), (Unmark(), None))


def test_a_verified_decline_is_final(play):
    """The gateway's own error goes up at once; the mark stays."""
    declined = Rejected("Insufficient funds", code=DECLINED)
    with pytest.raises(Rejected) as error:
        play(machine(), (QUERY, ()), (Mark(), None), (CHARGE, declined))
    assert error.value is declined


@pytest.mark.parametrize(
    "lost", [LOST, NO_ANSWER, NotAuthorized("Invalid Merchant", http_status=401)], ids=repr
)
def test_any_other_error_is_settled_by_the_order(play, lost):
    """Also a refusal: nothing signs it, so it proves nothing. The order is watched until a row is paid."""
    begin = ((QUERY, ()), (Mark(), None), (CHARGE, lost))
    assert play(machine(), *begin, (Wait(10.0), None), (QUERY, (PAID,))) == FOUND
    watched = ((Wait(10.0), None), (QUERY, (PENDING,)), (Wait(10.0), None), (QUERY, NO_ANSWER))
    assert play(machine(), *begin, *watched, (Wait(5.0), None), (QUERY, (PAID, FAILED))) == FOUND


def test_an_order_is_watched_no_longer_than_asked_for(play):
    """The last wait is what is left; then a person must look, and the error says all that is known."""
    with pytest.raises(OutcomeUnknown) as error:
        play(
            machine(timeout_s=12.5),
            *((QUERY, ()), (Mark(), None), (CHARGE, LOST)),
            *((Wait(10.0), None), (QUERY, (PENDING, FAILED)), (Wait(2.5), None), (QUERY, NO_ANSWER)),
        )
    assert not error.value.curable
    assert str(error.value) == (
        "order ORDER1001: whether the card was charged is not known: the answer to charge_token was lost. The last"
        " query failed: senangPay is busy (503) The order's rows after 12.5 s: pending: T3; failed: T2. Look the"
        " order up in senangPay's dashboard; do not charge it again before. See the README's runbook, 'unknown"
        " outcome'."
    )


def test_without_time_to_watch_one_query_decides(play):
    """An order that shows nothing proves nothing once something may have been sent."""
    with pytest.raises(OutcomeUnknown, match=r"an earlier attempt may have sent it.*after 0 s: none"):
        play(machine(may_have_been_sent=True, timeout_s=0), (QUERY, ()))


def test_an_order_that_only_failed_is_declined(play):
    """Where nothing of ours was sent; a new charge needs a new order id."""
    with pytest.raises(Rejected) as error:
        play(
            machine(timeout_s=10),
            (QUERY, (FAILED,)),
            (Wait(10.0), None),
            (QUERY, (FAILED, row("failed", ""))),
        )
    assert (error.value.code, error.value.curable) == (DECLINED, False)
    assert str(error.value).startswith(
        "order ORDER1001: declined (T2, without reference). A new charge needs a new order id"
    )


@pytest.mark.parametrize(
    ("sent", "answer"), [(True, (FAILED,)), (False, (FAILED, PENDING)), (False, NO_ANSWER)], ids=str
)
def test_failed_rows_are_no_decline_while_anything_is_open(play, sent, answer):
    """Our charge may still come, a row is pending, or the last query failed."""
    with pytest.raises(OutcomeUnknown, match=r"whether the card was charged is not known.*failed: T2"):
        play(
            machine(may_have_been_sent=sent, timeout_s=10),
            *((QUERY, (FAILED,)), (Wait(10.0), None), (QUERY, answer)),
        )


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((), "The order's rows: none."),
        ((PAID,), "The order's rows: paid: T1."),
        ((PAID, PENDING, row("paid", "")), "The order's rows: paid: T1, without reference; pending: T3."),
        (NO_ANSWER, "The order's rows: unknown, the query failed (senangPay is busy (503))."),
    ],
    ids=["none", "paid", "several", "no answer"],
)
def test_an_answer_that_does_not_verify_is_never_a_success(play, answer, told):
    """Not even if the order shows our payment: the rows are named, and a person looks."""
    mismatch = SignatureMismatch("The hash of the answer does not verify.")
    with pytest.raises(SignatureMismatch) as error:
        play(machine(), (QUERY, ()), (Mark(), None), (CHARGE, mismatch), (QUERY, answer))
    assert str(error.value).startswith("order ORDER1001: The hash of the answer does not verify. " + told)
    assert str(error.value).endswith("do not charge it again before. See the README's runbook, 'mismatch'.")


@pytest.mark.parametrize(
    ("timeout_s", "rule"),
    [
        *((value, "must be a number of seconds, for example 60") for value in ("60", None, True)),
        *((value, "must be a number of seconds, 0 or more") for value in (-1, math.inf, math.nan)),
    ],
    ids=str,
)
def test_a_wrong_time_limit_is_refused_before_anything_is_asked(timeout_s, rule):
    """The error names the argument, the rule and a right value."""
    with pytest.raises(ValueError, match=f"^reconcile_timeout_s: {rule}"):
        next(machine(timeout_s=timeout_s))


@pytest.mark.parametrize("enabled", [True, False])
def test_a_card_is_switched_by_looking_at_the_answers(play, enabled):
    """The call only flips: a card that was in the wanted state is flipped away and back."""
    wanted, other = (ENABLED, DISABLED) if enabled else (DISABLED, ENABLED)
    switch = lambda *script: play(set_token_status(toggle=TOGGLE, enabled=enabled), *script)  # noqa: E731 - short
    assert switch((TOGGLE, wanted)) == wanted
    assert switch((TOGGLE, other), (TOGGLE, wanted)) == wanted
    assert switch((TOGGLE, LOST), (TOGGLE, other), (TOGGLE, wanted)) == wanted
    assert switch((TOGGLE, other), (TOGGLE, NotSent("refused")), (TOGGLE, wanted)) == wanted


@pytest.mark.parametrize("error", [NotSent("refused"), NotAuthorized("Invalid token")], ids=repr)
def test_a_first_toggle_that_did_nothing_is_its_own_error(play, error):
    """Not sent, or refused for good: the card is where it was."""
    with pytest.raises(type(error)):
        play(set_token_status(toggle=TOGGLE, enabled=True), (TOGGLE, error))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            (DISABLED, NotAuthorized("Invalid token")),
            "after 2 toggles, 0 of them without an answer, its state is disabled",
        ),
        ((LOST, LOST, LOST), "after 3 toggles, 3 of them without an answer, its state is not known"),
        (
            (DISABLED, NO_ANSWER, DISABLED),
            "after 3 toggles, 1 of them without an answer, its state is disabled",
        ),
        ((LOST, ENABLED, LOST), "after 3 toggles, 2 of them without an answer, its state is not known"),
        ((DISABLED, DISABLED), "after 2 toggles, 0 of them without an answer, its state is disabled"),
    ],
    ids=["refused", "all lost", "one lost", "last lost", "stuck"],
)
def test_a_card_that_would_not_be_switched_says_where_it_stands(play, script, said):
    """Three toggles at most; running again is safe, for the next answer tells."""
    enabled = script[1] is not ENABLED
    with pytest.raises(OutcomeUnknown) as error:
        play(set_token_status(toggle=TOGGLE, enabled=enabled), *((TOGGLE, answer) for answer in script))
    assert error.value.curable
    assert f"the wanted state ({'enabled' if enabled else 'disabled'}): {said}. Run the task again." in str(
        error.value
    )


@pytest.mark.parametrize("enabled", ["true", None, 1])
def test_the_wanted_state_is_true_or_false(enabled):
    """A word from a template is not guessed at."""
    with pytest.raises(ValueError, match=r"^enabled: must be true or false, the wanted state"):
        next(set_token_status(toggle=TOGGLE, enabled=enabled))
