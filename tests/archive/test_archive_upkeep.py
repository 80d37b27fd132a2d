# SPDX-License-Identifier: Apache-2.0
"""Upkeep: files get fewer, rows do not."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from archive_world import NEXT_DAY, PROJECT, Clock, World
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from airflow_provider_sengo.archive import days, merge
from airflow_provider_sengo.archive.merge import COMMIT_TRIES
from airflow_provider_sengo.archive.schema import HISTORY, READS, TRANSACTIONS
from airflow_provider_sengo.archive.tables import SCHEMAS
from airflow_provider_sengo.archive.upkeep import KEEP_DAYS, KEEP_DAYS_MIN, TableUpkeep, keep_up

# As the simulator's and IPv6 hosts are spelled in the folders of partitions: %3A, %5B.
PROJECTS = (PROJECT, "127.0.0.1:8800-0a1b2c3d", "[::1]:80-00000000")


def busy_week(world: World, projects: tuple[str, ...] = (PROJECT,)) -> None:
    """Days read again and again: new rows, changed ones, and ones that wander from day to day."""
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    for project in projects:
        world.gateway.rows.clear()
        for nth in range(3):
            world.gateway.put(f"new-{nth}")
            world.gateway.put("changes", fee=nth)
            world.gateway.put(f"next-{nth}", "pending", day=NEXT_DAY)
            world.read(project=project)
            world.read(NEXT_DAY, project=project)


def scatter(world: World, id: str) -> None:
    """Let a row stand in a file of its own, as other writers leave them, earlier releases among them."""
    table = world.archive.tables.open("transactions")
    row = world.archive.tables.scan("transactions", pc.field("id") == id)
    table.delete(f"id = '{id}'")
    write_deltalake(table, row, mode="append")


def content(world: World) -> dict[str, list[str]]:
    """Every row of every table, as text in one order."""
    return {name: sorted(map(repr, world.archive.tables.scan(name).to_pylist())) for name in SCHEMAS}


def files(world: World, name: str) -> set[str]:
    """The data files that are stored for a table on disk, live or not."""
    return {path.name for path in Path(world.uri, name).rglob("part-*.parquet")}


def live(world: World, name: str) -> set[str]:
    """The data files that hold the rows of a table."""
    return {uri.rsplit("/", 1)[-1] for uri in world.archive.tables.open(name).file_uris()}


def age(world: World, by: timedelta) -> None:
    """Let everything that is stored on disk have happened so much earlier."""
    moment = time.time() - by.total_seconds()
    for path in Path(world.uri).rglob("_delta_log/*checkpoint*"):
        path.unlink()  # it repeats what the log says
    for path in Path(world.uri).rglob("_delta_log/*.json"):
        actions = [json.loads(line) for line in path.read_text().splitlines()]
        for action in actions:
            if "remove" in action:
                action["remove"]["deletionTimestamp"] = int(moment * 1000)
        path.write_text("".join(json.dumps(action) + "\n" for action in actions))
    for path in Path(world.uri).rglob("part-*.parquet"):
        os.utime(path, (moment, moment))


def test_no_archive_is_no_work(world):
    """Where no table is, nothing is done and nothing is made."""
    assert keep_up(world.archive.tables) == {}
    assert world.versions() == {}


@pytest.mark.also_on_s3
def test_rows_are_the_same_before_and_after(world):
    """Files get fewer; rows, history, coverage and columns stay; a second run does nothing at all."""
    busy_week(world, PROJECTS[1:2])
    scatter(world, "new-1")
    before, covered = content(world), world.archive.coverage(world.clock.now)
    assert "complete" in {str(item.state) for item in covered}
    done = keep_up(world.archive.tables)
    assert content(world) == before
    assert list(done) == ["transactions", "history", "reads"]
    for name, each in done.items():
        partitions = {"reads": 1, "history": 1, "transactions": 2}[name]
        assert each.files_before > each.files_after == len(live(world, name)) == partitions
        assert (each.files_removed, each.bytes_removed, each.put_off) == (0, 0, False)
        assert each.checkpoint == world.versions()[name]
    assert done["reads"].files_before == 6
    versions = world.versions()
    again = keep_up(world.archive.tables)
    assert {name: each.files_before - each.files_after for name, each in again.items()} == dict.fromkeys(
        done, 0
    )
    assert [each.checkpoint for each in again.values()] == [None] * 3
    assert world.versions() == versions
    assert world.archive.coverage(world.clock.now) == covered


def test_folded_files_hold_plain_columns(world):
    """A folded file has the columns of the schema, as every Arrow scanner filters them."""
    busy_week(world)
    keep_up(world.archive.tables)
    for name, schema in (("transactions", TRANSACTIONS), ("history", HISTORY), ("reads", READS)):
        for uri in world.archive.tables.open(name).file_uris():
            assert {field.name: field.type for field in pq.read_schema(uri)}.items() <= {
                field.name: field.type for field in schema
            }.items()


def test_archiving_goes_on_after(world):
    """Days are read, merged and judged as before."""
    busy_week(world)
    keep_up(world.archive.tables)
    world.gateway.put("late")
    world.gateway.put("changes", fee=99)
    result = world.read()
    assert (result.new, result.changed, result.complete) == (1, 1, True)
    assert world.held() == world.ledger()


def test_only_old_files_that_nothing_refers_to_are_deleted(world):
    """Young files stay, whoever left them; old ones go unless rows are in them, whatever the project's name."""
    busy_week(world, PROJECTS)
    before, stored = content(world), {name: files(world, name) for name in SCHEMAS}
    keep_up(world.archive.tables, keep_days=KEEP_DAYS_MIN)
    assert all(files(world, name) >= stored[name] for name in SCHEMAS)
    age(world, timedelta(days=KEEP_DAYS_MIN, hours=-1))
    assert {
        each.files_removed for each in keep_up(world.archive.tables, keep_days=KEEP_DAYS_MIN).values()
    } == {0}

    age(world, timedelta(days=KEEP_DAYS_MIN, hours=1))
    assert {each.files_removed for each in keep_up(world.archive.tables).values()} == {0}  # kept for 30 days
    paths = {name: list(Path(world.uri, name).rglob("part-*.parquet")) for name in SCHEMAS}
    dead = {
        name: sum(path.stat().st_size for path in paths[name] if path.name not in live(world, name))
        for name in SCHEMAS
    }
    count = {name: len(files(world, name) - live(world, name)) for name in SCHEMAS}
    assert min(count.values()) > 0
    done = keep_up(world.archive.tables, keep_days=KEEP_DAYS_MIN)
    assert {name: (each.files_removed, each.bytes_removed) for name, each in done.items()} == {
        name: (count[name], dead[name]) for name in SCHEMAS
    }
    assert all(files(world, name) == live(world, name) for name in SCHEMAS)
    assert content(world) == before
    assert {
        each.files_removed for each in keep_up(world.archive.tables, keep_days=KEEP_DAYS_MIN).values()
    } == {0}


