# SPDX-License-Identifier: Apache-2.0
"""An order that is charged to a card at most once: each trouble that can happen, and what must hold after it."""

from order_to_charge import AMOUNT, ORDER, charge_call
from payment_world import LOST as LOST_ANYWHERE
from payment_world import Crash, Execution, make_world, trouble

from airflow_provider_sengo.exceptions import OutcomeUnknown, Rejected, SenGoProviderError, SignatureMismatch
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.charge import charge_token_once
from airflow_provider_sengo.simulator import MERCHANT_ID, SECRET_KEY

CREDENTIALS = senangpay.SenangPayCredentials(
    base_url="http://127.0.0.1:8800", merchant_id=MERCHANT_ID, secret_key=SECRET_KEY
)
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
        charge=charge_call(CREDENTIALS, token),
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
