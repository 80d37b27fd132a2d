# SPDX-License-Identifier: Apache-2.0
"""Clocks and calendars: servers in any time zone, runs around midnight, leap days, ends of months and years.

What a day is, is worked out here a second time and in another way: UTC plus seven hours.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_sengo.archive.coverage import State
from airflow_provider_sengo.archive.plan import days_to_read
from airflow_provider_sengo.exceptions import ArchiveIncomplete
from airflow_provider_sengo.operators.archive import SenGoPlanArchiveOperator

ZONES = [
    *(
        "UTC",
        "Asia/Jakarta",
        "America/New_York",
        "Europe/London",
        "Australia/Lord_Howe",
    ),  # half an hour of DST
    *("Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago"),  # UTC+5:45, +14, -11
]
SEVEN_HOURS = timedelta(hours=7)
INSTANTS = [
    *("2026-11-20T16:59:59+00:00", "2026-11-20T17:00:00+00:00"),  # around midnight in Jakarta
    *("2026-11-20T23:59:59+00:00", "2026-11-21T00:00:00+00:00"),  # around midnight in UTC
    *("2026-11-01T05:30:00+00:00", "2026-11-01T06:30:00+00:00"),  # 01:30 in New York, twice
    *("2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"),  # 01:30 in London, twice
    *("2027-03-28T01:00:00+00:00", "2026-10-03T15:30:00+00:00"),  # London and Lord Howe skip ahead
    *("2028-02-28T17:00:00+00:00", "2028-02-29T16:59:59+00:00"),  # the leap day begins, and ends
    *("2026-12-31T17:00:00+00:00", "2027-01-01T00:00:00+00:00"),  # the year ends in Jakarta, and in UTC
    *("2026-02-28T17:00:00+00:00", "2026-04-30T16:59:59+00:00"),  # ends of months
]
CALM = {"expired_share": 0, "failed_share": 0, "late_share": 0, "multi_day_share": 0}


@pytest.fixture
def server_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server in another time zone, as ``TZ`` makes it."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def jakartas_day(instant: datetime) -> date:
    return (instant.astimezone(UTC) + SEVEN_HOURS).date()


def run(stage: Any, types: tuple[str, ...] = ("cashIn",), **read: Any) -> list[str]:
    """What a run of the DAG does at the world's time: plan, read every day, oldest first; the days planned."""
    now = stage.world.now()
    planned = [
        entry
        for entry in days_to_read(stage.archive.coverage(now, project=stage.project), now=now)
        if entry.type in types
    ]
    for entry in planned:
        stage.read(entry.day, entry.type, **read)
    return [str(entry.day) for entry in planned]


def days_before(day: str, *ages: int) -> list[str]:
    return [str(date.fromisoformat(day) - timedelta(days=age)) for age in ages]


