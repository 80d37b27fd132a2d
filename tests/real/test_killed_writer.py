# SPDX-License-Identifier: Apache-2.0
"""A worker killed by SIGKILL at random moments, thirty times: the rerun ends with exactly the ledger."""

import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from books import archived, change_some, ledger

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.run import utc_now
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.simulator import Simulator

KILLS = 30
SEED = 20261122


def start(simulator, uri, day, type_):
    command = [sys.executable, str(Path(__file__).with_name("archive_process.py"))]
    command += [simulator.base_url, simulator.client_key, simulator.client_token, uri, day, type_]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begin\n"
    return process


def finish(simulator, uri, day, type_):
    """A worker that nobody kills; how long it took from when it began, in seconds."""
    process = start(simulator, uri, day, type_)
    began = time.monotonic()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return time.monotonic() - began


def test_a_worker_killed_thirty_times_loses_and_doubles_nothing(tmp_path):
    """After each kill no read vouches for rows that are missing, and the rerun equals the ledger."""
    rng = random.Random(SEED)
    uri = str(tmp_path / "archive")
    archive = Archive(uri)
    with Simulator(per_day=400, page_size=20, frozen=True) as simulator:
        today = days.today(utc_now())
        targets = [(str(today - timedelta(days=age)), type_) for age in (1, 2, 3) for type_ in days.TYPES]
        takes_s = finish(simulator, str(tmp_path / "measured"), *targets[0])
        landed = 0
        for kill in range(KILLS):
            day, type_ = targets[kill % len(targets)]
            if archived(archive, day, type_):
                change_some(simulator, rng, day, type_)
            process = start(simulator, uri, day, type_)
            time.sleep(rng.random() * takes_s * 0.8)
            process.kill()
            process.communicate()
            landed += process.returncode != 0
            for record in archive.reads():
                if record.outcome == "quiet":
                    assert record.started_at <= utc_now()
            finish(simulator, uri, day, type_)
            assert archived(archive, day, type_) == ledger(simulator, day, type_), (kill, SEED)
        assert landed > KILLS // 3, "most kills hit a running worker"
        history = archive.tables.scan("history").select(["id", "digest", "reason"]).to_pylist()
        assert len(history) == len({tuple(row.values()) for row in history}), "each version is kept once"
