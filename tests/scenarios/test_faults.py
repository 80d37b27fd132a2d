# SPDX-License-Identifier: Apache-2.0
"""A gateway that breaks: now and then, and at every request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_sengo.archive.coverage import State
from airflow_provider_sengo.exceptions import ArchiveIncomplete
from airflow_provider_sengo.transport.options import TransportOptions

DAY = "2026-11-18"
PER_DAY = 300  # some 36 pages of 10
SEED = 315  # with it every fault strikes within 40 requests, also at 2 %

# fault -> what the error of a task says that met nothing else
FAULTS = {
    "http_500": "answered list_rows with 500 PAYMENT_INTERNAL_ERROR",
    "reset": "no whole answer came back: the connection was closed before the answer was whole",
    "truncated": "no whole answer came back: the answer was cut short",
    "soft_error": "answered list_rows with 500 PAYMENT_INTERNAL_ERROR",
    "empty_page": "is an empty page where rows must be (at $.responseData)",
    "cut_json": "list_rows",
    "rate_429": "answered list_rows with 429",
}


@pytest.mark.parametrize("rate", [0.02, 0.05])
@pytest.mark.parametrize("name", FAULTS)
def test_faults_now_and_then(name: str, rate: float, make_stage: Callable[..., Any]) -> None:
    """A fault at a few requests costs those requests again and no row."""
    stage = make_stage(per_day=PER_DAY, seed=SEED)
    stage.world.set_fault(name, rate=rate)
    result = stage.read(DAY)
    log = stage.world.requests()
    struck = log.by_fault[name]
    assert struck >= 1
    assert result.complete
    assert stage.statuses(DAY) == stage.truth(DAY)
    assert stage.coverage(DAY).state is State.COMPLETE
    # Each strike is one request more, and nothing else is: no page is read twice for another's trouble.
    assert log.total == result.requests + struck
    assert result.requests <= -(-PER_DAY // 10) + 4 * 3
    assert result.passes == 4


def test_all_faults_at_once(make_stage: Callable[..., Any]) -> None:
    """Every kind of fault in one day is survived as well, and the second run finds nothing to change."""
    stage = make_stage(per_day=PER_DAY, seed=SEED)
    for name in FAULTS:
        stage.world.set_fault(name, rate=0.02)
    result = stage.read(DAY)
    log = stage.world.requests()
    assert len(log.by_fault) >= 4
    assert log.total == result.requests + log.by_fault.total()
    assert result.complete
    assert stage.statuses(DAY) == stage.truth(DAY)
    again = stage.read(DAY)
    assert (again.new, again.changed, again.complete) == (0, 0, True)


@pytest.mark.parametrize("name", FAULTS)
def test_faults_always(name: str, make_stage: Callable[..., Any]) -> None:
    """A fault at every request fails the task with its name, and nothing is vouched for."""
    stage = make_stage(per_day=20)
    stage.world.set_fault(name)
    with pytest.raises(ArchiveIncomplete) as caught:
        stage.read(DAY, options=TransportOptions(max_attempts=3))
    assert FAULTS[name] in str(caught.value)
    assert f"{DAY} cashIn" in str(caught.value)
    assert stage.rows() == []
    assert {read.outcome for read in stage.reads()} == {"failed"}
    assert stage.coverage(DAY).state is State.MISSING
    assert all(FAULTS[name] in read.moved for read in stage.reads())


@pytest.mark.parametrize("name", FAULTS)
def test_faults_at_one_page(name: str, make_stage: Callable[..., Any]) -> None:
    """One page that can't be had keeps the day incomplete; the other rows are kept, and the next run ends it."""
    stage = make_stage(per_day=100, expired_share=0, failed_share=0, late_share=0, multi_day_share=0)
    stage.world.set_fault(name, match="page=6&status=success")
    with pytest.raises(ArchiveIncomplete, match="the success listing could not be read to the end"):
        stage.read(DAY, concurrency=1, options=TransportOptions(max_attempts=2))
    kept, truth = stage.statuses(DAY), stage.truth(DAY)
    assert len(kept) == 50
    assert kept.items() <= truth.items()
    assert stage.coverage(DAY).state is State.MISSING
    assert {read.status: read.outcome for read in stage.reads()} == {
        "pending": "quiet",
        "expired": "quiet",
        "failed": "quiet",
        "success": "failed",
    }
    stage.world.clear_faults()
    assert stage.read(DAY).new == 50
    assert stage.statuses(DAY) == truth
    assert stage.coverage(DAY).state is State.COMPLETE


def test_a_refused_key(make_stage: Callable[..., Any]) -> None:
    """A revoked key is asked once, not page after page, and leaves no read that vouches for anything."""
    stage = make_stage(per_day=20)
    stage.world.set_fault("refuse", status=401, code="UNAUTHORIZED")
    with pytest.raises(Exception, match="401 UNAUTHORIZED"):
        stage.read(DAY)
    assert stage.requests() == 1
    assert [read.outcome for read in stage.reads()] == ["failed"]
    assert stage.coverage(DAY).state is State.MISSING


def test_a_gateway_that_is_down(make_stage: Callable[..., Any]) -> None:
    """A refused connection fails the task, naming what happened, within the attempts allowed."""
    stage = make_stage(per_day=20)
    stage.simulator.__exit__(None, None, None)
    with pytest.raises(ArchiveIncomplete, match="was not sent: connection refused"):
        stage.read(DAY, options=TransportOptions(max_attempts=3))
    assert stage.rows() == []
    assert {read.outcome for read in stage.reads()} == {"failed"}
