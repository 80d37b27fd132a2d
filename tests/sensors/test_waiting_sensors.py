# SPDX-License-Identifier: Apache-2.0
"""What the table of rows does not show: arguments, both gateways, resuming, and many ids at little cost."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)

sys.path.insert(0, str(Path(__file__).parent))

from modes import MODES, deserialize, fire, run, serialize

from airflow_provider_sengo.sensors.senangpay import SenangPayOrderSensor
from airflow_provider_sengo.sensors.sengo import SenGoTransactionSensor
from airflow_provider_sengo.simulator import Simulator

LOOK_S = 0.02
SANDBOX = "https://api.sandbox.sengo.id/api"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(per_day=0, days=1) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _connections(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator.world.reset()
    sengo = {
        "conn_type": "sengo",
        "login": simulator.client_key,
        "password": simulator.client_token,
        "host": simulator.base_url,
    }
    senangpay = {
        "conn_type": "senangpay",
        "login": simulator.merchant_id,
        "password": simulator.secret_key,
        "host": simulator.senangpay_base_url,
        "extra": {"max_attempts": 1},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(sengo))
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", json.dumps(senangpay))


def sensor(**options: Any) -> SenGoTransactionSensor:
    given = {"transaction_id": "PAY-1", "poke_interval": LOOK_S, "timeout": 60} | options
    return SenGoTransactionSensor(task_id="wait", **given)


def order_sensor(**options: Any) -> SenangPayOrderSensor:
    given = {"order_id": "ORDER1", "amount_sen": 2450, "poke_interval": LOOK_S, "timeout": 60} | options
    return SenangPayOrderSensor(task_id="wait", **given)


def test_vendors_bytes_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look with an empty context, as the vendor answers it."""
    fields = {"conn_type": "sengo", "login": "SC-KEY-0001", "password": "token-0001"}
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(fields))
    record = {"id": "01J9", "status": "success", "merchantRef": "PAY-1", "amount": 10000}
    answer = {"responseCode": 200, "responseMessage": "success", "responseData": record}
    with requests_mock.Mocker() as gateway:
        gateway.get(f"{SANDBOX}/check/PAY-1", json=answer)
        look = sensor().poke({})
        assert (look.is_done, look.xcom_value["merchant_ref"]) == (True, "PAY-1")
        assert gateway.call_count == 1
        assert "resendCallback" not in gateway.request_history[0].url
        answer["responseData"]["status"] = "pending"
        assert not sensor().poke({}).is_done


