# SPDX-License-Identifier: Apache-2.0
"""Which version stands, what goes to the history, and what is committed at all."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from archive_world import CLOSED, DAY, NEXT_DAY, PROJECT, Clock, counted_commits, record
from deltalake import write_deltalake

from airflow_provider_sengo.archive import days, run
from airflow_provider_sengo.archive.compare import Partition
from airflow_provider_sengo.archive.merge import commit
from airflow_provider_sengo.archive.rows import read_row
from airflow_provider_sengo.archive.schema import TRANSACTIONS
from airflow_provider_sengo.archive.spool import Spool, hash_id
from airflow_provider_sengo.exceptions import Unavailable

pytestmark = pytest.mark.also_on_s3

STATUSES = ("pending", "refunded", "expired", "failed", "success")
RANK = {"pending": 0, "refunded": 1, "expired": 2, "failed": 2, "success": 3}


def test_first_read_is_one_overwrite(world):
    """A first read commits its rows, of all listings, once; then the record of the reads."""
    for status in ("pending", "expired", "failed", "success"):
        world.gateway.fill(2, status)
    with counted_commits() as commits:
        result = world.read()
    assert commits.points == ["overwrite", "append"]
    assert world.versions() == {"transactions": 1, "reads": 1}
    assert (result.new, result.changed) == (8, 0)
    assert {item.status: item.new_rows for item in world.archive.reads()} == dict.fromkeys(
        ("pending", "expired", "failed", "success"), 2
    )


def test_empty_day_writes_no_rows(world):
    """A day without rows commits nothing but its reads."""
    assert world.read().complete
    assert world.versions() == {"transactions": 0, "reads": 1}


def test_unchanged_re_read_commits_nothing(world):
    """A re-read that finds nothing new makes no commit and no file of rows."""
    world.gateway.fill(7)
    world.gateway.put("p", "pending")
    world.read()
    files = world.archive.tables.open("transactions").file_uris()
    with counted_commits() as commits:
        assert (world.read().changed, world.read().new) == (0, 0)
    assert commits.points == ["append", "append"]  # the two records of reads
    assert world.archive.tables.open("transactions").file_uris() == files


def test_later_rows_come_beside_the_standing_ones(world):
    """Rows new to a day that has rows; the standing ones keep their times."""
    world.gateway.fill(2)
    world.read()
    before = world.row("success-0")
    world.gateway.put("late")
    with counted_commits() as commits:
        result = world.read()
    assert commits.points == ["overwrite", "append"]
    assert (result.new, result.changed, result.complete) == (1, 0, True)
    assert world.held() == world.ledger()
    assert world.row("success-0") == before
    assert world.row("late")["first_seen_at"] > before["first_seen_at"]


@pytest.mark.also_on_s3(False)  # its table is long, and of the archive's own making
@pytest.mark.parametrize("standing", STATUSES)
@pytest.mark.parametrize("read", STATUSES)
def test_which_version_wins(world, standing, read):
    """A version replaces one that is no more final; a less final one is refused, and kept once."""
    old = world.gateway.put("a", standing, listing="success")
    world.gateway.fill(1)
    world.read()
    first = world.row("a")
    new = world.gateway.put("a", read, listing="success", amount=2000)
    results = [world.read() for _ in range(2)]
    row = world.row("a")
    if RANK[read] >= RANK[standing]:
        assert (row["raw"], row["status"], row["amount"]) == (new, read, 2000)
        assert [(r.changed, r.refused) for r in results] == [(1, 0), (0, 0)]
        assert world.history("a") == [(old, "replaced")]
        assert row["last_changed_at"] > first["last_changed_at"]
        assert row["first_seen_at"] == first["first_seen_at"]
    else:
        assert row == first
        assert [(r.changed, r.refused) for r in results] == [(0, 1)] * 2
        assert world.history("a") == [(new, "refused")]
    assert world.archive.history("a")["raw"].to_pylist() == [world.history("a")[0][0]]


def test_a_version_that_comes_back(world):
    """Bytes that alternate are each in the history once, however often they alternate."""
    old = world.gateway.put("a")
    world.read()
    new = world.gateway.put("a", fee=8)
    for raw in (new, old, new, old):
        world.gateway.put("a", raw=raw)
        assert world.read().changed == 1
    assert sorted(world.history("a")) == sorted([(old, "replaced"), (new, "replaced")])


def test_late_settlement_over_days(world):
    """Pending, then expired, then success: each replaced version is in the history, in order."""
    raws = []
    for status in ("pending", "expired", "success"):
        raws.append(world.gateway.put("a", status))
        world.read()
    assert world.held() == {"a": raws[2]}
    assert world.archive.history("a")["raw"].to_pylist() == raws[:2]
    assert {row["read_id"][:9] for row in world.archive.tables.scan("history").to_pylist()} == {"20261121T"}


def test_versions_refused_within_one_reading(world):
    """Of two versions read at once the more final stands; the other is kept as refused."""
    stale = record("a", "pending")

    def settle_then_lag(status, page, nth):
        if status == "failed":
            world.gateway.put("a", raw=stale, listing="success", type="cashIn")

    world.gateway.put("a", "success", listing="pending")
    world.gateway.before = settle_then_lag
    result = world.read()
    assert world.row("a")["status"] == "success"
    assert (result.refused, world.history("a")) == (1, [(stale, "refused")])


def test_duplicates_within_a_pass_stand_once(world):
    """An id that a listing shows twice stands once, and the day is not complete."""
    world.gateway.fill(4)
    world.gateway.rows += [world.gateway.rows[0]] * 2
    with pytest.raises(Exception, match="moved in each of 2 passes"):
        world.read(max_passes=2)
    assert world.held() == world.ledger()


def test_rows_keep_the_day_they_were_first_shown_under(world):
    """A row that another day's listing shows later keeps its day, and is no second row."""
    world.gateway.put("a", "pending")
    world.gateway.fill(1, day=NEXT_DAY)
    world.read()
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    world.read(NEXT_DAY)
    world.gateway.drop("a")
    raw = world.gateway.put("a", day=NEXT_DAY)
    result = world.read(NEXT_DAY)
    row = world.row("a")
    assert (row["day"], row["last_listed_day"], row["raw"]) == (str(DAY), str(NEXT_DAY), raw)
    assert (result.new, result.changed) == (0, 1)
    assert len(world.archive.transactions(day=DAY)) == 1
    assert world.read(NEXT_DAY).complete
    assert world.state(NEXT_DAY) == "complete"


