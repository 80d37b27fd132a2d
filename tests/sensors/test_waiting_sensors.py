# SPDX-License-Identifier: Apache-2.0
"""What the table of rows does not show of sensors and triggers as they are made: the vendor's bytes, and arguments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import requests_mock

sys.path.insert(0, str(Path(__file__).parent))

import waiting_world
from modes import MODES, deserialize, fire, run, serialize
from waiting_world import LOOK_S, order_sensor, sensor

from airflow_provider_sengo.simulator import Simulator

_connections = waiting_world._connections
simulator = waiting_world.simulator

SANDBOX = "https://api.sandbox.sengo.id/api"


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
