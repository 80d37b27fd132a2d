# SPDX-License-Identifier: Apache-2.0
"""Readings that fail half way: what was read is archived, and nothing more is claimed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from archive_world import CLOSED, DAY, PROJECT, Clock, record

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.exceptions import (
    ArchiveIncomplete,
    NotAuthorized,
    Rejected,
    Unavailable,
    UnexpectedResponse,
)

LOST = days.lost_after(DAY)


def outcomes(world) -> dict[str, str]:
    """The recorded outcome of each listing of the latest run."""
    reads = world.archive.reads(PROJECT)
    run = max(reads, key=lambda item: item.started_at).run
    return {item.status: item.outcome for item in reads if item.run == run}


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("status", ["expired", "failed", "success"])
def test_listing_that_fails_midway(world, status, concurrency):
    """Rows read before a failure are archived, the failure is recorded, the day is not complete."""
    for each in ("pending", "expired", "failed", "success"):
        world.gateway.fill(9, each)
    world.gateway.failures[status, 3] = Unavailable("busy", http_status=503)
    with pytest.raises(
        ArchiveIncomplete, match=f"the {status} listing could not be read to the end: busy"
    ) as caught:
        world.read(concurrency=concurrency)
    assert caught.value.curable
    assert isinstance(caught.value.__cause__, Unavailable)
    assert outcomes(world)[status] == "failed"
    assert {outcomes(world)[other] for other in ("pending", "expired", "failed", "success")} == {
        "quiet",
        "failed",
    }
    assert world.state() == "missing"
    assert f"{status}-0" in world.held()
    assert f"{status}-8" not in world.held()
    assert len(world.held()) >= 27 + 3
    world.gateway.failures.clear()
    assert world.read().complete
    assert (world.held(), world.state()) == (world.ledger(), "complete")


def test_nobody_is_asked_for_by_id_after_a_failure(world):
    """A listing that failed shows nothing of what vanished, so nobody is asked for by id."""
    world.gateway.put("a", "pending")
    world.read()
    world.gateway.drop("a")
    world.gateway.failures["expired", 1] = Unavailable("busy")
    with pytest.raises(ArchiveIncomplete):
        world.read()
    assert world.gateway.asked_ids == []


def test_not_authorized_stops(world):
    """A refused key is not tried on the other listings; what was read is archived and recorded."""
    world.gateway.fill(2, "pending")
    world.gateway.failures["expired", 1] = NotAuthorized("the key was refused", http_status=401)
    with pytest.raises(NotAuthorized, match="refused"):
        world.read()
    assert {status for status, _ in world.gateway.asked} == {"pending", "expired"}
    assert outcomes(world) == {"pending": "quiet", "expired": "failed"}
    assert len(world.held()) == 2
    assert world.state() == "missing"


@pytest.mark.parametrize("status", ["pending", "expired", "failed"])
def test_unsupported_status(world, status):
    """A status that the gateway does not filter by is recorded as such, and blocks nothing."""
    world.gateway.fill(2)
    world.gateway.failures[status, 1] = Rejected("unknown status", http_status=422)
    result = world.read()
    assert (result.complete, result.outcomes[status]) == (True, "unsupported")
    assert world.state() == "complete"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("success", Rejected("no", http_status=422)),
        ("expired", Rejected("no", http_status=400)),
        ("expired", UnexpectedResponse("no")),
        ("expired", Unavailable("no", http_status=422 + 100)),
    ],
)
def test_what_is_not_unsupported(world, status, error):
    """Success can never be unsupported, and only a 422 means that a status is."""
    world.gateway.failures[status, 1] = error
    with pytest.raises(ArchiveIncomplete):
        world.read()
    assert outcomes(world)[status] == "failed"
    assert world.state() == "missing"


def test_record_without_id(world):
    """Every other row is archived, the place is told, and the day is not complete."""
    world.gateway.fill(7)
    world.gateway.put("?", raw=b'{"amount": 5}')
    with pytest.raises(ArchiveIncomplete, match=r"responseData\[1\]\.id"):
        world.read()
    assert sorted(world.held()) == [f"success-{number}" for number in range(7)]
    assert world.state() == "missing"
    (read,) = [item for item in world.archive.reads() if item.status == "success"]
    assert (read.outcome, read.new_rows) == ("failed", 7)
    world.gateway.put("?", raw=record("?"))
    assert world.read().complete


def test_other_exceptions_are_not_swallowed(world):
    """A fault that is not the gateway's comes out, and no read is recorded."""
    world.gateway.failures["success", 1] = ZeroDivisionError()
    with pytest.raises((ZeroDivisionError, BaseExceptionGroup)):
        world.read()
    assert world.archive.reads() == []


