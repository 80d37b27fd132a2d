# SPDX-License-Identifier: Apache-2.0
"""The parameters of every operator, sensor and trigger: each is named, documented, and takes Airflow's defaults.

What an editor shows and a type checker knows is a class's own ``__init__``; what goes through ``**kwargs`` is
Airflow's alone.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.providers.common.compat.sdk import DAG, BaseOperator
from airflow.triggers.base import BaseEventTrigger, BaseTrigger

from airflow_provider_sengo.operators.archive import (
    SenGoArchiveDayOperator,
    SenGoCheckArchiveOperator,
    SenGoPlanArchiveOperator,
)
from airflow_provider_sengo.operators.sengo import SenGoCreateProjectOperator, SenGoGetTransactionOperator
from airflow_provider_sengo.sensors.senangpay import SenangPayOrderSensor
from airflow_provider_sengo.sensors.sengo import SenGoTransactionSensor
from airflow_provider_sengo.simulator import Simulator
from airflow_provider_sengo.triggers.senangpay import SenangPayOrderTrigger
from airflow_provider_sengo.triggers.sengo import SenGoPaymentsEventTrigger, SenGoTransactionTrigger

REGISTRY = yaml.safe_load((Path(__file__).parents[2] / ".airflow-registry.yaml").read_text())
AIRFLOWS = {BaseOperator, BaseTrigger, BaseEventTrigger}
REFUSED = {"silent_fail", "never_fail"}  # Airflow's own of every sensor
ONE_DEFAULT_EACH = {"timeout"}  # Airflow 3.1 reads the setting where the class is made, 3.3 where a task is
START = datetime(2026, 1, 1, tzinfo=UTC)
# A value of each that is no default of anything.
VALUES: dict[str, Any] = {
    "amount": 25000,
    "amount_sen": 2450,
    "as_of": "2026-11-21",
    "include_today": True,
    "retention_days": 5,
    "max_passes": 2,
    "concurrency": 3,
    "warn_days_left": 4,
    "accept_lost": ["2026-11-03"],
    "types": ["cashOut"],
    "statuses": ["success"],
    "success_statuses": ["success", "expired"],
    "failure_statuses": ["failed"],
    "transaction_id": ["A1", "A2"],
    "resend_callback": True,
    "expiry_minutes": 15,
    "wait_for_payment": True,
    "poll_interval": 12.0,
    "poke_interval": 13.0,
    "timeout": 14.0,
    "max_wait": timedelta(seconds=99),
    "mode": "reschedule",
    "soft_fail": True,
    "exponential_backoff": True,
    "deferrable": True,
    "reconcile_timeout_s": 16.0,
    "fail_if_invalid": False,
    "enabled": True,
    "ip": ["203.0.113.0/24"],
    "keep_days": 17,
}


def classes(*sections: str) -> list[type]:
    paths = [entry["module"].rpartition(".") for section in sections for entry in REGISTRY[section]]
    return [getattr(import_module(module), name) for module, _, name in paths]


TASKS = classes("operators", "sensors")
ALL = classes("operators", "sensors", "triggers")
each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
each_class = pytest.mark.parametrize("public", ALL, ids=lambda public: public.__name__)


def named(cls: type) -> dict[str, inspect.Parameter]:
    """The parameters that a class names itself."""
    given = inspect.signature(cls.__init__).parameters.values()
    return {each.name: each for each in given if each.name != "self" and each.kind is not each.VAR_KEYWORD}


def bases(cls: type) -> Iterator[type]:
    """A class and what it is made of, up to what every operator or trigger is."""
    for each in cls.__mro__:
        if each in AIRFLOWS:
            return
        if "__init__" in vars(each):
            yield each


def value(name: str) -> Any:
    return VALUES.get(name, f"some-{name}")


@each_class
def test_every_parameter_is_named(public: type) -> None:
    """Those of the classes that it is made of too, with the same default."""
    own = named(public)
    for base in bases(public):
        for name, parameter in named(base).items():
            if name not in REFUSED:
                assert name in own, f"of {base.__name__}"
                assert own[name].default == parameter.default or name in ONE_DEFAULT_EACH
    assert not REFUSED & own.keys()


@each_class
def test_every_parameter_is_documented(public: type) -> None:
    """With its default, if it has one; and no other is."""
    parts = re.split(r"^:param (\w+): ", inspect.getdoc(public) or "", flags=re.MULTILINE)
    told = dict(zip(parts[1::2], parts[2::2], strict=True))
    own = named(public)
    assert told.keys() == own.keys()
    optional = {name for name, parameter in own.items() if parameter.default is not inspect.Parameter.empty}
    assert {name for name, text in told.items() if "default" in text} == optional


@each_task
def test_defaults_of_the_dag_reach_every_parameter(task: type) -> None:
    """``default_args`` count where nothing is given, and what is given wins."""
    values = {name: value(name) for name in named(task)}
    buyer = {name: values.pop(name) for name in ("email",) if name in values}  # as a default it is Airflow's
    conn_id = next(name for name in values if name.endswith("_conn_id"))
    with DAG("d", schedule=None, start_date=START, default_args=values):
        made = task(task_id="by_default", **buyer)
        assert {name: getattr(made, name) for name in values} == values
        mine = task(task_id="given", **buyer, **{conn_id: "mine"})
        assert {name: getattr(mine, name) for name in values} == values | {conn_id: "mine"}


def test_defaults_of_the_dag_reach_a_mapped_task() -> None:
    """As they reach any other, once it is expanded."""
    defaults = {"sengo_conn_id": "shop_sengo", "archive_uri": "/books", "concurrency": 3}
    with DAG("d", schedule=None, start_date=START, default_args=defaults):
        partial = SenGoArchiveDayOperator.partial(task_id="day", archive_uri="/mine")
        mapped = partial.expand_kwargs([{"day": "2026-11-21", "type": "cashIn"}])
    one = mapped.unmap({"day": "2026-11-21", "type": "cashIn"})
    assert (one.sengo_conn_id, one.archive_uri, one.concurrency) == ("shop_sengo", "/mine", 3)


@each_task
def test_a_mistyped_parameter_is_an_error(task: type) -> None:
    """When the DAG file is read, also of a task that is mapped."""
    values = {name: value(name) for name in named(task)}
    with pytest.raises(TypeError, match="sengo_con_id"):
        task(task_id="t", **values, sengo_con_id="mine")
    with pytest.raises(TypeError, match="sengo_con_id"):
        task.partial(task_id="t", sengo_con_id="mine")


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_hide_a_revoked_key_is_no_default_either(name: str) -> None:
    """A DAG's ``default_args`` are refused as an argument is."""
    with DAG("d", schedule=None, start_date=START, default_args={name: True}):
        with pytest.raises(ValueError, match=f"{name}: would hide a revoked key"):
            SenGoTransactionSensor(task_id="wait", transaction_id="A1")
        with pytest.raises(ValueError, match=f"{name}: would hide a revoked key"):
            SenangPayOrderSensor(task_id="paid", order_id="A1", amount_sen=200)


