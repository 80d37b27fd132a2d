# SPDX-License-Identifier: Apache-2.0
"""A sensor that defers: what it knows before, what it makes of an event or of none, and what is left behind."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)

sys.path.insert(0, str(Path(__file__).parent))

import waiting_world
from modes import deserialize, fire, serialize
from waiting_world import deferred, sensor

from airflow_provider_sengo.simulator import Simulator

_connections = waiting_world._connections
simulator = waiting_world.simulator


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
