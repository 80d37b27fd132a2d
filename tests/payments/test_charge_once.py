# SPDX-License-Identifier: Apache-2.0
"""Exactly once, exhaustively: every crash, every fault, every rerun of charging a card."""

import pytest
from payment_world import LOST as LOST_ANYWHERE
from payment_world import Crash, Execution, Task, make_world, trouble

from airflow_provider_sengo.exceptions import (
    NotAuthorized,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SenGoProviderError,
    SignatureMismatch,
)
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.charge import charge_token_once, set_token_status
from airflow_provider_sengo.simulator import MERCHANT_ID, SECRET_KEY

CREDENTIALS = senangpay.SenangPayCredentials(
    base_url="http://127.0.0.1:8800", merchant_id=MERCHANT_ID, secret_key=SECRET_KEY
)
ORDER, AMOUNT = "ORDER1001", 2_450
POST, QUERY, TOGGLE = "POST /apiv1/pay_cc", "GET /apiv1/query_order_status", "POST /apiv1/update_token_status"
# A signed answer counts under any 2xx, so a 201 is no lost answer here.
LOST = [fault for fault in LOST_ANYWHERE if dict(fault.details).get("status") != 201]
RERUNS_MAX = 3
TIMEOUT_S = 60.0
TAMPERED = [
    trouble("tamper", fields={"status": 0}),
    trouble("tamper", fields={"amount_paid": 1}),
    trouble("tamper", fields={"amount_paid": 1}, sign="again"),
    trouble("tamper", fields={"order_id": "OTHER"}),
    trouble("tamper", fields={"order_id": "OTHER"}, sign="again"),
    trouble("tamper", fields={"transaction_id": "1"}),
    trouble("tamper", fields={"hash": "0" * 64}),
    trouble("tamper", sign="blank"),
]
UNPROVED = [trouble("tamper", remove=("hash",)), trouble("tamper", remove=("transaction_id",), sign="again")]
REFUSED = [
    trouble("refuse", status=status, code="Invalid Merchant", processed=processed)
    for status in (200, 401)
    for processed in (True, False)
]
TROUBLES = [*LOST, *REFUSED, *TAMPERED, *UNPROVED, trouble("no_connection"), None]
# What the order query shows of charges: at once, after some queries, as pending first, never.
QUERIES = [
    {},
    {"shown_after_queries": 3},
    {"shown_after_s": 30.0},
    {"pending_queries": 3},
    {"charges_shown_by": ()},
]


def steps(world, task, token, *, may_have_been_sent=None):
    return charge_token_once(
        order_id=ORDER,
        amount_sen=AMOUNT,
        query=senangpay.query_order(CREDENTIALS, ORDER),
        charge=senangpay.charge_token(
            CREDENTIALS,
            name="Siti Nurhaliza",
            email="siti@example.my",
            detail="Order 1001",
            phone="0123456789",
            order_id=ORDER,
            amount_sen=AMOUNT,
            token=token,
        ),
        may_have_been_sent=task.may_have_been_sent() if may_have_been_sent is None else may_have_been_sent,
        reconcile_timeout_s=TIMEOUT_S,
    )


def execute(world, task, token, kill_at=None, **options):
    task.tries += 1
    execution = Execution(world, task=task, kill_at=kill_at)
    try:
        return execution.run(steps(world, task, token, **options)), execution
    except (SenGoProviderError, Crash) as error:
        return error, execution


def check_truth(world, result):
    """At most one charge; success names it; a failure that could hide one says what to look up."""
    charges = world.charges(ORDER)
    assert len(charges) <= 1
    if isinstance(result, senangpay.CardPayment):
        assert [charge["transaction_id"] for charge in charges] == [result.transaction_id]
        assert (result.order_id, result.amount_sen) == (ORDER, AMOUNT)
    elif isinstance(result, Rejected) and result.code == senangpay.DECLINED:
        assert charges == []
    elif isinstance(result, OutcomeUnknown | SignatureMismatch):
        assert ORDER in str(result)
        assert "Look the order up" in str(result) or isinstance(result, SignatureMismatch)


def run_to_its_end(world, task, token):
    for _ in range(RERUNS_MAX):
        result, _ = execute(world, task, token)
        check_truth(world, result)
        if not isinstance(result, SenGoProviderError) or not result.curable:
            break
    return result


def a_world(**switches):
    world = make_world(senangpay=switches)
    return world, world.senangpay.issue_token()


