# SPDX-License-Identifier: Apache-2.0
"""States of days as a calendar, and the days that need somebody."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import DayCoverage, State
from airflow_provider_sengo.plugins.state_calendar import (
    LOOKS,
    WEEKDAYS,
    Action,
    Cell,
    Mark,
    actions,
    counts,
    last_safe_day,
    months,
    years,
)

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)  # ten in the morning in Jakarta
FRIDAY = date(2026, 11, 20)


def item(day: date, state: State, *, type: str = "cashIn", rows: int | None = None) -> DayCoverage:
    """A day as the archive judges it."""
    return DayCoverage(
        project="p",
        day=day,
        type=type,
        state=state,
        rows=rows,
        amount_sum=None if rows is None else rows * 1000,
        last_read_at=None,
        lost_after=days.lost_after(day),
        days_left=days.days_left(day, NOW),
    )


def test_every_state_has_a_letter_of_its_own_and_a_sentence():
    """A colour alone tells nothing to somebody who does not see it."""
    assert set(LOOKS) == set(State)
    assert len({look.letter for look in LOOKS.values()}) == len(State)
    assert all(len(look.letter) == 1 and look.meaning.endswith(".") for look in LOOKS.values())


def test_the_last_safe_day_is_the_last_that_the_gateway_lists_it():
    """Six days after it, in Jakarta; the next midnight is too late."""
    assert last_safe_day(item(FRIDAY, State.MISSING)) == FRIDAY + timedelta(days=6)


def test_years_are_the_newest_first():
    """Each once; none without days."""
    new_year = date(2027, 1, 1)
    found = [item(each, State.SEALED) for each in (new_year - timedelta(days=1), new_year, new_year, FRIDAY)]
    assert years(found) == [2027, 2026]
    assert years([]) == []


def test_a_month_is_weeks_from_monday_to_sunday():
    """Days of other months, and days that are not judged, are empty places."""
    (month,) = months([item(FRIDAY, State.COMPLETE), item(FRIDAY + timedelta(days=10), State.OPEN)], 2026)
    assert [short for short, _ in WEEKDAYS] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert month.name == "November 2026"
    assert len(month.weeks) == 6  # the first of that November is a Sunday
    assert all(len(week) == 7 for week in month.weeks)
    places = {
        cell.day: (week, weekday)
        for week, cells in enumerate(month.weeks)
        for weekday, cell in enumerate(cells)
        if cell
    }
    assert places == {FRIDAY: (3, 4), date(2026, 11, 30): (5, 0)}


def test_months_are_those_of_the_year_newest_first():
    """A week that two months share shows each day in its own month only."""
    found = [item(date(2026, 9, 30), State.SEALED), item(date(2026, 10, 1), State.SEALED)]
    found += [item(date(2025, 10, 1), State.SEALED)]
    autumn = months(found, 2026)
    assert [month.name for month in autumn] == ["October 2026", "September 2026"]
    assert [cell.day for month in autumn for week in month.weeks for cell in week if cell] == [
        date(2026, 10, 1),
        date(2026, 9, 30),
    ]
    assert months(found, 2024) == []


def test_a_day_says_in_words_what_its_letters_say():
    """Each type with its state, its successes if they are known, and until when it is safe to read it."""
    (month,) = months(
        [item(FRIDAY, State.SEALED, rows=1_234_567), item(FRIDAY, State.MISSING, type="cashOut")], 2026
    )
    (cell,) = [cell for week in month.weeks for cell in week if cell]
    assert cell == Cell(
        FRIDAY,
        "20 November: cashIn sealed, 1,234,567 successful; cashOut missing, last safe day 2026-11-26",
        (Mark(State.SEALED, "S"), Mark(State.MISSING, "!")),
    )


def test_an_unread_day_says_what_to_do_and_until_when():
    """The command is one to paste."""
    assert actions([item(FRIDAY, State.MISSING)], NOW) == [
        Action(
            FRIDAY,
            "cashIn",
            State.MISSING,
            "No complete read yet; 3 days left after today.",
            date(2026, 11, 26),
            "Run the archive DAG, or on the command line:",
            "python -m airflow_provider_sengo archive --day 2026-11-20",
        )
    ]


def test_a_shrunk_day_is_unread_until_it_was_read_whole():
    """With a complete read nothing is to be run: the gateway must be asked."""
    unread, read = actions([item(FRIDAY, State.SHRUNK, rows=7), item(FRIDAY, State.SHRUNK)], NOW)
    assert (unread.command, read.command) == (
        "python -m airflow_provider_sengo archive --day 2026-11-20",
        None,
    )
    assert read.reason == "A success that was listed before is no longer listed. Its row is kept."
    assert "ask the gateway what became of the transaction" in read.advice
    assert read.last_safe_day == date(2026, 11, 26)


@pytest.mark.parametrize(("retention_days", "is_told"), [(7, True), (1, False)])
def test_a_lost_day_is_told_while_it_is_news(retention_days, is_told):
    """For as many days as the gateway remembers; there is no safe day any more."""
    lost = item(NOW.date() - timedelta(days=9), State.LOST)
    found = actions([lost], NOW, retention_days)
    assert bool(found) is is_told
    for action in found:
        assert action.reason == (
            "The gateway forgot it at 2026-11-21 00:00 Asia/Jakarta, before it was read whole."
        )
        assert (action.last_safe_day, action.command) == (None, None)
        assert "put the day into accept_lost" in action.advice


def test_the_most_urgent_is_first():
    """What can still be read, the least time first; then what shrank; then what is lost, the latest first."""
    day = lambda age: NOW.date() - timedelta(days=age)  # noqa: E731 - said often
    found = actions(
        [
            *(item(day(9), State.LOST), item(day(8), State.LOST), item(day(7), State.BEFORE)),
            *(item(day(6), State.SHRUNK, rows=1), item(day(5), State.SEALED), item(day(4), State.MISSING)),
            *(item(day(3), State.SHRUNK), item(day(2), State.COMPLETE), item(day(1), State.MISSING)),
            item(day(0), State.OPEN),
        ],
        NOW,
    )
    assert [(action.state, (NOW.date() - action.day).days) for action in found] == [
        *((State.MISSING, 4), (State.SHRUNK, 3), (State.MISSING, 1)),
        *((State.SHRUNK, 6), (State.LOST, 8), (State.LOST, 9)),
    ]


def test_counts_follow_the_legend():
    """Every state has a number, also those that no day is in."""
    found = counts([*(item(FRIDAY, State.SEALED),) * 2, item(FRIDAY, State.LOST, type="cashOut")])
    assert list(found["cashIn"]) == list(LOOKS)
    assert (found["cashIn"][State.SEALED], found["cashIn"][State.LOST]) == (2, 0)
    assert (found["cashOut"][State.SEALED], found["cashOut"][State.LOST]) == (0, 1)
    assert counts([]) == {}
