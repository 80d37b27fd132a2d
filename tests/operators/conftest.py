# SPDX-License-Identifier: Apache-2.0
"""Gateways and connections for tasks that move money, and DAG runs that can be cleared and run again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from airflow_provider_sengo.simulator import Simulator, World


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """An empty gateway, one for all tests of a file."""
    with Simulator(per_day=0, days=1) as simulator:
        yield simulator


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An empty gateway of the test's own, connections to it that send every call once, and a namespace."""
    with Simulator(per_day=0, days=1) as simulator:
        sengo = simulator.sengo_connection(max_attempts=1, callback_url="https://shop.example/paid")
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", sengo)
        senangpay = simulator.senangpay_connection(max_attempts=1)
        monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", senangpay)
        monkeypatch.setenv("AIRFLOW__SENGO__REFERENCE_NAMESPACE", "shop-a")
        yield simulator.world


@pytest.fixture
def keep_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """``dag.test()`` would drop a run that it runs again: keep it, and count the clear as Airflow does."""
    from airflow.models import dagrun

    make = dagrun.get_or_create_dagrun

    def get_or_create(*, run_id: str, session: Any, dag: Any, **how: Any) -> Any:
        kept = session.scalar(select(dagrun.DagRun).filter_by(run_id=run_id, dag_id=dag.dag_id))
        if kept is None:
            return make(run_id=run_id, session=session, dag=dag, **how)
        kept.clear_number += 1
        kept.state = "running"
        kept.dag = dag
        session.commit()
        return kept

    monkeypatch.setattr(dagrun, "get_or_create_dagrun", get_or_create)