def test_every_crash_times_every_fault_times_retry_and_clear(capsys):
    """Thousands of cases: wherever it dies and whatever is lost, one charge at most, and never a guess."""
    cases = 0
    for has_store in (True, False):
        for shown in QUERIES:
            for fault in TROUBLES:
                for kill_at in range(2 * 30):
                    world, token = a_world(**shown)
                    if fault is not None:
                        fault.strike(world, POST, (1,))
                    task = Task(has_store=has_store)
                    result, _ = execute(world, task, token, kill_at=kill_at)
                    check_truth(world, result)
                    for _cleared in range(2):
                        final = run_to_its_end(world, task, token)
                        check_truth(world, final)
                    cases += 1
                    if not isinstance(result, Crash):
                        break
    with capsys.disabled():
        print(f" [{cases} cases]", end="")
    assert cases > 2_000


@pytest.mark.parametrize("fault", [fault for fault in LOST if dict(fault.details)["processed"]], ids=str)
@pytest.mark.parametrize("shown", [{"charges_shown_by": ()}, {"shown_after_s": 3600.0}], ids=str)
def test_a_lost_answer_that_no_query_settles_is_never_charged_again(fault, shown):
    """The answer lost, the query hiding or lagging: it fails for good, retry and clear never add a charge."""
    world, token = a_world(**shown)
    fault.strike(world, POST, (1,))
    task = Task()
    for _ in range(3):
        result, execution = execute(world, task, token)
        assert isinstance(result, OutcomeUnknown)
        assert not result.curable
        assert "Look the order up in senangPay's dashboard" in str(result)
    assert "POST charge_token" not in execution.sent
    assert len(world.charges(ORDER)) == 1


@pytest.mark.parametrize("fault", [fault for fault in LOST if dict(fault.details)["processed"]], ids=str)
def test_a_lost_answer_that_the_query_shows_is_our_payment(fault):
    """The answer lost, but the order shows one paid row over the same sen: that is the payment."""
    world, token = a_world(shown_after_queries=2)
    fault.strike(world, POST, (1,))
    result, _ = execute(world, Task(), token)
    assert isinstance(result, senangpay.CardPayment)
    check_truth(world, result)


@pytest.mark.parametrize("fault", TAMPERED, ids=str)
def test_a_tampered_answer_is_never_a_success(fault):
    """Status, amount, order id, transaction id, hash, the stray blank: SignatureMismatch."""
    world, token = a_world()
    fault.strike(world, POST, (1,))
    result, _ = execute(world, Task(), token)
    assert isinstance(result, SignatureMismatch)
    assert not result.curable


def test_a_failing_query_sends_nothing():
    """The order is queried before every charge; a query that fails raises before anything is sent."""
    for fault in (*LOST, trouble("refuse", status=200, code="Invalid hash")):
        world, token = a_world()
        fault.strike(world, QUERY, (1,))
        result, execution = execute(world, Task(), token)
        assert isinstance(result, SenGoProviderError)
        assert "POST charge_token" not in execution.sent
    assert isinstance(result, NotAuthorized), "a query refused for its hash is no empty order"


def test_nothing_sent_takes_the_mark_back():
    """NotSent alone leaves no mark, so the next try may charge."""
    world, token = a_world()
    trouble("no_connection").strike(world, POST, (1,))
    task = Task()
    result, _ = execute(world, task, token)
    assert isinstance(result, NotSent)
    assert not task.marked
    result, _ = execute(world, task, token)
    assert isinstance(result, senangpay.CardPayment)


def test_a_mark_that_cannot_be_kept_sends_nothing():
    """If the mark cannot be written the charge is not sent."""
    world, token = a_world()

    class Broken(Execution):
        def _do(self, step):
            if type(step).__name__ == "Mark":
                raise RuntimeError("the store is down")
            return super()._do(step)

    execution = Broken(world)
    with pytest.raises(RuntimeError):
        execution.run(steps(world, Task(tries=1), token, may_have_been_sent=False))
    assert "POST charge_token" not in execution.sent


PAID, FAILED, PENDING = ("paid", AMOUNT), ("failed", AMOUNT), ("pending", AMOUNT)


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([PAID], "ours"),
        ([FAILED, PAID], "ours"),
        ([PAID, FAILED, FAILED], "ours"),
        ([PAID, PAID], "paid 2 times"),
        ([("paid", AMOUNT + 1)], "another amount"),
        ([PENDING], "not known"),
        ([PENDING, PAID], "not known"),
        ([PENDING, FAILED], "not known"),
        ([FAILED], None),
        ([FAILED, FAILED], None),
    ],
    ids=str,
)
def test_the_table_row_by_row(rows, expected, sent):
    """What the order's rows mean, whoever made them; nothing is ever sent where there are any."""
    world, token = a_world()
    references = [world.senangpay.add_payment(ORDER, amount_sen=sen, status=status) for status, sen in rows]
    execution = Execution(world)
    try:
        result = execution.run(steps(world, Task(), token, may_have_been_sent=sent))
    except SenGoProviderError as error:
        result = error
    assert "POST charge_token" not in execution.sent
    if expected == "ours":
        assert result.transaction_id == references[[status for status, _ in rows].index("paid")]
        return
    assert not result.curable
    if expected is None and not sent:
        assert isinstance(result, Rejected)
        assert result.code == senangpay.DECLINED
    else:
        assert isinstance(result, OutcomeUnknown)
        assert (expected or "not known") in str(result)
    assert all(reference in str(result) for reference in references)


