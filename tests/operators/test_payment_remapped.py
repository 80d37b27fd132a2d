# SPDX-License-Identifier: Apache-2.0
"""Mapped payments keep to their orders when the list they are mapped over changes."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, task

from airflow_provider_sengo.exceptions import Unavailable
from airflow_provider_sengo.operators.senangpay import SenangPayChargeTokenOperator
from airflow_provider_sengo.operators.sengo import SenGoCreateQrisOperator

BUYER = {"name": "Siti Nurhaliza", "email": "siti@example.my", "detail": "Order", "phone": "0123456789"}
ORDERS = {"INV1": 11000, "INV2": 22000, "INV3": 33000}


def states(run, task_id):
    return [ti.state for ti in run.get_task_instances() if ti.task_id == task_id]


def test_every_customer_keeps_their_own_payment(run_dag, keep_runs, world):
    """The list is turned round and grows before a clear: nothing is swapped, and nothing is charged again."""
    token = world.senangpay.issue_token()
    orders = list(ORDERS)[:2]

    with DAG("shop_mapped", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:

        @task
        def read():
            return [{"reference": order, "amount": ORDERS[order]} for order in orders]

        @task
        def to_charge():
            return [{"order_id": order, "amount_sen": ORDERS[order]} for order in orders]

        SenGoCreateQrisOperator.partial(task_id="qris", view_name="Shop").expand_kwargs(read())
        SenangPayChargeTokenOperator.partial(
            task_id="charge", token=token, reconcile_timeout_s=0, **BUYER
        ).expand_kwargs(to_charge())
        SenGoCreateQrisOperator.partial(task_id="without", view_name="Shop").expand(amount=[1000, 2000])
        SenangPayChargeTokenOperator.partial(task_id="without_order", token=token, **BUYER).expand(
            amount_sen=[200]
        )
    when = datetime.now(UTC)
    run = run_dag(dag, logical_date=when, run_after=when)
    made = {row["reference"]: (row["id"], row["amount"]) for row in world.ledger()}
    before = {task_id: states(run, task_id) for task_id in ("qris", "charge")}
    orders.reverse()
    orders.insert(0, "INV3")
    again = run_dag(dag, logical_date=when, run_after=when)
    assert again.run_id == run.run_id
    assert before == {"qris": ["success"] * 2, "charge": ["success"] * 2}
    assert states(again, "qris") == ["success"] * 3
    assert states(again, "charge") == ["failed", "success", "success"]  # new since the clear: only looked up
    for task_id in ("without", "without_order"):
        assert set(states(again, task_id)) == {"failed"}
    after = {row["reference"]: (row["id"], row["amount"]) for row in world.ledger()}
    assert after.items() >= made.items()
    assert {reference: amount for reference, (_, amount) in after.items()} == ORDERS
    assert len(world.ledger()) == 3
    charged = sorted((one["order_id"], one["amount_sen"]) for one in world.charges())
    assert charged == [("INV1", 11000), ("INV2", 22000)]
    first = next(ti for ti in again.get_task_instances() if (ti.task_id, ti.map_index) == ("qris", 0))
    pulled = first.xcom_pull(task_ids="qris", key="qris", map_indexes=[0, 1, 2])
    assert [one["reference"] for one in pulled] == orders


needs_store = pytest.mark.needs_airflow("3.3", "the task state store")


class Store(dict):
    def set(self, key, value, *, retention):
        self[key] = value

    def delete(self, key):
        self.pop(key, None)


def charge(world, order_id, token, *, store, map_index=-1, try_number=1, cleared=0):
    ti = SimpleNamespace(dag_id="shop", run_id="r", task_id="pay", map_index=map_index, try_number=try_number)
    context = {"ti": ti, "dag_run": SimpleNamespace(clear_number=cleared)}
    if store is not None:
        context["task_state_store"] = store
    operator = SenangPayChargeTokenOperator(
        task_id="pay", order_id=order_id, token=token, amount_sen=2450, reconcile_timeout_s=0, **BUYER
    )
    return operator.execute(context)


@pytest.mark.parametrize("has_store", [pytest.param(True, marks=needs_store), False])
@pytest.mark.parametrize("try_number", [1, 2])
def test_an_order_that_moved_to_another_index_is_not_charged_again(has_store, try_number, world):
    """The store is an index's own, so once a run was cleared its silence proves nothing, if the query hides."""
    world.senangpay.configure(charges_shown_by=())
    token = world.senangpay.issue_token()
    stores = [Store() if has_store else None for _ in range(2)]
    charge(world, "ORD1", token, store=stores[0], map_index=0)
    with pytest.raises(AirflowFailException, match="order ORD1: whether the card was charged is not known"):
        charge(world, "ORD1", token, store=stores[1], map_index=1, try_number=try_number, cleared=1)
    assert len(world.charges("ORD1")) == 1


@needs_store
def test_a_mapped_retry_that_sent_nothing_before_charges(world):
    """While nothing was cleared an index stays with its order, and its store is proof."""
    token, store = world.senangpay.issue_token(), Store()
    world.set_fault("http_500", endpoint="GET /apiv1/query_order_status", at=(1,))
    with pytest.raises(Exception, match="500"):
        charge(world, "ORD1", token, store=store, map_index=0)
    assert charge(world, "ORD1", token, store=store, map_index=0, try_number=2)["order_id"] == "ORD1"
    assert len(world.charges("ORD1")) == 1


@needs_store
def test_a_store_that_is_emptied_on_success_is_no_proof_after_a_clear(world, monkeypatch):
    """Airflow can be told to drop a task's state once it succeeded; then a cleared task only looks up."""
    monkeypatch.setenv("AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS", "True")
    world.senangpay.configure(charges_shown_by=())
    token = world.senangpay.issue_token()
    charge(world, "ORD1", token, store=Store())
    with pytest.raises(AirflowFailException, match="not known"):
        charge(world, "ORD1", token, store=Store(), try_number=2, cleared=1)
    assert len(world.charges("ORD1")) == 1


@needs_store
def test_an_empty_store_proves_nothing_once_the_run_was_cleared(world):
    """Airflow may empty the store of a task that is cleared; a retry alone leaves it as it is."""
    world.senangpay.configure(charges_shown_by=())
    token = world.senangpay.issue_token()
    with pytest.raises(AirflowFailException, match="not known"):
        charge(world, "ORD1", token, store=Store(), try_number=2, cleared=1)
    assert world.charges("ORD1") == []
    assert charge(world, "ORD1", token, store=Store(), try_number=2)["status"] == 1


@needs_store
def test_a_task_of_its_own_charges_after_a_clear_where_its_store_proves_that_nothing_was_sent(world):
    """A clear alone is no reason to stop a task that is not mapped."""
    token, store = world.senangpay.issue_token(), Store()
    world.set_fault("http_500", endpoint="GET /apiv1/query_order_status")
    with pytest.raises(Unavailable):
        charge(world, "ORD1", token, store=store)
    world.clear_faults()
    assert charge(world, "ORD1", token, store=store, try_number=3, cleared=1)["status"] == 1
    assert (
        charge(world, "ORD1", token, store=store, try_number=4, cleared=2)["message"]
        == "found by the order query"
    )
    assert len(world.charges("ORD1")) == 1
