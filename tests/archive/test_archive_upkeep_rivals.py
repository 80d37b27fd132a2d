# SPDX-License-Identifier: Apache-2.0
"""Upkeep beside others that write: whoever comes second decides again, and no row is lost or doubled."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from archive_world import NEXT_DAY, Clock
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from upkeep_world import busy_week, content, scatter

from airflow_provider_sengo.archive import days, merge, tables
from airflow_provider_sengo.archive.tables import COMMIT_TRIES, SCHEMAS
from airflow_provider_sengo.archive.upkeep import TableUpkeep, keep_up


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
    assert (len(waits), len(tried)) == (COMMIT_TRIES - 1, COMMIT_TRIES + 2)
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
    monkeypatch.setattr(tables, "COMMIT_WAIT_S", 0)
    result = world.read()
    assert (result.new, result.changed) == (1, 1)
    first, second = folded
    assert first.files_before > first.files_after == second.files_before == second.files_after == 2
    assert world.held() == world.ledger()
