# SPDX-License-Identifier: Apache-2.0
"""Sensors of both gateways that look often, and the simulator that they look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_sengo.sensors.senangpay import SenangPayOrderSensor
from airflow_provider_sengo.sensors.sengo import SenGoTransactionSensor
from airflow_provider_sengo.simulator import Simulator

LOOK_S = 0.02


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(per_day=0, days=1) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _connections(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both connections and an empty world, for each test of a file that names this fixture."""
    simulator.world.reset()
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", simulator.sengo_connection())
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", simulator.senangpay_connection(max_attempts=1))


def sensor(**options: Any) -> SenGoTransactionSensor:
    given = {"transaction_id": "PAY-1", "poke_interval": LOOK_S, "timeout": 60} | options
    return SenGoTransactionSensor(task_id="wait", **given)


def order_sensor(**options: Any) -> SenangPayOrderSensor:
    given = {"order_id": "ORDER1", "amount_sen": 2450, "poke_interval": LOOK_S, "timeout": 60} | options
    return SenangPayOrderSensor(task_id="wait", **given)


def deferred(**options: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as raised:
        sensor(deferrable=True, **options).execute({})
    return raised.value
