# SPDX-License-Identifier: Apache-2.0
"""A user's test of the shop, with the package's own pytest fixture; it runs, and its types are checked."""

from __future__ import annotations

import pytest

from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.operators.sengo import SenGoGetBalanceOperator
from airflow_provider_sengo.protocol.sengo import Balance, QrisPayment
from airflow_provider_sengo.simulator import Simulator, SimulatorSettings


@pytest.fixture
def shop(sengo_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The gateway as the shop's connection."""
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", sengo_simulator.sengo_connection())
    return sengo_simulator


def test_a_payment_is_made_once(shop: Simulator) -> None:
    """Also where the answer to the first request is lost."""
    shop.world.set_fault("http_500", max_times=1)
    payment: QrisPayment = SenGoHook().create_qris_once(
        reference="A1", amount="25000", view_name="Toko Contoh", callback_url="https://shop.example.com/paid"
    )
    made = [payment["amount"] for payment in shop.world.payments("A1")]
    assert made == [payment.amount]


def test_the_balance_is_pushed(shop: Simulator) -> None:
    """As the hook tells it."""
    balance: Balance = SenGoHook().get_balance()
    assert SenGoGetBalanceOperator(task_id="balance").execute({})["total"] == balance.total
    assert shop.world.requests().by_endpoint["GET /balance"] == 2


def test_a_gateway_can_be_made_to_order() -> None:
    """Its settings have names that a type checker knows."""
    with Simulator(SimulatorSettings(per_day=3, seed=7)) as simulator:
        day: str = simulator.world.now().date().isoformat()
        assert len(simulator.world.ledger(day=day)) == 6
