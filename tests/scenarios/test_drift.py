# SPDX-License-Identifier: Apache-2.0
"""Listings that move while they are read: rows leave, arrive, or both at once with equal totals.

The drift is driven by requests, so that a test does the same on every machine. Twenty rows a second
against some fifty requests a second of one worker is an event every third request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_sengo.archive.coverage import State
from airflow_provider_sengo.exceptions import ArchiveIncomplete

DAY = "2026-11-14"
FIRST_LOOK, NEXT_LOOK, LAST_LOOK = (f"2026-11-{day}T08:30:00+07:00" for day in (18, 19, 20))
ROWS = 230
DENSE, SPARSE = 3, 40  # an event every so many requests: in every pass, and now and then


def moving_stage(make_stage: Callable[..., Any], **settings: Any) -> Any:
    stage = make_stage(days=0, now=FIRST_LOOK, **settings)
    stage.world.fill(day=DAY, type="cashIn", rows=ROWS)
    return stage


def drift(stage: Any, **how: Any) -> None:
    """Another drift each time: the same seed would bring the same newcomers twice."""
    stage.drifts = getattr(stage, "drifts", 0) + 1
    stage.world.set_drift(day=DAY, type="cashIn", seed=stage.drifts, **how)


def read_while_it_moves(stage: Any, **job: Any) -> bool:
    """Read the day once; whether the read was recorded complete."""
    try:
        return bool(stage.read(DAY, **job).complete)
    except ArchiveIncomplete as error:
        assert "moved in each of 5 passes" in str(error)  # noqa: PT017
        assert stage.reads("success")[-1].outcome == "moved"
        return False


def missing(stage: Any) -> set[str]:
    """What the gateway lists now and the archive lacks."""
    return stage.truth(DAY).keys() - stage.statuses(DAY).keys()


def moved(stage: Any) -> set[str]:
    """What came or left during the latest drift: a read that is not complete may lack of these, no other."""
    return {id for drift in stage.world.drifts() for id in (*drift.arrived_ids, *drift.left_ids)}


def finish(stage: Any) -> None:
    """The drift is over: the last two looks must seal the day, with every row that is listed."""
    stage.world.clear_drift()
    for look in (NEXT_LOOK, LAST_LOOK):
        stage.world.set_clock(look)
        assert stage.read(DAY).complete
    assert stage.coverage(DAY).state is State.SEALED
    assert stage.coverage(DAY).rows == list(stage.truth(DAY).values()).count("success")
    assert not missing(stage)


@pytest.mark.parametrize("order", ["newest", "oldest", "hash"])
@pytest.mark.parametrize("page_size", [10, 100])
@pytest.mark.parametrize("mode", ["leave", "arrive"])
def test_one_way_drift(mode: str, page_size: int, order: str, make_stage: Callable[..., Any]) -> None:
    """Whatever order and page size: a read during which rows only leave or only arrive is never called
    complete while a listed row is missing, and what it read is kept.
    """
    stage = moving_stage(make_stage, page_size=page_size, order=order)
    for every in (DENSE, SPARSE * 10 // page_size):
        drift(stage, mode=mode, every_requests=every)
        for concurrency in (1, 8):
            complete = read_while_it_moves(stage, concurrency=concurrency)
            assert not (complete and missing(stage))
            assert missing(stage) <= moved(stage)
        assert stage.world.drifts()[0].events
    if mode == "arrive":
        finish(stage)
        return
    # What left is shown no more: the successes stay archived, the day is reported as shrunk.
    stage.world.clear_drift()
    stage.world.set_clock(NEXT_LOOK)
    assert not missing(stage)
    assert not stage.read(DAY).complete
    assert stage.coverage(DAY).state is State.SHRUNK


@pytest.mark.parametrize("order", ["newest", "oldest", "hash"])
@pytest.mark.parametrize("page_size", [10, 100])
@pytest.mark.parametrize("place", ["first", "last", "random"])
def test_pending_rows_settle(place: str, page_size: int, order: str, make_stage: Callable[..., Any]) -> None:
    """Rows that settle while the day is read move from the first listing to the last one: none is lost, and
    once the drift is over the next runs seal the day.
    """
    stage = moving_stage(make_stage, page_size=page_size, order=order)
    stage.world.fill(day=DAY, type="cashIn", status="pending", rows=120)
    for every in (DENSE, SPARSE * 10 // page_size):
        drift(stage, mode="leave", status="pending", every_requests=every, leave_from=place)
        complete = read_while_it_moves(stage)
        assert not (complete and missing(stage))
        assert missing(stage) <= moved(stage)
    stage.world.clear_drift()
    for row in stage.world.ledger(day=DAY):
        if row["status"] == "pending":
            stage.world.expire(row["id"])
    finish(stage)
    assert stage.statuses(DAY) == stage.truth(DAY)


@pytest.mark.parametrize("order", ["newest", "oldest", "hash"])
@pytest.mark.parametrize("page_size", [10, 100])
def test_equal_totals(page_size: int, order: str, make_stage: Callable[..., Any]) -> None:
    """One in and one out keeps the totals: such a read may miss a row, but the day is not sealed by it."""
    stage = moving_stage(make_stage, page_size=page_size, order=order)
    for look in (FIRST_LOOK, NEXT_LOOK, LAST_LOOK):
        stage.world.set_clock(look)
        for every in (DENSE, SPARSE * 10 // page_size):
            drift(stage, mode="both", every_requests=every)
            complete = read_while_it_moves(stage, concurrency=3)
            if complete:
                assert stage.coverage(DAY).state is not State.SEALED
            else:
                assert missing(stage) <= moved(stage)
    assert stage.coverage(DAY).state is not State.SEALED
    stage.world.clear_drift()
    stage.read(DAY)
    assert not missing(stage)
    assert stage.coverage(DAY).state is not State.SEALED  # one quiet look is not two


def test_the_blind_spot(make_stage: Callable[..., Any]) -> None:
    """The one movement no pass can show, a row leaving and another arriving in mid-list between two requests,
    is found by the next look, and only two equal looks seal the day.
    """
    stage = moving_stage(make_stage, order="oldest")
    rows = [row["id"] for row in stage.world.ledger(day=DAY)]
    leaves, moves_up = rows[95], rows[100]  # page 10 is left by a row, page 11's first one takes its place
    assert ROWS > 150

    def on_page(status: str, page: int, pages: int, count: int) -> None:
        if (status, page) == ("success", 10) and not stage.world.ledger(day=DAY)[95]["vanished"]:
            stage.world.vanish(leaves)
            row = next(row for row in stage.world.ledger(day=DAY) if row["id"] == rows[150])
            stage.world.insert(created_at=row["created_at"], status="success", id="newcomer")

    assert stage.read(DAY, concurrency=1, on_page=on_page).complete
    assert missing(stage) == {moves_up}
    assert stage.coverage(DAY).state is State.COMPLETE
    stage.world.set_clock(LAST_LOOK)
    again = stage.read(DAY)
    assert (again.new, again.gone) == (1, 1)
    assert not missing(stage)
    assert stage.coverage(DAY).state is State.SHRUNK
