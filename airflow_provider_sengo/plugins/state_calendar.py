# SPDX-License-Identifier: Apache-2.0
"""The states of an archive's days as months of a calendar, and the days that need somebody.

Pure: coverage and the instant are given. A state is always told by its word or its letter, never by its
colour alone.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import DayCoverage, State

WEEKDAYS = tuple(zip(calendar.day_abbr, calendar.day_name, strict=True))


class Look(NamedTuple):
    """How a state is written: its letter in the calendar, and what it means."""

    letter: str
    meaning: str


LOOKS = {
    State.SEALED: Look("S", "Read whole twice, the second time on its last day, with the same successes."),
    State.COMPLETE: Look("C", "Read whole; it is read again until it is sealed."),
    State.OPEN: Look("O", "Not over for eight hours yet; what is read of it is kept."),
    State.MISSING: Look("!", "Over and not read whole yet; it must be read before its last safe day ends."),
    State.SHRUNK: Look(
        "\N{DOWNWARDS ARROW}",
        "A success that its listing had shown is gone from the listing; the archive keeps it.",
    ),
    State.LOST: Look("\N{MULTIPLICATION SIGN}", "The gateway forgot it before it was read whole."),
    State.BEFORE: Look("\N{EN DASH}", "The gateway had forgotten it before this project was first read."),
}


class Mark(NamedTuple):
    """The state of one type on a day."""

    state: State
    letter: str


class Cell(NamedTuple):
    """A day of the calendar; ``label`` says in words what the marks say in letters."""

    day: date
    label: str
    marks: tuple[Mark, ...]


class Month(NamedTuple):
    """A month as weeks from Monday to Sunday; None where there is no day of it, or none that is judged."""

    name: str
    weeks: list[list[Cell | None]]


class Action(NamedTuple):
    """A day that needs somebody: why, until when (if there still is a safe day), what to do."""

    day: date
    type: str
    state: State
    reason: str
    last_safe_day: date | None
    advice: str
    command: str | None = None


def last_safe_day(item: DayCoverage) -> date:
    """The last calendar day on which a day can be read, in Jakarta."""
    return days.today(item.lost_after - timedelta(seconds=1))


def years(coverage: Iterable[DayCoverage]) -> list[int]:
    """The years that have days, newest first."""
    return sorted({item.day.year for item in coverage}, reverse=True)


def months(coverage: Iterable[DayCoverage], year: int) -> list[Month]:
    """The months of a year that have days, newest first."""
    by_day: dict[date, list[DayCoverage]] = {}
    for item in coverage:
        if item.day.year == year:
            by_day.setdefault(item.day, []).append(item)
    found = []
    for month in sorted({day.month for day in by_day}, reverse=True):
        grid = calendar.Calendar().monthdatescalendar(year, month)
        weeks = [
            [_cell(day, by_day[day]) if day.month == month and day in by_day else None for day in week]
            for week in grid
        ]
        found.append(Month(f"{calendar.month_name[month]} {year}", weeks))
    return found


def _cell(day: date, items: Sequence[DayCoverage]) -> Cell:
    told = "; ".join(_told(item) for item in items)
    marks = tuple(Mark(item.state, LOOKS[item.state].letter) for item in items)
    return Cell(day, f"{day.day} {day:%B}: {told}", marks)


def _told(item: DayCoverage) -> str:
    rows = "" if item.rows is None else f", {item.rows:,} successful"
    until = f", last safe day {last_safe_day(item)}" if item.unproven else ""
    return f"{item.type} {item.state}{rows}{until}"


def actions(
    coverage: Iterable[DayCoverage], now: datetime, retention_days: int = days.RETENTION_DAYS
) -> list[Action]:
    """The days that need somebody, the most urgent first: unproven, shrunk, then lost of late."""
    unproven, shrunk, lost = [], [], []
    for item in coverage:
        if item.unproven:
            unproven.append((item.days_left, _unproven(item)))
        elif item.state is State.SHRUNK:
            shrunk.append((item.days_left, _shrunk(item)))
        elif item.state is State.LOST and now < item.lost_after + timedelta(days=retention_days):
            lost.append((-item.days_left, _lost(item)))
    return [
        action for group in (unproven, shrunk, lost) for _, action in sorted(group, key=lambda pair: pair[0])
    ]


def _unproven(item: DayCoverage) -> Action:
    reason = f"No complete read yet; {days.left_text(item.days_left)}."
    advice = "Run the archive DAG, or on the command line:"
    command = f"python -m airflow_provider_sengo archive --day {item.day}"
    return Action(item.day, item.type, item.state, reason, last_safe_day(item), advice, command)


def _shrunk(item: DayCoverage) -> Action:
    reason = "A success that was listed before is no longer listed. Its row is kept."
    advice = "Look at the day's reads, and ask the gateway what became of the transaction."
    return Action(item.day, item.type, item.state, reason, last_safe_day(item), advice)


def _lost(item: DayCoverage) -> Action:
    reason = f"The gateway forgot it at {days.text(item.lost_after)}, before it was read whole."
    advice = "Ask the gateway for this day's transactions; then put the day into accept_lost."
    return Action(item.day, item.type, item.state, reason, None, advice)


def counts(coverage: Iterable[DayCoverage]) -> dict[str, dict[State, int]]:
    """How many days of each type are in each state, in the order of the legend."""
    found: dict[str, dict[State, int]] = {}
    for item in coverage:
        found.setdefault(item.type, dict.fromkeys(LOOKS, 0))[item.state] += 1
    return found