def test_read_that_crosses_the_loss(world):
    """A read that ends once the gateway has dropped the day proves nothing."""
    world.gateway.fill(2)
    world.clock = Clock(LOST - timedelta(minutes=5))

    def late(status, page, nth):
        if (status, nth) == ("success", 2):
            world.clock.now = LOST

    world.gateway.before = late
    assert not world.read().complete
    assert world.state() == "lost"
    assert world.held() == world.ledger()


def test_read_that_begins_before_the_closing(world):
    """A read begun before the day was over for eight hours archives, and proves nothing."""
    world.gateway.fill(2)
    world.clock = Clock(CLOSED - timedelta(seconds=4))
    assert not world.read().complete
    assert world.clock.now > CLOSED
    assert world.state() == "missing"
    assert world.held() == world.ledger()


def test_day_outside_the_window(world):
    """Of a day that is gone the error tells what is archived, and nothing is asked of the gateway."""
    world.clock = Clock(LOST)
    with pytest.raises(
        ArchiveIncomplete, match=r"archived: no row \(state: .*a complete read of it is missing"
    ):
        world.read()
    world.clock = Clock()
    world.gateway.fill(2)
    world.gateway.put("p", "pending")
    world.gateway.put("?", listing="success", raw=record("?", None))
    world.read()
    world.gateway.asked.clear()
    world.clock = Clock(LOST)
    expected = r"1 pending, 2 success|1 without status.*state: complete\); nothing is missing"
    with pytest.raises(ArchiveIncomplete, match=expected) as caught:
        world.read()
    assert not caught.value.curable
    assert world.gateway.asked == []


def test_day_that_has_not_begun(world):
    """A day of the future is refused."""
    world.clock = Clock(days.starts_at(DAY) - timedelta(seconds=2))
    with pytest.raises(ValueError, match=r"^day: 2026-11-20 has not begun yet"):
        world.read()
    assert world.read(DAY - timedelta(days=1)).outcomes["success"] == "quiet"


def test_only_some_statuses_complete_nothing(world):
    """A run over some listings only archives them, and completes nothing."""
    world.gateway.fill(2)
    assert not world.read(statuses=("success",)).complete
    assert world.state() == "missing"
    assert world.held() == world.ledger()


def test_a_pending_listing_that_fails_or_moves_fails_nothing(world):
    """Pending is a snapshot: the day is complete without it, the read of it is recorded as failed."""
    for each in ("pending", "success"):
        world.gateway.fill(9, each)
    world.gateway.failures["pending", 3] = Unavailable("busy", http_status=503)
    assert world.read().complete
    assert (outcomes(world)["pending"], world.state()) == ("failed", "complete")
    with pytest.raises(ArchiveIncomplete, match="pending listing"):
        world.read(statuses=("pending",))


def test_a_refusal_in_mid_listing_is_a_failure(world):
    """A 422 on a later page says nothing about the status: the day is not complete, what was read is kept."""
    for each in ("expired", "success"):
        world.gateway.fill(9, each)
    world.gateway.failures["expired", 3] = Rejected("no such page", http_status=422)
    with pytest.raises(ArchiveIncomplete, match="expired listing"):
        world.read()
    assert (outcomes(world)["expired"], world.state()) == ("failed", "missing")
