# SPDX-License-Identifier: Apache-2.0
"""``wait_for_payment``: one payment, however often the task runs again, and the truth about it at the end."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowTaskTimeout,
    TaskDeferred,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "sensors"))

from modes import fire, unchanged

from airflow_provider_sengo.operators.sengo import SenGoCreateQrisOperator
from airflow_provider_sengo.simulator import Simulator

LOOK_S = 0.02


@pytest.fixture(autouse=True)
def _connection(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator.world.reset()
    connection = simulator.sengo_connection(max_attempts=1, callback_url="https://shop.example/paid")
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)


class FakeTaskInstance:
    """Keeps what is pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def create(**options: Any) -> SenGoCreateQrisOperator:
    given = {"wait_for_payment": True, "poll_interval": LOOK_S, "timeout": 60} | options
    return SenGoCreateQrisOperator(
        task_id="pay", reference="INV-1", amount=10000, view_name="Toko", expiry_minutes=60, **given
    )


def deferred(**options: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as raised:
        create(deferrable=True, **options).execute({})
    return raised.value


def test_on_the_worker(simulator: Simulator) -> None:
    """The code is there before the wait, the paid transaction after it."""
    simulator.world.configure(auto_pay_after_s=0.2)
    ti = FakeTaskInstance()
    paid = create(deferrable=False).execute({"ti": ti})
    assert (paid["status"], paid["merchant_ref"], paid["amount"]) == ("success", "INV-1", 10000)
    assert ti.pushed["qris"]["reference"] == "INV-1"
    assert json.loads(json.dumps(paid)) == paid
    assert len(simulator.world.payments("INV-1")) == 1


def test_in_the_triggerer(simulator: Simulator) -> None:
    """The same, without a worker in between; all that is kept goes through Airflow's serialisers."""
    simulator.world.configure(auto_pay_after_s=0.2)
    off = deferred()
    kept = unchanged(off.kwargs)
    paid = create().resume_execution(off.method_name, kept | {"event": fire(off.trigger)}, {})
    assert (paid["status"], paid["merchant_ref"]) == ("success", "INV-1")
    resumed = create().execute_complete({}, event=fire(off.trigger))  # as dag.test() resumes
    assert resumed["status"] == "success"


def test_a_task_that_runs_again_waits_for_the_same_payment(simulator: Simulator) -> None:
    """The scheduler may fail a short deferral by mistake: one POST, and the second try waits on."""
    deferred()
    off = deferred()
    assert simulator.world.requests().by_endpoint["POST /qris"] == 1
    simulator.world.pay("INV-1")
    assert create(deferrable=True).execute({})["status"] == "success"
    paid = create().execute_complete({}, event=fire(off.trigger), **off.kwargs)
    assert paid["status"] == "success"
    assert len(simulator.world.payments("INV-1")) == 1
    assert simulator.world.requests().by_endpoint["POST /qris"] == 1


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("status", ["expired", "failed"])
def test_a_payment_that_ends_unpaid_fails_for_good(
    status: str, deferrable: bool, simulator: Simulator
) -> None:
    """And says that a new one needs a new reference."""
    deferred()
    time = {"expired": "expires_at", "failed": "failed_at"}[status]
    simulator.world.mutate("INV-1", **{time: simulator.world.now() + timedelta(seconds=1.5)})
    wait = finish_deferred if deferrable else wait_on_worker
    with pytest.raises(AirflowFailException, match=rf"INV-1 \({status}\).*new reference"):
        wait()


def wait_on_worker() -> None:
    create(deferrable=False).execute({})


def finish_deferred() -> None:
    off = deferred()
    create().execute_complete({}, event=fire(off.trigger), **off.kwargs)


@pytest.mark.parametrize("limit", [0.2, timedelta(seconds=0.2)])
def test_too_late(limit: Any, simulator: Simulator) -> None:
    """On the worker and in the triggerer, with the same words."""
    with pytest.raises(AirflowSensorTimeout, match=r"INV-1: not settled within timeout"):
        create(deferrable=False, timeout=limit).execute({})
    off = deferred(timeout=limit)
    event = fire(off.trigger)
    with pytest.raises(AirflowSensorTimeout, match=r"INV-1: not settled within timeout"):
        create(timeout=limit).execute_complete({}, event=event, **off.kwargs)
    began = (datetime.now(UTC) - timedelta(seconds=10)).isoformat()
    with pytest.raises(AirflowTaskTimeout, match="execution_timeout"):
        create(execution_timeout=timedelta(seconds=5)).execute_complete(
            {}, event=event, reference="INV-1", started_at=began
        )


def test_trouble_is_waited_out_and_a_refused_key_is_not(simulator: Simulator) -> None:
    """As in the sensors."""
    simulator.world.configure(auto_pay_after_s=0.2)
    simulator.world.set_fault("http_500", endpoint="GET /check", at=(2, 3))
    assert create(deferrable=False).execute({})["status"] == "success"
    simulator.world.reset()
    simulator.world.set_fault("refuse", endpoint="GET /check", at=(2,), status=401)
    with pytest.raises(AirflowFailException, match="401"):
        create(deferrable=False).execute({})


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [
        ({"timeout": None}, timedelta(minutes=119), timedelta(minutes=121)),  # expiry and an hour
        ({"timeout": 90}, timedelta(seconds=85), timedelta(seconds=91)),
        ({"timeout": timedelta(days=2)}, timedelta(hours=47), timedelta(hours=49)),
        (
            {"timeout": None, "execution_timeout": timedelta(minutes=5)},
            timedelta(minutes=4),
            timedelta(minutes=6),
        ),
    ],
)
def test_how_long_it_waits(
    options: dict[str, Any], least: timedelta, most: timedelta, simulator: Simulator
) -> None:
    """By default until an hour after the code's expiry; the task's own limit counts in any case."""
    off = deferred(**options)
    deadline = datetime.fromisoformat(off.trigger.serialize()[1]["deadline"])
    assert least < deadline - datetime.now(UTC) < most
    assert off.timeout > deadline - datetime.now(UTC)


