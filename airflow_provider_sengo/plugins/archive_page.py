# SPDX-License-Identifier: Apache-2.0
"""The archive page: what needs somebody, the calendar of states, and sums by day of a chosen range.

A day's state is ``archive.coverage``'s, a sum ``archive.report``'s; here it is only chosen what is shown.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from airflow_provider_sengo.archive import days, report
from airflow_provider_sengo.archive.coverage import DayCoverage, ReadRecord, coverage
from airflow_provider_sengo.archive.tables import Tables
from airflow_provider_sengo.plugins import state_calendar
from airflow_provider_sengo.plugins.chart import charts
from airflow_provider_sengo.plugins.page import show
from airflow_provider_sengo.plugins.source import BadQuestion, archive_tables, read_day, read_type
from airflow_provider_sengo.plugins.state_calendar import Action

YEAR = re.compile(r"[0-9]{4}", re.ASCII)
router = APIRouter()

RANGE_DAYS = 30  # shown unless another range is chosen
RANGE_DAYS_MAX = 366
# So many projects are looked at for days that need somebody; the page names the rest.
PROJECTS_JUDGED_MAX = 20
QUICK_RANGES = (7, 30, 90, 365)


@router.get("/archive")
def archive_page(
    request: Request,
    project: str | None = None,
    year: str | None = None,
    first: str | None = None,
    last: str | None = None,
    type: str | None = None,
) -> HTMLResponse:
    """One project of the archive; without a name the one that most needs somebody."""
    now: datetime = request.app.state.clock()
    span = read_range(first, last, now)
    chosen_type = read_type(type or days.TYPES[0])
    with archive_tables() as tables:
        projects = report.projects(tables)
        if not projects:
            return show("empty.html", title="SenGo archive")
        waiting = {each: _waiting(tables, each, now) for each in projects[:PROJECTS_JUDGED_MAX]}
        chosen = project if project is not None else max(waiting, key=lambda each: _urgency(waiting[each]))
        if chosen not in projects:
            raise BadQuestion("The archive holds nothing of this project.")
        records = report.read_log(tables, chosen)
        totals = report.totals(tables, chosen, span[0], span[-1], chosen_type)
    judged, unread_types = judge(records, chosen, now)
    years = state_calendar.years(judged)
    chosen_year = int(year) if year is not None and YEAR.fullmatch(year) else years[0]
    return show(
        "archive.html",
        project=chosen,
        projects=projects,
        waiting={each: len(found) for each, found in waiting.items()},
        unjudged=len(projects) - len(waiting),
        now=now,
        actions=state_calendar.actions(judged, now),
        counts=state_calendar.counts(judged),
        unread_types=unread_types,
        looks=state_calendar.LOOKS,
        weekdays=state_calendar.WEEKDAYS,
        today=days.today(now),
        year=chosen_year,
        years=years,
        months=state_calendar.months(judged, chosen_year),
        types=days.TYPES,
        type=chosen_type,
        first=span[0],
        last=span[-1],
        quick_ranges=[(count, days.today(now) - timedelta(days=count - 1)) for count in QUICK_RANGES],
        charts=charts(totals, span),
    )


def judge(records: list[ReadRecord], project: str, now: datetime) -> tuple[list[DayCoverage], list[str]]:
    """The state of each day, of the types that were ever read, and the types that never were.

    A type that nobody archives would fill the calendar with losses; that it is not read is said once.
    """
    read = {record.type for record in records}
    types = [type for type in days.TYPES if type in read] or list(days.TYPES)
    judged = coverage(records, project=project, now=now, types=types)
    return judged, [type for type in days.TYPES if type not in types]


def _waiting(tables: Tables, project: str, now: datetime) -> list[Action]:
    """The days that need somebody; of those before the last two weeks none does any more."""
    first = days.window(now)[0] - timedelta(days=days.RETENTION_DAYS)  # lost of late counts as well
    records = report.read_log(tables, project, first - timedelta(days=days.RETENTION_DAYS))
    judged, _ = judge(records, project, now)
    return state_calendar.actions([item for item in judged if item.day >= first], now)


def _urgency(found: list[Action]) -> tuple[int, int]:
    """First how many days can still be saved, then how many need somebody at all."""
    return sum(action.last_safe_day is not None for action in found), len(found)


def read_range(first: str | None, last: str | None, now: datetime) -> list[date]:
    """Every day from the first to the last; by default the latest thirty. Raises: BadQuestion."""
    end = read_day(last, "last") if last else days.today(now)
    earliest = date.fromordinal(max(end.toordinal() - RANGE_DAYS + 1, 1))
    start = read_day(first, "first") if first else earliest
    if start > end:
        raise BadQuestion("first: must not be after last.")
    count = (end - start).days + 1
    if count > RANGE_DAYS_MAX:
        raise BadQuestion(f"first, last: at most {RANGE_DAYS_MAX} days at once.")
    return [start + timedelta(days=offset) for offset in range(count)]
