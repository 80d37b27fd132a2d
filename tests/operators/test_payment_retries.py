# SPDX-License-Identifier: Apache-2.0
"""What Airflow makes of a task that moves money: retried, cleared, failed at once; always one payment."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_sengo.hooks import steps
from airflow_provider_sengo.operators.senangpay import SenangPayChargeTokenOperator
from airflow_provider_sengo.operators.sengo import SenGoCreateProjectOperator, SenGoCreateQrisOperator

BUYER = {"name": "Siti Nurhaliza", "email": "siti@example.my", "detail": "Order", "phone": "0123456789"}
POST = {"qris": "POST /qris", "charge": "POST /apiv1/pay_cc", "project": "POST /projects"}


@pytest.fixture
def world(world, monkeypatch):
    """A task that waits moves the gateway's clock instead."""
    monkeypatch.setattr(steps, "time", SimpleNamespace(sleep=world.advance))
    return world


@pytest.fixture
def run(run_dag, keep_runs, world):
    """Run one DAG run, again if called again; what became of its tasks: id -> (state, try number)."""
    began = datetime.now(UTC)
    errors = {}

    def failed(context):
        errors[context["ti"].task_id] = context["exception"]

    def run(name, operators):
        always = {"retries": 2, "retry_delay": timedelta(0), "on_failure_callback": failed}
        errors.clear()
        with DAG(
            name, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args=always
        ) as dag:
            for make, fields in operators:
                make(**fields)
        done = run_dag(dag, logical_date=began, run_after=began)
        return {ti.task_id: (str(ti.state), ti.try_number) for ti in done.get_task_instances()}, dict(errors)

    return run


def qris(task_id="qris", **more):
    return SenGoCreateQrisOperator, {"task_id": task_id, "amount": 10000, "view_name": "Shop"} | more


def charge(token, task_id="charge", **more):
    return SenangPayChargeTokenOperator, {
        "task_id": task_id,
        "amount_sen": 2450,
        "token": token,
    } | BUYER | more


def project(task_id="project", domain="https://shop.example"):
    fields = {"task_id": task_id, "name": "Shop", "domain": domain, "ip": ["203.0.113.0/24"]}
    return SenGoCreateProjectOperator, fields


def test_a_lost_answer_is_found_again_and_a_clear_adds_nothing(run, world):
    """The request was carried out and its answer lost, the first looks fail: one payment, and still after clears."""
    token = world.senangpay.issue_token()
    world.senangpay.configure(shown_after_queries=3)
    for name in ("qris", "charge"):
        world.set_fault("reset", endpoint=POST[name], at=(1,), processed=True)
    world.set_fault("http_500", endpoint="GET /check", at=tuple(range(2, 8)))
    operators = [qris(), charge(token)]
    states, errors = run("shop_lost", operators)
    assert states == {"qris": ("success", 2), "charge": ("success", 1)}, errors
    for tries in (1, 2):
        states, errors = run("shop_lost", operators)
        assert states == {"qris": ("success", 2 + tries), "charge": ("success", 1 + tries)}, errors
    assert len(world.ledger()) == len(world.charges()) == 1
    assert (
        world.requests().by_endpoint["POST /qris"] == world.requests().by_endpoint["POST /apiv1/pay_cc"] == 1
    )


def test_a_charge_that_nobody_can_see_fails_for_good(run, world):
    """The answer lost, the query hiding it: no retry, one charge, cleared as well, and where to look is told."""
    token = world.senangpay.issue_token()
    world.senangpay.configure(charges_shown_by=())
    world.set_fault("timeout", endpoint=POST["charge"], at=(1,), processed=True, hold_s=0.1)
    for tries in (1, 2, 3):
        states, errors = run("shop_hidden", [charge(token)])
        assert states == {"charge": ("failed", tries)}
        assert type(errors["charge"]).__name__ == "AirflowFailException"
        assert "Look the order up in senangPay's dashboard" in str(errors["charge"])
        assert len(world.charges()) == world.requests().by_endpoint[POST["charge"]] == 1


