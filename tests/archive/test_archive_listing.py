# SPDX-License-Identifier: Apache-2.0
"""Listings that move while they are read."""

from __future__ import annotations

from collections import Counter

import pytest
from archive_world import PROJECT, record

from airflow_provider_sengo.archive.coverage import ReadRecord
from airflow_provider_sengo.exceptions import ArchiveIncomplete


def success(world) -> ReadRecord:
    """The latest record of the success listing."""
    return max(
        (item for item in world.archive.reads(PROJECT) if item.status == "success"),
        key=lambda i: i.started_at,
    )


@pytest.mark.parametrize(("rows", "requests"), [(0, 2), (1, 2), (3, 2), (4, 4), (8, 5), (9, 5)])
def test_requests_of_a_quiet_listing(world, rows, requests):
    """A quiet listing costs its pages and two more; a single page, or none, is asked for twice."""
    world.gateway.fill(rows)
    result = world.read()
    assert Counter(status for status, _ in world.gateway.asked)["success"] == requests
    assert (result.complete, result.rows, result.passes, result.requests) == (True, rows, 4, requests + 6)
    assert world.held() == world.ledger()


def test_pages_are_told_as_they_come(world):
    """``on_page`` hears of each page: its listing, number, how many there are, its rows."""
    import asyncio

    from archive_world import DAY

    from airflow_provider_sengo.archive.run import DayJob, archive_day

    heard = []
    world.gateway.fill(4)
    job = DayJob(project=PROJECT, day=DAY, type="cashIn")
    told = archive_day(
        job, world.gateway, world.archive, clock=world.clock, on_page=lambda *page: heard.append(page)
    )
    asyncio.run(told)
    assert heard[-2:] == [("success", 1, 2, 3), ("success", 2, 2, 1)]


def test_one_page_at_a_time(world):
    """With one request in flight the pages are asked for in their order."""
    world.gateway.fill(9)
    world.read(concurrency=1)
    assert [page for status, page in world.gateway.asked if status == "success"] == [1, 2, 3, 1, 3]


def test_arrivals_are_kept_over_all_passes(world):
    """Rows that arrive at the front while pages are read are all archived, and the listing is read again."""
    world.gateway.fill(8)

    def arrive(status, page, nth):
        if status == "success" and nth in (2, 7):
            world.gateway.put(f"new-{nth}", front=True)

    world.gateway.before = arrive
    result = world.read()
    assert world.held() == world.ledger()
    assert result.complete
    assert success(world).passes == 3


def test_departures_turn_the_walk_around(world):
    """Rows that leave pull others forward; the next pass walks down, and nothing that stays is missed."""
    world.gateway.fill(12)

    def leave(status, page, nth):
        if status == "success" and nth in (2, 8):
            world.gateway.rows.pop(0)

    world.gateway.before = leave
    result = world.read(concurrency=1)
    pages = [page for status, page in world.gateway.asked if status == "success"]
    assert pages[:4] == [1, 2, 3, 4]
    assert pages[6:10] == [1, 4, 3, 2]
    assert world.ledger().items() <= world.held().items()
    assert result.complete


def test_one_in_one_out_is_seen_at_the_ends(world):
    """Equal totals do not hide a row that came while another left: the ends are read again."""
    world.gateway.fill(8)

    def swap(status, page, nth):
        if status == "success" and nth == 3:
            world.gateway.drop("success-0")
            world.gateway.put("new", front=True)

    world.gateway.before = swap
    assert world.read(concurrency=1).complete
    assert success(world).passes == 2
    assert world.ledger().items() <= world.held().items()


def test_restless_listing_is_not_complete(world):
    """A listing that moves in every pass is archived as far as it was seen, told, and not complete."""
    world.gateway.fill(4)
    world.gateway.before = lambda status, page, nth: world.gateway.put(f"{status}-{nth}", front=True)
    with pytest.raises(ArchiveIncomplete, match=r"the pending listing|the success listing") as caught:
        world.read(max_passes=3)
    assert caught.value.curable
    assert success(world).outcome == "moved"
    assert success(world).passes == 3
    assert "the totals changed" in success(world).moved
    assert world.state() == "missing"
    assert world.held()


def test_open_day_may_move(world):
    """A day that is not over may move in every pass; that raises nothing and completes nothing."""
    from archive_world import DAY, Clock

    from airflow_provider_sengo.archive import days

    world.clock = Clock(days.starts_at(DAY))
    world.gateway.before = lambda status, page, nth: world.gateway.put(f"{status}-{nth}", front=True)
    result = world.read(max_passes=2)
    assert (result.complete, result.outcomes["success"]) == (False, "moved")
    assert world.state() == "open"
    assert world.held()


def test_a_row_that_settles_meanwhile_is_seen(world):
    """A row that settles after the pending listing was read is archived as success, without a history."""
    world.gateway.put("a", "pending")

    def settle(status, page, nth):
        if status == "expired":
            world.gateway.put("a", "success")

    world.gateway.before = settle
    result = world.read()
    assert world.row("a")["status"] == "success"
    assert (result.new, result.changed, result.refused, result.pending_left) == (1, 0, 0, 0)
    assert world.history("a") == []


def test_rows_are_filed_by_their_own_status(world):
    """Whatever listing shows a row, its own status counts; sums are of its own successes."""
    world.gateway.put("a", listing="expired")
    world.gateway.put("b", "failed", listing="success")
    result = world.read()
    assert (world.row("a")["status"], world.row("b")["status"]) == ("success", "failed")
    assert (result.amount_sum, success(world).rows) == (0, 1)


def test_odd_rows_are_counted_and_never_block(world):
    """Odd rows are archived with their bytes, counted, and the day is complete."""
    raws = [
        record("a", amount=1.5),
        record("b", new=1),
        record("c", "refunded"),
        record("d", expiredDate="9999-12-31T23:59:59-07:00"),
        record("e", merchantRef="HERE").replace(b"HERE", b"\\ud83d"),
        record("f", merchantRef="a\0b"),
    ]
    for name, raw in zip("abcdef", raws, strict=True):
        world.gateway.put(name, listing="success", raw=raw)
    result = world.read()
    assert (result.complete, result.odd, result.rows) == (True, 5, 6)
    assert world.held() == dict(zip("abcdef", raws, strict=True))
    assert world.row("d")["odd_fields"] == "expiredDate"
    assert world.read().changed == 0
