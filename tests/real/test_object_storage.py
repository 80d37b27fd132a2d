# SPDX-License-Identifier: Apache-2.0
"""Workers that archive to an object store at once, are killed, and meet a store that fails.

The store is S3 as moto serves it on loopback; workers are processes of their own, since delta-rs refuses to
work in a forked one.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from books import archived, change_some, ledger
from demo_process import demo

sys.path.insert(0, str(Path(__file__).parents[1] / "archive"))

from object_store import BUCKET, KEY_ID, KINDS, REGION, SECRET, ObjectStore

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.run import utc_now
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.archive.upkeep import keep_up
from airflow_provider_sengo.simulator import Simulator

KILLS = 8
SEED = 20261122
WRITERS = 4
PROCESS_S = 100


@pytest.fixture(scope="module")
def store():
    with ObjectStore() as running:
        yield running


@pytest.fixture
def simulator():
    with Simulator(per_day=120, page_size=20, frozen=True) as running:
        yield running


@pytest.fixture
def archive(store, tmp_path):
    return Archive(f"s3://{BUCKET}/{tmp_path.name}", store.options)


@pytest.fixture
def targets():
    """Two days and both types."""
    today = days.today(utc_now())
    return [(str(today - timedelta(days=age)), type_) for age in (1, 2) for type_ in days.TYPES]


def start(simulator, archive, targets, tries=1):
    """A worker that archives these days one after another; returns once it begins."""
    command = [sys.executable, str(Path(__file__).with_name("archive_process.py")), simulator.base_url]
    command += [simulator.client_key, simulator.client_token, archive.tables.uri]
    command += [word for target in targets for word in target]
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {"STORAGE_OPTIONS": json.dumps(archive.tables.storage_options), "TRIES": str(tries)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    assert process.stdout.readline() == "begin\n"
    return process


def finish(process):
    """Wait for a worker; returns what it said."""
    output, errors = process.communicate(timeout=PROCESS_S)
    assert process.returncode == 0, errors[-2000:]
    return output.split()


KEYS = {"transactions": ["type", "id"], "history": ["type", "id", "digest"], "reads": ["read_id"]}


def twice(archive, name):
    """What stands in a table more than once."""
    keys = Counter(tuple(row.values()) for row in archive.tables.scan(name, None, KEYS[name]).to_pylist())
    return sorted(key for key, count in keys.items() if count > 1)


def assert_equal_to_ledger(archive, simulator, targets, tables=tuple(KEYS)):
    for day, type_ in targets:
        assert archived(archive, day, type_) == ledger(simulator, day, type_), (day, type_)
    assert {name: twice(archive, name) for name in tables} == {name: [] for name in tables}


def test_four_writers_at_once(simulator, archive, targets):
    """Each archives every day, in another order: equal to the ledger, nothing twice.

    Writers of one day that meet may each keep a replaced version; readers of the history see it once.
    """
    rng = random.Random(SEED)
    for _ in range(2):
        workers = [
            start(simulator, archive, rng.sample(targets, len(targets)), tries=3) for _ in range(WRITERS)
        ]
        for worker in workers:
            assert finish(worker).count("true") == len(targets)
        assert_equal_to_ledger(archive, simulator, targets, ["transactions", "reads"])
        for day, type_ in targets:
            change_some(simulator, rng, day, type_)
    for _, id, _ in twice(archive, "history")[:3]:
        assert archive.history(id).num_rows == 1
    reads = archive.reads()
    assert len(reads) == 2 * WRITERS * len(targets) * 4
    assert {read.outcome for read in reads} == {"quiet"}


def test_a_store_that_throttles_and_fails(store, simulator, archive, targets):
    """Requests refused, reset and answered into the void, from first to last: some tries more, nothing lost."""
    rng = random.Random(SEED)
    before = store.counts()
    for round_ in range(2):
        with store.failing(11, KINDS):
            workers = [start(simulator, archive, targets[half::2], tries=8) for half in range(2)]
            said = [finish(worker) for worker in workers]
        assert sum(words.count("true") for words in said) == len(targets)
        assert_equal_to_ledger(archive, simulator, targets)
        for day, type_ in targets if not round_ else ():
            change_some(simulator, rng, day, type_)
    failed = store.counts() - before
    assert min(failed[kind] for kind in KINDS) > 0
    states = {(str(item.day), item.type): item.rows for item in archive.coverage(utc_now())}
    assert all(states[target] is not None for target in targets)


def test_a_killed_writer(store, simulator, archive, targets):
    """SIGKILL at random moments: the table opens at once, claims nothing false, and one more run is the ledger."""
    rng = random.Random(SEED)
    measured = Archive(f"{archive.tables.uri}-measured", store.options)
    process = start(simulator, measured, targets[:1])
    began = time.monotonic()
    finish(process)
    takes_s = time.monotonic() - began
    hit = 0
    for kill in range(KILLS):
        day, type_ = target = targets[kill % 2]
        claimed_before = len(archive.reads())
        if archived(archive, day, type_):
            change_some(simulator, rng, day, type_)
        process = start(simulator, archive, [target])
        time.sleep(rng.random() * takes_s * 0.8)
        process.kill()
        process.communicate()
        hit += process.returncode != 0
        if len(archive.reads()) > claimed_before:  # it came to vouch for the day, so the day is there
            assert archived(archive, day, type_) == ledger(simulator, day, type_), (kill, SEED)
        assert finish(start(simulator, archive, [target])) == ["true"]
        assert archived(archive, day, type_) == ledger(simulator, day, type_), (kill, SEED)
    assert hit >= KILLS // 3, "most kills hit a running worker"
    assert_equal_to_ledger(archive, simulator, targets[:2])


def test_upkeep_beside_writers(simulator, archive, targets):
    """Tables are folded again and again while two workers archive: rows are the ledger, small files go."""
    rng = random.Random(SEED)
    finish(start(simulator, archive, targets))
    for day, type_ in targets:
        change_some(simulator, rng, day, type_)
    workers = [start(simulator, archive, targets[half::2] * 2, tries=3) for half in range(2)]
    done = [keep_up(archive.tables)]
    while any(worker.poll() is None for worker in workers):
        done.append(keep_up(archive.tables))
    for worker in workers:
        assert finish(worker).count("true") == len(targets)
    assert {each.files_after for each in done[-1].values()}
    assert_equal_to_ledger(archive, simulator, targets)
    before = {name: archive.tables.scan(name).num_rows for name in ("transactions", "history", "reads")}
    last = keep_up(archive.tables)
    assert last["reads"].files_after == 1
    assert {name: archive.tables.scan(name).num_rows for name in before} == before
    again = keep_up(archive.tables)
    assert [each.checkpoint for each in again.values()] == [None] * 3


def test_the_demo_on_s3(store, archive, tmp_path):
    """The daily DAG in a real Airflow, its archive on S3 by an ``aws`` connection: every day is the ledger."""
    extra = {"region_name": REGION, "endpoint_url": store.endpoint}
    connection = {"conn_type": "aws", "login": KEY_ID, "password": SECRET, "extra": extra}
    uri = archive.tables.uri
    code, printed, error = demo(tmp_path, ARCHIVE=uri, ARCHIVE_CONN=json.dumps(connection))
    assert code == 0, error
    assert f"the archive is in {uri}" in printed
    assert printed.count("complete") == printed.count("equal: 300") >= 10
    assert archive.transactions().num_rows == 300 * printed.count("equal: 300")
    assert SECRET not in printed
