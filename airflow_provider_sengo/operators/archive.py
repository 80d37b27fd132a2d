# SPDX-License-Identifier: Apache-2.0
"""Tasks of the daily archive: plan -> one task per day and type -> check.

Which days are read, what a read proves and what is written is decided in ``archive``, nothing of it here.
pyarrow, deltalake and aiohttp are imported when a task runs, never when a DAG file is parsed. Nothing may
fork in a task after them: delta-rs does not survive it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.check import WARN_DAYS_LEFT, Findings, as_line, findings, plain
from airflow_provider_sengo.archive.plan import days_to_read
from airflow_provider_sengo.exceptions import ArchiveIncomplete
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.operators.archive_run import (
    TRANSACTIONS_ALIAS,
    failed_tasks,
    run_name,
    send_event,
)
from airflow_provider_sengo.operators.archive_signals import DaySignals, tell_check_lineage, tell_days_left
from airflow_provider_sengo.operators.failure import fail_at_once_if_hopeless
from airflow_provider_sengo.operators.task import ArchiveTask, checked_list

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_sengo.archive.coverage import DayCoverage
    from airflow_provider_sengo.archive.run import DayResult


class SenGoPlanArchiveOperator(ArchiveTask):
    """
    List what must be archived now, for ``.expand_kwargs``: ``[{"day": "2026-11-21", "type": "cashIn"}, ...]``.

    Every day of the gateway's window that is not sealed, oldest first; not today, and not a day of which a
    complete read was begun today. The reasons go to the log and to XCom ``reasons``. Running it again
    changes nothing.

    :param archive_uri: where the archive is; default ``[sengo] archive_uri`` (templated).
    :param archive_conn_id: connection with its storage options; default ``[sengo] archive_conn_id`` (templated).
    :param as_of: plan as if it were this instant (ISO text with a zone) or this day's noon in Jakarta
        (``YYYY-MM-DD``); default now (templated).
    :param retention_days: how many days the gateway lists, today included; default 7.
    :param types: a list of ``cashIn`` and ``cashOut``; default both.
    :param include_today: archive what is listed of today as well; default False.
    :param sengo_conn_id: the connection to use; default ``sengo_default`` (templated).
    """

    template_fields: Sequence[str] = ("archive_uri", "archive_conn_id", "as_of", "sengo_conn_id")

    def __init__(
        self,
        *,
        archive_uri: str | None = None,
        archive_conn_id: str | None = None,
        as_of: str | None = None,
        retention_days: int = days.RETENTION_DAYS,
        types: Sequence[str] = days.TYPES,
        include_today: bool = False,
        sengo_conn_id: str = SenGoHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            archive_uri=archive_uri, archive_conn_id=archive_conn_id, sengo_conn_id=sengo_conn_id, **kwargs
        )
        self.as_of = as_of
        self.retention_days = retention_days
        self.types = types
        self.include_today = include_today

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Return the days to read."""
        now = _instant(self.as_of)
        types = _types(self.types)
        with fail_at_once_if_hopeless():
            covered = self.archive.coverage(now, self.retention_days, self.hook.project, types)
        due = days_to_read(
            covered, now=now, retention_days=self.retention_days, include_today=self.include_today
        )
        reasons = {f"{entry.day} {entry.type}": entry.reason for entry in due}
        for name, reason in reasons.items():
            self.log.info("To read: %s: %s", name, reason)
        if not due:
            self.log.info("Nothing is due: every day of the window is sealed or was read today.")
        if ti := context.get("ti"):
            ti.xcom_push(key="reasons", value=reasons)
        return [{"day": entry.day.isoformat(), "type": entry.type} for entry in due]


