# SPDX-License-Identifier: Apache-2.0
"""Exactly once, exhaustively: every crash, every fault, every rerun of making a QRIS payment."""

from datetime import timedelta

import pytest
from payment_world import LOST, Crash, Execution, make_world, trouble

from airflow_provider_sengo.exceptions import (
    DuplicateReference,
    NotSent,
    OutcomeUnknown,
    PaymentFailed,
    Rejected,
    SenGoProviderError,
)
from airflow_provider_sengo.protocol import sengo
from airflow_provider_sengo.protocol.payment import create_qris_once
from airflow_provider_sengo.simulator import CLIENT_KEY, CLIENT_TOKEN

BASE_URL = "http://127.0.0.1:8800/api"
CREDENTIALS = sengo.Credentials(base_url=BASE_URL, client_key=CLIENT_KEY, client_token=CLIENT_TOKEN)
REFERENCE, AMOUNT = "ORDER-1001", 10_000
POST = "POST /qris"
RERUNS_MAX = 4
REFUSED = [
    trouble("refuse", status=409, code="DUPLICATE_REFERENCE", processed=processed)
    for processed in (True, False)
] + [trouble("refuse", status=400, code="CREATE_FAILED", processed=processed) for processed in (True, False)]
REFUSED_FOR_GOOD = [
    trouble("refuse", status=status, code=code, processed=False)
    for status, code in (
        (401, "UNAUTHORIZED"),
        (403, "UNAUTHORIZED"),
        (402, "INSUFFICIENT_BALANCE"),
        (422, "REQUEST_INVALID"),
    )
]
TROUBLES = [*LOST, *REFUSED, *REFUSED_FOR_GOOD, trouble("no_connection"), None]
# How long ``/check`` does not know a payment that was made: not at all, for some looks, for a minute's looks.
LAGS = (0, 3, 8)


def steps(world, *, amount=AMOUNT, known_since=None):
    return create_qris_once(
        reference=REFERENCE,
        amount_rupiah=amount,
        look=sengo.get_transaction(CREDENTIALS, REFERENCE),
        create=sengo.create_qris(
            CREDENTIALS,
            reference=REFERENCE,
            amount=amount,
            view_name="Toko Senja",
            callback_url="https://shop.example/paid",
        ),
        known_since=known_since if known_since is not None else world.now(),
    )


def execute(world, kill_at=None, **options):
    """One execution: its result or its error, and the execution itself."""
    execution = Execution(world, kill_at=kill_at, archive=options.pop("archive", {}))
    try:
        return execution.run(steps(world, **options)), execution
    except (SenGoProviderError, Crash) as error:
        return error, execution


def check_truth(world, result):
    """At most one payment, and the result says no more than is true."""
    made = world.payments(REFERENCE)
    assert len(made) <= 1
    if isinstance(result, sengo.QrisPayment):
        assert [payment["id"] for payment in made] == [result.id]
        assert (result.merchant_ref, result.amount) == (REFERENCE, AMOUNT)
    elif isinstance(result, SenGoProviderError) and not isinstance(result, NotSent):
        assert REFERENCE in str(result) or isinstance(result, Rejected), result


def run_to_its_end(world):
    """Rerun as Airflow would while the error is one that a retry may cure; at most one payment throughout."""
    for _ in range(RERUNS_MAX):
        result, _ = execute(world)
        check_truth(world, result)
        if not isinstance(result, SenGoProviderError) or not result.curable:
            break
    return result


def test_every_crash_times_every_fault_times_rerun_and_clear(record_property, capsys):
    """Thousands of cases: wherever it dies and whatever is lost, one payment at most, and the truth in the end."""
    cases = 0
    for strikes_at in ((1,), (1, 2), (2,)):
        for fault in TROUBLES:
            for lag in LAGS:
                for kill_at in range(2 * 40):
                    world = make_world(check_lag_requests=lag)
                    if fault is not None:
                        fault.strike(world, POST, strikes_at)
                    result, execution = execute(world, kill_at=kill_at)
                    check_truth(world, result)
                    killed = isinstance(result, Crash)
                    for _cleared in range(2):
                        final = run_to_its_end(world)
                        check_truth(world, final)
                    cases += 1
                    if final and isinstance(final, sengo.QrisPayment):
                        assert len(world.payments(REFERENCE)) == 1
                    elif not isinstance(final, Rejected | OutcomeUnknown | NotSent):
                        raise AssertionError((fault, lag, kill_at, final))
                    if not killed:
                        break
    record_property("cases", cases)
    with capsys.disabled():
        print(f" [{cases} cases]", end="")
    assert cases > 2_000


@pytest.mark.parametrize("fault", [fault for fault in TROUBLES if fault not in REFUSED_FOR_GOOD], ids=str)
def test_one_lost_answer_never_costs_the_payment(fault):
    """After a single fault the task, retried as Airflow does, ends with the one payment."""
    world = make_world()
    if fault is not None:
        fault.strike(world, POST, (1,))
    result = run_to_its_end(world)
    if fault == REFUSED[1]:  # 409, and no payment behind it: nobody knows whose it is
        assert isinstance(result, DuplicateReference)
        assert world.payments(REFERENCE) == []
    else:
        assert isinstance(result, sengo.QrisPayment)
        assert len(world.payments(REFERENCE)) == 1


