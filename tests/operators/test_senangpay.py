# SPDX-License-Identifier: Apache-2.0
"""Every senangPay task against the simulated gateway: what it does, pushes, and ends with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_sengo.exceptions import OutcomeUnknown
from airflow_provider_sengo.hooks import steps
from airflow_provider_sengo.operators.senangpay import (
    SenangPayChargeTokenOperator,
    SenangPayQueryOrderOperator,
    SenangPaySetTokenStatusOperator,
    SenangPayValidateTokenOperator,
)

BUYER = {"name": "Siti Nurhaliza", "email": "siti@example.my", "detail": "Order", "phone": "0123456789"}
TOGGLE = "POST /apiv1/update_token_status"
TI = SimpleNamespace(dag_id="shop", run_id="r", task_id="t", map_index=-1, try_number=1)


@pytest.fixture
def world(simulator, monkeypatch):
    """An empty gateway; a task that waits moves its clock instead."""
    connection = simulator.senangpay_connection(max_attempts=1)
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", connection)
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", connection)
    simulator.world.reset()
    simulator.world.clear_faults()
    simulator.world.requests().clear()
    monkeypatch.setattr(steps, "time", SimpleNamespace(sleep=simulator.world.advance))
    return simulator.world


def charge(token, **more):
    fields = {"task_id": "t", "amount_sen": 2450, "token": token, "order_id": "ORD1"}
    return SenangPayChargeTokenOperator(**fields | BUYER | more)


def test_charge(world):
    """The first try charges; any later one finds the same payment."""
    token = world.senangpay.issue_token()
    paid = charge(token).execute({"ti": TI})
    assert paid == charge(token).execute({}) | {"message": paid["message"]}
    (made,) = world.charges()
    assert (paid["transaction_id"], paid["amount_sen"]) == (made["transaction_id"], made["amount_sen"])
    assert paid["status"] == 1


@pytest.mark.parametrize("decline", ["4", "5", "D"])
def test_a_declined_charge_fails_at_once(decline, world):
    """With the gateway's own words."""
    token = world.senangpay.issue_token(decline=decline)
    with pytest.raises(AirflowFailException, match=world.senangpay.token(token)["decline"]):
        charge(token).execute({"ti": TI})
    assert world.charges() == []


def test_a_charge_watches_its_order(world):
    """An answer was lost and the order lags: it is watched until it shows, and no longer than told."""
    token = world.senangpay.issue_token()
    world.senangpay.configure(shown_after_s=45.0)
    world.set_fault("reset", endpoint="POST /apiv1/pay_cc", processed=True)
    began = world.now()
    assert charge(token).execute({"ti": TI})["message"] == "found by the order query"
    assert 45 <= (world.now() - began).total_seconds() <= 61
    began = world.now()
    with pytest.raises(AirflowFailException, match="rows after 30 s: none"):
        charge(token, order_id="ORD2", reconcile_timeout_s=30).execute({"ti": TI})
    assert 30 <= (world.now() - began).total_seconds() <= 31
    assert len(world.charges("ORD1")) == len(world.charges("ORD2")) == 1


@pytest.mark.parametrize("fail_if_invalid", [True, False])
def test_validate(fail_if_invalid, world):
    """A good card is valid; a disabled or unknown one fails the task, or is told, as wanted."""
    good, disabled = world.senangpay.issue_token(), world.senangpay.issue_token(enabled=False)

    def validate(token):
        operator = SenangPayValidateTokenOperator(task_id="t", token=token, fail_if_invalid=fail_if_invalid)
        return operator.execute({})

    assert validate(good)["valid"] is True
    for token in (disabled, "unknown-token"):
        if fail_if_invalid:
            with pytest.raises(AirflowFailException, match="senangPay does not take this card: ") as caught:
                validate(token)
            assert token not in str(caught.value)
        else:
            assert validate(token)["valid"] is False
    assert world.charges() == []


@pytest.mark.parametrize("is_enabled", [True, False])
@pytest.mark.parametrize("enabled", [True, False])
def test_set_status(enabled, is_enabled, world):
    """The card ends as wanted, flipped once or there and back, however often the task runs."""
    token = world.senangpay.issue_token(enabled=is_enabled)
    operator = SenangPaySetTokenStatusOperator(task_id="t", token=token, enabled=enabled)
    for _ in range(3):
        pushed = operator.execute({})
        assert pushed["enabled"] is world.senangpay.token(token)["enabled"] is enabled
        assert token not in json.dumps(pushed)
    assert world.requests().by_endpoint[TOGGLE] <= 6


