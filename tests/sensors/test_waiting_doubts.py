# SPDX-License-Identifier: Apache-2.0
"""Cases in which a wait could end in a lie: late, restarted, edited, mixed up. Each has been one."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout, TaskDeferred

sys.path.insert(0, str(Path(__file__).parent))

import waiting_world
from modes import fire, run

from airflow_provider_sengo.sensors.senangpay import SenangPayOrderSensor
from airflow_provider_sengo.sensors.sengo import SenGoTransactionSensor
from airflow_provider_sengo.simulator import Simulator, World
from airflow_provider_sengo.triggers import poller
from airflow_provider_sengo.triggers.sengo import SenGoTransactionTrigger

LOOK_S = 0.05

simulator = waiting_world.simulator


@pytest.fixture(autouse=True)
def world(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> World:
    simulator.world.reset()
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", simulator.sengo_connection())
    return simulator.world


def sensor(**options: Any) -> SenGoTransactionSensor:
    given = {"transaction_id": "PAY-1", "poke_interval": LOOK_S, "timeout": 60, "deferrable": True} | options
    return SenGoTransactionSensor(task_id="wait", **given)


def put(world: World, reference: str = "PAY-1", status: str = "pending", **fields: Any) -> str:
    return world.insert(reference=reference, status=status, channel="qris", amount=10000, **fields)


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def trigger(**options: Any) -> SenGoTransactionTrigger:
    return SenGoTransactionTrigger(**{"transaction_id": "PAY-1", "poke_interval": LOOK_S} | options)


async def told_by(of: Any) -> Any:
    """The payload of its one event."""
    (event,) = [event async for event in of.run()]
    return event.payload


def test_a_trigger_that_starts_long_after_its_deadline_still_looks(world: World) -> None:
    """As after a restart of the triggerer: what was paid is told as paid."""
    put(world, status="success")
    assert fire(trigger(deadline=ago(1000)))["statuses"] == {"PAY-1": "success"}
    put(world, "PAY-2")
    assert fire(trigger(transaction_id="PAY-2", deadline=ago(1000)))["outcome"] == "too late"


def test_a_late_event_is_looked_into_once_more(world: World) -> None:
    """Between the trigger's last look and the task's resumption it may have been paid."""
    put(world)
    late = {"outcome": "too late", "statuses": {}, "trouble": ""}
    with pytest.raises(AirflowSensorTimeout):
        sensor().execute_complete({}, event=late, started_at=ago(100))
    world.pay("PAY-1")
    assert sensor().execute_complete({}, event=late, started_at=ago(100))["status"] == "success"


def settled(status: str, **more: Any) -> dict[str, Any]:
    return {"outcome": "settled", "statuses": {"PAY-1": status}, "record": None} | more


@pytest.mark.parametrize(
    "event",
    [
        settled("pending", record={"id": "1", "status": "pending"}),
        settled("paid", record={"id": "1", "status": "paid"}),
        settled("success"),  # no record
        settled("", record={"id": "1"}),
    ],
)
def test_a_settled_event_counts_only_with_a_word_that_was_asked_for(event: Any, world: World) -> None:
    """Else the task looks for itself: it is pending, so it waits on."""
    put(world)
    with pytest.raises(TaskDeferred):
        sensor().execute_complete({}, event=event, started_at=ago(1))


def test_a_dag_that_was_edited_meanwhile_is_judged_by_what_it_says_now(world: World) -> None:
    """An expired payment was fine then, and is a failure now."""
    put(world, status="expired")
    was_fine = sensor(success_statuses=("success", "expired"), failure_statuses=())
    assert was_fine.execute({})["status"] == "expired"
    event = settled("expired", record={"id": "1", "status": "expired"})
    with pytest.raises(AirflowFailException, match="expired"):
        sensor().execute_complete({}, event=event, started_at=ago(1))
    two = {"outcome": "settled", "statuses": {"PAY-1": "expired", "PAY-2": "success"}, "record": None}
    with pytest.raises(AirflowFailException, match=r"1 of 2 .*PAY-1 \(expired\)"):
        sensor(transaction_id=["PAY-1", "PAY-2"]).execute_complete({}, event=two, started_at=ago(1))


def test_an_order_event_with_another_word_is_no_payment(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only ``paid``, with its record, ends the wait for an order."""
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", simulator.senangpay_connection())
    waiting = SenangPayOrderSensor(task_id="w", order_id="ORDER1", amount_sen=2450, deferrable=True)
    for statuses, record in (({"ORDER1": "pending"}, {"x": 1}), ({"ORDER1": "paid"}, None), ({}, None)):
        event = {"outcome": "settled", "statuses": statuses, "record": record}
        with pytest.raises(TaskDeferred):
            waiting.execute_complete({}, event=event)


def test_another_payments_reference_is_no_id_of_ours(world: World) -> None:
    """Two payments, of which one has the other's id as its reference: the paid one is not the one we wait for."""
    ours = [put(world, f"OURS-{number}") for number in range(30)]
    for id in ours:
        put(world, id, "success")  # paid, and its reference is the id of ours
    event = fire(trigger(transaction_id=ours, deadline=ago(-0.5), days=[str(world.now().date())]))
    assert event["statuses"] == {}
    assert world.requests().by_endpoint["GET /transactions"] > 0


