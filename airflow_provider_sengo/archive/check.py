# SPDX-License-Identifier: Apache-2.0
"""Whether the archive is safe, judged from its coverage.

Pure: the coverage and the instant are given. ``findings`` returns sentences and raises nothing; the check
task and the command line decide what they are worth. Which state a day is in is ``coverage``'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import DayCoverage, State

WARN_DAYS_LEFT = 2


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Sentences about days. ``missing`` and ``lost`` are failures; ``unsealed`` and ``shrunk`` are to be known."""

    missing: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    unsealed: tuple[str, ...] = ()
    shrunk: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """What makes a check fail, the most urgent first."""
        return self.missing + self.lost


def findings(
    coverage: Iterable[DayCoverage],
    *,
    now: datetime,
    retention_days: int = days.RETENTION_DAYS,
    warn_days_left: int | None = WARN_DAYS_LEFT,
    accept_lost: Collection[date] = (),
) -> Findings:
    """What a person must know.

    ``missing``: days over and without a complete read, with ``warn_days_left`` or fewer days left after
    today (None: any). ``lost``: those lost within the last ``retention_days``, unless in ``accept_lost``.
    """
    limit = retention_days if warn_days_left is None else warn_days_left
    missing, lost, unsealed, shrunk = [], [], [], []
    for item in coverage:
        name = f"{item.day} {item.type}"
        recently = item.lost_after <= now < item.lost_after + timedelta(days=retention_days)
        if item.unproven and item.days_left <= limit:
            left = days.left_text(item.days_left)
            missing.append(
                f"{name}: no complete read yet, {left}; it is lost at {days.text(item.lost_after)}"
            )
        elif item.state is State.LOST and recently and item.day not in accept_lost:
            lost.append(
                f"{name}: left the gateway's window at {days.text(item.lost_after)} without a complete read"
            )
        elif item.state is State.COMPLETE and recently:
            unsealed.append(
                f"{name}: complete, but left the window without a second equal read on its last day"
            )
        if item.state is State.SHRUNK:
            shrunk.append(f"{name}: a success that its listing had shown is gone from it")
    return Findings(missing=tuple(missing), lost=tuple(lost), unsealed=tuple(unsealed), shrunk=tuple(shrunk))


def plain(item: DayCoverage) -> dict[str, Any]:
    """A day's coverage as JSON has it: days and instants as ISO text, amounts in whole rupiah."""
    return {
        "project": item.project,
        "day": item.day.isoformat(),
        "type": item.type,
        "state": str(item.state),
        "rows": item.rows,
        "amount_sum": item.amount_sum,
        "last_read_at": item.last_read_at and item.last_read_at.isoformat(),
        "lost_after": item.lost_after.isoformat(),
        "days_left": item.days_left,
    }


def as_line(item: DayCoverage) -> str:
    """A day's coverage as a line of a table."""
    rows = "-" if item.rows is None else f"{item.rows:,}"
    amount = "-" if item.amount_sum is None else f"{item.amount_sum:,}"
    return f"{item.day}  {item.type:<7}  {item.state:<8}  {rows:>11}  {amount:>19}"
