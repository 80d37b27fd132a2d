# SPDX-License-Identifier: Apache-2.0
"""The calendar of the archive."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.archive import days

ZONES = [
    UTC,
    ZoneInfo("Asia/Jakarta"),
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("America/New_York"),
    ZoneInfo("Pacific/Kiritimati"),
    timezone(timedelta(hours=-11, minutes=-30)),
]
FIRST_TIME, LAST_TIME = datetime(2020, 1, 1), datetime(2035, 1, 1)  # noqa: DTZ001  # Hypothesis adds the zones
INSTANTS = st.datetimes(FIRST_TIME, LAST_TIME, timezones=st.sampled_from(ZONES))


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 11, 20, 16, 59, 59, 999999, UTC), date(2026, 11, 20)),  # the last moment of a day
        (datetime(2026, 11, 20, 17, 0, tzinfo=UTC), date(2026, 11, 21)),  # midnight
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), date(2026, 3, 29)),  # Berlin skips an hour
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), date(2026, 10, 25)),  # Berlin repeats one
        (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), date(2026, 11, 1)),  # New York repeats one
        (datetime(2028, 2, 28, 17, 0, tzinfo=UTC), date(2028, 2, 29)),  # leap day
        (datetime(2026, 2, 28, 17, 0, tzinfo=UTC), date(2026, 3, 1)),  # no leap day
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), date(2027, 1, 1)),  # year's end
    ],
)
def test_today_is_jakartas(zone, instant, day):
    """The day is Jakarta's, in whatever zone the server keeps its time."""
    assert days.today(instant.astimezone(zone)) == day


@pytest.mark.parametrize(
    ("day", "starts", "closed", "lost"),
    [
        (date(2026, 11, 20), "2026-11-19T17:00", "2026-11-21T01:00", "2026-11-26T17:00"),
        (date(2026, 11, 30), "2026-11-29T17:00", "2026-12-01T01:00", "2026-12-06T17:00"),
        (date(2028, 2, 29), "2028-02-28T17:00", "2028-03-01T01:00", "2028-03-06T17:00"),
    ],
)
def test_bounds_of_a_day(day, starts, closed, lost):
    """A day begins at Jakarta's midnight, is over eight hours after the next, and lost after seven."""
    instants = (days.starts_at(day), days.closed_at(day), days.lost_after(day))
    assert [f"{instant:%Y-%m-%dT%H:%M}" for instant in instants] == [starts, closed, lost]
    assert {instant.tzinfo for instant in instants} == {UTC}


@given(INSTANTS, st.integers(1, 40))
def test_window_and_loss_agree(now, retention):
    """A day is in the window exactly while it has begun and is not lost."""
    window = days.window(now, retention)
    assert window == sorted(window)
    assert len(window) == retention
    for offset in range(-2, retention + 2):
        day = days.today(now) - timedelta(days=offset)
        listed = days.starts_at(day) <= now < days.lost_after(day, retention)
        assert (day in window) is listed
        assert days.age_days(day, now) == offset
        assert days.days_left(day, now, retention) == retention - 1 - offset


def test_parse_day_takes_dates_and_text():
    """A day is a date or its ISO text."""
    assert days.parse_day(date(2028, 2, 29), field="day") == days.parse_day("2028-02-29", field="day")


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-31",
        "2026-W47-5",
        "20261120",
        "2026-11-20T00:00",
        "",
        " 2026-11-2",
        None,
        20261120,
        datetime(2026, 11, 20, tzinfo=UTC),
        "\uff12\uff10\uff12\uff16-11-20",  # full-width digits
    ],
)
def test_parse_day_refuses(value):
    """Whatever is no calendar day is refused, and the text says which field."""
    with pytest.raises(ValueError, match=r"^first_day: "):
        days.parse_day(value, field="first_day")


NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        (NOON, NOON),
        (date(2026, 11, 20), NOON),
        ("2026-11-20", NOON),
        ("2026-11-20T12:00:00+07:00", NOON),
        ("2026-11-20T05:00:00Z", NOON),
        (NOON.astimezone(ZoneInfo("America/New_York")), NOON),
    ],
)
def test_parse_as_of(value, instant):
    """An instant needs a zone; a bare day means its noon in Jakarta."""
    assert days.parse_as_of(value) == instant


@pytest.mark.parametrize(
    "value",
    ["2026-11-20T12:00:00", "2026-W47-5", "20261120", "noon", "", None, 5, NOON.replace(tzinfo=None)],
)
def test_parse_as_of_refuses(value):
    """An instant without a zone is refused, and the text says which field."""
    with pytest.raises(ValueError, match=r"^as_of: "):
        days.parse_as_of(value)


def test_parse_type():
    """A type is one of the gateway's two words."""
    assert [days.parse_type(value) for value in days.TYPES] == ["cashIn", "cashOut"]
    for value in ("cashin", "", None, 1, ["cashIn"], {}):
        with pytest.raises(ValueError, match=r"^kind: must be one of cashIn, cashOut"):
            days.parse_type(value, field="kind")


def test_texts():
    """Instants are told in Jakarta's time, and what is left in days."""
    assert "2026-11-20" in days.text(NOON)
    assert "12:00" in days.text(NOON)
    assert len({days.left_text(left) for left in (0, 1, 2)}) == 3
    assert "2" in days.left_text(2)
