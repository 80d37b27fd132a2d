# SPDX-License-Identifier: Apache-2.0
"""However a money task ends: card token, keys, hashes and signatures are nowhere to be read."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import DAG

sys.path.insert(0, str(Path(__file__).parents[1] / "secrets"))

from leaks import assert_hidden, texts

from airflow_provider_sengo.hooks import steps
from airflow_provider_sengo.operators import senangpay, sengo
from airflow_provider_sengo.protocol.signing import sengo_signature
from airflow_provider_sengo.simulator import Simulator

KEY, TOKEN = "SC-ODD", "t0ken/with+odd%41chars@here:=&?"
SECRET_KEY = "53-k3y/with+odd%41chars@here:=&?"
BUYER = {"name": "Siti Nurhaliza", "email": "siti@example.my", "detail": "Order", "phone": "0123456789"}
PROJECT = {"name": "Shop", "domain": "https://shop.example", "ip": ["203.0.113.0/24"]}
# what breaks -> the fault and its details
TROUBLE = {
    "nothing": None,
    "refused": ("refuse", {"status": 401, "code": "UNAUTHORIZED"}),
    "down": ("http_500", {}),
    "reset": ("reset", {}),
    "cut": ("truncated", {}),
    "garbled": ("cut_json", {}),
    "a page": ("html", {}),
    "elsewhere": ("redirect", {}),
    "tampered": ("tamper", {"fields": {"status": 0, "msg": "no"}}),
    "closed": None,
    "declined": None,
}


@pytest.fixture
def simulator(monkeypatch):
    """A gateway with keys that need escaping everywhere; a task that waits moves its clock instead."""
    with Simulator(per_day=0, days=1, extra_credentials={KEY: TOKEN}) as simulator:
        simulator.world.senangpay.configure(secret_key=SECRET_KEY)
        monkeypatch.setattr(steps, "time", SimpleNamespace(sleep=simulator.world.advance))
        yield simulator


def as_json(kind, login, password, base_url, **extra):
    fields = {"conn_type": kind, "login": login, "password": password, "host": base_url}
    return json.dumps(fields | {"extra": {"max_attempts": 1} | extra})


def as_uri(kind, login, password, base_url, **extra):
    host = base_url.removeprefix("http://")
    extras = "".join(f"&{name}={quote(value, safe='')}" for name, value in extra.items())
    return f"{kind}://{login}:{quote(password, safe='')}@{host}?max_attempts=1{extras}"


@pytest.fixture
def define(simulator, monkeypatch):
    """Set both connections, written one way or the other."""

    def define(spelled):
        callback = {"callback_url": "https://shop.example/paid"}
        written = spelled("sengo", KEY, TOKEN, simulator.base_url, **callback)
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", written)
        written = spelled("senangpay", simulator.merchant_id, SECRET_KEY, simulator.senangpay_base_url)
        monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", written)

    return define


def operators(card):
    charge = {"amount_sen": 2450, "token": card, "order_id": "ORD1", "reconcile_timeout_s": 10}
    return [
        senangpay.SenangPayChargeTokenOperator(task_id="charge", **BUYER | charge),
        senangpay.SenangPayValidateTokenOperator(task_id="validate", token=card),
        senangpay.SenangPaySetTokenStatusOperator(task_id="switch", token=card, enabled=True),
        senangpay.SenangPayQueryOrderOperator(task_id="query", order_id="ORD1"),
        senangpay.SenangPayChargeTokenOperator(task_id="blank", **BUYER | charge | {"token": f" {card}"}),
        senangpay.SenangPayChargeTokenOperator(task_id="no_id", **BUYER | charge | {"order_id": "a-b"}),
        sengo.SenGoCreateQrisOperator(task_id="qris", amount=10000, view_name="Shop", reference="INV-1"),
        sengo.SenGoCreateProjectOperator(task_id="project", **PROJECT),
    ]


def assert_nothing_told(text, card):
    assert_hidden(text, (card, TOKEN, SECRET_KEY, sengo_signature(KEY, TOKEN, b"")))
    assert "hash=" not in text.lower()


@pytest.mark.parametrize("spelled", [as_json, as_uri])
@pytest.mark.parametrize("trouble", TROUBLE)
def test_no_secret_is_told(trouble, spelled, define, simulator, caplog, capfd):
    """Neither logs at DEBUG, nor errors with all they hang on, nor results, nor any repr; no request has the key."""
    world = simulator.world
    define(spelled)
    card = world.senangpay.issue_token(decline="5" if trouble == "declined" else None)
    if fault := TROUBLE[trouble]:
        world.set_fault(fault[0], **fault[1])
    if trouble == "closed":
        simulator.__exit__(None, None, None)
    told, failed = [], set()
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1)
    ti.xcom_push = lambda key, value: told.append(json.dumps(value))
    caplog.set_level(logging.DEBUG)
    for operator in operators(card):
        try:
            told.append(json.dumps(operator.execute({"ti": ti})))
        except Exception as error:  # noqa: BLE001 - that is what is looked into
            failed.add(operator.task_id)
            told += texts(error)
        hook = operator.hook
        told += [f"{each!r} {each}" for each in (operator, hook, hook.connection, hook.credentials)]
        told += [repr(hook.connection.options), str(hook.test_connection())]
    notes = [note for entry in world.requests().entries for note in entry["notes"]]
    assert notes == []
    assert {"blank", "no_id"} <= failed
    assert ("charge" in failed) is (trouble != "nothing")
    told += [f"{one.getMessage()} {one.args} {one.exc_text}" for one in caplog.records]
    everything = "\n".join([*told, caplog.text, *capfd.readouterr()])
    assert "order_id: must be text" in everything
    assert_nothing_told(everything, card)


def test_no_secret_is_kept_by_airflow(simulator, define, run_dag, monkeypatch, capfd, caplog):
    """Task logs with their tracebacks, rendered fields, XComs and state of real runs, a retried one too."""
    from airflow import settings
    from airflow.models import renderedtifields, xcom

    world = simulator.world
    define(as_json)
    card = world.senangpay.issue_token()
    monkeypatch.setenv("AIRFLOW_VAR_BUYER", card)
    monkeypatch.setenv("AIRFLOW__SENGO__REFERENCE_NAMESPACE", "shop-a")
    world.senangpay.configure(charges_shown_by=())
    world.set_fault("reset", endpoint="POST /apiv1/pay_cc", at=(1,), processed=True)
    world.set_fault("http_500", endpoint="GET /apiv1/query_order_status", at=(1,))
    caplog.set_level(logging.DEBUG)
    always = {"retries": 1, "retry_delay": timedelta(0)}
    name = "shop_secrets"
    with DAG(name, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args=always) as dag:
        made = {one.task_id: one for one in operators("{{ var.value.buyer }}")}
    run = run_dag(dag)
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    assert {task_id for task_id, state in states.items() if state == "success"} == {
        "validate",
        "switch",
        "query",
        "qris",
        "project",
    }
    assert states.keys() == made.keys()
    told = ["".join(capfd.readouterr()), caplog.text]
    session = settings.Session()
    rendered = session.query(renderedtifields.RenderedTaskInstanceFields).filter_by(dag_id=name).all()
    kept = {row.task_id: row.rendered_fields for row in rendered}
    assert set(kept) >= {"validate", "switch", "query", "charge"}
    assert kept["validate"]["token"] == kept["charge"]["token"] == "***"
    pushed = session.query(xcom.XComModel).filter_by(dag_id=name).all()
    assert pushed
    told += [str(kept), *(f"{row.key} {row.value}" for row in pushed)]
    try:
        from airflow.models.task_state_store import TaskStateStoreModel
    except ImportError:  # before Airflow 3.3
        pass
    else:
        told += [f"{row.key} {row.value}" for row in session.query(TaskStateStoreModel).all()]
    assert "whether the card was charged is not known" in "\n".join(told)
    assert_nothing_told("\n".join(told), card)
