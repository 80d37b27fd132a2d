# SPDX-License-Identifier: Apache-2.0
"""Exactly once, exhaustively: every crash, every fault, every rerun of charging a card."""

import pytest
from charge_world import (
    AMOUNT,
    CREDENTIALS,
    LOST,
    ORDER,
    POST,
    QUERIES,
    QUERY,
    TAMPERED,
    TROUBLES,
    a_world,
    check_truth,
    execute,
    run_to_its_end,
    steps,
)
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
from airflow_provider_sengo.protocol.charge import charge_token_once


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


def test_a_decline_is_final_and_proved():
    """A decline whose hash verifies is Rejected, with the gateway's words."""
    world = make_world()
    token = world.senangpay.issue_token(decline="Insufficient funds")
    result, _ = execute(world, Task(), token)
    assert isinstance(result, Rejected)
    assert result.code == senangpay.DECLINED
    assert "Insufficient funds" in str(result)


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
