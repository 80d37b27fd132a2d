# SPDX-License-Identifier: Apache-2.0
"""``archive``: which days are read, one after the other, and what is said of them, also after Ctrl-C.

How a day is read and archived is in ``archive.run``; an interrupt at any moment leaves the archive true.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.cli import INTERRUPTED, NOT_SAFE, OK, one_line, source
from airflow_provider_sengo.exceptions import NotAuthorized, NotSent, SenGoProviderError, UnexpectedResponse

if TYPE_CHECKING:
    from airflow_provider_sengo.archive.check import Findings
    from airflow_provider_sengo.archive.listing import Gateway
    from airflow_provider_sengo.archive.run import DayResult
    from airflow_provider_sengo.archive.store import Archive
    from airflow_provider_sengo.cli_progress import OnPage
    from airflow_provider_sengo.hooks.sengo import SenGoHook

Wanted = tuple[date, str]  # a day and a type
# Each was tried in four listings, and each listing several times: then the gateway is not there, and the
# other days would only take minutes to say the same.
UNREACHABLE_MAX = 2
UNWRITABLE_MAX = 2  # in a row; while no day was archived the first is enough


class RunEnded(Exception):
    """Gateway or archive cannot be used, so no other day is tried; the text is for the person."""


class WrongPath(Exception):
    """What answers at the base URL is not SenGo; its cause says so."""


@dataclass
class Report:
    """What became of the days that were to be read."""

    project: str
    wanted: list[Wanted] = field(default_factory=list)
    finished: list[DayResult] = field(default_factory=list)
    failed: dict[Wanted, str] = field(default_factory=dict)
    found: Findings | None = None
    interrupted: bool = False

    @property
    def done(self) -> list[Wanted]:
        return [(date.fromisoformat(result.day), result.type) for result in self.finished]

    @property
    def left(self) -> list[Wanted]:
        """What was not read to the end, failed days included."""
        done = set(self.done)
        return [each for each in self.wanted if each not in done]

    def document(self) -> dict[str, Any]:
        """The report as JSON has it; ``findings`` is null where the coverage was not judged."""
        import msgspec

        from airflow_provider_sengo.cli_table import as_json

        not_read = [each for each in self.left if each not in self.failed]
        return {
            "project": self.project,
            "interrupted": self.interrupted,
            "finished": [msgspec.to_builtins(result) for result in self.finished],
            "failed": [_plain(each) | {"error": text} for each, text in self.failed.items()],
            "not_read": [_plain(each) for each in not_read],
            "findings": self.found and as_json(self.found),
        }


@dataclass(frozen=True)
class Plan:
    """What the command line asks for. ``days_asked``: None means those that are due."""

    arguments: argparse.Namespace
    program: str
    days_asked: list[date] | None

    @classmethod
    def of(cls, arguments: argparse.Namespace, program: str) -> Plan:
        """Read the days; ValueError for one that is none, or has not begun."""
        texts: list[str] | None = getattr(arguments, "day", None)
        if not texts:
            return cls(arguments, program, None)
        asked = list(dict.fromkeys(days.parse_day(text, field="--day") for text in texts))
        today = days.today(datetime.now(UTC))
        for day in asked:
            if day > today:
                raise ValueError(
                    f"--day: {day} has not begun yet in Asia/Jakarta; today is {today} there, the latest"
                    " day that can be read."
                )
        return cls(arguments, program, asked)

    def carry_out(self, hook: SenGoHook, archive: Archive, results: TextIO) -> int:
        """Read, heal, judge; a day's own failure keeps no other from being tried. Returns the exit status."""
        report = Report(hook.project)
        try:
            report.wanted = self._wanted(hook, archive, results)
            if report.wanted:
                self._make_tables(archive)
            self._read_all(hook, archive, report, results)
            self._finish(archive, report)
            status = OK if report.found and not report.found.failures and not report.failed else NOT_SAFE
        except RunEnded as error:
            status = NOT_SAFE
            _say(f"error: {error}")
        except KeyboardInterrupt as stop:
            status, report.interrupted = INTERRUPTED, True
            if isinstance(stop.__cause__, Exception):  # what the day ended with meanwhile
                _say(f"error: {one_line(stop.__cause__)}")
        if self.arguments.json:
            from airflow_provider_sengo.cli_table import print_document

            print_document(report.document(), results)
        if report.interrupted:
            self._say_what_is_left(report)
        return status

    def _wanted(self, hook: SenGoHook, archive: Archive, results: TextIO) -> list[Wanted]:
        if self.days_asked is not None:
            return [(day, type_) for day in self.days_asked for type_ in days.TYPES]
        from airflow_provider_sengo.archive.plan import days_to_read
        from airflow_provider_sengo.archive.run import utc_now

        now = utc_now()
        due = days_to_read(archive.coverage(now, project=hook.project), now=now)
        if not due and not self.arguments.json:
            results.write("Nothing is due: every day of the window is sealed or was read today.\n")
        return [(entry.day, entry.type) for entry in due]

    def _make_tables(self, archive: Archive) -> None:
        """Before anything is asked of the gateway: what cannot be written need not be read."""
        from airflow_provider_sengo.archive.tables import SCHEMAS, StorageError

        try:
            for name in SCHEMAS:
                archive.tables.make(name)
        except (OSError, StorageError) as error:
            reason = one_line(error).removeprefix("Could not create local directory: ").rstrip(".")
            raise RunEnded(
                f"{source(self.arguments, 'archive_uri')}: {archive.tables.uri} cannot be written: {reason}."
                " Make it, or choose another. Nothing was read."
            ) from error

    def _read_all(self, hook: SenGoHook, archive: Archive, report: Report, results: TextIO) -> None:
        from airflow_provider_sengo.archive.tables import StorageError
        from airflow_provider_sengo.cli_interrupt import run_interruptible
        from airflow_provider_sengo.cli_progress import progress

        shown, unreachable, unwritable = progress(sys.stderr), 0, 0
        for number, wanted in enumerate(report.wanted, 1):
            try:
                with shown.day(f"{number}/{len(report.wanted)} {_name(wanted)}") as on_page:
                    run_interruptible(partial(_read, hook, archive, wanted, on_page, report.finished))
            except WrongPath as error:
                raise self._closed(hook, report, wanted, error.__cause__) from error
            except NotAuthorized as error:
                raise self._closed(hook, report, wanted, error) from error
            except (SenGoProviderError, ValueError) as error:
                unreachable = unreachable + 1 if isinstance(error.__cause__, NotSent) else 0
                if unreachable == UNREACHABLE_MAX:
                    raise self._closed(hook, report, wanted, error.__cause__) from error
                report.failed[wanted] = one_line(error)
            except (OSError, StorageError) as error:
                unwritable += 1
                reason = f"the archive {archive.tables.uri} cannot be used: {one_line(error).rstrip('.')}."
                report.failed[wanted] = f"{_name(wanted)}: {reason}"
                if unwritable == UNWRITABLE_MAX or not report.finished:
                    raise RunEnded(
                        f"{report.failed[wanted]} Not archived: {_names(report.left)}. Mend that, then go on"
                        f" with: {self.again(report.left)}"
                    ) from error
            else:
                unreachable = unwritable = 0
                if not self.arguments.json:
                    _print_result(report.finished[-1], results)
                continue
            _say(f"error: {report.failed[wanted]}")

    def _closed(self, hook: SenGoHook, report: Report, wanted: Wanted, error: object) -> RunEnded:
        """The one line that names the connection and what to do."""
        text = report.failed[wanted] = one_line(error)
        if isinstance(error, NotSent):  # the others name the fields by themselves
            text += " In the connection, host (or, where it is empty, environment) names the gateway."
        return RunEnded(
            f"Connection {hook.sengo_conn_id!r}: {text} {len(report.left)} days and types were not read; then"
            f" go on with: {self.again(report.left)}"
        )

    def _finish(self, archive: Archive, report: Report) -> None:
        from airflow_provider_sengo import cli_table
        from airflow_provider_sengo.archive.run import utc_now

        archive.heal(report.project, utc_now(), days.RETENTION_DAYS, read_id="command line")
        archive.compact_reads()
        now = utc_now()
        report.found = cli_table.judge(archive.coverage(now, project=report.project), now)
        cli_table.warn(report.found)

    def _say_what_is_left(self, report: Report) -> None:
        _say("Stopped by Ctrl-C. The finished days are archived; the others will be read anew.")
        _say(f"Finished: {_names(report.done)}")
        _say(f"Not finished: {_names(report.left)}")
        _say(f"Go on with: {self.again(report.left)}")

    def again(self, left: list[Wanted]) -> str:
        """The command that reads what is left; without ``--day`` it finds that out by itself."""
        given = self.arguments
        words = ["archive"]
        if self.days_asked is not None:
            for day in dict.fromkeys(day for day, _ in left):
                words += ["--day", str(day)]
        for option in ("archive_uri", "archive_conn_id", "sengo_conn_id"):
            value = getattr(given, option)
            if value:
                words += [f"--{option.replace('_', '-')}", value]
        return f"{self.program} {shlex.join([*words, *(['--json'] if given.json else [])])}"