def test_a_code_without_expiry_is_waited_for_as_long_as_the_gateway_remembers(simulator: Simulator) -> None:
    """Seven days."""
    simulator.world.set_fault("tamper", endpoint="POST /qris", remove=("responseData.expiredDate",))
    deadline = datetime.fromisoformat(deferred(timeout=None).trigger.serialize()[1]["deadline"])
    assert timedelta(days=6, hours=23) < deadline - datetime.now(UTC) <= timedelta(days=7)


@pytest.mark.parametrize(
    "event", [None, {"outcome": "of another release"}, {"outcome": "settled", "statuses": {}}]
)
def test_an_event_that_says_nothing_is_no_payment(event: Any, simulator: Simulator) -> None:
    """The task looks for itself and waits on."""
    deferred()
    with pytest.raises(TaskDeferred):
        create(deferrable=True).execute_complete({}, event=event)
    assert simulator.world.requests().by_endpoint["POST /qris"] == 1


def test_without_waiting_nothing_has_changed(simulator: Simulator) -> None:
    """The payment as it was made, still pending."""
    assert create(wait_for_payment=False, deferrable=True).execute({})["status"] == "pending"


def test_a_late_event_and_a_triggerer_that_was_away_are_looked_into(simulator: Simulator) -> None:
    """What was paid meanwhile is paid; else it took too long, with our words."""
    off = deferred()
    late = {"outcome": "too late", "statuses": {}, "trouble": ""}
    dead = ("__fail__", {"error": "Trigger timeout"}, {})
    with pytest.raises(AirflowSensorTimeout, match="INV-1: not settled"):
        create().execute_complete({}, event=late, **off.kwargs)
    with pytest.raises(AirflowSensorTimeout, match="INV-1: not settled"):
        create().resume_execution(*dead)
    simulator.world.pay("INV-1")
    assert create().execute_complete({}, event=late, **off.kwargs)["status"] == "success"
    assert create().resume_execution(*dead)["status"] == "success"
    assert simulator.world.requests().by_endpoint["POST /qris"] == 1


@pytest.mark.parametrize(
    "statuses", [{"INV-1": "pending"}, {"INV-1": "paid"}, {"INV-1": ""}, {}, {"INV-2": "success"}]
)
def test_a_settled_event_counts_only_as_this_payments_success(
    statuses: dict[str, str], simulator: Simulator
) -> None:
    """Any other word, none, or another payment's: the task looks for itself."""
    deferred()
    event = {"outcome": "settled", "statuses": statuses, "record": {"id": "1", "status": "pending"}}
    with pytest.raises(TaskDeferred):
        create(deferrable=True).execute_complete({}, event=event)


def test_a_payment_whose_time_is_over_is_waited_for(simulator: Simulator) -> None:
    """The gateway may be slow to call it expired: a task that runs again waits on, and never pays anew."""
    deferred()
    simulator.world.set_fault(
        "tamper", endpoint="GET /check", fields={"responseData.expiredDate": "2026-01-01T00:00:00+07:00"}
    )
    assert deferred(timeout=None).trigger.serialize()[1]["transaction_id"] == "INV-1"
    simulator.world.pay("INV-1")
    assert create(deferrable=False, timeout=None).execute({})["status"] == "success"
    assert simulator.world.requests().by_endpoint["POST /qris"] == 1


@pytest.mark.parametrize("interval", [0, -1, True, "30", float("inf"), timedelta(0)])
def test_a_wrong_interval_is_told_when_the_dag_is_parsed(interval: Any) -> None:
    """Before anything can be sent."""
    with pytest.raises(ValueError, match="poll_interval: must be seconds above 0"):
        create(poll_interval=interval)
    assert create(poll_interval=timedelta(seconds=30)).poll_interval == 30.0
