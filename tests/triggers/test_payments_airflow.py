# SPDX-License-Identifier: Apache-2.0
"""The event trigger as Airflow stores, compares and rebuilds it, and once over real sockets."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from payments_world import Gateway, running
from virtual_time import run_virtual

from airflow_provider_sengo.protocol.sengo import TYPES
from airflow_provider_sengo.simulator import Simulator
from airflow_provider_sengo.triggers import payments
from airflow_provider_sengo.triggers.payments import CLASS_PATH, SenGoPaymentsEventTrigger

ARGUMENTS = {
    "sengo_conn_id": "shop",
    "poll_interval": 30.0,
    "types": ["cashIn", "cashOut"],
    "pages_max": 99,
    "lookback": 0.0,
    "errors_max": 3,
}


@pytest.mark.needs_airflow("3.2", "airflow.sdk.serde")
def test_it_is_rebuilt_from_its_arguments() -> None:
    """Through each of Airflow's serialisers, unchanged; nothing in it is more than JSON."""
    from airflow.sdk.serde import deserialize, serialize
    from airflow.serialization.decoders import smart_decode_trigger_kwargs
    from airflow.serialization.encoders import encode_trigger
    from airflow.serialization.serialized_objects import BaseSerialization

    path, arguments = SenGoPaymentsEventTrigger(**ARGUMENTS).serialize()
    assert (path, arguments) == (CLASS_PATH, ARGUMENTS)
    assert deserialize(serialize(arguments)) == arguments
    assert BaseSerialization.deserialize(BaseSerialization.serialize(arguments)) == arguments
    encoded = encode_trigger(SenGoPaymentsEventTrigger(**ARGUMENTS))
    assert encoded["classpath"] == CLASS_PATH
    stored = json.loads(json.dumps(encoded["kwargs"]))
    decoded = {name: smart_decode_trigger_kwargs(value) for name, value in stored.items()}
    assert SenGoPaymentsEventTrigger(**decoded).serialize() == (path, arguments)


@pytest.mark.parametrize(
    "spelled",
    [
        {},
        {"types": "cashIn"},
        {"types": ("cashIn", "cashIn"), "poll_interval": 60, "pages_max": 60.0, "lookback": "3600"},
    ],
)
def test_equal_triggers_are_one_to_airflow(spelled: dict[str, Any]) -> None:
    """Whatever they were spelled like, their hash is equal; another interval is another trigger."""
    hashes = {
        SenGoPaymentsEventTrigger.hash(*SenGoPaymentsEventTrigger(**arguments).serialize())
        for arguments in ({}, spelled)
    }
    assert len(hashes) == 1
    assert SenGoPaymentsEventTrigger.hash(*SenGoPaymentsEventTrigger(errors_max=9).serialize()) not in hashes


def test_the_order_of_types_is_none() -> None:
    """Both spellings share a poll, a row in the database and a cursor."""
    one, other = (SenGoPaymentsEventTrigger(types=types) for types in (TYPES, TYPES[::-1]))
    assert one.serialize() == other.serialize()
    assert one.shared_stream_key() == other.shared_stream_key()


def test_arguments_of_a_later_release_are_left_out(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A trigger that was stored before a downgrade still runs; the log says what was ignored."""
    trigger = SenGoPaymentsEventTrigger(**ARGUMENTS, status_words=["success"])
    assert trigger.serialize() == (CLASS_PATH, ARGUMENTS)
    assert "does not know are ignored: status_words" in "".join((*capfd.readouterr(), caplog.text))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"poll_interval": 0}, "poll_interval"),
        ({"poll_interval": "nan"}, "poll_interval"),
        ({"lookback": -1}, "lookback"),
        ({"lookback": "inf"}, "lookback"),
        ({"types": []}, "types"),
        ({"types": [""]}, "types"),
        ({"types": ["cashIn", 3]}, "types"),
        ({"pages_max": 6}, "pages_max must be at least 7"),
        ({"types": TYPES, "pages_max": 13}, "pages_max must be at least 7"),
        ({"errors_max": 0}, "errors_max"),
    ],
)
def test_what_cannot_work_is_refused_when_the_dag_is_read(arguments: dict[str, Any], says: str) -> None:
    """With the argument's name."""
    with pytest.raises(ValueError, match=says):
        SenGoPaymentsEventTrigger(**arguments)


@pytest.mark.needs_airflow("3.2", "airflow.sdk.serde")
def test_an_event_travels_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the triggerer's message to the supervisor, and through Airflow's own serialisers."""
    from airflow.sdk.serde import deserialize, serialize
    from airflow.serialization.serialized_objects import BaseSerialization
    from airflow.triggers.base import DiscrimatedTriggerEvent, TriggerEvent
    from pydantic import TypeAdapter

    gateway = Gateway(monkeypatch)

    async def main() -> dict[str, Any]:
        async with running() as run:
            gateway.pay()
            await asyncio.sleep(70)
            return run.payloads[0]

    payload = run_virtual(main())
    adapter = TypeAdapter(DiscrimatedTriggerEvent)
    assert adapter.validate_json(adapter.dump_json(TriggerEvent(payload))).payload == payload
    assert deserialize(serialize(payload)) == payload
    assert BaseSerialization.deserialize(BaseSerialization.serialize(payload)) == payload
    assert json.loads(json.dumps(payload)) == payload


def test_a_watcher_takes_it() -> None:
    """Airflow's asset accepts the trigger, and encodes it as it will be stored."""
    from airflow.sdk import Asset, AssetWatcher

    watcher = AssetWatcher(name="paid", trigger=SenGoPaymentsEventTrigger())
    asset = Asset("sengo_paid", watchers=[watcher])
    assert asset.watchers[0].trigger.serialize()[0] == CLASS_PATH


def test_over_real_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real session, the real clock and a gateway on loopback: paid, told, closed."""
    with Simulator(per_day=0) as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", simulator.sengo_connection())
        monkeypatch.setattr(payments, "APART_S", 0.0)

        async def main() -> list[str]:
            told = []
            trigger = SenGoPaymentsEventTrigger(poll_interval=0.02)
            async with asyncio.timeout(60), aclosing(trigger.run()) as events:
                for _ in range(3):
                    id = simulator.world.insert(type="cashIn", status="pending")
                    simulator.world.pay(id)
                    told.append((await anext(events)).payload["id"] == id)
            await trigger.cleanup()
            return told

        assert asyncio.run(main()) == [True] * 3
