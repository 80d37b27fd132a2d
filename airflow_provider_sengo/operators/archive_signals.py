# SPDX-License-Identifier: Apache-2.0
"""What monitoring sees of the archive's tasks: metrics of each day read, days left to save one, and lineage.

Told from the tasks themselves, never from an event loop. Works without a running task.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Self

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import DayCoverage, State
from airflow_provider_sengo.exceptions import ArchiveIncomplete, SenGoProviderError
from airflow_provider_sengo.hooks import lineage
from airflow_provider_sengo.hooks.signals import as_tag, emit

if TYPE_CHECKING:
    from types import TracebackType

    from airflow_provider_sengo.archive.run import DayResult
    from airflow_provider_sengo.operators.archive import SenGoArchiveDayOperator, SenGoCheckArchiveOperator

DAY = "sengo.archive.day"
DURATION = "sengo.archive.duration"
DAYS_LEFT = "sengo.archive.days_left"
COUNTED = ("rows", "new", "changed", "odd", "requests", "passes")


class DaySignals:
    """Around the reading of one day; ``result`` is given once it is there.

    Tells of days that were read and of those that our errors ended; a wrong argument is no day.
    """

    def __init__(self, task: SenGoArchiveDayOperator) -> None:
        self._task = task
        self.result: DayResult | None = None

    def __enter__(self) -> Self:
        self._began_s = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, SenGoProviderError):
            self._tell_metrics()
            # A day that could not be read to the end was archived as far as it was read, unless SenGo had
            # forgotten it before.
            if error is None or (isinstance(error, ArchiveIncomplete) and error.curable):
                self._tell_lineage()

    def _tell_metrics(self) -> None:
        tags = {
            "type": days.parse_type(self._task.type),
            "complete": "true" if self.result and self.result.complete else "false",
            "project": as_tag(self._task.hook.project),
        }
        emit("incr", DAY, 1, tags)
        emit("timing", DURATION, timedelta(seconds=time.monotonic() - self._began_s), tags)
        if self.result is not None:
            for name in COUNTED:
                emit("incr", f"sengo.archive.{name}", getattr(self.result, name), tags)

    def _tell_lineage(self) -> None:
        task = self._task
        lineage.record(
            task.hook,
            inputs=[lineage.day_uri(task.hook.project, days.parse_type(task.type), task.day)],
            outputs=[lineage.table_uri(task.archive.tables.address("transactions"))],
        )


def tell_days_left(
    project: str,
    recent: Sequence[DayCoverage],
    *,
    types: Sequence[str],
    retention_days: int,
    accept_lost: Collection[date],
) -> None:
    """Set the gauge ``sengo.archive.days_left`` for each type, the smallest value last.

    A statsd server that takes no tags has one gauge for all types, and keeps what it is told last.
    """
    left = {
        type: fewest_days_left(
            [item for item in recent if item.type == type],
            retention_days=retention_days,
            accept_lost=accept_lost,
        )
        for type in types
    }
    for type in sorted(left, key=left.__getitem__, reverse=True):
        emit("gauge", DAYS_LEFT, left[type], {"type": type, "project": as_tag(project)})


def fewest_days_left(
    recent: Sequence[DayCoverage], *, retention_days: int, accept_lost: Collection[date]
) -> int:
    """Days after today on which the most urgent missing day can still be read.

    0: today is the last one. Negative: a day is lost, and not accepted so. ``retention_days``, more than
    any missing day can have, where nothing is missing.
    """
    urgent = [
        item.days_left
        for item in recent
        if item.unproven or (item.state is State.LOST and item.day not in accept_lost)
    ]
    return min(urgent, default=retention_days)


def tell_check_lineage(task: SenGoCheckArchiveOperator, project: str) -> None:
    """The check reads the tables, and vouches for the project's transactions."""
    tables = task.archive.tables
    lineage.record(
        task.hook,
        inputs=[lineage.table_uri(tables.address(name)) for name in ("transactions", "reads")],
        outputs=[lineage.transactions_uri(project)],
    )