@pytest.mark.parametrize("name", ["silent_fail", "never_fail"])
def test_what_would_hide_a_revoked_key_is_refused(name: str) -> None:
    """With the reason, and what to use instead."""
    with pytest.raises(ValueError, match=f"{name}: would hide a revoked key.*soft_fail"):
        sensor(**{name: True})
    with pytest.raises(ValueError, match=name):
        order_sensor(**{name: True})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"transaction_id": ""}, "id or reference"),
        ({"transaction_id": ["PAY-1", 7]}, r"transaction_id\[1\]"),
        ({"success_statuses": "success"}, "success_statuses"),
        ({"failure_statuses": ("success",)}, "failure_statuses"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_wrong_arguments_are_named_before_anything_is_sent(
    mode: str, options: dict[str, Any], says: str, simulator: Simulator
) -> None:
    """In every mode."""
    with pytest.raises(ValueError, match=says):
        run(lambda **more: sensor(**options, **more), mode)
    assert simulator.world.requests().total == 0


@pytest.mark.parametrize("amount", ["24.50", "", True, 24.5, None])
def test_a_wrong_amount_is_named_before_anything_is_sent(amount: Any, simulator: Simulator) -> None:
    """Whole sen, also as text from a template."""
    with pytest.raises(ValueError, match="amount_sen"):
        order_sensor(amount_sen=amount).poke({})
    assert simulator.world.requests().total == 0


@pytest.mark.parametrize("mode", MODES)
def test_an_order_is_waited_for_until_its_paid_row_shows(mode: str, simulator: Simulator) -> None:
    """After an unknown outcome: the row appears late, and its XCom is what a charge would have given."""
    paid = simulator.world.senangpay.add_payment(
        "ORDER1", amount_sen=2450, status="pending", paid_after_s=0.2
    )
    ended, told = run(lambda **more: order_sensor(amount_sen="2450", **more), mode)
    assert ended == "done"
    assert (told["transaction_id"], told["amount_sen"], told["order_id"]) == (paid, 2450, "ORDER1")
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize("soft_fail", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_an_order_without_a_paid_row_is_never_called_paid(
    mode: str, soft_fail: bool, simulator: Simulator
) -> None:
    """Nothing, failed attempts and pending ones are waited for to the end."""
    simulator.world.senangpay.add_payment("ORDER1", amount_sen=2450, status="failed")
    ended, _ = run(lambda **more: order_sensor(timeout=0.2, soft_fail=soft_fail, **more), mode)
    assert ended == ("skipped" if soft_fail else "timed out")


@pytest.mark.parametrize("soft_fail", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_an_order_paid_twice_or_otherwise_stops_the_wait(
    mode: str, soft_fail: bool, simulator: Simulator
) -> None:
    """With the references, and soft_fail softens nothing of it."""
    first = simulator.world.senangpay.add_payment("ORDER1", amount_sen=2450)
    second = simulator.world.senangpay.add_payment("ORDER1", amount_sen=2450)
    ended, told = run(lambda **more: order_sensor(soft_fail=soft_fail, **more), mode)
    assert ended == "failed for good"
    assert first in told
    assert second in told
    simulator.world.senangpay.add_payment("ORDER2", amount_sen=2451)
    ended, told = run(lambda **more: order_sensor(order_id="ORDER2", soft_fail=soft_fail, **more), mode)
    assert (ended, "another amount" in told) == ("failed for good", True)


@pytest.mark.parametrize("soft_fail", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_a_wrong_merchant_fails_an_order_at_once(
    mode: str, soft_fail: bool, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused hash is no empty order."""
    fields = {
        "conn_type": "senangpay",
        "login": simulator.merchant_id,
        "password": "another-secret",
        "host": simulator.senangpay_base_url,
    }
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", json.dumps(fields))
    ended, told = run(lambda **more: order_sensor(soft_fail=soft_fail, **more), mode)
    assert ended == "failed for good"
    assert "another-secret" not in told


def deferred(**options: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as raised:
        sensor(deferrable=True, **options).execute({})
    return raised.value


def test_it_looks_once_before_it_defers(simulator: Simulator) -> None:
    """What has settled already never meets the triggerer; and the deadline is absolute."""
    simulator.world.insert(reference="PAY-1", status="success", channel="qris")
    assert sensor(deferrable=True).execute({})["status"] == "success"
    assert simulator.world.requests().total == 1
    simulator.world.insert(reference="PAY-2", status="pending", channel="qris")
    began = datetime.now(UTC)
    off = deferred(transaction_id="PAY-2", timeout=3600, poke_interval=30)
    _, arguments = off.trigger.serialize()
    deadline = datetime.fromisoformat(arguments["deadline"])
    assert timedelta(seconds=3600) <= deadline - began < timedelta(seconds=3700)
    assert off.timeout > deadline - datetime.now(UTC)  # Airflow's own limit is the second line
    assert deserialize(serialize(arguments)) == arguments
    assert deserialize(serialize(off.kwargs)) == off.kwargs


def test_a_list_defers_with_what_has_not_settled(simulator: Simulator) -> None:
    """What the first look saw settled is kept for the end, and not asked for again."""
    for number in range(3):
        simulator.world.insert(
            reference=f"PAY-{number}", status="success" if number else "pending", channel="qris"
        )
    ids = [f"PAY-{number}" for number in range(3)]
    off = deferred(transaction_id=ids)
    assert off.trigger.serialize()[1]["transaction_id"] == ["PAY-0"]
    assert off.kwargs["statuses"] == {"PAY-1": "success", "PAY-2": "success"}
    simulator.world.pay("PAY-0")
    again = sensor(transaction_id=ids, deferrable=True)
    event = fire(off.trigger)
    assert again.execute_complete({}, event=event, **off.kwargs) == dict.fromkeys(ids, "success")
    # ``dag.test()`` gives the event alone: then it looks again.
    assert sensor(transaction_id=ids).execute_complete({}, event=event) == dict.fromkeys(ids, "success")


@pytest.mark.parametrize(
    "event", [None, "paid", {"outcome": "new word"}, {"status": "success"}, {"outcome": "settled"}]
)
def test_an_event_of_another_release_proves_nothing(event: Any, simulator: Simulator) -> None:
    """It looks for itself, and waits on if it must."""
    simulator.world.insert(reference="PAY-1", status="pending", channel="qris")
    with pytest.raises(TaskDeferred):
        sensor(deferrable=True).execute_complete({}, event=event)
    simulator.world.pay("PAY-1")
    assert sensor(deferrable=True).execute_complete({}, event=event)["status"] == "success"


@pytest.mark.parametrize("soft_fail", [False, True])
def test_errors_of_the_trigger_come_back_as_themselves(soft_fail: bool) -> None:
    """Ours fail for good, a wrong connection may be mended and tried again; nothing is softened."""
    waiting = sensor(deferrable=True, soft_fail=soft_fail)
    for name in ("NotAuthorized", "OutcomeUnknown", "OfALaterRelease"):
        event = {"outcome": "error", "error": name, "message": "key refused"}
        with pytest.raises(AirflowFailException, match="key refused"):
            waiting.resume_execution("execute_complete", {"event": event}, {})
    event = {"outcome": "error", "error": "ValueError", "message": "Connection 'sengo_default', login"}
    with pytest.raises(ValueError, match="login"):
        waiting.resume_execution("execute_complete", {"event": event}, {})


@pytest.mark.parametrize("soft_fail", [False, True])
def test_a_trigger_that_died_fails_the_task_whatever_soft_fail_says(soft_fail: bool) -> None:
    """Airflow's own sensors would skip it, and the run would be green."""
    with pytest.raises(Exception, match="Trigger failure") as raised:
        sensor(deferrable=True, soft_fail=soft_fail).resume_execution(
            "__fail__", {"error": "Trigger failure", "traceback": ["boom"]}, {}
        )
    assert not isinstance(raised.value, AirflowSkipException)


@pytest.mark.parametrize("soft_fail", [False, True])
def test_when_no_triggerer_ran_until_the_limit_it_looks_once_more(
    soft_fail: bool, simulator: Simulator
) -> None:
    """A payment that settled meanwhile is a payment; else it took too long."""
    late = ("__fail__", {"error": "Trigger timeout"}, {})
    simulator.world.insert(reference="PAY-1", status="pending", channel="qris")
    waiting = sensor(deferrable=True, soft_fail=soft_fail)
    with pytest.raises(
        AirflowSkipException if soft_fail else AirflowSensorTimeout, match="PAY-1: not settled"
    ):
        waiting.resume_execution(*late)
    simulator.world.pay("PAY-1")
    assert waiting.resume_execution(*late)["status"] == "success"


def test_both_limits_count_from_the_trys_start_across_the_deferral(simulator: Simulator) -> None:
    """The event says only that it is late; which limit it was decides whether Airflow may try again."""
    simulator.world.insert(reference="PAY-1", status="pending", channel="qris")
    event = {"outcome": "too late", "statuses": {}, "trouble": "no answer"}
    began = (datetime.now(UTC) - timedelta(seconds=100)).isoformat()
    with pytest.raises(AirflowTaskTimeout, match="execution_timeout"):
        sensor(execution_timeout=timedelta(seconds=90)).execute_complete({}, event=event, started_at=began)
    with pytest.raises(AirflowSensorTimeout, match="PAY-1: not settled within timeout"):
        sensor(execution_timeout=timedelta(seconds=900)).execute_complete({}, event=event, started_at=began)


def test_many_are_answered_from_the_listings(simulator: Simulator) -> None:
    """One trigger for 300 ids asks some listings, not 300 times; absence settles none of them."""
    world = simulator.world
    ids = [world.insert(status="pending", channel="qris", reference=f"MANY-{n}") for n in range(300)]
    off = deferred(transaction_id=ids)
    world.requests().clear()
    for id in ids[:250]:
        world.pay(id)
    for id in ids[250:]:
        world.expire(id)
    event = fire(off.trigger)
    assert event["statuses"] == dict.fromkeys(ids[:250], "success") | dict.fromkeys(ids[250:], "expired")
    assert world.requests().by_endpoint.get("GET /check", 0) == 0
    assert world.requests().total < 60


def test_who_is_in_no_listing_of_final_ones_is_still_waited_for(simulator: Simulator) -> None:
    """Half of them stay pending: nothing is told of those, and the deadline comes."""
    world = simulator.world
    ids = [world.insert(status="pending", channel="qris", reference=f"MANY-{n}") for n in range(60)]
    off = deferred(transaction_id=ids, timeout=0.5)
    for id in ids[:30]:
        world.pay(id)
    event = fire(off.trigger)
    assert event["outcome"] == "too late"
    assert event["statuses"] == dict.fromkeys(ids[:30], "success")
    assert world.requests().by_endpoint["GET /transactions"] > 0


def test_a_listing_that_hides_payments_only_delays_them(simulator: Simulator) -> None:
    """Should ``date`` mean the expiry, they are under a day to come: then each is asked for by its id."""
    world = simulator.world
    world.configure(date_by="expired")
    late = {"expires_at": world.now() + timedelta(days=2)}
    ids = [world.insert(status="pending", channel="qris", reference=f"MANY-{n}", **late) for n in range(40)]
    off = deferred(transaction_id=ids)
    for id in ids:
        world.pay(id)
    assert fire(off.trigger)["statuses"] == dict.fromkeys(ids, "success")
    assert world.requests().by_endpoint["GET /transactions"] > 0


def test_nothing_is_left_when_a_trigger_is_cancelled(simulator: Simulator) -> None:
    """No task and no socket, whatever it was doing; killed by hand, it says what was not cancelled."""
    simulator.world.insert(reference="PAY-1", status="pending", channel="qris")
    trigger = deferred().trigger

    async def main() -> None:
        async def follow() -> None:
            async for _ in trigger.run():
                raise AssertionError("it can't have settled")

        task = asyncio.create_task(follow())
        looks = simulator.world.requests()
        before = looks.total
        for _ in range(1000):
            if looks.total >= before + 3:
                break
            await asyncio.sleep(0.01)
        assert looks.total >= before + 3
        await trigger.on_kill()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await trigger.cleanup()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_triggers_ignore_arguments_of_a_later_release() -> None:
    """And are made from the fewest of today's."""
    from airflow_provider_sengo.triggers.senangpay import SenangPayOrderTrigger
    from airflow_provider_sengo.triggers.sengo import SenGoTransactionTrigger

    one = SenGoTransactionTrigger(transaction_id="PAY-1", of_a_later_release=True)
    assert "of_a_later_release" not in one.serialize()[1]
    other = SenangPayOrderTrigger(order_id="A1", amount_sen=2450, of_a_later_release=[1])
    path, arguments = other.serialize()
    assert path == "airflow_provider_sengo.triggers.senangpay.SenangPayOrderTrigger"
    assert SenangPayOrderTrigger(**deserialize(serialize(arguments))).serialize() == (path, arguments)


@pytest.mark.parametrize("deadline", ["tomorrow", "2026-11-22T09:00:00", 7])
def test_a_trigger_with_a_wrong_instant_says_so(deadline: Any) -> None:
    """As an error of the task, with the field's name."""
    from airflow_provider_sengo.triggers.sengo import SenGoTransactionTrigger

    event = fire(SenGoTransactionTrigger(transaction_id="PAY-1", poke_interval=LOOK_S, deadline=deadline))
    assert (event["outcome"], event["error"]) == ("error", "ValueError")
    assert event["message"].startswith("deadline: must be an instant with a zone")
