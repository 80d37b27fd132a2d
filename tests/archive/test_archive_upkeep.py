# SPDX-License-Identifier: Apache-2.0
"""Upkeep: files get fewer, rows do not."""

from __future__ import annotations

import json

import msgspec
import pyarrow.parquet as pq
import pytest
from archive_world import COMMITS
from object_store import KINDS
from upkeep_world import PROJECTS, busy_week, content, live, scatter

from airflow_provider_sengo.archive.schema import HISTORY, READS, TRANSACTIONS
from airflow_provider_sengo.archive.tables import STORAGE_TRIES
from airflow_provider_sengo.archive.upkeep import TableUpkeep, keep_up


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


@pytest.mark.parametrize("place", ["s3"], indirect=True)
@pytest.mark.parametrize("name", ["transactions", "history", "reads"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_commit_that_fails_or_whose_answer_is_lost(world, object_store, kind, name):
    """Whichever table it is of, and whether it landed or not: its files are folded, and no row is doubled."""
    busy_week(world)
    scatter(world, "new-1")
    rows, before = content(world), object_store.counts()[kind]
    commit = {**COMMITS, "path": f"{name}/{COMMITS['path']}"}
    with object_store.failing(1, [kind], times=1, **commit):
        done = keep_up(world.archive.tables, sleep=lambda seconds: None)
    assert object_store.counts()[kind] == before + 1
    assert content(world) == rows
    assert done[name].files_before > done[name].files_after == len(live(world, name))
    assert [each.put_off for each in done.values()] == [False] * 3


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_storage_that_takes_no_commit(world, object_store):
    """After bounded tries the storage's own error comes out; every row still stands, and is folded later."""
    busy_week(world)
    scatter(world, "new-1")
    rows, before, waits = content(world), object_store.counts()["reset"], []
    with (
        object_store.failing(1, ["reset"], **COMMITS),
        pytest.raises(OSError, match="Generic S3 error"),
    ):
        keep_up(world.archive.tables, sleep=waits.append)
    assert object_store.counts()["reset"] == before + STORAGE_TRIES
    assert len(waits) == STORAGE_TRIES - 1
    assert content(world) == rows
    assert not any(each.put_off for each in keep_up(world.archive.tables).values())
    assert content(world) == rows


def test_result_is_plain():
    """What XCom carries are numbers and booleans."""
    done = TableUpkeep(
        files_before=2, files_after=1, files_removed=0, bytes_removed=0, checkpoint=None, put_off=False
    )
    assert json.loads(msgspec.json.encode(done)) == msgspec.to_builtins(done)
