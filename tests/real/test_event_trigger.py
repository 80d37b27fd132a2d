# SPDX-License-Identifier: Apache-2.0
"""The example that runs on payments, in a whole Airflow: a payment starts a run, and a new trigger goes on."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

DAG_ID = "sengo_on_payment"
EXAMPLE = Path(__file__).parents[2] / "example_dags" / f"{DAG_ID}.py"
TOLD_WITHIN_S = 120
EVERY = "poll_interval=60"


@pytest.fixture
def watched(real_airflow: Any) -> Any:
    """The example, which looks every two seconds instead of every sixty."""
    text = EXAMPLE.read_text()
    assert EVERY in text
    target = real_airflow.dags / EXAMPLE.name
    target.write_text(text.replace(EVERY, "poll_interval=2"))
    real_airflow.wait_for_dag(DAG_ID)
    real_airflow.api("PATCH", f"dags/{DAG_ID}", {"is_paused": False})
    yield target
    target.unlink()


def booked(real_airflow: Any) -> list[str]:
    """What the runs booked so far, as their task returned it."""
    ids = []
    for run in real_airflow.runs(DAG_ID):
        entry = f"dags/{DAG_ID}/dagRuns/{run['dag_run_id']}/taskInstances/book/xcomEntries/return_value"
        found = real_airflow.api("GET", f"{entry}?deserialize=true")
        value = found["value"] if found else []
        ids += json.loads(value) if isinstance(value, str) else value
    return ids


def cursor(real_airflow: Any) -> dict[str, Any]:
    """The trigger's cursor, as Airflow's database has it."""
    with sqlite3.connect(f"file:{real_airflow.home}/airflow.db?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT value FROM asset_state_store WHERE key = 'sengo-paid sengo_default cashIn'"
        ).fetchall()
    return json.loads(rows[0][0]) if rows else {}


def known(real_airflow: Any, day: str) -> int:
    """How many payments of a day the stored cursor counts; -1 while it has none of that day."""
    return int(cursor(real_airflow).get("days", {}).get(f"{day} cashIn", [-1])[0])


def test_a_payment_starts_a_run_and_a_new_trigger_goes_on(
    real_airflow: Any, gateway: Any, watched: Any
) -> None:
    """Each is booked once, and the cursor in the database lets the next trigger go on behind them.

    The last one may be booked twice, and may not be missing: Airflow drops an event that a trigger fires right
    before it is stopped, so the next trigger must tell it again.
    """
    waiting = [gateway.world.insert(type="cashIn", status="pending") for _ in range(4)]
    *first, last = waiting
    (day,) = {row["listing_day"] for row in gateway.world.ledger(type="cashIn") if row["id"] == last}
    real_airflow.until(
        lambda: known(real_airflow, day) >= 0, TOLD_WITHIN_S, "the trigger did not read the day to its end"
    )
    before = known(real_airflow, day)
    for id in first:
        gateway.world.pay(id)
    real_airflow.until(
        lambda: set(first) <= set(booked(real_airflow)), TOLD_WITHIN_S, "the payments were not booked"
    )
    real_airflow.until(
        lambda: known(real_airflow, day) >= before + len(first), TOLD_WITHIN_S, "the cursor was not written"
    )
    # Another interval makes Airflow end this trigger and start another one for the same asset.
    watched.write_text(watched.read_text().replace("poll_interval=2", "poll_interval=3"))
    gateway.world.pay(last)
    real_airflow.until(
        lambda: known(real_airflow, day) > before + len(first), TOLD_WITHIN_S, "the cursor stood still"
    )
    real_airflow.until(lambda: last in booked(real_airflow), TOLD_WITHIN_S, "the last payment was not booked")
    counts = Counter(booked(real_airflow))
    assert {id: counts[id] for id in first} == dict.fromkeys(first, 1)
    assert gateway.client_token not in real_airflow.log_texts()
