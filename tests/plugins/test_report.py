# SPDX-License-Identifier: Apache-2.0
"""Questions of people, answered as the archive's own readers would."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from archive_maker import NOW, PROJECT, TODAY, make_archive
from archive_world import DAY, NEXT_DAY, Clock, World, record
from archive_world import PROJECT as WORLD_PROJECT
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_sengo.archive import days, report
from airflow_provider_sengo.archive.coverage import coverage
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.archive.tables import StorageError, Tables
from airflow_provider_sengo.plugins.archive_page import judge

LOST = TODAY - timedelta(days=9)
LONG_AGO = TODAY - timedelta(days=35)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Archive:
    uri = str(tmp_path_factory.mktemp("report"))
    return make_archive(uri, number_of_days=20, per_day=15, unread={(LOST, "cashIn")})


def test_the_log_of_reads_gives_the_same_coverage_as_the_whole_records(archive: Archive):
    """Fewer columns, read another way, and not one state differs."""
    whole = coverage(archive.reads(PROJECT), project=PROJECT, now=NOW)
    assert coverage(report.read_log(archive.tables, PROJECT), project=PROJECT, now=NOW) == whole
    assert {str(item.state) for item in whole if item.day == LOST} == {"lost", "sealed"}


@pytest.mark.parametrize("read_types", [("cashIn", "cashOut"), ("cashIn",)], ids=str)
def test_one_day_is_judged_as_among_all(archive: Archive, tmp_path, read_types):
    """By a handful of records each day has the state that all of them give it, read or not, near or far."""
    tables = Tables(str(tmp_path / "some"))
    chosen = [each for each in archive.reads(PROJECT) if each.type in read_types and each.day != LOST]
    by_hand = msgspec.structs.replace(chosen[0], read_id="late", run="late", day=LONG_AGO, started_at=NOW)
    elsewhere = msgspec.structs.replace(by_hand, read_id="elsewhere", project="another", type="cashOut")
    Archive(tables.uri).record_reads([*chosen, by_hand, elsewhere])
    whole, unread_types = judge(report.read_log(tables, PROJECT), PROJECT, NOW)
    assert {str(item.state) for item in whole} >= {"open", "complete", "sealed", "lost", "before"}
    for back in range(-1, 40):
        day = TODAY - timedelta(days=back)
        records = report.read_log_of_day(tables, PROJECT, day)
        assert len(records) <= len(report.reads_of_day(tables, PROJECT, day)) + 2 * len(read_types)
        judged, unread = judge(records, PROJECT, NOW)
        assert [item for item in judged if item.day == day] == [item for item in whole if item.day == day]
        assert unread == unread_types


def test_the_reads_of_a_day_open_no_file_of_another(world: World):
    """Which files have the day is told by the log, so its reads cost the same however many there are."""
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    world.read(DAY)
    folder = Path(world.archive.tables.address("reads"))
    of_day = {*folder.rglob("*.parquet")}
    world.read(NEXT_DAY)
    for file in {*folder.rglob("*.parquet")} - of_day:
        file.write_bytes(b"not parquet")
    found = report.reads_of_day(world.archive.tables, WORLD_PROJECT, DAY)
    assert sorted(each.status for each in found) == ["expired", "failed", "pending", "success"]
    with pytest.raises(StorageError):
        report.reads_of_day(world.archive.tables, WORLD_PROJECT, NEXT_DAY)


def test_totals_are_those_of_the_rows(archive: Archive):
    """By type, day, status and channel; both ends of the range included."""
    first, last = date(2026, 11, 10), date(2026, 11, 15)
    found = report.totals(archive.tables, PROJECT, first, last)
    rows = [row for row in archive.transactions(PROJECT).to_pylist() if str(first) <= row["day"] <= str(last)]
    counted: Counter = Counter()
    summed: Counter = Counter()
    for row in rows:
        key = (row["type"], date.fromisoformat(row["day"]), row["status"], row["channel"])
        counted[key] += 1
        summed[key] += row["amount"]
    assert {(t.type, t.day, t.status, t.channel): (t.rows, t.amount_sum) for t in found} == {
        key: (counted[key], summed[key]) for key in counted
    }
    only = report.totals(archive.tables, PROJECT, first, last, "cashOut")
    assert sorted(only, key=str) == sorted((each for each in found if each.type == "cashOut"), key=str)


def test_a_sum_beyond_64_bits_is_exact(world: World):
    """The gateway may send any amount; null ones count as rows."""
    for number in range(3):
        world.gateway.put(f"n{number}", "expired", raw=record(f"n{number}", "expired", 2**63 - 1))
    world.gateway.put("odd", "expired", raw=record("odd", "expired", "many"))
    world.read()
    (total,) = report.totals(world.archive.tables, PROJECT, TODAY - timedelta(days=9), TODAY)
    assert (total.rows, total.amount_sum) == (4, 3 * (2**63 - 1))


@settings(deadline=None)  # the first question loads the engine
@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_any_text_can_be_looked_for(archive: Archive, text: str):
    """Quotes and all: it is compared, never run."""
    assert report.find(archive.tables, text) == []
    assert report.totals(archive.tables, text, TODAY, TODAY, text) == []


def test_bytes_are_read_only_where_they_are_asked_for(archive: Archive):
    """The largest column by far; nothing else is left out."""
    row = archive.transactions(PROJECT, TODAY, "cashIn").to_pylist()[0]
    place = report.Place(PROJECT, "cashIn", str(TODAY), row["id"])
    assert report.transaction(archive.tables, place, raw=True) == row
    row.pop("raw")
    assert report.transaction(archive.tables, place, raw=False) == row
    assert (
        report.transaction(archive.tables, msgspec.structs.replace(place, type="cashOut"), raw=False) is None
    )


def test_projects_are_read_from_the_log(archive: Archive, tmp_path):
    """Of rows and of reads; an archive without tables has none."""
    assert report.projects(archive.tables) == [PROJECT]
    assert report.projects(Tables(str(tmp_path / "nothing"))) == []


def test_an_archive_without_tables_answers_nothing(tmp_path):
    """Before the first read, every question has an empty answer."""
    tables = Tables(str(tmp_path / "nothing"))
    place = report.Place(PROJECT, "cashIn", str(TODAY), "x")
    assert report.read_log(tables, PROJECT) == []
    assert report.reads_of_day(tables, PROJECT, TODAY) == []
    assert report.read_log_of_day(tables, PROJECT, TODAY) == []
    assert report.totals(tables, PROJECT, TODAY, TODAY) == []
    assert report.find(tables, "x") == []
    assert report.transaction(tables, place, raw=True) is None
    assert report.versions(tables, PROJECT, "cashIn", "x") == []
    assert report.odd_rows(tables, PROJECT, TODAY) == []
    assert list(report.rows_of_day(tables, PROJECT, "cashIn", TODAY, ["id"])) == []