@pytest.mark.parametrize("fault", LOST, ids=str)
def test_never_more_than_two_posts_an_execution(fault):
    """With every answer lost there are two requests at most, and the error says that rerunning is safe."""
    world = make_world(check_lag_requests=1000)
    fault.strike(world, POST, ())
    result, execution = execute(world)
    assert execution.sent.count("POST create_qris") <= 2
    assert isinstance(result, OutcomeUnknown | DuplicateReference)
    assert len(world.payments(REFERENCE)) <= 1


def test_a_409_that_stays_unknown_is_not_tried_again():
    """The gateway says used, yet does not know it: no further POST, and the error says that it may exist."""
    world = make_world()
    REFUSED[1].strike(world, POST, (1,))
    result, execution = execute(world)
    assert isinstance(result, DuplicateReference)
    assert "may exist" in str(result)
    assert execution.sent.count("POST create_qris") == 1


def test_a_second_task_with_another_amount_is_refused():
    """A reference that belongs to another payment is never adopted."""
    world = make_world()
    execute(world)
    result, execution = execute(world, amount=AMOUNT + 1)
    assert isinstance(result, Rejected)
    assert result.code == "MISMATCH"
    assert "POST create_qris" not in execution.sent


@pytest.mark.parametrize(
    ("change", "expected"), [("pay", "success"), ("expire", PaymentFailed), ("fail", PaymentFailed)]
)
def test_cleared_later_it_tells_what_became_of_the_payment(change, expected):
    """Cleared after payment: already paid. After expiry or failure: PaymentFailed, not a dead code."""
    world = make_world()
    payment, _ = execute(world)
    getattr(world, change)(payment.id)
    result, execution = execute(world)
    if expected == "success":
        assert (result.id, result.status) == (payment.id, "success")
    else:
        assert isinstance(result, expected)
    assert "POST create_qris" not in execution.sent
    assert len(world.payments(REFERENCE)) == 1


def test_pending_past_its_expiry_stops():
    """A payment that is still told pending after its time is not handed out; a later run looks again."""
    world = make_world()
    payment, _ = execute(world)
    world.mutate(payment.id, status="pending", expiredDate="2026-11-20T09:00:00+07:00")
    result, _ = execute(world)
    assert isinstance(result, OutcomeUnknown)
    assert result.curable


def test_an_unknown_status_is_handed_out():
    """A word that is not known is not final: the payment is returned as it is."""
    world = make_world()
    payment, _ = execute(world)
    world.mutate(payment.id, status="on_hold")
    result, _ = execute(world)
    assert (result.id, result.status) == (payment.id, "on_hold")


def test_cleared_after_eight_days_nothing_is_sent():
    """The gateway has forgotten the reference and would take it again: the run is too old to ask."""
    world = make_world(reference_memory_days=7)
    began = world.now()
    execute(world)
    world.advance(timedelta(days=8).total_seconds())
    result, execution = execute(world, known_since=began)
    assert isinstance(result, OutcomeUnknown)
    assert not result.curable
    assert "POST create_qris" not in execution.sent
    assert len(world.payments(REFERENCE)) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("success", "success"),
        ("expired", PaymentFailed),
        ("failed", PaymentFailed),
        ("pending", OutcomeUnknown),
        (None, OutcomeUnknown),
    ],
)
def test_an_old_order_number_that_the_archive_knows_is_never_sent_again(status, expected):
    """A new run with an old order number: the archive answers for what the gateway has forgotten."""
    world = make_world(reference_memory_days=7)
    payment, _ = execute(world)
    world.advance(timedelta(days=30).total_seconds())
    row = {"id": payment.id, "merchant_ref": REFERENCE, "amount": AMOUNT, "status": status, "channel": "qris"}
    result, execution = execute(world, archive={REFERENCE: row})
    if expected == "success":
        assert (result.id, result.status) == (payment.id, "success")
    else:
        assert isinstance(result, expected)
        assert not result.curable
    assert "POST create_qris" not in execution.sent
    assert len(world.payments(REFERENCE)) == 1


@pytest.mark.parametrize(
    "fields", [{"responseData.amount": 1}, {"responseData.merchantRef": "OTHER"}], ids=str
)
def test_an_answer_about_another_payment_is_not_believed(fields):
    """A create answered with another amount or reference counts as lost: it is looked up, and found."""
    world = make_world()
    world.set_fault("tamper", endpoint=POST, at=(1,), fields=fields)
    result, execution = execute(world)
    assert isinstance(result, sengo.QrisPayment)
    assert execution.sent.count("POST create_qris") == 1
    assert len(world.payments(REFERENCE)) == 1
