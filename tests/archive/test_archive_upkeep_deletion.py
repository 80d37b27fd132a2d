# SPDX-License-Identifier: Apache-2.0
"""Upkeep deletes old files that nothing refers to, and never one that somebody may still read."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from archive_world import World
from deltalake import DeltaTable
from upkeep_world import PROJECTS, busy_week, content, live

from airflow_provider_sengo.archive.tables import SCHEMAS
from airflow_provider_sengo.archive.upkeep import KEEP_DAYS, KEEP_DAYS_MIN, keep_up


def files(world: World, name: str) -> set[str]:
    """The data files that are stored for a table on disk, live or not."""
    return {path.name for path in Path(world.uri, name).rglob("part-*.parquet")}


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