class SenGoArchiveDayOperator(ArchiveTask):
    """
    Read one day of one type to the end and archive it.

    Pushes ``{"project": ..., "day": "2026-11-21", "type": "cashIn", "rows": 120, "new": 3, "changed": 1,
    "odd": 0, "amount_sum": 1500000, "requests": 8, "passes": 4, "complete": true, ...}``; ``rows`` counts
    the distinct transactions read, ``amount_sum`` is whole rupiah of the successful ones.

    Running it again reads the day again and writes only what changed. Whatever was read is archived, also
    if the task fails.

    :param day: calendar day in Asia/Jakarta, ``YYYY-MM-DD`` (templated).
    :param type: ``cashIn`` or ``cashOut`` (templated).
    :param archive_uri: where the archive is; default ``[sengo] archive_uri`` (templated).
    :param archive_conn_id: connection with its storage options; default ``[sengo] archive_conn_id`` (templated).
    :param statuses: a list of the listings to read, in this order; default all four, ``success`` last. Without
        ``success`` no day gets complete.
    :param retention_days: how many days the gateway lists, today included; default 7.
    :param max_passes: how often a listing that moves is read again; default 5.
    :param concurrency: requests in flight; default 16.
    :param sengo_conn_id: the connection to use; default ``sengo_default`` (templated).
    """

    template_fields: Sequence[str] = ("day", "type", "archive_uri", "archive_conn_id", "sengo_conn_id")

    def __init__(
        self,
        *,
        day: str,
        type: str,
        archive_uri: str | None = None,
        archive_conn_id: str | None = None,
        statuses: Sequence[str] = ("pending", "expired", "failed", "success"),
        retention_days: int = days.RETENTION_DAYS,
        max_passes: int = 5,
        concurrency: int = 16,
        sengo_conn_id: str = SenGoHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            archive_uri=archive_uri, archive_conn_id=archive_conn_id, sengo_conn_id=sengo_conn_id, **kwargs
        )
        self.day = day
        self.type = type
        self.statuses = statuses
        self.retention_days = retention_days
        self.max_passes = max_passes
        self.concurrency = concurrency

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what was read and changed."""
        with fail_at_once_if_hopeless(), DaySignals(self) as signals:
            signals.result = asyncio.run(self._archive_day())
        return dict(msgspec.to_builtins(signals.result))

    async def _archive_day(self) -> DayResult:
        from airflow_provider_sengo.archive.run import DayJob, archive_day

        job = DayJob(
            project=(await self.hook.read_connection_async()).credentials.project,
            day=days.parse_day(self.day, field="day"),
            type=days.parse_type(self.type),
            statuses=tuple(checked_list(self.statuses, field="statuses", example="success")),
            retention_days=self.retention_days,
            max_passes=self.max_passes,
            concurrency=self.concurrency,
        )
        async with self.hook.open_listing(in_flight=self.concurrency) as gateway:
            return await archive_day(job, gateway, self.archive)


class SenGoCheckArchiveOperator(ArchiveTask):
    """
    Fail while a person can still act: judge the archive of the connection's own project.

    First mends ids that stand under two days. Fails for days without a complete read that are about to
    leave the gateway's window, for days lost lately, and for tasks of this run that failed. Pushes the
    coverage of the last two windows, a dict a day and type. When all is well it sends one asset event
    for ``sengo://<project>/transactions`` through the asset alias ``sengo_transactions``.

    Let it run whatever happened before it: ``trigger_rule="all_done"``. Running it again changes nothing.

    :param archive_uri: where the archive is; default ``[sengo] archive_uri`` (templated).
    :param archive_conn_id: connection with its storage options; default ``[sengo] archive_conn_id`` (templated).
    :param as_of: judge as if it were this instant or this day's noon in Jakarta; default now (templated).
    :param retention_days: how many days the gateway lists, today included; default 7.
    :param types: a list of ``cashIn`` and ``cashOut``; default both.
    :param warn_days_left: fail for a missing day with so many or fewer days left after today; default 2.
    :param accept_lost: a list of lost days (``YYYY-MM-DD``, both types) that no longer fail the check; default none
        (templated).
    :param sengo_conn_id: the connection to use; default ``sengo_default`` (templated).
    """

    template_fields: Sequence[str] = (
        "archive_uri",
        "archive_conn_id",
        "as_of",
        "accept_lost",
        "sengo_conn_id",
    )

    def __init__(
        self,
        *,
        archive_uri: str | None = None,
        archive_conn_id: str | None = None,
        as_of: str | None = None,
        retention_days: int = days.RETENTION_DAYS,
        types: Sequence[str] = days.TYPES,
        warn_days_left: int = WARN_DAYS_LEFT,
        accept_lost: Sequence[str] = (),
        sengo_conn_id: str = SenGoHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            archive_uri=archive_uri, archive_conn_id=archive_conn_id, sengo_conn_id=sengo_conn_id, **kwargs
        )
        self.as_of = as_of
        self.retention_days = retention_days
        self.types = types
        self.warn_days_left = warn_days_left
        self.accept_lost = accept_lost
        self.outlets = [*self.outlets, TRANSACTIONS_ALIAS]

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the coverage of the last two windows, oldest first."""
        now = _instant(self.as_of)
        types = _types(self.types)
        lost = checked_list(self.accept_lost, field="accept_lost", example="2026-11-03", is_template=True)
        accepted = [days.parse_day(day, field="accept_lost") for day in lost]
        with fail_at_once_if_hopeless():
            project = self.hook.project
            healed = self.archive.heal(project, now, self.retention_days, read_id=run_name(context))
            self.archive.compact_reads()
            covered = self.archive.coverage(now, self.retention_days, project, types)
        if healed:
            self.log.warning("%s transactions stood under two days and were made one again", healed)
        recent = [item for item in covered if item.days_left >= -self.retention_days]
        self._report(recent)
        if days.today(now) == days.today(_instant(None)):  # a gauge tells of the real today alone
            tell_days_left(
                project, recent, types=types, retention_days=self.retention_days, accept_lost=accepted
            )
        found = findings(
            covered,
            now=now,
            retention_days=self.retention_days,
            warn_days_left=self.warn_days_left,
            accept_lost=accepted,
        )
        self._judge(found, failed_tasks(context))
        send_event(context, project, recent)
        tell_check_lineage(self, project)
        return [plain(item) for item in recent]

    def _report(self, recent: Sequence[DayCoverage]) -> None:
        for item in recent:
            self.log.info("%s", as_line(item))

    def _judge(self, found: Findings, failed_tasks: Sequence[str]) -> None:
        for sentence in found.unsealed + found.shrunk:
            self.log.warning("%s", sentence)
        sentences = list(found.failures)
        if failed_tasks:
            sentences.append(f"tasks of this run failed: {', '.join(failed_tasks)}; see their logs")
        if sentences:
            error = ArchiveIncomplete("; ".join(sentences), curable=False)
            raise AirflowFailException(
                f"The archive is not safe: {error}. See the README's runbook, 'a day in danger' and 'a lost day'."
            ) from error


def _instant(as_of: str | None) -> datetime:
    """The instant to plan or judge for; the real clock unless told otherwise."""
    if as_of is not None:
        return days.parse_as_of(as_of)
    from airflow_provider_sengo.archive.run import utc_now

    return utc_now()


def _types(given: Sequence[str]) -> list[str]:
    return [
        days.parse_type(each, field="types") for each in checked_list(given, field="types", example="cashIn")
    ]