def test_what_a_killed_writer_left_is_deleted_when_it_is_old(world):
    """A file that was never committed is no row: it goes by its age alone."""
    busy_week(world)
    (some, *_) = Path(world.uri, "transactions").rglob("part-*.parquet")
    orphan = some.with_name("part-00000-11111111-2222-3333-4444-555555555555-c000.zstd.parquet")
    orphan.write_bytes(some.read_bytes())
    assert keep_up(world.archive.tables)["transactions"].files_removed == 0
    assert orphan.exists()
    moment = time.time() - timedelta(days=KEEP_DAYS, hours=1).total_seconds()
    os.utime(orphan, (moment, moment))
    done = keep_up(world.archive.tables)["transactions"]
    assert (done.files_removed, done.bytes_removed) == (1, some.stat().st_size)
    assert not orphan.exists()


def test_a_reader_that_began_before_reads_to_the_end(world):
    """An open snapshot is whole also after its files were folded and a vacuum has run."""
    busy_week(world)
    before = content(world)["reads"]
    snapshot = world.archive.tables.open("reads")
    done = keep_up(world.archive.tables, keep_days=KEEP_DAYS_MIN)
    assert done["reads"].files_after < len(snapshot.file_uris())
    assert sorted(map(repr, snapshot.to_pyarrow_dataset().to_table().to_pylist())) == before


@pytest.mark.parametrize("keep_days", [6, 0, -1])
def test_too_short_a_time_is_refused(world, keep_days):
    """Less than a week would take files from readers; nothing is done at all."""
    busy_week(world)
    versions = world.versions()
    with pytest.raises(ValueError, match="keep_days: must be at least 7"):
        keep_up(world.archive.tables, keep_days=keep_days)
    assert world.versions() == versions


