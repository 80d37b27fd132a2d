# SPDX-License-Identifier: Apache-2.0
"""What a person must know of the archive."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from archive_world import DAY, PROJECT
from read_records import FIRST, HOUR, LAST_AGE, judged, read

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.check import Findings, as_line, findings, plain
from airflow_provider_sengo.archive.coverage import coverage

LOST = days.lost_after(DAY)
FAILED = {"success": "failed"}
SHRUNK = {"success": "shrunk"}
SEALED = read(LAST_AGE - 22 * HOUR) + read(LAST_AGE, "r2")


def found(records, now, **options) -> Findings:
    """Findings of the one day and type that the tests are about."""
    items = coverage(records, project=PROJECT, now=now, types=("cashIn",))
    return findings([item for item in items if item.day == DAY], now=now, **options)


@pytest.mark.parametrize("left", range(6))
@pytest.mark.parametrize("warn", [0, 2, 5, None])
@pytest.mark.parametrize("records", [[], read(FIRST, outcomes=SHRUNK)], ids=["unread", "shrunk"])
def test_missing_within_the_warning(records, left, warn):
    """A day without a complete read fails once so few days are left; None asks for all."""
    now = LOST - timedelta(days=left) - HOUR
    assert judged(records, now).days_left == left
    expected = warn is None or left <= warn
    told = found(records, now, warn_days_left=warn)
    assert bool(told.missing) is expected
    assert told.failures == told.missing
    if expected:
        assert told.missing[0].startswith(f"{DAY} cashIn: no complete read yet, {days.left_text(left)}")


def test_open_is_not_missing():
    """A day that is not over fails nothing."""
    assert found([], days.closed_at(DAY) - HOUR, warn_days_left=None) == Findings()


@pytest.mark.parametrize(
    ("records", "now", "fields"),
    [
        (read(FIRST), LAST_AGE, set()),
        (read(FIRST, outcomes=FAILED), LOST, {"lost"}),
        (read(FIRST, outcomes=FAILED), LOST + timedelta(days=7, seconds=-1), {"lost"}),
        (read(FIRST, outcomes=FAILED), LOST + timedelta(days=7), set()),  # an old loss is known
        ([], LOST, set()),  # before the project's first read
        (read(FIRST), LOST, {"unsealed"}),
        (read(FIRST), LOST + timedelta(days=7), set()),
        (SEALED, LOST, set()),
        (read(FIRST) + read(FIRST + HOUR, "r2", outcomes=SHRUNK), LAST_AGE, {"shrunk"}),
        (read(FIRST, outcomes=SHRUNK), LAST_AGE, {"missing", "shrunk"}),
        (read(FIRST, outcomes=SHRUNK), LOST, {"lost"}),
    ],
)
def test_findings(records, now, fields):
    """Each state is told under its own heading, while it is news."""
    told = found(records, now)
    assert {name for name in Findings.__struct_fields__ if getattr(told, name)} == fields
    assert all(text.startswith(f"{DAY} cashIn: ") for name in fields for text in getattr(told, name))
    assert bool(told.failures) is bool(fields & {"missing", "lost"})


def test_accepted_losses_fail_nothing():
    """A lost day that was accepted is silent; another is not."""
    records = read(FIRST, outcomes=FAILED)
    assert not found(records, LOST, accept_lost=[DAY]).failures
    assert found(records, LOST, accept_lost=[DAY + timedelta(days=1)]).failures
    assert found([], LAST_AGE, accept_lost=[DAY]).missing  # nothing to accept yet


def test_retention_of_another_gateway():
    """The limits follow the retention."""
    now = days.lost_after(DAY, 3)
    items = coverage(
        read(FIRST, outcomes=FAILED), project=PROJECT, now=now, retention_days=3, types=("cashIn",)
    )
    assert findings([i for i in items if i.day == DAY], now=now, retention_days=3).lost


def test_plain_is_json():
    """Coverage is told in JSON's own types."""
    told = json.loads(json.dumps(plain(judged(read(FIRST), LAST_AGE))))
    assert told == {
        "project": PROJECT,
        "day": "2026-11-20",
        "type": "cashIn",
        "state": "complete",
        "rows": 5,
        "amount_sum": 5000,
        "last_read_at": "2026-11-21T02:04:00+00:00",
        "lost_after": "2026-11-26T17:00:00+00:00",
        "days_left": 0,
    }
    assert plain(judged([], LAST_AGE))["last_read_at"] is None


def test_a_line_tells_what_is_known():
    """Numbers grouped and to the right; a dash, not 0, where no complete read tells any."""
    known = judged(read(FIRST, rows=12_345, amount_sum=6_789_000_000), LAST_AGE)
    assert as_line(known) == "2026-11-20  cashIn   complete       12,345        6,789,000,000"
    assert as_line(judged([], LAST_AGE)) == "2026-11-20  cashIn   missing             -                    -"
