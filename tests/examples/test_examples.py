# SPDX-License-Identifier: Apache-2.0
"""Every example DAG about payments, run by Airflow against the simulator as its reader would run it."""

from __future__ import annotations

import ast
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sengo.simulator import Simulator

EXAMPLES = sorted((Path(__file__).parents[2] / "example_dags").glob("*.py"))
ORDER = {"order": "INV20260001", "customer": "abu", "amount_sen": 2450}

pytestmark = pytest.mark.xdist_group("airflow_db")


def states(run: Any) -> dict[str, str]:
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


def pushed(run: Any, task_id: str, key: str = "return_value") -> Any:
    """A value as a later task would pull it."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        (row,) = session.scalars(XComModel.get_many(key=key, run_id=run.run_id, task_ids=task_id))
        return XComModel.deserialize_value(row)


def kept(run: Any) -> str:
    """All that Airflow keeps of a run: XComs, and templates as they were rendered."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        xcoms = session.scalars(select(XComModel.value).where(XComModel.run_id == run.run_id)).all()
        fields = RenderedTaskInstanceFields
        rendered = session.scalars(select(fields.rendered_fields).where(fields.run_id == run.run_id)).all()
    assert xcoms
    assert rendered
    return json.dumps([xcoms, rendered], default=str)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_in_five_lines_what_it_shows_and_needs(path: Path) -> None:
    """A sentence, then what must be there; the same text stands beside the DAG in Airflow."""
    text = path.read_text()
    shows, blank, *needs = (ast.get_docstring(ast.parse(text)) or "").splitlines()
    assert (shows[-1], blank, len(needs)) == (".", "", 3)
    assert re.match(r"Needs the (?:connection|setting) ``", needs[0])
    assert "doc_md=__doc__" in text


@pytest.mark.on_every_airflow
def test_a_qris_payment(gateway: Simulator, run_example: Callable[..., Any]) -> None:
    """One payment under the order's own number, its code as the gateway made it; a second run finds it."""
    run = run_example("sengo_qris_payment", order="INV-2026-0001", amount=25000)
    assert states(run) == {"create_qris": "success", "show_code": "success", "look_up": "success"}
    (payment,) = gateway.world.payments("INV-2026-0001")
    assert (payment["amount"], payment["status"]) == (25000, "pending")
    qris, found = pushed(run, "create_qris", "qris"), pushed(run, "look_up")
    assert (qris["id"], found["id"]) == (payment["id"], payment["id"])
    assert (found["amount"], found["status"]) == (25000, "pending")
    assert qris["content"].startswith("000201")

    gateway.world.pay("INV-2026-0001")
    again = run_example("sengo_qris_payment", order="INV-2026-0001", amount=25000)
    assert pushed(again, "look_up")["status"] == "success"
    assert len(gateway.world.payments("INV-2026-0001")) == 1


def test_many_payments_and_one_wait(gateway: Simulator, run_example: Callable[..., Any]) -> None:
    """One payment an order; the paid and the expired part ways, and a second run finds what is there."""
    orders = [{"number": f"ORDER-{number}", "amount": 1000 * number} for number in (1, 2, 3)]
    gateway.world.configure(auto_pay_after_s=0.3)
    run = run_example("sengo_collect_many", orders=orders)
    names = ("payments_of", "references_of", "create_qris", "wait", "what_is_there", "book_the_paid")
    assert states(run) == dict.fromkeys(names, "success") | {"remind_the_others": "skipped"}
    assert pushed(run, "wait") == dict.fromkeys(("ORDER-1", "ORDER-2", "ORDER-3"), "success")
    assert pushed(run, "book_the_paid") == ["ORDER-1", "ORDER-2", "ORDER-3"]
    again = run_example("sengo_collect_many", orders=orders)
    assert states(again)["book_the_paid"] == "success"
    for order in orders:
        (payment,) = gateway.world.payments(order["number"])
        assert payment["amount"] == order["amount"]


def test_many_payments_of_which_some_expire(gateway: Simulator, run_example: Callable[..., Any]) -> None:
    """Both branches run, each with its own orders."""
    for number, status in ((1, "success"), (2, "pending"), (3, "pending")):
        fields = {"reference": f"ORDER-{number}", "amount": 1000 * number, "channel": "qris"}
        gateway.world.insert(status=status, **fields)
    orders = [{"number": f"ORDER-{number}", "amount": 1000 * number} for number in (1, 2, 3)]
    over = threading.Event()

    def expire_once_all_were_made() -> None:
        """Each order was looked up once by its own task: from then on only the sensor asks."""
        while not over.wait(0.02):
            if gateway.world.requests().total >= len(orders):
                for number in (2, 3):
                    gateway.world.expire(f"ORDER-{number}")
                return

    expiring = threading.Thread(target=expire_once_all_were_made)
    expiring.start()
    try:
        run = run_example("sengo_collect_many", orders=orders)
    finally:
        over.set()
        expiring.join()
    assert pushed(run, "book_the_paid") == ["ORDER-1"]
    assert pushed(run, "remind_the_others") == ["ORDER-2", "ORDER-3"]


def test_a_charge_that_a_person_approves(
    gateway: Simulator, card: str, run_example: Callable[..., Any], person: Callable[..., Any]
) -> None:
    """The amount that is shown is the amount that is charged; the card token is kept nowhere."""
    with person("senangpay_charge_card", "Approve") as somebody:
        run = run_example("senangpay_charge_card", **ORDER)
    assert somebody.answered_status == 200
    assert set(states(run).items()) == {
        (name, "success") for name in ("validate", "approve", "charge", "record")
    }
    (charge,) = gateway.world.charges("INV20260001")
    assert charge["amount_sen"] == 2450
    assert somebody.asked["subject"] == "Charge RM 24.50 for order INV20260001?"
    assert "2450 sen" in somebody.asked["body"]
    assert pushed(run, "charge")["amount_sen"] == 2450
    assert "***" in kept(run)
    assert card not in kept(run)


def test_a_charge_that_a_person_refuses(
    gateway: Simulator, card: str, run_example: Callable[..., Any], person: Callable[..., Any]
) -> None:
    """After a no nothing is asked of the card any more."""
    with person("senangpay_charge_card", "Reject"):
        run = run_example("senangpay_charge_card", **ORDER)
    assert states(run) == {
        "validate": "success",
        "approve": "success",
        "charge": "skipped",
        "record": "skipped",
    }
    assert gateway.world.senangpay.attempts() == []


def test_a_card_that_cannot_be_charged_bothers_nobody(
    gateway: Simulator, card: str, run_example: Callable[..., Any]
) -> None:
    """The run ends before the question."""
    gateway.world.senangpay.set_token(card, enabled=False)
    run = run_example("senangpay_charge_card", **ORDER)
    assert states(run)["validate"] == "failed"
    assert {states(run)[name] for name in ("approve", "charge", "record")} == {"upstream_failed"}
    assert gateway.world.senangpay.attempts() == []


def test_a_cards_pause(gateway: Simulator, card: str, run_example: Callable[..., Any]) -> None:
    """Out of service and back; the card token is kept nowhere."""
    run = run_example("senangpay_card_lifecycle", customer="abu")
    assert states(run) == {"validate": "success", "disable": "success", "enable": "success"}
    assert (pushed(run, "validate")["valid"], pushed(run, "disable")["enabled"]) == (True, False)
    assert pushed(run, "enable")["enabled"] is True
    assert gateway.world.senangpay.token(card)["enabled"] is True
    assert card not in kept(run)
