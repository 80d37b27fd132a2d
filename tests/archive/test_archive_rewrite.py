# SPDX-License-Identifier: Apache-2.0
"""Days written anew: what stays, what is touched, and what ends it without a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest
from archive_world import DAY, NEXT_DAY, PROJECT, Clock, World, record
from deltalake.exceptions import CommitFailedError

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.rewrite import Rewrite
from airflow_provider_sengo.archive.schema import TRANSACTIONS

ELSEWHERE = "sandbox-00000000"


@pytest.fixture
def filled(world: World) -> World:
    """Two days of a type, one of another type and one of another project."""
    world.clock = Clock(days.closed_at(NEXT_DAY))
    for day, type_ in ((DAY, "cashIn"), (NEXT_DAY, "cashIn"), (DAY, "cashOut")):
        for number in range(3):
            world.gateway.put(f"{day}-{type_}-{number}", day=day, type=type_)
        world.read(day, type=type_)
    world.read(DAY, project=ELSEWHERE)
    return world


def opened(world: World, *leaving: str, day: object = DAY) -> Rewrite:
    table = world.archive.tables.open("transactions")
    return Rewrite(table, PROJECT, "cashIn", {str(day): leaving})


def rows(world: World) -> pa.Table:
    table = world.archive.transactions().select(TRANSACTIONS.names)
    return table.sort_by([("project", "ascending"), ("type", "ascending"), ("id", "ascending")])


def coming(world: World, id: str) -> list[pa.RecordBatch]:
    """A row as it would come: another's, with a new id."""
    like = world.archive.transactions(PROJECT, DAY, "cashIn").slice(0, 1).select(TRANSACTIONS.names)
    return (
        like.set_column(TRANSACTIONS.names.index("id"), "id", pa.array([id])).cast(TRANSACTIONS).to_batches()
    )


def test_only_the_rows_that_leave_leave(filled: World) -> None:
    """The others of the day are written as they were, and no other day, type or project is touched."""
    before, gone = rows(filled), f"{DAY}-cashIn-1"
    files = set(filled.archive.tables.open("transactions").file_uris())
    with opened(filled, gone) as rewrite:
        assert rewrite.left["id"].to_pylist() == [gone]
        rewrite.commit(coming(filled, "new"))
    after = rows(filled)
    mask = [
        not (row["id"] == gone and row["project"] == PROJECT)
        for row in before.select(["id", "project"]).to_pylist()
    ]
    assert after.filter(pa.array([id != "new" for id in after["id"].to_pylist()])).equals(
        before.filter(pa.array(mask))
    )
    assert len(set(filled.archive.tables.open("transactions").file_uris()) - files) == 1


def of_the_day(world: World) -> None:
    world.gateway.put("of-the-day")
    world.read()


def of_the_other_day(world: World) -> None:
    world.gateway.put("of-the-other-day", day=NEXT_DAY)
    world.read(NEXT_DAY)


def packing(world: World) -> None:
    """The same rows in fewer files."""
    with opened(world) as rewrite:
        rewrite.commit([])


@pytest.mark.also_on_s3
@pytest.mark.parametrize("rival", [of_the_day, of_the_other_day, packing])
def test_a_rival_in_a_touched_day_is_not_overwritten(filled: World, rival: Callable[[World], None]) -> None:
    """What was committed after the snapshot, to any day that is written anew, refuses the commit."""
    rewrite = Rewrite(
        filled.archive.tables.open("transactions"), PROJECT, "cashIn", {str(DAY): [], str(NEXT_DAY): []}
    )
    with rewrite:
        rival(filled)
        held = rows(filled)
        with pytest.raises(CommitFailedError):
            rewrite.commit(coming(filled, "new"))
    assert rows(filled).equals(held)


def test_a_rival_elsewhere_does_not_disturb(filled: World) -> None:
    """Other days are other partitions."""
    with opened(filled) as rewrite:
        of_the_other_day(filled)
        rewrite.commit(coming(filled, "new"))
    assert {"new", "of-the-other-day"} <= set(rows(filled)["id"].to_pylist())


def test_an_error_in_what_comes_ends_it_without_a_commit(filled: World) -> None:
    """Nothing is left in the table, nor on disk but what was there."""
    before, version = rows(filled), filled.versions()

    good = coming(filled, "new")

    def broken() -> Iterator[pa.RecordBatch]:
        yield from good
        raise ValueError("broken off")

    with opened(filled) as rewrite, pytest.raises(ValueError, match="broken off"):
        rewrite.commit(broken())
    assert (rows(filled), filled.versions()) == (before, version)


def test_rows_that_stay_must_come_back(filled: World) -> None:
    """A file that lost rows on its way, of whatever reason, ends it without a commit."""
    before = rows(filled)
    with opened(filled) as rewrite:
        with pa.ipc.new_stream(rewrite._path, TRANSACTIONS) as writer:
            writer.write_table(TRANSACTIONS.empty_table())
        with pytest.raises(RuntimeError, match="3 rows were to stay, 0 came back"):
            rewrite.commit(coming(filled, "new"))
    assert rows(filled).equals(before)


def test_a_late_row_of_another_day_touches_only_that_day(filled: World) -> None:
    """A version that takes the place of a row of another day leaves the day that was read as it is."""
    filled.gateway.drop(f"{DAY}-cashIn-0")
    filled.gateway.put(f"{DAY}-cashIn-0", day=NEXT_DAY, fee=1)
    table = filled.archive.tables.open("transactions")
    files = {uri for uri in table.file_uris() if str(NEXT_DAY) in uri}
    result = filled.read(NEXT_DAY)
    assert (result.new, result.changed) == (0, 1)
    assert files <= set(filled.archive.tables.open("transactions").file_uris())
    row = filled.archive.transactions(PROJECT, DAY, "cashIn").sort_by("id").slice(0, 1).to_pylist()[0]
    assert (row["raw"], row["day"]) == (record(f"{DAY}-cashIn-0", fee=1), str(DAY))
