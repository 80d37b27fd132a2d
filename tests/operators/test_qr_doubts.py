# SPDX-License-Identifier: Apache-2.0
"""A code that a customer should not scan unseen is told in the task's log, and the payment pushed all the same."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_sengo.operators.sengo import SenGoCreateQrisOperator
from airflow_provider_sengo.simulator import Simulator

SANDBOX_CONTENT = "Dolor aut et quia dolores."  # the sandbox sends a Latin sentence


@pytest.fixture
def simulator(monkeypatch):
    with Simulator(per_day=0) as running:
        connection = running.sengo_connection(callback_url="https://shop.example/paid")
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)
        yield running


@pytest.fixture
def told(caplog, capfd):
    """The lines about a code, wherever Airflow's logger writes them."""
    caplog.set_level(logging.WARNING)

    def lines():
        return [
            line
            for line in (caplog.text + capfd.readouterr().out).splitlines()
            if "look at the QR code" in line
        ]

    return lines


def create(reference="INV-1"):
    operator = SenGoCreateQrisOperator(task_id="qris", reference=reference, amount=10000, view_name="Toko")
    return operator.execute({})


def test_a_sound_code_is_not_spoken_of(simulator, told):
    """Neither when it is made nor when it is found again."""
    assert create()["id"] == create()["id"]
    assert told() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SANDBOX_CONTENT, "no whole EMVCo text"),
        ("000201530336054051947763046F4D", "another amount than 10000 or 10085 rupiah"),
    ],
    ids=["of the sandbox", "over another amount"],
)
def test_a_doubtful_code_is_told_and_the_payment_is_pushed(simulator, told, content, words):
    """One line names the reference and what is odd; there is still one payment, and no error."""
    changed = {"responseData.qris.content": content}
    simulator.world.set_fault("tamper", endpoint="POST /qris", fields=changed)
    pushed = create()
    assert (pushed["qris"]["content"], pushed["status"]) == (content, "pending")
    assert [line for line in told() if "INV-1: look at the QR code" in line and words in line]
    assert len(simulator.world.payments("INV-1")) == 1


def test_a_payment_that_is_found_without_a_code_is_told(simulator, told):
    """The customer has nothing to scan, and nothing else says so."""
    create()
    simulator.world.set_fault("tamper", fields={"responseData.qris.content": ""})
    assert create()["status"] == "pending"
    (line,) = told()
    assert "INV-1: look at the QR code before you show it: there is none to scan" in line


def test_the_code_of_a_paid_payment_is_not_spoken_of(simulator, told):
    """Nobody scans it any more, however odd it is."""
    create()
    simulator.world.pay("INV-1")
    simulator.world.set_fault("tamper", fields={"responseData.qris.content": SANDBOX_CONTENT})
    assert create()["status"] == "success"
    assert told() == []