def test_references_are_found_in_listings_by_the_ids_that_the_first_look_saw(world: World) -> None:
    """Also without a hint, after one look at each."""
    references = [f"MANY-{number}" for number in range(80)]
    for reference in references:
        put(world, reference)
    with pytest.raises(TaskDeferred) as raised:
        sensor(transaction_id=references).execute({})
    hinted, bare = raised.value.trigger, trigger(transaction_id=references)
    for reference in references:
        world.pay(reference)
    world.requests().clear()
    assert fire(hinted)["statuses"] == dict.fromkeys(references, "success")
    assert world.requests().by_endpoint.get("GET /check", 0) == 0
    assert fire(bare)["statuses"] == dict.fromkeys(references, "success")


def test_who_comes_later_is_looked_for_in_pages_that_others_have_read(world: World) -> None:
    """A listing that has not moved is read again for somebody new."""
    world.configure(page_size=20)
    first = [put(world, f"A-{number}") for number in range(40)]
    rest = [put(world, f"B-{number}", "success") for number in range(60)]

    async def main() -> None:
        waits = asyncio.create_task(told_by(trigger(transaction_id=first)))
        for _ in range(1000):
            if world.requests().by_endpoint.get("GET /transactions", 0) > 6:
                break
            await asyncio.sleep(0.01)
        told = await told_by(trigger(transaction_id=rest))
        assert told["statuses"] == dict.fromkeys(rest, "success")
        assert world.requests().by_endpoint.get("GET /check", 0) == 0
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)

    asyncio.run(main())


@pytest.mark.parametrize(
    "wrong",
    [
        {"success_statuses": "success"},
        {"success_statuses": [["success"]]},
        {"failure_statuses": None},
        {"transaction_id": ["A", 7]},
        {"by_id_from": "soon"},
    ],
)
def test_a_trigger_with_wrong_arguments_ends_alone(wrong: dict[str, Any], world: World) -> None:
    """Its own task hears of it, and nobody else's wait does."""
    put(world)

    async def main() -> tuple[Any, Any]:
        asyncio.get_running_loop().call_later(0.3, world.pay, "PAY-1")
        return await asyncio.gather(told_by(trigger()), told_by(trigger(**wrong)))

    good, bad = asyncio.run(main())
    assert good["statuses"] == {"PAY-1": "success"}
    assert (bad["outcome"], bad["error"]) == ("error", "ValueError")


def test_a_wrong_hint_costs_requests_and_nothing_else(world: World) -> None:
    """An unknown type, days that are none: asked for one by one."""
    ids = [put(world, f"MANY-{number}", "success") for number in range(30)]
    for hint in ({"type": "cash in"}, {"days": ["yesterday"]}, {"type": ""}):
        assert len(fire(trigger(transaction_id=ids, **hint))["statuses"]) == 30


def test_a_key_that_is_rotated_while_somebody_waits(
    simulator: Simulator, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is read again after a refusal; the same key refused twice ends the wait."""
    put(world)
    fields = {"conn_type": "sengo", "login": simulator.client_key, "password": simulator.client_token}
    new, old = (
        fields | {"host": simulator.base_url},
        fields | {"host": simulator.base_url, "password": "old-one"},
    )
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(old))

    async def main() -> Any:
        waits = trigger()

        task = asyncio.create_task(told_by(waits))
        for _ in range(100_000):
            if waits._looks:
                break
            await asyncio.sleep(0)
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(new))
        world.pay("PAY-1")
        return await task

    assert asyncio.run(main())["statuses"] == {"PAY-1": "success"}
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(old))
    assert fire(trigger())["error"] == "NotAuthorized"


@pytest.mark.parametrize("mode", ["poke", "deferrable"])  # rescheduled visits are the scheduler's to time
def test_an_interval_beyond_the_limit_still_gives_a_last_look(mode: str, world: World) -> None:
    """Paid before the limit, and the next look would have come after it."""
    put(world, paid_at=world.now() + timedelta(seconds=0.3))
    ended, _ = run(
        lambda **more: sensor(**{"poke_interval": 3600, "timeout": 0.6, "deferrable": False} | more), mode
    )
    assert ended == "done"


def test_nobody_waits_for_nothing(world: World) -> None:
    """An empty list keeps no poller, and no credentials."""

    async def main() -> None:
        async for event in trigger(transaction_id=[]).run():
            assert event.payload["outcome"] == "settled"
        assert not poller._pollers.get(asyncio.get_running_loop())

    asyncio.run(main())


def test_ten_thousand_answers_at_once_leave_the_event_loop_its_turns(world: World) -> None:
    """A full inbox is taken in portions: others run in between."""
    ids = [f"MANY-{number}" for number in range(10_000)]

    async def main() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        waits = trigger(transaction_id=ids)
        looks = poller.Looks(poller.Poller(lambda: None, lambda: None))  # type: ignore[arg-type]
        for id in ids:
            looks._waiters[id] = None  # type: ignore[assignment]
            looks.put((id, seen(id), 0.0))
        looks.drop = lambda _: None  # type: ignore[method-assign]
        counter = asyncio.create_task(count())
        from airflow_provider_sengo.triggers.wait import _Limits

        told = await waits._follow(looks, {*ids}, {}, _Limits(float("inf"), 0.0))
        counter.cancel()
        assert len(told["statuses"]) == len(ids)
        return turns

    assert asyncio.run(main()) >= 50


def seen(id: str) -> Any:
    from airflow_provider_sengo.protocol.sengo import Transaction

    return Transaction(id=id, status="success")