def test_another_days_listing_is_noted_without_history(world):
    """The same bytes under another day's listing are no new version: only the day of the listing changes."""
    raw = world.gateway.put("a")
    world.read()
    before = world.row("a")
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    world.gateway.put("a", day=NEXT_DAY, raw=raw)
    result = world.read(NEXT_DAY)
    assert world.row("a") == {**before, "last_listed_day": str(NEXT_DAY)}
    assert (result.new, result.changed, world.history("a")) == (0, 0, [])
    assert "history" not in world.versions()


def test_standing_row_of_a_day_that_left_the_window(world):
    """A row whose day the gateway has forgotten is still found under it."""
    world.gateway.put("a", "pending")
    world.read()
    far = DAY + timedelta(days=run.days.RETENTION_DAYS)
    world.clock = Clock(days.closed_at(far) + timedelta(hours=1))
    world.gateway.drop("a")
    world.gateway.put("a", day=far)
    world.read(far)
    assert (world.row("a")["day"], world.row("a")["status"]) == (str(DAY), "success")


def test_types_and_projects_are_apart(world):
    """One id in two types or two projects is two rows, and none vouches for the other."""
    world.gateway.put("a")
    world.gateway.put("a", "failed", type="cashOut")
    world.read()
    world.read(type="cashOut")
    assert world.state() == world.state(type="cashOut") == "complete"
    world.gateway.put("a", amount=2000)
    world.read(project="sandbox-00000000")
    assert world.archive.transactions().num_rows == 3
    assert world.held(project="sandbox-00000000") == {"a": record("a", amount=2000)}
    assert world.history("a") == []
    states = {
        (i.project, i.type): str(i.state) for i in world.archive.coverage(world.clock.now) if i.day == DAY
    }
    assert states["sandbox-00000000", "cashIn"] == "complete"
    assert states["sandbox-00000000", "cashOut"] == "missing"
    assert states[PROJECT, "cashOut"] == "complete"


def test_odd_project_is_refused(world):
    """A project that a predicate cannot hold is refused before anything is written."""
    world.gateway.fill(1)
    with pytest.raises(ValueError, match="may hold letters"):
        world.read(project="x' OR 'a' = 'a")
    assert world.archive.transactions().num_rows == 0


def test_counts_of_a_failed_listing(world):
    """The record of a listing that failed tells how many of its rows are archived all the same."""
    world.gateway.fill(9)
    world.gateway.failures["success", 3] = Unavailable("busy")
    with pytest.raises(Exception, match="busy"):
        world.read(concurrency=1)
    (read,) = [item for item in world.archive.reads() if item.status == "success"]
    assert (read.new_rows, read.rows, read.outcome, read.moved) == (6, 0, "failed", "busy")
    assert read.started_at > CLOSED


def test_a_version_that_was_read_twice_is_written_once(world):
    """A row that changes and changes back while it is read, and is shown each time, stands once."""
    raws = [record("a", fee=0), record("a", fee=1), record("a", fee=0)]
    rows = [read_row(raw) for raw in raws]
    with Spool(DAY) as spool:
        for row in rows:
            spool.add([row], [hash_id(row.id)], listing="success")
        done = commit(
            world.archive.tables, Partition(PROJECT, "cashIn", DAY), spool, read_id="r", now=world.clock()
        )
    assert done.new == {"success": 1}
    assert world.held() == {"a": raws[0]}


@pytest.mark.also_on_s3(False)  # a matter of comparing
@pytest.mark.parametrize("first", ["pending", "success"])
def test_an_id_that_another_tool_let_stand_twice_in_a_day(world, first):
    """Whichever stands first in the table: one version comes, every other one goes to the history."""
    second = {"pending": "success", "success": "pending"}[first]
    for status in (first, second):
        apart = world.beside(f"-{status}")
        apart.gateway.put("a", status, listing="success")
        apart.read()
        rows = apart.archive.transactions().cast(TRANSACTIONS)
        listed = pa.array([str(NEXT_DAY) if status == "success" else str(DAY)])
        rows = rows.set_column(TRANSACTIONS.names.index("last_listed_day"), "last_listed_day", listed)
        write_deltalake(world.archive.tables.make("transactions"), rows.cast(TRANSACTIONS), mode="append")
    world.gateway.put("a", "success")
    world.read()
    assert world.held() == {"a": record("a", "success")}
    assert set(world.history("a")) == {(record("a", "pending"), "replaced")}
