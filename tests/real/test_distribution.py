# SPDX-License-Identifier: Apache-2.0
"""The daily archive spread out: two schedulers with eight workers each on PostgreSQL, and one worker killed."""

import os
import signal
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow_parts import AirflowParts

from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.simulator import Simulator

DAG_ID = "distributed_archive"
DAYS = 4  # of two types each
LATENCY_MS = 100.0  # of the gateway, while a worker is to be killed in the middle of its reading

DAG = """
import os, time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG
from airflow_provider_sengo.operators.archive import (
    SenGoArchiveDayOperator,
    SenGoCheckArchiveOperator,
    SenGoPlanArchiveOperator,
)

FOLDER = Path({folder!r})


def begin_together(context):
    task = context["task"]
    name = f"{{task.day}}.{{task.type}}.{{context['ti'].try_number}}"
    (FOLDER / f"{{name}}.new").write_text(str(os.getpid()))
    (FOLDER / f"{{name}}.new").rename(FOLDER / f"{{name}}.pid")
    until = time.monotonic() + 120
    while not (FOLDER / "let_go").exists() and time.monotonic() < until:
        time.sleep(0.02)


with DAG(
    dag_id={dag_id!r},
    schedule=None,
    default_args={{"retries": 2, "retry_delay": timedelta(seconds=1), "retention_days": {retention_days}}},
):
    plan = SenGoPlanArchiveOperator(task_id="plan")
    archive = SenGoArchiveDayOperator.partial(
        task_id="archive_day", concurrency=1, pre_execute=begin_together
    ).expand_kwargs(plan.output)
    check = SenGoCheckArchiveOperator(task_id="check", trigger_rule="all_done")
    plan >> archive >> check
"""


class TwoSchedulers(AirflowParts):
    """Its scheduler comes with a second one."""

    def start_part(self, part):
        super().start_part(part)
        if part == "scheduler":
            self.parts["second scheduler"] = self.parts.pop(part)
            super().start_part(part)


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


@pytest.fixture(scope="module")
def spread(postgres, tmp_path_factory):
    """An Airflow of two schedulers, with a gateway whose clock is stopped."""
    home = tmp_path_factory.mktemp("distribution")
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    settings = {"now": now, "frozen": True, "retention_days": DAYS + 1, "days": DAYS + 1}
    with Simulator(per_day=60, page_size=10, requests_kept=10_000, **settings) as simulator:
        airflow = TwoSchedulers(
            home,
            {
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.url,
                "AIRFLOW__CORE__PARALLELISM": str(2 * DAYS),
                # A scheduler takes one task at a time and does not rest, so that neither gets all of them.
                "AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": "1",
                "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
                "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
                "AIRFLOW__SENGO__ARCHIVE_URI": str(home / "archive"),
                "AIRFLOW_CONN_SENGO_DEFAULT": simulator.sengo_connection(),
            },
        )
        airflow.world, airflow.folder = simulator.world, home / "begun"
        airflow.folder.mkdir()
        text = DAG.format(folder=str(airflow.folder), dag_id=DAG_ID, retention_days=DAYS + 1)
        (airflow.dags / "distributed.py").write_text(text)
        try:
            airflow.start()
            yield airflow
        finally:
            airflow.stop()


def begun(airflow):
    """The task processes that have begun: (day, type, try) -> id."""
    found = {}
    for path in airflow.folder.glob("*.pid"):
        day, type_, number, _ = path.name.split(".")
        found[day, type_, int(number)] = int(path.read_text())
    return found


def pages_read(airflow, day, type_):
    entries = airflow.world.requests().entries
    return sum(f"date={day}" in one["target"] and f"type={type_}" in one["target"] for one in entries)


def kill_worker(airflow, pid):
    """As a machine's end: the executor's worker and its task at once, nobody is left to say so."""
    for one in (parent_of(pid), pid):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def taken_by(airflow, run_id):
    """How many of the run's archive tasks each scheduler has taken on, by the scheduler's number."""
    sql = f"select queued_by_job_id from task_instance where run_id = '{run_id}' and task_id = 'archive_day'"
    return Counter(job for (job,) in airflow.rows(sql))


def test_eight_partitions_at_once_on_two_schedulers_and_one_worker_killed(spread):
    """All eight begin before any reads, one is killed while it reads: tried again, and archive equals ledger."""
    began = time.monotonic()
    spread.world.configure(latency_ms=LATENCY_MS)
    run_id = spread.trigger(DAG_ID)
    spread.until(lambda: len(begun(spread)) == 2 * DAYS, 120, "eight partitions do not run at once")
    taken = taken_by(spread, run_id)
    assert len(taken) == 2, "one scheduler took all"
    (day, type_, _), pid = min(begun(spread).items())
    (spread.folder / "let_go").touch()
    spread.until(lambda: pages_read(spread, day, type_) >= 2, 60, "the task does not read")
    kill_worker(spread, pid)
    spread.world.configure(latency_ms=0.0)
    assert spread.wait_for_run(DAG_ID, run_id)["state"] == "success"

    tries = Counter(number for *_, number in begun(spread))
    requests = spread.world.requests().total
    took_s = time.monotonic() - began
    print(f"\n{took_s:.0f} s, taken by {dict(taken)}, tries {dict(tries)}, {requests} requests")
    assert (day, type_, 2) in begun(spread), "the killed task was tried again"
    assert tries == {1: 2 * DAYS, 2: 1}, "and no other"
    archive = Archive(str(spread.home / "archive"))
    archived = [
        (row["day"], row["type"], row["id"], row["status"], row["amount"], row["merchant_ref"])
        for row in archive.transactions().to_pylist()
    ]
    ledger = [
        (row["listing_day"], row["type"], row["id"], row["status"], row["amount"], row["reference"])
        for row in spread.world.ledger()
        if row["listing_day"] != str(spread.world.now().date())
    ]
    assert len(ledger) >= 2 * DAYS * 60
    assert sorted(archived) == sorted(ledger)
