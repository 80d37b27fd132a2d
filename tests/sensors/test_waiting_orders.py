# SPDX-License-Identifier: Apache-2.0
"""A senangPay order is waited for until one paid row over the right sen shows, and for nothing less."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import waiting_world
from modes import MODES, run
from waiting_world import order_sensor

from airflow_provider_sengo.simulator import Simulator

_connections = waiting_world._connections
simulator = waiting_world.simulator


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
