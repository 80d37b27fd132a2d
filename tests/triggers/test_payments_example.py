# SPDX-License-Identifier: Apache-2.0
"""The example that runs on payments: it parses cheaply, and books each payment once."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "example_dags" / "sengo_on_payment.py"
PAYMENT = {"id": "b", "reference": "INV-1", "amount": 25_000, "paid_at": "2026-11-20T12:00:00+07:00"}


def event(payload: Any) -> Any:
    """An asset event as Airflow gives it to a task."""
    return SimpleNamespace(extra={"from_trigger": True, "payload": payload} if payload else {})


def test_a_payment_that_is_told_twice_is_booked_once() -> None:
    """Also if the tellings lie in two events of one run; an update by hand books nothing."""
    book = runpy.run_path(str(EXAMPLE))["book"].function
    events = [event(PAYMENT), event(PAYMENT | {"id": "a"}), event(PAYMENT), event(None)]
    assert book(triggering_asset_events={"sengo_paid": events}) == ["a", "b"]


@pytest.mark.needs_airflow("3.2", "DagSerialization and DagBag where they are now")
def test_it_is_parsed_and_serialized_without_the_network_library() -> None:
    """As the DAG processor does, in a process of its own: no aiohttp, no import error, one watcher."""
    code = f"""
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(dag_folder={str(EXAMPLE)!r})
dag = bag.dags["sengo_on_payment"]
data = DagSerialization.to_dict(dag)
DagSerialization.from_dict(json.loads(json.dumps(data)))
classpath = "airflow_provider_sengo.triggers.sengo.SenGoPaymentsEventTrigger"
print(json.dumps([bag.import_errors, "aiohttp" in sys.modules, json.dumps(data).count(classpath)]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=dict(os.environ),
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [{}, False, 1]