def test_a_sensor_waits_as_long_as_airflow_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no timeout is given, in every release."""
    monkeypatch.setenv("AIRFLOW__SENSORS__DEFAULT_TIMEOUT", "4321")
    for timeout in ({}, {"timeout": None}):
        assert SenGoTransactionSensor(task_id="wait", transaction_id="A1", **timeout).timeout == 4321


@pytest.mark.parametrize(
    "trigger",
    [
        SenGoTransactionTrigger(
            transaction_id="A1", poke_interval=5, deadline="2026-11-22T09:00:00Z", may_appear_until="2026"
        ),
        SenangPayOrderTrigger(order_id="A1", amount_sen=200, poke_interval=5, may_appear_until="2026"),
        SenGoPaymentsEventTrigger(poll_interval=5),
    ],
    ids=lambda trigger: type(trigger).__name__,
)
def test_a_later_releases_arguments_are_ignored(trigger: Any) -> None:
    """A triggerer may run an older release than the worker; all that this one knows is kept."""
    path, arguments = trigger.serialize()
    assert arguments.keys() == named(type(trigger)).keys()
    assert type(trigger)(**arguments, brand_new=1).serialize() == (path, arguments)


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(per_day=1, days=1) as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", simulator.sengo_connection())
        monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", str(tmp_path))
        yield simulator


@pytest.mark.parametrize("given", ["cashIn", "success", "2026-11-03", "['2026-11-03']", b"success", None, 7])
def test_a_list_is_no_text(given: Any, simulator: Simulator) -> None:
    """The letters of a word are no words: refused by name before anything is sent, with what to write."""
    day = {"task_id": "t", "day": "2026-11-21", "type": "cashIn"}
    tasks = {
        r"types: must be a list such as \['cashIn'\]": [
            SenGoPlanArchiveOperator(task_id="t", types=given),
            SenGoCheckArchiveOperator(task_id="t", types=given),
        ],
        r"statuses: must be a list such as \['success'\]": [SenGoArchiveDayOperator(**day, statuses=given)],
        r"accept_lost: must be a list such as \['2026-11-03'\].*brackets.*render_template_as_native_obj": [
            SenGoCheckArchiveOperator(task_id="t", accept_lost=given)
        ],
        "success_statuses: must be a list": [
            SenGoTransactionSensor(task_id="t", transaction_id="A1", success_statuses=given)
        ],
        "failure_statuses: must be a list": [
            SenGoTransactionSensor(task_id="t", transaction_id="A1", failure_statuses=given)
        ],
        "ip: must be a list": [
            SenGoCreateProjectOperator(task_id="t", name="n", domain="https://a.example", ip=given)
        ],
    }
    for says, wrong in tasks.items():
        for task in wrong:
            with pytest.raises(ValueError, match=says):
                task.execute({})
    assert simulator.world.requests().total == 0


@pytest.mark.parametrize("given", [["cashIn"], ("cashIn",), {"cashIn"}])
def test_any_list_is_one(given: Any, simulator: Simulator) -> None:
    """However it is written."""
    planned = SenGoPlanArchiveOperator(task_id="t", types=given).execute({})
    assert {each["type"] for each in planned} == {"cashIn"}


def test_one_id_stays_one_id(simulator: Simulator) -> None:
    """Where one or a list is meant, a text is one."""
    (payment,) = simulator.world.ledger(type="cashIn")
    looked_up = SenGoGetTransactionOperator(task_id="t", transaction_id=payment["id"]).execute({})
    waiting = SenGoTransactionSensor(
        task_id="t", transaction_id=payment["id"], success_statuses=[looked_up["status"]], failure_statuses=()
    )
    assert waiting.execute({})["id"] == payment["id"]
