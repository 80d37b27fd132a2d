# SPDX-License-Identifier: Apache-2.0
"""What the rows of an order mean for its charge, whoever made them, and that none of them is ever doubled."""

import pytest
from charge_world import AMOUNT, ORDER, a_world, execute, steps
from payment_world import Execution, Task

from airflow_provider_sengo.exceptions import OutcomeUnknown, Rejected, SenGoProviderError
from airflow_provider_sengo.protocol import senangpay

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
