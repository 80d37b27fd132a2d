# SPDX-License-Identifier: Apache-2.0
"""The example DAG as it stands, run by Airflow over loopback, and the command line in processes of its own."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sengo.archive import days

EXAMPLE = Path(__file__).parents[2] / "example_dags" / "sengo_daily_archive.py"
TODAY = days.today(datetime.now(UTC))


def closed_days() -> list[str]:
    """The days of the window that have been over for eight hours by the real clock."""
    now = datetime.now(UTC)
    return [str(day) for day in days.window(now)[:-1] if now >= days.closed_at(day)]


@pytest.fixture
def stage(make_stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A gateway whose clock stands at the real time, with connection and archive as the environment gives them."""
    made = make_stage(now=datetime.now(UTC).isoformat(), per_day=12)
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", made.connection(max_attempts=2))
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", made.uri)
    return made


def example() -> Any:
    """The DAG of the example file, without the minutes between two tries."""
    dag = runpy.run_path(str(EXAMPLE))["dag"]
    for task in dag.tasks:
        if task.is_mapped:
            task.partial_kwargs["retries"] = 0
        else:
            task.retries = 0
    return dag


def states(run: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for task in run.get_task_instances():
        found.setdefault(task.task_id, []).append(str(task.state))
    return found


def claimed(stage: Any, day: Any, type_: str) -> Any:
    """The coverage at the real time, which the operators read by."""
    return stage.coverage(day, type_, now=datetime.now(UTC))


@pytest.mark.on_every_airflow
@pytest.mark.xdist_group("airflow_db")
def test_daily_runs(stage: Any, run_dag: Callable[..., Any]) -> None:
    """The first run archives the whole window; the second finds nothing due, and its check runs all the same."""
    run = run_dag(example())
    assert str(run.state) == "success"
    assert states(run) == {"plan": ["success"], "archive_day": ["success"] * 12, "check": ["success"]}
    for day in closed_days():
        for type_ in days.TYPES:
            assert stage.statuses(day, type_) == stage.truth(day, type_)
            assert claimed(stage, day, type_).rows == [*stage.truth(day, type_).values()].count("success")
    asked = stage.requests()

    run = run_dag(example())
    assert str(run.state) == "success"
    again = states(run)
    still_open = 2 * (6 - len(closed_days()))  # before eight in the morning in Jakarta yesterday isn't over
    assert again["archive_day"] == (["success"] * still_open or ["skipped"])
    assert (again["plan"], again["check"]) == (["success"], ["success"])
    assert still_open or stage.requests() == asked


@pytest.mark.xdist_group("airflow_db")
def test_a_day_that_fails(stage: Any, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """One day that cannot be read fails its task and, through the check, the run; the others are archived."""
    bad = days.window(datetime.now(UTC))[0]
    stage.world.set_fault("http_500", match=f"status=success&date={bad}&type=cashIn")
    run = run_dag(example())
    assert str(run.state) == "failed"
    found = states(run)
    assert sorted(found["archive_day"]) == ["failed", *["success"] * 11]
    assert (found["plan"], found["check"]) == (["success"], ["failed"])
    assert str(claimed(stage, bad, "cashIn").state) == "missing"
    assert str(claimed(stage, bad, "cashOut").state) == "complete"


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "airflow_provider_sengo", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.needs_airflow("3.2", "silence: the modules of 3.1 warn of each other on stderr")
def test_command_line(stage: Any) -> None:
    """``coverage`` says 1 until ``archive`` has read every day, then 0; JSON is one document."""
    before = command("coverage", "--json")
    assert before.returncode == 1
    assert {line["state"] for line in document(before)["days"]} <= {"missing", "open"}
    assert "no complete read yet" in before.stderr

    done = command("archive", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    results = document(done)["finished"]
    assert len(results) == 12
    assert {line["rows"] for line in results} == {12}
    assert all(line["complete"] for line in results if line["day"] in closed_days())

    after = command("coverage", "--json")
    assert (after.returncode, after.stderr) == (0, "")
    lines = document(after)["days"]
    assert {line["state"] for line in lines if line["day"] in closed_days()} == {"complete"}
    listed = {(s["day"], s["type"]): s for s in stage.world.sums() if s["status"] == "success"}
    for line in lines:
        if line["rows"] is not None:
            sums = listed[line["day"], line["type"]]
            assert (line["rows"], line["amount_sum"]) == (sums["rows"], sums["amount_sum"])


def test_command_line_fails(stage: Any) -> None:
    """A day that cannot be read ends with 1 and its reason, and the other days are read; no secret is told."""
    bad = str(days.window(datetime.now(UTC))[1])
    good = str(TODAY - timedelta(days=3))
    stage.world.set_fault("http_500", match=f"status=success&date={bad}")
    done = command("archive", "--day", bad, "--day", good, "--json")
    assert done.returncode == 1
    assert f"{bad} cashIn: the success listing could not be read to the end" in done.stderr
    assert [(line["day"], line["complete"]) for line in document(done)["finished"]] == [(good, True)] * 2
    assert stage.simulator.client_token not in done.stdout + done.stderr


def test_command_line_usage(stage: Any) -> None:
    """A wrong day, an unknown connection and a relative archive end with 2 and one line that says what is wrong."""
    for words, expected in (
        (("archive", "--day", "yesterday"), "--day: must be a calendar day"),
        (("coverage", "--sengo-conn-id", "unknown"), "unknown"),
        (("coverage", "--archive-uri", "somewhere/else"), "archive_uri must be an absolute local path"),
    ):
        done = command(*words)
        assert done.returncode == 2
        assert expected in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""


SCAN = """
import sys
from airflow_provider_sengo.archive.store import Archive
assert Archive(sys.argv[1]).reads() and Archive(sys.argv[1]).transactions().num_rows
"""


def test_processes_that_read_end_well(make_stage: Callable[..., Any]) -> None:
    """A process that ends right after reading the archive ends with 0, also on a busy machine: pyarrow's
    threads, which hold delta-rs' files, must not abort it.
    """
    stage = make_stage(per_day=12)
    stage.read("2026-11-18")
    processes = [subprocess.Popen([sys.executable, "-c", SCAN, stage.uri]) for _ in range(8)]
    assert [process.wait(timeout=120) for process in processes] == [0] * len(processes)
