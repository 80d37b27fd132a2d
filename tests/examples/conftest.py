# SPDX-License-Identifier: Apache-2.0
"""Example DAGs as they stand, a gateway on loopback, and a person who answers through Airflow's own API."""

from __future__ import annotations

import json
import runpy
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from airflow_provider_sengo.simulator import Simulator

EXAMPLES = Path(__file__).parents[2] / "example_dags"
ANSWER_WITHIN_S = 60


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """Both gateways, with the connections that the examples name."""
    with Simulator(per_day=0) as simulator:
        sengo = simulator.sengo_connection(callback_url="https://shop.example/paid")
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", sengo)
        monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", simulator.senangpay_connection())
        yield simulator


@pytest.fixture
def card(gateway: Simulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stored card of the customer ``abu``, in the Variables that the examples name."""
    token = gateway.world.senangpay.issue_token()
    buyer = {"name": "Abu Bin Ali", "email": "abu@example.com", "phone": "0123456789"}
    monkeypatch.setenv("AIRFLOW_VAR_SENANGPAY_CARD_TOKEN_ABU", token)
    monkeypatch.setenv("AIRFLOW_VAR_SENANGPAY_BUYER_ABU", json.dumps(buyer))
    return token


@pytest.fixture
def run_example(run_dag: Callable[..., Any]) -> Callable[..., Any]:
    """Run a DAG of ``example_dags`` with its params, without the minutes between two tries, or two looks."""

    def run(name: str, **params: Any) -> Any:
        dag = runpy.run_path(str(EXAMPLES / f"{name}.py"))["dag"]
        for task in dag.tasks:
            task.retries = 0
            if hasattr(task, "poke_interval"):
                task.poke_interval = 0.05
        return run_dag(dag, run_conf=params)

    return run


class Person:
    """Waits for a request under "Required Actions" and answers it, in a thread beside ``dag.test()``."""

    def __init__(self, dag_id: str, answer: str) -> None:
        from airflow.api_fastapi.app import create_app
        from starlette.testclient import TestClient

        self.asked: dict[str, Any] = {}
        self.answered_status = 0
        self._url = f"/api/v2/dags/{dag_id}/dagRuns/~/hitlDetails"
        self._answer = {"chosen_options": [answer], "params_input": {}}
        self._api = TestClient(create_app(apps="core"))
        self._run_is_over = threading.Event()
        self._thread = threading.Thread(target=self._wait_and_answer, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._run_is_over.set()
        self._thread.join()

    def _wait_and_answer(self) -> None:
        try:
            until = time.monotonic() + ANSWER_WITHIN_S
            while time.monotonic() < until and not self.asked and not self._run_is_over.wait(0.2):
                listed = self._api.get(self._url, params={"state": "awaiting_input"})
                self.asked = next(iter(listed.raise_for_status().json()["hitl_details"]), {})
            of = self.asked["task_instance"]
            url = f"/api/v2/dags/{of['dag_id']}/dagRuns/{of['dag_run_id']}/taskInstances/{of['task_id']}"
            self.answered_status = self._api.patch(f"{url}/-1/hitlDetails", json=self._answer).status_code
        finally:
            if self.answered_status != 200:
                fail_what_waits()


def fail_what_waits() -> None:
    """Without an answer ``dag.test()`` would wait for hours."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        waiting = TaskInstance.state == "awaiting_input"
        session.execute(update(TaskInstance).where(waiting).values(state="failed"))


@pytest.fixture
def person(airflow_db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Person]:
    """Make somebody who answers; the API takes everybody for an administrator."""
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", 64 * "0")
    return Person