@dataclass
class _Watched:
    """The gateway until it has answered once: a first 404 that is not SenGo's own would come for every page."""

    gateway: Gateway
    has_answered: bool

    async def fetch_page(self, **wanted: Any) -> Any:
        try:
            page = await self.gateway.fetch_page(**wanted)
        except UnexpectedResponse as error:
            if error.http_status and not self.has_answered:
                raise WrongPath from error
            raise
        self.has_answered = True
        return page

    async def fetch_row(self, id: str) -> bytes | None:
        return await self.gateway.fetch_row(id)


async def _read(
    hook: SenGoHook, archive: Archive, wanted: Wanted, on_page: OnPage, finished: list[DayResult]
) -> None:
    from airflow_provider_sengo.archive.run import DayJob, archive_day

    job = DayJob(project=hook.project, day=wanted[0], type=wanted[1])
    async with hook.open_listing(in_flight=job.concurrency) as gateway:
        # Noted before anything else is awaited: an interrupt during the commit comes through only there.
        watched = _Watched(gateway, has_answered=bool(finished))
        finished.append(await archive_day(job, watched, archive, on_page=on_page))


def _print_result(result: DayResult, results: TextIO) -> None:
    results.write(
        f"{result.day} {result.type:<7} {result.rows:>9,} rows, {result.new:,} new, {result.changed:,} changed,"
        f" IDR {result.amount_sum:,} paid, {'complete' if result.complete else 'not complete'}\n"
    )
    results.flush()


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def _plain(wanted: Wanted) -> dict[str, str]:
    return {"day": str(wanted[0]), "type": wanted[1]}


def _name(wanted: Wanted) -> str:
    return f"{wanted[0]} {wanted[1]}"


def _names(wanted: list[Wanted]) -> str:
    return ", ".join(_name(each) for each in wanted) or "nothing"
