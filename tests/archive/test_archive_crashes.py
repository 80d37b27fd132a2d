# SPDX-License-Identifier: Apache-2.0
"""The process dies before or after each commit; the next run makes everything right.

The commits are counted, not listed, so that new ones are tried as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from archive_world import NEXT_DAY, PROJECT, Clock, Crash, World, counted_commits, record
from deltalake import write_deltalake

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.schema import TRANSACTIONS
from airflow_provider_sengo.archive.store import Archive

Versions = dict[str, set[bytes]]  # id -> versions that the history must hold, each once


def first_read(world: World) -> tuple[Callable[[], object], Versions]:
    """A day that was never read, with a version refused within the reading."""
    for status in ("pending", "expired", "success"):
        world.gateway.fill(2, status)
    stale = record("lag", "pending")
    world.gateway.put("lag", listing="pending")

    def lag(status, page, nth):
        if status == "failed":
            world.gateway.put("lag", raw=stale, listing="failed")
        if status in ("pending", "success"):
            world.gateway.put("lag", listing="pending")

    world.gateway.before = lag
    return world.read, {"lag": {stale}}


def re_read(world: World) -> tuple[Callable[[], object], Versions]:
    """A day with rows that changed, were refused, are new, and one that is found by id."""
    world.gateway.fill(4)
    replaced = {id: {world.gateway.put(id, "pending")} for id in ("settles", "vanishes")}
    world.read()
    world.gateway.drop("vanishes")
    world.gateway.by_id["vanishes"] = record("vanishes", "expired")
    world.gateway.put("settles")
    replaced["success-0"] = {world.gateway.put("success-0", "refunded", listing="success")}
    world.gateway.put("new")
    return world.read, replaced


def moved_rows(world: World) -> tuple[Callable[[], object], Versions]:
    """A day never read, of which one row stands under the day before: both days change in one commit."""
    old = world.gateway.put("moves", "pending")
    world.read()
    world.gateway.drop("moves")
    world.gateway.put("moves", day=NEXT_DAY)
    world.gateway.fill(2, day=NEXT_DAY)
    return lambda: world.read(NEXT_DAY), {"moves": {old}}


def heal(world: World) -> tuple[Callable[[], object], Versions]:
    """Two ids under two days each, and a sound one."""
    apart = world.beside("-apart")
    apart.clock = world.clock
    for id in ("a", "b"):
        world.gateway.put(id, "pending")
        apart.gateway.put(id, day=NEXT_DAY)
    world.gateway.put("sound")
    world.read()
    apart.read(NEXT_DAY)
    rows = apart.archive.transactions().cast(TRANSACTIONS)
    write_deltalake(world.archive.tables.open("transactions"), rows, mode="append")
    for id in ("a", "b"):
        world.gateway.drop(id)
        world.gateway.put(id, day=NEXT_DAY)

    def mend() -> None:
        world.archive.heal(PROJECT, world.clock.now, 7, read_id="check")

    return mend, {id: {record(id, "pending")} for id in ("a", "b")}


def expected_rows(world: World, versions: Versions) -> dict[str, bytes]:
    """The ledger, but for versions that are refused and rows that are known by id only."""
    held = {
        **world.ledger(),
        **{id: raw for id, raw in world.gateway.by_id.items() if isinstance(raw, bytes)},
    }
    for id, raw in list(held.items()):
        if raw in versions.get(id, ()):
            held[id] = record(id)
    return held


def claims(world: World) -> set[tuple[object, ...]]:
    """Which days are claimed to be complete, and since which read."""
    found = world.archive.coverage(world.clock.now, project=PROJECT)
    return {(item.day, item.type, item.last_complete_at) for item in found if item.rows is not None}


SCENARIOS = {first_read: 3, re_read: 3, moved_rows: 3, heal: 2}  # and how many commits there are at least
LATE = days.closed_at(NEXT_DAY) + timedelta(hours=1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_each_crash_point(tmp_path, scenario, after):
    """Wherever a run dies, nothing false is claimed, and the next run leaves exactly the ledger and its history."""
    world = World(str(tmp_path / "prepared"))
    world.clock = Clock(LATE)
    step, versions = scenario(world)
    point, crashed = 0, True
    while crashed:
        point += 1
        copy = tmp_path / f"point-{point}"
        if Path(world.uri).exists():
            shutil.copytree(world.uri, copy)
        world.archive = Archive(str(copy))
        claimed_before = claims(world)
        with counted_commits() as commits:
            commits.die_at, commits.after = point, after
            try:
                step()
                crashed = False
            except Crash:
                crashed = True
        expected = expected_rows(world, versions)
        if claims(world) != claimed_before:
            assert world.held() == expected
        if crashed:
            assert len(commits.points) == point
            step()
        assert world.held() == expected
        found = {id: sorted(raw for raw, _ in world.history(id)) for id in versions}
        assert found == {id: sorted(raws) for id, raws in versions.items()}
        assert world.archive.tables.scan("history").num_rows == len(versions)
        if scenario is not heal:
            assert step().complete
            assert claims(world) != claimed_before
        shutil.rmtree(copy)
    assert point - 1 >= SCENARIOS[scenario]