def test_hopeless_ends_at_once_and_nothing_is_added_by_a_clear(run, world):
    """Declined, refused, used by another payment, expired: one try; a project is never made twice."""
    card = world.senangpay.issue_token(decline="5")
    world.set_fault("refuse", endpoint=POST["qris"], status=402, code="INSUFFICIENT_BALANCE", at=(1,))
    world.insert(type="cashIn", reference="TAKEN", amount=77, status="pending", channel="qris")
    world.insert(type="cashIn", reference="OLD", amount=10000, status="expired", channel="qris")
    world.set_fault("reset", endpoint=POST["project"], at=(1,), processed=True)
    rows = len(world.ledger())
    refused = [qris("refused", reference="REFUSED")]
    others = [charge(card), qris("taken", reference="TAKEN"), qris("old", reference="OLD"), project()]
    for tries in (1, 2):
        states, errors = run("shop_hopeless", refused + others if tries == 1 else others)
        states.pop("refused", None)
        assert states == dict.fromkeys(("charge", "taken", "old", "project"), ("failed", tries))
        assert {type(error).__name__ for error in errors.values()} == {"AirflowFailException"}
        for task_id, said in {
            "charge": "Insufficient funds" if tries == 1 else "not known",
            "taken": "another payment",
            "old": "expired",
            "project": "Look for it in SenGo's dashboard",
        }.items():
            assert said in str(errors[task_id])
        assert "refused" not in errors or tries == 1
        assert len(world.ledger()) == rows
        assert world.charges() == []
        assert (
            world.requests().by_endpoint[POST["charge"]] == world.requests().by_endpoint[POST["project"]] == 1
        )


def test_what_was_never_sent_is_retried(run, world):
    """A query or look that fails, and a connection that is not made, leave nothing behind; the next try pays."""
    token = world.senangpay.issue_token()
    world.set_fault("http_500", endpoint="GET /check", at=(1,))
    world.set_fault("http_500", endpoint="GET /apiv1/query_order_status", at=(1,))
    states, errors = run("shop_early", [qris(), charge(token)])
    assert states == {"qris": ("success", 2), "charge": ("success", 2)}, errors
    assert len(world.ledger()) == len(world.charges()) == 1


def test_paid_and_expired_between_two_runs(run, world):
    """Cleared after the customer paid it says so; cleared after the code expired it fails at once, and adds nothing."""
    operators = [qris("paid", reference="INV-1"), qris("expired", reference="INV-2")]
    states, _ = run("shop_later", operators)
    assert states == {"paid": ("success", 1), "expired": ("success", 1)}
    world.pay("INV-1")
    world.expire("INV-2")
    states, errors = run("shop_later", operators)
    assert states == {"paid": ("success", 2), "expired": ("failed", 2)}
    assert "expired" in str(errors["expired"])
    assert len(world.ledger()) == 2


@pytest.mark.needs_airflow("3.3", "the task state store")
def test_airflows_own_store_keeps_identity_and_mark_for_ever(run, world, monkeypatch):
    """A namespace renamed before a clear changes nothing then."""
    from airflow import settings
    from airflow.models.task_state_store import TaskStateStoreModel

    token = world.senangpay.issue_token()
    tasks = [qris(), charge(token)]
    assert run("shop_store", tasks)[0] == {"qris": ("success", 1), "charge": ("success", 1)}
    monkeypatch.setenv("AIRFLOW__SENGO__REFERENCE_NAMESPACE", "renamed")
    assert run("shop_store", tasks)[0] == {"qris": ("success", 2), "charge": ("success", 2)}
    rows = settings.Session().query(TaskStateStoreModel).filter_by(dag_id="shop_store").all()
    (paid,), (charged,) = world.ledger(), world.charges()
    kept = {row.key: json.loads(row.value) for row in rows}
    assert kept == {
        "reference:1": paid["reference"],
        "order_id:1": charged["order_id"],
        f"sent:charge:{charged['order_id']}": "1",
    }
    assert {row.expires_at for row in rows} == {None}


def test_wrong_input_is_not_paid_in_any_try(run, world):
    """A ValueError spends its retries without a single request."""
    states, errors = run("shop_wrong", [qris(amount="10000.0"), charge("0")])
    assert states == {"qris": ("failed", 3), "charge": ("failed", 3)}
    assert {type(error) for error in errors.values()} == {ValueError}
    assert world.requests().total == 0
