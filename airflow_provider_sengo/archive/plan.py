# SPDX-License-Identifier: Apache-2.0
"""Which days must be read now, and why.

Pure: the coverage and the instant are given. A run that follows days of standstill heals by itself,
since every day of the window that is not sealed is read again. Which state a day is in is ``coverage``'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import DayCoverage, State


class DayToRead(msgspec.Struct, frozen=True, kw_only=True):
    """One day and type to read now; ``reason`` is a sentence for people."""

    day: date
    type: str
    reason: str


def days_to_read(
    coverage: Iterable[DayCoverage],
    *,
    now: datetime,
    retention_days: int = days.RETENTION_DAYS,
    include_today: bool = False,
) -> list[DayToRead]:
    """Every day of the window that is not sealed, oldest first.

    Left out: today (unless asked for), and days of which a complete read was begun today already.
    """
    window = set(days.window(now, retention_days))
    today = days.today(now)
    due = []
    for item in coverage:
        if item.day not in window or item.state is State.SEALED:
            continue
        if item.day == today and not include_today:
            continue
        if item.last_complete_at is not None and days.today(item.last_complete_at) == today:
            continue
        due.append(DayToRead(day=item.day, type=item.type, reason=_reason(item)))
    return sorted(due, key=lambda entry: (entry.day, entry.type))


def _reason(item: DayCoverage) -> str:
    left = days.left_text(item.days_left)
    match item.state:
        case State.OPEN:
            return "not over for eight hours yet: what is listed so far is archived"
        case State.MISSING:
            return f"no complete read yet, {left}"
        case State.SHRUNK:
            return f"a success it had shown is gone from the listing, {left}"
        case _:
            return f"complete, read again until it is sealed, {left}"
