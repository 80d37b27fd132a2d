# SPDX-License-Identifier: Apache-2.0
"""The daily archive in a whole Airflow: every kind of run, a killed worker, and nothing leaked."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.run import utc_now
from airflow_provider_sengo.archive.store import Archive

DAG_ID = "sengo_daily_archive"
CLOSED = ("complete", "sealed")


@pytest.fixture
def archive(real_airflow):
    return Archive(str(real_airflow.home / "archive"))


def assert_equal_to_ledger(archive, gateway):
    """Every day that is over stands in the archive exactly as in the simulator's ledger."""
    compared = 0
    for item in archive.coverage(utc_now()):
        if item.days_left < 0 or item.state == "open":
            continue
        assert item.state in CLOSED, item
        archived = archive.transactions(item.project, item.day, item.type)
        ledger = gateway.world.ledger(day=str(item.day), type=item.type)
        assert sorted(archived["id"].to_pylist()) == sorted(row["id"] for row in ledger)
        compared += len(ledger)
    assert compared


def test_a_scheduled_and_a_manual_run_archive_the_window(real_airflow, gateway, archive):
    """Unpausing starts a scheduled run, a manual one follows, and the archive equals the ledger."""
    real_airflow.wait_for_dag(DAG_ID)
    real_airflow.api("PATCH", f"dags/{DAG_ID}", {"is_paused": False})
    scheduled = real_airflow.until(lambda: real_airflow.runs(DAG_ID), 60, "no scheduled run began")[0]
    assert scheduled["run_type"] == "scheduled"
    assert real_airflow.wait_for_run(DAG_ID, scheduled["dag_run_id"])["state"] == "success"
    assert_equal_to_ledger(archive, gateway)
    version = archive.tables.open("transactions").version()
    manual = real_airflow.trigger(DAG_ID)
    assert real_airflow.wait_for_run(DAG_ID, manual)["state"] == "success"
    closed = [item for item in archive.coverage(utc_now()) if item.state in CLOSED]
    assert closed
    if days.closed_at(max(item.day for item in closed)) <= utc_now():
        assert archive.tables.open("transactions").version() == version, "nothing was due, nothing changed"


def test_an_asset_triggered_run_archives_too(real_airflow):
    """A run without logical date or data interval, started by an asset's update, succeeds."""
    real_airflow.wait_for_dag("archive_on_asset")
    real_airflow.api("PATCH", "dags/archive_on_asset", {"is_paused": False})
    real_airflow.wait_for_run("want_books", real_airflow.trigger("want_books"))
    run = real_airflow.until(lambda: real_airflow.runs("archive_on_asset"), 60, "no asset-triggered run")[0]
    assert run["run_type"] == "asset_triggered"
    assert real_airflow.wait_for_run("archive_on_asset", run["dag_run_id"])["state"] == "success"


def test_a_backfill_runs_and_changes_nothing_it_should_not(real_airflow, gateway, archive):
    """A backfill of a past date plans for now, as every run does, and ends well."""
    today = days.today(utc_now())
    span = ["--from-date", str(today - timedelta(days=2)), "--to-date", str(today - timedelta(days=1))]
    command = [Path(sys.executable).with_name("airflow"), "backfill", "create", "--dag-id", DAG_ID, *span]
    made = subprocess.run(
        command, env=real_airflow.environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert made.returncode == 0, made.stderr[-2000:]

    def backfilled():
        return [run for run in real_airflow.runs(DAG_ID) if run["run_type"] == "backfill"]

    run = real_airflow.until(backfilled, 60, "no backfill run began")[0]
    assert real_airflow.wait_for_run(DAG_ID, run["dag_run_id"])["state"] == "success"
    assert_equal_to_ledger(archive, gateway)


def test_a_failing_day_fails_the_run_and_the_next_run_heals_it(real_airflow, gateway, archive):
    """With one listing broken the run is red and its check says why; afterwards a run is green again."""
    gateway.world.insert(type="cashIn", status="success")
    text = (real_airflow.dags / "on_asset.py").read_text()
    for old, new in (
        ('"archive_on_asset"', '"archive_failing"'),
        ('schedule=[Asset("books_wanted")]', "schedule=None"),
        (
            'SenGoPlanArchiveOperator(task_id="plan")',
            'SenGoPlanArchiveOperator(task_id="plan", include_today=True)',
        ),
        ('"retries": 3', '"retries": 0'),
    ):
        assert old in text
        text = text.replace(old, new)
    (real_airflow.dags / "failing.py").write_text(text.partition('\nwith DAG(dag_id="want_books"')[0])
    gateway.world.set_fault("http_500", rate=1.0, endpoint="GET /transactions")
    try:
        run_id = real_airflow.trigger("archive_failing")
        assert real_airflow.wait_for_run("archive_failing", run_id)["state"] == "failed"
    finally:
        gateway.world.clear_faults()
    states = {
        task["task_id"]: task["state"] for task in real_airflow.task_instances("archive_failing", run_id)
    }
    assert states["archive_day"] == "failed"
    assert states["check"] == "failed"
    run_id = real_airflow.trigger("archive_failing")
    assert real_airflow.wait_for_run("archive_failing", run_id)["state"] == "success"


def test_a_killed_worker_is_retried_and_nothing_is_lost(real_airflow, gateway, archive):
    """A task process killed by SIGKILL while it reads is retried by Airflow; the archive equals the ledger."""
    gateway.world.configure(latency_ms=150.0)
    try:
        text = (real_airflow.dags / "failing.py").read_text()
        text = text.replace('"archive_failing"', '"archive_killed"').replace('"retries": 0', '"retries": 3')
        (real_airflow.dags / "killed.py").write_text(text)
        run_id = real_airflow.trigger("archive_killed")

        def running():
            tasks = real_airflow.task_instances("archive_killed", run_id)
            return [
                task["pid"]
                for task in tasks
                if task["state"] == "running" and task["task_id"] == "archive_day"
            ]

        pid = real_airflow.until(running, 60, "no archive task is running")[0]
        time.sleep(0.5)
        os.kill(pid, signal.SIGKILL)
        gateway.world.configure(latency_ms=0.0)
        assert real_airflow.wait_for_run("archive_killed", run_id)["state"] == "success"
    finally:
        gateway.world.configure(latency_ms=0.0)
    tries = [task["try_number"] for task in real_airflow.task_instances("archive_killed", run_id)]
    assert max(tries) > 1, "the killed task was tried again"
    assert_equal_to_ledger(archive, gateway)


def test_no_log_of_any_process_holds_the_token_or_the_signature(real_airflow, gateway):
    """After all of that, neither the client token nor the constant GET signature stands in any log."""
    from airflow_provider_sengo.protocol.signing import sengo_signature

    text = real_airflow.log_texts()
    assert "archive_day" in text
    assert gateway.client_token not in text
    assert sengo_signature(gateway.client_key, gateway.client_token) not in text
