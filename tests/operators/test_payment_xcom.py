# SPDX-License-Identifier: Apache-2.0
"""What money tasks push: plain JSON, the same after Airflow's own way out and in."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from airflow.providers.common.compat.sdk import DAG, chain

from airflow_provider_sengo.operators import senangpay, sengo
from airflow_provider_sengo.simulator import Simulator

BUYER = {"name": "Siti Nurhaliza", "email": "siti@example.my", "detail": "Order", "phone": "0123456789"}


@pytest.fixture
def world(monkeypatch):
    """A gateway and connections to it."""
    with Simulator(per_day=2, days=1) as simulator:
        sengo = simulator.sengo_connection(callback_url="https://shop.example/paid")
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", sengo)
        monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", simulator.senangpay_connection())
        monkeypatch.setenv("AIRFLOW__SENGO__REFERENCE_NAMESPACE", "shop-a")
        yield simulator.world


def plain(value):
    """Only what JSON has, and no float: money is whole."""
    if isinstance(value, dict):
        return type(value) is dict and all(type(key) is str and plain(value[key]) for key in value)
    if isinstance(value, list):
        return type(value) is list and all(map(plain, value))
    return value is None or type(value) in (str, int, bool)


def tasks(card):
    """One of every task that moves money or tells of it, by id."""
    charge = {"token": card, "amount_sen": "{{ 245 }}0", "order_id": "ORD{{ 1 }}"}
    made = [
        sengo.SenGoCreateQrisOperator(
            task_id="qris", amount="{{ 10 }}000", view_name="Warung {{ 'Café' }}", expiry_minutes="{{ 45 }}"
        ),
        sengo.SenGoCreateProjectOperator(
            task_id="project", name="Shop", domain="https://shop.example", ip=["203.0.113.0/24"]
        ),
        senangpay.SenangPayChargeTokenOperator(task_id="charge", **BUYER | charge),
        senangpay.SenangPayQueryOrderOperator(task_id="query", order_id="ORD1"),
        senangpay.SenangPayValidateTokenOperator(task_id="validate", token=card),
        senangpay.SenangPaySetTokenStatusOperator(task_id="switch", token=card, enabled=True),
    ]
    return {one.task_id: one for one in made}


def test_what_is_pushed_is_plain_and_comes_back_unchanged(run_dag, world):
    """Through dag.test() and Airflow's database; the QR code's text is for the customer, in XCom qris."""
    card = world.senangpay.issue_token()
    with DAG("shop_xcom", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        made = tasks(card)
        chain(*made.values())
    run = run_dag(dag)
    tis = {ti.task_id: ti for ti in run.get_task_instances()}
    assert {name: ti.state for name, ti in tis.items()} == dict.fromkeys(made, "success")
    pulled = {name: ti.xcom_pull(task_ids=name) for name, ti in tis.items()}
    qris = tis["qris"].xcom_pull(task_ids="qris", key="qris")
    (row,) = [row for row in world.ledger() if row["amount"] == 10000 and row["status"] == "pending"]
    assert set(qris) == {"id", "reference", "content", "amount", "total", "expires_at"}
    assert (qris["id"], qris["reference"], qris["amount"]) == (row["id"], row["reference"], 10000)
    assert qris["content"] == pulled["qris"]["qris"]["content"] != ""
    assert qris["total"] == pulled["qris"]["total_amount"] == 10000 + row["fee"]
    left = datetime.fromisoformat(qris["expires_at"]) - datetime.fromisoformat(row["created_at"])
    assert left.total_seconds() == 45 * 60
    (charged,) = world.charges("ORD1")
    assert pulled["charge"]["transaction_id"] == charged["transaction_id"]
    assert (pulled["charge"]["order_id"], pulled["charge"]["amount_sen"]) == ("ORD1", 2450)
    assert [one["transaction_reference"] for one in pulled["query"]] == [charged["transaction_id"]]
    assert (pulled["validate"]["valid"], pulled["switch"]["enabled"]) == (True, True)
    assert pulled["project"]["ip"] == ["203.0.113.0/24"]
    assert plain([pulled, qris])
    assert card not in json.dumps([pulled, qris])


@pytest.mark.needs_airflow("3.2", "airflow.sdk.serde")
def test_airflows_serialiser_changes_nothing(world):
    """What execute returns is what a consumer gets, byte for byte as JSON."""
    from airflow.sdk.serde import deserialize, serialize

    pushed = []

    class Ti:
        dag_id, run_id, task_id, map_index, try_number = "shop", "r", "t", -1, 1

        def xcom_push(self, key, value):
            pushed.append(value)

    for operator in tasks(world.senangpay.issue_token()).values():
        operator.render_template_fields({})
        pushed.append(operator.execute({"ti": Ti()}))
    assert len(pushed) == 7
    for value in pushed:
        assert plain(value)
        assert deserialize(json.loads(json.dumps(serialize(value)))) == value
        assert json.loads(json.dumps(value)) == value