@pytest.mark.parametrize("server_zone", ZONES, indirect=True)
def test_the_plan_is_jakartas_in_any_zone(
    server_zone: str, make_stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The instant counts, in whatever zone it is written: six days before Jakarta's today, none of them today."""
    stage = make_stage(per_day=0, days=1)
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", stage.connection())
    for instant in map(datetime.fromisoformat, INSTANTS):
        today = jakartas_day(instant)
        expected = [
            {"day": str(today - timedelta(days=age)), "type": type_}
            for age in range(6, 0, -1)
            for type_ in ("cashIn", "cashOut")
        ]
        # Whatever the server calls this hour, and as people elsewhere write it.
        spelled = [instant.astimezone(), *(instant.astimezone(ZoneInfo(zone)) for zone in ZONES)]
        for as_of in {moment.isoformat() for moment in spelled} | {str(today)}:
            plan = SenGoPlanArchiveOperator(task_id="plan", archive_uri=str(tmp_path / "a"), as_of=as_of)
            assert plan.execute({}) == expected, (as_of, server_zone)


@pytest.mark.parametrize("server_zone", ZONES[2:], indirect=True)
@pytest.mark.parametrize("now", ["2026-11-01T12:30:00+07:00", "2028-03-01T00:10:00+07:00"])
def test_a_day_is_read_alike_in_any_zone(server_zone: str, now: str, make_stage: Callable[..., Any]) -> None:
    """Rows, their instants, coverage and days left are the same as on a server in UTC."""
    told = []
    day = days_before(now[:10], 2)[0]
    for zone in (server_zone, "UTC"):
        os.environ["TZ"] = zone
        time.tzset()
        stage = make_stage(now=now, days=7, per_day=15, seed=7)
        assert stage.read(day).complete
        covered = stage.archive.coverage(stage.world.now(), project=stage.project)
        assert {str(item.day) for item in covered if item.state is State.COMPLETE} == {day}
        assert jakartas_day(stage.reads("success")[0].started_at) == date.fromisoformat(now[:10])
        told.append(
            (
                [(str(item.day), item.type, item.state, item.days_left, item.lost_after) for item in covered],
                [
                    (row["id"], row["status"], row["amount"], row["expired_at"], row["paid_at"], row["day"])
                    for row in sorted(stage.rows(), key=lambda row: row["id"])
                ],
            )
        )
    assert told[0] == told[1]
    assert len(told[0][1]) == 15


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
def test_a_process_that_starts_in_another_zone(zone: str) -> None:
    """The same from the first import on, at a moment that is three different days on earth."""
    code = (
        "from datetime import datetime, date, timedelta\n"
        "from airflow_provider_sengo.archive import days\n"
        "now = datetime.fromisoformat('2028-02-29T10:30:00+00:00').astimezone()\n"
        "print(days.today(now), days.window(now)[0], days.text(now), days.lost_after(date(2028, 2, 29)))"
    )
    environment = os.environ | {"TZ": zone}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    expected = "2028-02-29 2028-02-23 2028-02-29 17:30 Asia/Jakarta 2028-03-06 17:00:00+00:00"
    assert done.stdout.split("\n")[0] == expected


@pytest.mark.parametrize("last", ["2028-03-01", "2027-01-01"])
def test_runs_a_minute_before_midnight(last: str, make_stage: Callable[..., Any]) -> None:
    """Every evening at 23:59, over the ends of a leap February and of a year: each day is complete from the
    next evening on, sealed on its last, and none is ever missing or lost.
    """
    evenings = days_before(last, *range(6, -1, -1))
    stage = make_stage(now=f"{evenings[0]}T23:59:00+07:00", days=7, per_day=5, traffic_continues=True, **CALM)
    first_archived = days_before(evenings[0], 6)[0]
    for evening in evenings:
        stage.world.set_clock(f"{evening}T23:59:00+07:00")
        planned = run(stage)
        assert planned == days_before(evening, *range(6, 0, -1))
        assert all(result.complete for result in stage.results[-6:])
        for item in stage.archive.coverage(stage.world.now(), project=stage.project):
            if item.type != "cashIn" or str(item.day) < first_archived:
                continue
            age = (date.fromisoformat(evening) - item.day).days
            seen_before = str(item.day) >= days_before(evenings[0], 5)[0]
            sealed = age >= 6 and seen_before
            expected = State.OPEN if age == 0 else State.SEALED if sealed else State.COMPLETE
            assert item.state is expected, (evening, item.day)
        for day in planned:
            assert stage.statuses(day) == stage.truth(day)
    everything = {row["day"] for row in stage.rows()}
    assert everything == set(days_before(last, *range(12, 0, -1)))


def test_a_run_across_midnight(make_stage: Callable[..., Any]) -> None:
    """Begun at 23:59:30, the second day is being read when it strikes twelve: every read holds, and the next
    plan asks again for what was read yesterday and for the day that has just ended, but not for what was read
    after midnight.
    """
    stage = make_stage(now="2028-02-28T23:59:30+07:00", days=7, per_day=20, **CALM)
    days = days_before("2028-02-28", *range(6, 0, -1))

    def on_page(status: str, page: int, pages: int, count: int) -> None:
        if len(stage.results) == 1 and status == "success":
            stage.world.set_clock("2028-02-29T00:00:30+07:00")

    assert run(stage, on_page=on_page) == days
    assert [result.complete for result in stage.results] == [True] * 6
    begun = {read.day: read.started_at for read in stage.reads("success")}
    at_twelve = datetime.fromisoformat("2028-02-28T17:00:00+00:00")
    assert [day for day, at in sorted(begun.items()) if at < at_twelve] == [
        date.fromisoformat(day) for day in days[:2]
    ]
    states = {day: stage.coverage(day).state for day in [*days, "2028-02-28", "2028-02-29"]}
    # The oldest was read in time, though the gateway has forgotten it by now.
    assert states == dict.fromkeys(days, State.COMPLETE) | {
        "2028-02-28": State.OPEN,
        "2028-02-29": State.OPEN,
    }
    now = stage.world.now()
    due = days_to_read(stage.archive.coverage(now, project=stage.project), now=now)
    assert [str(entry.day) for entry in due if entry.type == "cashIn"] == [days[1], "2028-02-28"]


def test_the_last_day_forgotten_under_way(make_stage: Callable[..., Any]) -> None:
    """Planned in time, but reached after midnight: the task fails and says so, and the others go on."""
    stage = make_stage(now="2026-12-31T23:59:50+07:00", days=7, per_day=8, **CALM)
    planned = days_before("2026-12-31", *range(6, 0, -1))
    stage.world.set_clock("2027-01-01T00:00:10+07:00")
    with pytest.raises(
        ArchiveIncomplete, match=r"2026-12-25 cashIn: the gateway forgot this day at 2027-01-01 00:00"
    ):
        stage.read(planned[0])
    for day in planned[1:]:
        assert stage.read(day).complete
    assert {str(read.day) for read in stage.reads()} == set(planned[1:])


def test_a_run_across_midnight_in_utc(make_stage: Callable[..., Any]) -> None:
    """07:00 in Jakarta is an hour like any other: yesterday is not over for eight hours, all others are."""
    stage = make_stage(now="2027-01-01T06:59:30+07:00", days=7, per_day=12, **CALM)

    def on_page(status: str, page: int, pages: int, count: int) -> None:
        stage.world.set_clock("2027-01-01T07:00:30+07:00")

    days = days_before("2027-01-01", *range(6, 0, -1))
    assert run(stage, on_page=on_page) == days
    assert [stage.coverage(day).state for day in days] == [*[State.COMPLETE] * 5, State.OPEN]
    assert all(stage.statuses(day) == stage.truth(day) for day in days)


@pytest.mark.parametrize(
    ("begins", "ends", "state"),
    [
        ("07:59:59", "08:00:01", State.MISSING),  # begun too early: what was listed then may not be all
        ("08:00:00", "08:00:00", State.COMPLETE),
    ],
)
def test_eight_hours_after_a_leap_day(
    begins: str, ends: str, state: State, make_stage: Callable[..., Any]
) -> None:
    """To the second, counted from midnight in Jakarta; begun earlier, the day is due again."""
    stage = make_stage(now=f"2028-03-01T{begins}+07:00", days=7, per_day=12, **CALM)

    def on_page(status: str, page: int, pages: int, count: int) -> None:
        stage.world.set_clock(f"2028-03-01T{ends}+07:00")

    stage.read("2028-02-29", on_page=on_page)
    assert stage.coverage("2028-02-29").state is state
    now = stage.world.now()
    due = days_to_read(stage.archive.coverage(now, project=stage.project), now=now)
    is_due = any(str(entry.day) == "2028-02-29" and entry.type == "cashIn" for entry in due)
    assert is_due is (state is State.MISSING)
