# SPDX-License-Identifier: Apache-2.0
"""The page of one day: its states, its sums, every read of its listings, its oddities and its downloads.

Its state is the one that the archive page shows; no row of a transaction is shown here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from airflow_provider_sengo.archive import days, report
from airflow_provider_sengo.plugins import state_calendar
from airflow_provider_sengo.plugins.archive_page import judge
from airflow_provider_sengo.plugins.page import show
from airflow_provider_sengo.plugins.source import archive_tables, read_day

router = APIRouter()

READS_SHOWN_MAX = 100  # of one type: a week of daily runs is 28; more come from runs by hand


@router.get("/day")
def day_page(request: Request, project: str, day: str) -> HTMLResponse:
    """One day of a project, both types."""
    now: datetime = request.app.state.clock()
    chosen = read_day(day, "day")
    with archive_tables() as tables:
        judged, _ = judge(report.read_log_of_day(tables, project, chosen), project, now)
        reads = report.reads_of_day(tables, project, chosen)
        totals = report.totals(tables, project, chosen, chosen)
        odd = report.odd_rows(tables, project, chosen)
    shown = {type: [each for each in reads if each.type == type][:READS_SHOWN_MAX] for type in days.TYPES}
    states = {item.type: item for item in judged if item.day == chosen}
    return show(
        "day.html",
        project=project,
        day=chosen,
        previous=chosen - timedelta(days=1) if chosen.toordinal() > 1 else None,
        following=chosen + timedelta(days=1) if chosen < days.today(now) else None,
        types=[type for type in days.TYPES if type in states or any(each.type == type for each in totals)],
        states=states,
        looks=state_calendar.LOOKS,
        actions={each.type: each for each in state_calendar.actions(judged, now) if each.day == chosen},
        totals=sorted(totals, key=lambda each: (each.status or "", each.channel or "")),
        reads=shown,
        reads_left={type: sum(each.type == type for each in reads) - len(shown[type]) for type in shown},
        odd=odd,
    )
