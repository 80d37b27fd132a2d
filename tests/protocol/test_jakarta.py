# SPDX-License-Identifier: Apache-2.0
"""Which day it is in Jakarta, and which days the gateway lists."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from airflow_provider_sengo.protocol.jakarta import JAKARTA, RETENTION_DAYS, today, window


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 20, 16, 59, 59, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 20, 17, 0, 0, tzinfo=UTC), date(2026, 11, 21)),
        (datetime(2026, 11, 20, 0, 0, tzinfo=JAKARTA), date(2026, 11, 20)),
        (datetime(2026, 11, 19, 12, 0, tzinfo=timezone(timedelta(hours=-5))), date(2026, 11, 20)),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
    ids=str,
)
def test_the_day_turns_at_midnight_in_jakarta(now: datetime, day: date) -> None:
    """At 17:00 UTC, in every season, whatever zone the instant is told in."""
    assert today(now) == day


@pytest.mark.parametrize(
    "now",
    [
        datetime.max.replace(tzinfo=UTC),  # as some say "never"
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ],
    ids=str,
)
def test_the_ends_of_the_calendar_are_days_too(now: datetime) -> None:
    """Where Jakarta's day would lie beyond the calendar, the instant's own day stands for it."""
    assert today(now) == now.date()


def test_the_window_is_the_days_that_the_gateway_lists() -> None:
    """Seven with today, oldest first, over the end of a month; another gateway's retention is given."""
    now = datetime(2026, 12, 2, 17, 0, tzinfo=UTC)
    days = window(now)
    assert (days[0], days[-1]) == (date(2026, 11, 27), date(2026, 12, 3))
    assert len(days) == len(set(days)) == RETENTION_DAYS == 7
    assert days == sorted(days)
    assert window(now, 1) == [date(2026, 12, 3)]
    assert window(now, 3) == days[-3:]