def test_a_vacuum_that_would_take_rows_is_refused(world, monkeypatch):
    """Should delta-rs ever name a file that holds rows, nothing is deleted."""
    busy_week(world)
    calls = []

    def vacuum(table, *, dry_run, **_):
        calls.append(dry_run)
        return [uri.removeprefix(f"{world.uri}/transactions/") for uri in table.file_uris()]

    monkeypatch.setattr(DeltaTable, "vacuum", vacuum)
    with pytest.raises(RuntimeError, match="would delete files that hold rows"):
        keep_up(world.archive.tables)
    assert calls == [True]


def test_merges_and_upkeep_at_once(world):
    """Days archived again and again while upkeep runs again and again: nothing is lost, both end."""
    busy_week(world)
    rival = world.beside()
    rival.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    rival.gateway = world.gateway
    over = threading.Event()
    done: list[dict[str, TableUpkeep]] = []

    def look_after() -> None:
        while not done or not over.is_set():
            done.append(keep_up(rival.archive.tables))

    thread = threading.Thread(target=look_after)
    thread.start()
    try:
        for nth in range(12):
            world.gateway.put(f"more-{nth}")
            world.gateway.put("changes", fee=1000 + nth)
            assert world.read().complete
    finally:
        over.set()
        thread.join(60)
    assert done[0].keys() == done[-1].keys()
    assert world.held() == world.ledger()
    assert len(world.history("changes")) == len(set(world.history("changes"))) == 14


def test_compaction_that_always_loses_is_put_off(world, monkeypatch):
    """After a bounded number of lost races small files stay, the other tables are looked after all the same."""
    busy_week(world)
    before, waits = content(world), []
    plain, tried = DeltaTable.optimize, []

    def rivalled(table):
        tried.append(table.table_uri)
        if table.table_uri.rstrip("/").endswith("history"):
            raise CommitFailedError("others were faster")
        return plain.fget(table)

    monkeypatch.setattr(DeltaTable, "optimize", property(rivalled))
    done = keep_up(world.archive.tables, sleep=waits.append)
    assert {name: each.put_off for name, each in done.items()} == {
        "transactions": False,
        "history": True,
        "reads": False,
    }
    assert done["history"].files_before == done["history"].files_after
    assert (len(waits), len(tried)) == (COMMIT_TRIES, COMMIT_TRIES + 2)
    monkeypatch.undo()
    assert content(world) == before
    assert not keep_up(world.archive.tables)["history"].put_off


@pytest.mark.also_on_s3
@pytest.mark.parametrize("name", list(SCHEMAS))
def test_two_compactions_from_one_snapshot(world, name):
    """The second is refused: it would put every row there once more (deltalake from 1.6.4 on lets it)."""
    busy_week(world)
    scatter(world, "new-1")
    before, stale = content(world), world.archive.tables.open(name)
    keep_up(world.archive.tables)
    with pytest.raises(CommitFailedError):
        stale.optimize.compact()
    assert content(world) == before


@pytest.mark.also_on_s3
def test_a_write_that_began_before_a_compaction(world, monkeypatch):
    """Its file is gone when it commits: it is decided again, and nothing is lost or doubled."""
    busy_week(world)
    scatter(world, "new-1")
    world.gateway.put("late")
    world.gateway.put("changes", fee=99)
    plain, folded = merge.compare, []

    def compare_and_compact(*args):
        found = plain(*args)
        folded.append(keep_up(world.archive.tables)["transactions"])
        return found

    monkeypatch.setattr(merge, "compare", compare_and_compact)
    monkeypatch.setattr(merge.random, "uniform", lambda low, high: 0)
    result = world.read()
    assert (result.new, result.changed) == (1, 1)
    first, second = folded
    assert first.files_before > first.files_after == second.files_before == second.files_after == 2
    assert world.held() == world.ledger()


def test_result_is_plain():
    """What XCom carries are numbers and booleans."""
    done = TableUpkeep(
        files_before=2, files_after=1, files_removed=0, bytes_removed=0, checkpoint=None, put_off=False
    )
    assert json.loads(msgspec.json.encode(done)) == msgspec.to_builtins(done)
