# SPDX-License-Identifier: Apache-2.0
"""Rows that no listing shows any more: pending ones are asked for, successes are missed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from archive_world import DAY, NEXT_DAY, PROJECT, Clock, record

from airflow_provider_sengo.archive import days, run
from airflow_provider_sengo.exceptions import OutcomeUnknown

pytestmark = pytest.mark.also_on_s3


def vanished(world, *ids: str) -> None:
    """Archive these as pending, then let no listing show them."""
    for id in ids:
        world.gateway.put(id, "pending")
        assert world.read().pending_left
    for id in ids:
        world.gateway.drop(id)


def test_vanished_pending_is_asked_for_by_id(world):
    """A pending row that vanished from the listings is asked for, and its new version archived."""
    vanished(world, "a")
    settled = record("a", "expired")
    world.gateway.by_id["a"] = settled
    result = world.read()
    row = world.row("a")
    assert (row["raw"], row["day"], row["last_listed_day"]) == (settled, str(DAY), None)
    assert (result.changed, result.pending_left, result.complete) == (1, 0, True)
    assert world.history("a") == [(record("a", "pending"), "replaced")]
    assert world.read().changed == 0
    assert world.gateway.asked_ids == ["a"]  # settled now, so not asked again


@pytest.mark.parametrize(
    "answer",
    [
        None,
        record("other", "success"),
        record("a", "pending", 5),
        b"{}",
        b"junk",
        OutcomeUnknown("no answer"),
    ],
    ids=["404", "another id", "pending still", "no id", "no JSON", "no answer"],
)
def test_answers_that_settle_nothing(world, answer):
    """Without a final answer about this very id the row stays pending, and the day can be complete."""
    vanished(world, "a")
    world.gateway.by_id["a"] = answer
    result = world.read()
    assert world.held() == {"a": record("a", "pending")}
    assert (result.changed, result.new, result.pending_left, result.complete) == (0, 0, 1, True)
    assert world.gateway.asked_ids == ["a"]
    assert world.history("a") == []


def test_one_failure_does_not_keep_others_from_being_asked_for(world):
    """Each id is asked for by itself."""
    vanished(world, "a", "b")
    world.gateway.by_id = {"a": OutcomeUnknown("no answer"), "b": record("b")}
    assert world.read().pending_left == 1
    assert world.row("b")["status"] == "success"


def test_limit_and_order(world, monkeypatch):
    """So many are asked for a run, those seen first first."""
    monkeypatch.setattr(run, "ASKED_BY_ID_MAX", 2)
    vanished(world, "c", "a", "b")
    assert world.read().requests == 8 + 2
    assert world.gateway.asked_ids == ["c", "a"]


def test_listed_pending_is_not_asked_for(world):
    """A pending row that is still listed, or of another type, day or project, is not asked for."""
    vanished(world, "a")
    world.gateway.put("b", "pending")
    world.read(type="cashOut")
    world.read(project="sandbox-00000000")
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    world.read(NEXT_DAY)
    assert world.gateway.asked_ids == []


def test_found_by_id_and_listed_again(world):
    """A row settled by id that a listing shows again is a listed row again."""
    vanished(world, "a")
    world.gateway.by_id["a"] = record("a")
    world.read()
    world.gateway.put("a")
    result = world.read()
    assert (world.row("a")["last_listed_day"], result.changed) == (str(DAY), 0)


def test_pending_left_keeps_a_day_unsealed(world):
    """Two equal reads do not seal a day while one of its rows is archived as pending."""
    vanished(world, "a")
    for _ in range(2):
        world.clock.now = days.starts_at(DAY + timedelta(days=6)) + timedelta(hours=3)
        world.read()
    assert world.state() == "complete"
    world.gateway.by_id["a"] = record("a", "expired")
    world.read()
    assert world.state() == "sealed"


def test_gone_success_shrinks_the_day(world):
    """An archived success that its listing no longer shows stays archived; the read is not complete."""
    world.gateway.fill(3)
    world.read()
    world.gateway.drop("success-1")
    result = world.read()
    assert (result.complete, result.gone, result.outcomes["success"]) == (False, 1, "shrunk")
    assert (world.state(), len(world.held())) == ("shrunk", 3)
    item = next(i for i in world.archive.coverage(world.clock.now) if (i.day, i.type) == (DAY, "cashIn"))
    assert item.rows == 3  # the earlier complete read stands
    world.gateway.put("success-1")
    assert world.read().complete
    assert world.state() == "complete"


@pytest.mark.parametrize("status", ["expired", "failed", "pending"])
def test_success_listed_under_a_lesser_status_is_gone_from_its_listing(world, status):
    """A success that only another listing shows, with a lesser status, is gone from the listing of successes."""
    world.gateway.fill(3)
    world.read()
    world.gateway.put("success-1", status)
    result = world.read()
    assert world.row("success-1")["status"] == "success"
    assert (result.refused, result.gone, result.complete) == (1, 1, False)
    assert world.state() == "shrunk"
    assert len(world.history("success-1")) == 1


def test_lesser_status_in_the_listing_of_successes_is_not_gone(world):
    """A row that the listing of successes shows with a lesser status is refused, but not gone."""
    world.gateway.fill(3)
    world.read()
    world.gateway.put("success-1", "refunded", listing="success")
    result = world.read()
    assert (result.refused, result.gone, result.complete) == (1, 0, True)


def test_success_shown_by_another_day_is_not_gone(world):
    """A success that another day's listing shows now is missed by that listing only."""
    raw = world.gateway.put("a")
    world.read()
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    world.gateway.drop("a")
    world.gateway.put("a", day=NEXT_DAY, raw=raw)
    world.read(NEXT_DAY)
    assert world.read().complete
    world.gateway.drop("a")
    result = world.read(NEXT_DAY)
    assert (result.gone, result.complete) == (1, False)
    assert world.read().complete


def test_success_settled_by_id_was_never_listed(world):
    """A success that was found by id cannot be gone from a listing that never showed it."""
    vanished(world, "a")
    world.gateway.by_id["a"] = record("a")
    assert world.read().complete
    assert world.read().complete
    assert world.state() == "complete"


def test_failed_success_listing_misses_nobody(world):
    """A listing that was not read to the end cannot tell what is gone."""
    world.gateway.fill(3)
    world.read()
    world.gateway.failures["success", 1] = OutcomeUnknown("no answer")
    with pytest.raises(Exception, match="no answer"):
        world.read()
    assert {item.gone_rows for item in world.archive.reads(PROJECT)} == {0}
    assert world.state() == "complete"