def test_set_status_with_lost_answers(world):
    """One is made good; more leave the state unknown, which the next try of the task cures."""
    token = world.senangpay.issue_token()
    operator = SenangPaySetTokenStatusOperator(task_id="t", token=token, enabled=False)
    world.set_fault("reset", endpoint=TOGGLE, at=(1,), processed=True)
    assert operator.execute({})["enabled"] is world.senangpay.token(token)["enabled"] is False
    world.set_fault("timeout", endpoint=TOGGLE, processed=True, hold_s=0.05)
    with pytest.raises(OutcomeUnknown, match="Run the task again"):
        operator.execute({})
    world.clear_faults()
    assert operator.execute({})["enabled"] is world.senangpay.token(token)["enabled"] is False
    with pytest.raises(AirflowFailException):
        SenangPaySetTokenStatusOperator(task_id="t", token="unknown-token", enabled=True).execute({})


def test_query(world):
    """All payments of an order, whatever their status; none for an unknown order."""
    for status, sen in (("failed", 100), ("pending", 200), ("paid", 300)):
        world.senangpay.add_payment("ORD-7", amount_sen=sen, status=status)
    rows = SenangPayQueryOrderOperator(task_id="t", order_id="ORD-7").execute({})
    assert {(row["status"], row["amount_sen"]) for row in rows} == {
        ("failed", 100),
        ("pending", 200),
        ("paid", 300),
    }
    assert SenangPayQueryOrderOperator(task_id="t", order_id="ORD8").execute({}) == []


def test_a_wrong_secret_key_ends_every_task(world, simulator, monkeypatch):
    """Before anything is charged, and never as an empty order."""
    fields = {"login": world.settings.senangpay.merchant_id, "password": "wrong-key"}
    fields |= {"host": simulator.senangpay_base_url}
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", json.dumps(fields))
    token = world.senangpay.issue_token()
    for operator in (charge(token), SenangPayQueryOrderOperator(task_id="t", order_id="ORD1")):
        with pytest.raises(AirflowFailException):
            operator.execute({"ti": TI})
    assert world.requests().by_endpoint["POST /apiv1/pay_cc"] == 0


def test_the_connection_is_a_template(world, monkeypatch):
    """As are ids, amounts and tokens of every task."""
    monkeypatch.delenv("AIRFLOW_CONN_SENANGPAY_DEFAULT")
    token = world.senangpay.issue_token()
    values = {"conn": "other", "card": token, "order": "ORD1", "sen": 2450}
    operators = [
        charge("{{ card }}", order_id="{{ order }}", amount_sen="{{ sen }}", senangpay_conn_id="{{ conn }}"),
        SenangPayQueryOrderOperator(task_id="t", order_id="{{ order }}", senangpay_conn_id="{{ conn }}"),
        SenangPayValidateTokenOperator(task_id="t", token="{{ card }}", senangpay_conn_id="{{ conn }}"),
        SenangPaySetTokenStatusOperator(
            task_id="t", token="{{ card }}", enabled=True, senangpay_conn_id="{{ conn }}"
        ),
    ]
    for operator in operators:
        operator.render_template_fields(values)
        assert operator.execute({"ti": TI})
    assert len(world.charges("ORD1")) == 1


def test_airflow_never_writes_to_the_buyer(world):
    """Whatever the defaults say, of a mapped task as well, whose fields the scheduler reads unexpanded."""
    always = {"email_on_failure": True, "email_on_retry": True}
    with DAG("d", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args=always):
        fields = {"amount_sen": 200, "token": "t0ken"} | BUYER
        plain = SenangPayChargeTokenOperator(task_id="plain", **fields)
        asked = SenangPayChargeTokenOperator(task_id="asked", **fields, **always)
        mapped = SenangPayChargeTokenOperator.partial(task_id="mapped", **fields).expand(
            order_id=["A1", "A2"]
        )
        insists = SenangPayChargeTokenOperator.partial(task_id="insists", **fields, **always).expand(
            order_id=["A"]
        )
    for one in (plain, asked, mapped, insists):
        assert one.email == BUYER["email"]
        assert one.email_on_failure is False
        assert one.email_on_retry is False
