# SPDX-License-Identifier: Apache-2.0
"""The page of one day: its reads with passes, drift, oddities and duration."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from archive_maker import PROJECT
from archive_world import DAY, World, record
from archive_world import PROJECT as WORLD_PROJECT

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import ReadRecord
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.exceptions import ArchiveIncomplete, Unavailable
from airflow_provider_sengo.plugins.day_page import READS_SHOWN_MAX


def test_reads_are_told_with_what_was_odd_about_them(ask, world: World):
    """A listing that never held still, a failed one, and rows that do not fit."""
    world.gateway.fill(4)
    world.gateway.put("odd-1", raw=record("odd-1", amount="many", brandNew="x"))
    world.gateway.failures["failed", 1] = Unavailable("<script>alert(1)</script>")

    def shift(status: str, page: int, nth: int) -> None:
        if status == "success" and page > 1:
            world.gateway.put(f"late-{nth}", front=True)

    world.gateway.before = shift
    with pytest.raises(ArchiveIncomplete):
        world.read(max_passes=2)
    text = ask("day", project=WORLD_PROJECT, day=DAY)
    assert '<span class="outcome o-moved">moved</span>' in text
    assert '<span class="outcome o-failed">failed</span>' in text
    assert "amount,brandNew" in text
    assert "<script>" not in text
    (moved,) = [row for row in re.findall(r"<tr>.*?</tr>", text) if "o-moved" in row]
    numbers = re.findall(r'<td class="n">([^<]*)</td>', moved)
    assert numbers[0].endswith(" s")
    assert numbers[1] == "2"
    assert re.search(r'<td class="text">(?!\N{EN DASH})[^<]+</td>', moved)


def test_a_sealed_day_tells_its_sums_and_reads(ask, month_uri):
    """Both types, six reads of four listings each."""
    text = ask("day", project=PROJECT, day="2026-11-05")
    assert text.count('<span class="state s-sealed">sealed</span>') == 2
    assert text.count('<span class="outcome o-quiet">quiet</span>') == 2 * 6 * 4
    assert "35 s" in text
    assert 'href="day?project=api.sengo.id-0a1b2c3d&amp;day=2026-11-04"' in text


def test_many_reads_of_one_type_hide_none_of_the_other(ask, archive_uri):
    """Each type shows its latest, and says how many more there are."""
    first = days.starts_at(DAY)
    reads = [
        ReadRecord(
            read_id=f"{type}-{number}",
            project=PROJECT,
            day=DAY,
            type=type,
            status="success",
            run=f"{number}",
            started_at=first + timedelta(minutes=number),
            finished_at=first + timedelta(minutes=90),
            lost_after=days.lost_after(DAY),
        )
        for type, count in (("cashOut", 2), ("cashIn", READS_SHOWN_MAX + 30))
        for number in range(count)
    ]
    Archive(archive_uri).record_reads(reads)
    text = ask("day", project=PROJECT, day=DAY)
    into, out = text[text.index('id="cashIn"') :].split('id="cashOut"')
    assert (into.count("o-failed"), out.count("o-failed")) == (READS_SHOWN_MAX, 2)
    assert "30 earlier reads are not shown" in into
    assert "not shown" not in out


def test_a_type_without_reads_says_so(ask, world: World):
    """In a sentence; rows may be there without a read of their own day."""
    world.gateway.fill(2)
    world.read()
    world.archive.tables.open("reads").delete()
    assert "No read of this day's listings is recorded." in ask("day", project=WORLD_PROJECT, day=DAY)


def test_an_unknown_day_is_no_error(ask, month_uri):
    """Neither is an unknown project."""
    assert "The archive knows nothing of this day." in ask("day", project=PROJECT, day="2019-01-01")
    assert "The archive knows nothing of this day." in ask("day", project="x'; --", day="2019-01-01")
    assert "must be a calendar day" in ask("day", project=PROJECT, day="yesterday", status=400)
    assert "project" in ask("day", day="2026-11-05", status=400)
    for edge in ("0001-01-01", "9999-12-31"):
        assert "knows nothing" in ask("day", project=PROJECT, day=edge)