def test_no_rows_and_maybe_sent_stops():
    """An empty order proves nothing once something may have been sent."""
    world, token = a_world()
    result, execution = execute(world, Task(), token, may_have_been_sent=True)
    assert isinstance(result, OutcomeUnknown)
    assert "POST charge_token" not in execution.sent


def test_a_pending_row_that_settles_is_waited_for():
    """A pending row is watched for the time given, and counts once it is paid."""
    world, token = a_world()
    reference = world.senangpay.add_payment(ORDER, amount_sen=AMOUNT, status="pending", paid_after_s=25)
    result, _ = execute(world, Task(), token)
    assert result.transaction_id == reference


def test_a_decline_is_final_and_proved():
    """A decline whose hash verifies is Rejected, with the gateway's words."""
    world = make_world()
    token = world.senangpay.issue_token(decline="Insufficient funds")
    result, _ = execute(world, Task(), token)
    assert isinstance(result, Rejected)
    assert result.code == senangpay.DECLINED
    assert "Insufficient funds" in str(result)


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("fault", [None, *LOST], ids=str)
def test_a_card_is_brought_into_the_wanted_state(start, wanted, fault):
    """From either state, two toggles at most, three after a lost answer, and the state is as wanted."""
    world = make_world()
    token = world.senangpay.issue_token(enabled=start)
    if fault is not None:
        fault.strike(world, TOGGLE, (1,))
    execution = Execution(world)
    machine = set_token_status(toggle=senangpay.toggle_token(CREDENTIALS, token), enabled=wanted)
    if fault is not None and fault.name == "soft_error":  # a refusal in so many words is not argued with
        with pytest.raises(Rejected):
            execution.run(machine)
        assert len(execution.sent) == 1
        return
    state = execution.run(machine)
    assert state.enabled is wanted
    assert world.senangpay.token(token)["enabled"] is wanted
    assert len(execution.sent) <= (2 if fault is None else 3)


def test_a_card_whose_answers_are_all_lost_is_not_called_switched():
    """Three toggles without an answer: OutcomeUnknown, and the task may run again."""
    world = make_world()
    token = world.senangpay.issue_token()
    LOST[0].strike(world, TOGGLE, ())
    execution = Execution(world)
    with pytest.raises(OutcomeUnknown) as caught:
        execution.run(set_token_status(toggle=senangpay.toggle_token(CREDENTIALS, token), enabled=False))
    assert caught.value.curable
    assert len(execution.sent) == 3


@pytest.mark.parametrize("seconds", ["60", None, True, -1, float("nan"), float("inf")])
def test_a_wrong_time_limit_is_refused_before_anything_is_asked(seconds):
    """The limit is checked before the first query, not after the charge was sent."""
    world, token = a_world()
    machine = charge_token_once(
        order_id=ORDER,
        amount_sen=AMOUNT,
        query=senangpay.query_order(CREDENTIALS, ORDER),
        charge=None,
        may_have_been_sent=False,
        reconcile_timeout_s=seconds,
    )
    with pytest.raises(ValueError, match="reconcile_timeout_s"):
        next(machine)


@pytest.mark.parametrize("count", [1, 2])
def test_a_paid_row_without_a_reference_is_no_payment_of_ours(count):
    """Rows that cannot be told apart are not taken for one, and none of them for a success."""
    world, token = a_world()
    for _ in range(count):
        reference = world.senangpay.add_payment(ORDER, amount_sen=AMOUNT, status="paid")
        world.senangpay.mutate(reference, **{"payment_info.transaction_reference": ""})
    result, execution = execute(world, Task(), token)
    assert isinstance(result, OutcomeUnknown)
    assert not result.curable
    assert "POST charge_token" not in execution.sent


def test_a_toggle_refused_half_way_says_where_the_card_is():
    """The first toggle took the card away, the second is refused: the error names the state it is in."""
    world = make_world()
    token = world.senangpay.issue_token(enabled=True)
    trouble("refuse", status=200, code="Invalid token", processed=False).strike(world, TOGGLE, (2,))
    with pytest.raises(OutcomeUnknown, match="its state is disabled"):
        Execution(world).run(
            set_token_status(toggle=senangpay.toggle_token(CREDENTIALS, token), enabled=True)
        )
    with pytest.raises(ValueError, match="enabled"):
        next(set_token_status(toggle=senangpay.toggle_token(CREDENTIALS, token), enabled="false"))
