# SPDX-License-Identifier: Apache-2.0
"""Which days are read now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from archive_world import DAY, PROJECT
from read_records import FIRST, HOUR, LAST_AGE, read

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import coverage
from airflow_provider_sengo.archive.plan import days_to_read


def planned(records, now, **options):
    """The plan, as (day, type)."""
    found = coverage(records, project=PROJECT, now=now)
    return [(entry.day, entry.type) for entry in days_to_read(found[::-1], now=now, **options)]


def test_everything_of_the_window_oldest_first():
    """Without any read, each day of the window but today is read, oldest first."""
    expected = [(day, type_) for day in days.window(LAST_AGE)[:-1] for type_ in days.TYPES]
    assert planned([], LAST_AGE) == expected
    assert planned([], LAST_AGE, include_today=True)[-2:] == [(days.today(LAST_AGE), t) for t in days.TYPES]


def test_days_outside_the_window_are_not_asked_for():
    """A lost day cannot be read, so it is not planned."""
    after = days.lost_after(DAY)
    assert (DAY, "cashIn") in planned([], after - timedelta(microseconds=1))
    assert (DAY, "cashIn") not in planned(read(FIRST, outcomes={"success": "failed"}), after)


def test_read_completely_today_is_left_out():
    """A complete read begun on today's date is enough for today; an incomplete one is not."""
    midnight = days.starts_at(days.today(FIRST) + timedelta(days=1))
    assert (DAY, "cashIn") not in planned(read(FIRST), midnight - timedelta(seconds=1))
    assert (DAY, "cashIn") in planned(read(FIRST), midnight)
    assert (DAY, "cashOut") in planned(read(FIRST), FIRST + HOUR)
    failed = read(FIRST, outcomes={"success": "failed"})
    assert (DAY, "cashIn") in planned(failed, FIRST + HOUR)
    shrunk = read(FIRST, outcomes={"success": "shrunk"})
    assert (DAY, "cashIn") in planned(shrunk, FIRST + HOUR)


def test_sealed_is_left_out():
    """A sealed day is not read again, not even with ``include_today`` or by the clock of another day."""
    sealed = read(LAST_AGE - 22 * HOUR) + read(LAST_AGE, "r2")
    assert (DAY, "cashIn") not in planned(sealed, LAST_AGE + HOUR, include_today=True)


@pytest.mark.parametrize(
    ("records", "now", "text"),
    [
        ([], LAST_AGE, "no complete read yet, "),
        (read(FIRST), LAST_AGE, "complete, read again until it is sealed, "),
        (
            read(FIRST, outcomes={"success": "shrunk"}),
            LAST_AGE,
            "a success it had shown is gone from the listing",
        ),
        ([], days.closed_at(DAY) - HOUR, "not over for eight hours yet"),
    ],
)
def test_reasons(records, now, text):
    """Each reason is a sentence for people."""
    found = coverage(records, project=PROJECT, now=now)
    reasons = {(entry.day, entry.type): entry.reason for entry in days_to_read(found, now=now)}
    assert reasons[DAY, "cashIn"].startswith(text)
