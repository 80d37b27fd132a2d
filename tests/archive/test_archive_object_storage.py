# SPDX-License-Identifier: Apache-2.0
"""What an object store adds to the archive's life: connections, commits by conditional put, lost answers."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from archive_world import COMMITS, NEXT_DAY, Clock, World, record
from object_store import BUCKET, KEY_ID, KINDS, REGION, SECRET
from read_records import FIRST, read

from airflow_provider_sengo.archive import days, tables
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.archive.tables import SCHEMAS, STORAGE_TRIES
from airflow_provider_sengo.archive.upkeep import keep_up
from airflow_provider_sengo.hooks.storage import storage_options
from airflow_provider_sengo.operators.upkeep import SenGoArchiveUpkeepOperator


@pytest.fixture
def world(tmp_path, object_store) -> World:
    """A world whose archive is on S3, two days of which are over, one read."""
    made = World(f"s3://{BUCKET}/{tmp_path.name}", object_store.options)
    made.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    made.gateway.fill(3)
    made.gateway.put("changes", fee=0)
    made.read()
    return made


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr(tables, "COMMIT_WAIT_S", 0)


def doubles(world: World) -> list[str]:
    """Rows of ``history`` and ``reads`` that stand twice."""
    found = []
    for name, key in (("history", ["id", "digest"]), ("reads", ["read_id"])):
        keys = [tuple(row.values()) for row in world.archive.tables.scan(name, None, key).to_pylist()]
        found += [f"{name}: {each}" for each in set(keys) if keys.count(each) > 1]
    return found


def aws(endpoint: str) -> dict[str, object]:
    extra = {"region_name": REGION, "endpoint_url": endpoint}
    return {"conn_type": "aws", "login": KEY_ID, "password": SECRET, "extra": extra}


def generic(endpoint: str) -> dict[str, object]:
    names = {
        "access_key_id": KEY_ID,
        "secret_access_key": SECRET,
        "region": REGION,
    }  # delta-rs takes both spellings
    extra = {f"aws_{name}": value for name, value in names.items()}
    return {"conn_type": "generic", "extra": extra | {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": True}}


@pytest.mark.parametrize("connection", [aws, generic], ids=lambda made: made.__name__)
def test_connections_reach_the_archive(world, object_store, monkeypatch, connection):
    """The options that either kind of connection means are enough to read, write and keep up the archive."""
    monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps(connection(object_store.endpoint)))
    other = World(world.uri, storage_options("store"))
    other.gateway, other.clock = world.gateway, world.clock
    world.gateway.put("changes", fee=1)
    assert other.read().changed == 1
    assert other.held() == world.held() == world.ledger()
    task = SenGoArchiveUpkeepOperator(task_id="upkeep", archive_uri=world.uri, archive_conn_id="store")
    done = task.execute({})
    assert list(done) == list(SCHEMAS)
    assert done["reads"] == {
        "files_before": 2,
        "files_after": 1,
        "files_removed": 0,
        "bytes_removed": 0,
        "checkpoint": world.versions()["reads"],
        "put_off": False,
    }
    assert world.held() == world.ledger()


@pytest.mark.parametrize(
    "options",
    [
        {"google_service_account": "/etc/books/key.json"},
        {"google_service_account_key": '{"client_email": "books@example.com"}'},
        {"azure_storage_account_key": "c2VjcmV0"},
        {"azure_storage_client_id": "a", "azure_storage_client_secret": "b", "azure_storage_tenant_id": "c"},
    ],
    ids=lambda options: "-".join(options)[:26],
)
def test_other_stores_options_reach_delta_rs_as_they_are(monkeypatch, options):
    """What a generic connection holds for Google or Azure is handed through, text for text."""
    monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps({"conn_type": "generic", "extra": options}))
    assert Archive("gs://books/x", storage_options("store")).tables.storage_options == options


def test_two_writers_of_one_version(world, object_store):
    """Commits are puts of what must not be there yet: of two for one version one lands, the other takes the next."""
    start = world.versions()["reads"]
    writers = [
        threading.Thread(
            target=Archive(world.uri, world.storage_options).record_reads, args=(read(FIRST, name),)
        )
        for name in ("one", "two")
    ]
    with object_store.gathering(2, **COMMITS):
        refused = object_store.counts()["refused"]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(60)
    assert object_store.counts()["refused"] == refused + 1
    assert {item.run for item in world.archive.reads()} >= {"one", "two"}
    assert world.versions()["reads"] == start + 2
    assert doubles(world) == []


def test_two_workers_of_one_day(world, object_store):
    """Two merges of one day for one version: the second is decided again, and every row stands once."""
    world.archive.tables.make("history")
    rival = world.beside()
    rival.clock = Clock(world.clock.now)
    for each, own in ((world, "mine"), (rival, "its")):
        each.gateway.rows = list(world.gateway.rows)
        each.gateway.put("shared")
        each.gateway.put(own)
    threads = [threading.Thread(target=each.read) for each in (world, rival)]
    with object_store.gathering(2, path="transactions/_delta_log/0000", method="PUT"):
        refused = object_store.counts()["refused"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert object_store.counts()["refused"] > refused
    assert set(world.held()) == set(world.ledger()) | {"its"}
    assert doubles(world) == []


def test_a_store_without_conditional_puts_is_not_written(world):
    """Where commits could overwrite each other none is made, and the error says why (deltalake 1.3: hardly)."""
    other = World(world.uri, world.storage_options | {"aws_conditional_put": "disabled"})
    other.gateway, other.clock = world.gateway, world.clock
    versions, held = world.versions(), world.held()
    world.gateway.put("late")
    with pytest.raises(OSError, match=r"conditional put is disabled|not yet implemented"):
        other.read()
    assert (world.versions(), world.held()) == (versions, held)


@pytest.mark.parametrize("nth", [1, 2, 3], ids=["history", "rows", "reads"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_commit_that_fails_or_whose_answer_is_lost(world, object_store, kind, nth):
    """Whichever commit of a reading it is, and whether it landed or not: rows, versions, records stand once."""
    world.gateway.put("changes", fee=1)
    world.gateway.put("late")
    world.archive.tables.make("history")
    with object_store.failing(nth, [kind], times=1, **COMMITS):
        before = object_store.counts()[kind]
        assert world.read().complete
        assert object_store.counts()[kind] == before + 1
    assert world.held() == world.ledger()
    assert record("changes", fee=0) in {raw for raw, _ in world.history("changes")}
    assert doubles(world) == []
    assert world.state() == "complete"


def test_storage_that_takes_no_commit(world, object_store):
    """After bounded tries the storage's own error comes out, without a secret; nothing new is vouched for."""
    reads, held = len(world.archive.reads()), world.held()
    world.gateway.put("next", day=NEXT_DAY)
    before = object_store.counts()["reset"]
    with (
        object_store.failing(1, ["reset"], **COMMITS),
        pytest.raises(OSError, match="Generic S3 error") as caught,
    ):
        world.read(NEXT_DAY)
    assert object_store.counts()["reset"] == before + STORAGE_TRIES
    assert SECRET not in str(caught.value)
    assert (len(world.archive.reads()), world.held()) == (reads, held)
    assert world.state(NEXT_DAY) == "missing"
    assert world.read(NEXT_DAY).complete
    assert world.held() == world.ledger()


def test_throttling(world, object_store):
    """Every third request answered 503 costs time only."""
    world.gateway.put("changes", fee=1)
    world.gateway.put("late")
    with object_store.failing(3, ["slow_down"]):
        result = world.read()
    assert (result.new, result.changed, result.complete) == (1, 1, True)
    assert world.held() == world.ledger()


def test_nothing_but_tables_is_stored(world, object_store):
    """Upkeep on S3 leaves live files, the log and its checkpoints where they belong."""
    world.gateway.put("changes", fee=1)
    world.read()
    done = keep_up(world.archive.tables)
    keys = object_store.keys(world.uri.removeprefix(f"s3://{BUCKET}/"))
    for name, each in done.items():
        version = world.versions()[name]
        assert each.checkpoint == version
        assert any(key.endswith(f"{name}/_delta_log/{version:020}.checkpoint.parquet") for key in keys)
        stored = {key.rsplit("/", 1)[-1] for key in keys if f"/{name}/" in key}
        assert {uri.rsplit("/", 1)[-1] for uri in world.archive.tables.open(name).file_uris()} <= stored
