# SPDX-License-Identifier: Apache-2.0
"""The archive from a terminal or from cron, when no DAG runs.

Exit status: 0 if no day of the window that has been over for eight hours is missing and none was lost in
the last ``retention_days``; 1 otherwise; 2 for wrong usage. Everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_sengo.archive import days

if TYPE_CHECKING:
    from airflow_provider_sengo.archive.run import DayResult
    from airflow_provider_sengo.archive.store import Archive
    from airflow_provider_sengo.hooks.sengo import SenGoHook

OK, NOT_SAFE, USAGE = 0, 1, 2

# name -> (help, options); options as argparse takes them
OPTIONS: dict[str, dict[str, Any]] = {
    "--archive-uri": {"help": "where the archive is; default: [sengo] archive_uri"},
    "--archive-conn-id": {"help": "connection with its storage options; default: [sengo] archive_conn_id"},
    "--sengo-conn-id": {"help": "the SenGo connection", "default": "sengo_default"},
    "--json": {"help": "print JSON, one object a line", "action": "store_true"},
    "--day": {
        "help": "a day to read, YYYY-MM-DD in Asia/Jakarta; may be given again; default: every day that is due",
        "action": "append",
        "metavar": "D",
    },
}
COMMANDS = {
    "archive": (
        "read the days that are due and archive them",
        ("--day", "--archive-uri", "--archive-conn-id", "--sengo-conn-id", "--json"),
    ),
    "coverage": (
        "show what is archived of each day",
        ("--archive-uri", "--archive-conn-id", "--sengo-conn-id", "--json"),
    ),
}


def parser() -> argparse.ArgumentParser:
    """The arguments of ``archive`` and ``coverage``; ``simulator`` has its own."""
    top = argparse.ArgumentParser(prog="python -m airflow_provider_sengo", description=__doc__.split("\n")[0])
    commands = top.add_subparsers(dest="command", required=True, metavar="{archive,coverage,simulator}")
    for name, (help_, options) in COMMANDS.items():
        command = commands.add_parser(name, help=help_, description=help_)
        for option in options:
            command.add_argument(option, **OPTIONS[option])
    commands.add_parser("simulator", help="run both gateways' simulator on loopback", add_help=False)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["simulator"]:
        from airflow_provider_sengo.simulator.__main__ import main as simulate

        return simulate(words[1:])
    return run(parser().parse_args(words))


def run(arguments: argparse.Namespace) -> int:
    """Run ``archive`` or ``coverage``; errors of ours become one line on standard error."""
    from airflow_provider_sengo.archive.tables import StorageError
    from airflow_provider_sengo.exceptions import SenGoProviderError

    # Connections stored in Airflow's database are found only in this context; ``airflow connections
    # test`` sets the same.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    try:
        log_to_standard_error()
        hook, archive = _open(arguments)
        if arguments.command == "archive":
            return _archive(hook, archive, arguments)
        return _coverage(hook.project, archive, as_json=arguments.json)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except (SenGoProviderError, StorageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_SAFE


def log_to_standard_error() -> None:
    """Keep standard output to what the command prints: Airflow's own logging writes there."""
    import airflow  # noqa: F401 - sets its logging up when it is imported

    logger = logging.getLogger("airflow_provider_sengo")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False


def _open(arguments: argparse.Namespace) -> tuple[SenGoHook, Archive]:
    """The hook and the archive; an unknown connection is wrong usage."""
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    from airflow_provider_sengo.archive.store import Archive
    from airflow_provider_sengo.hooks.sengo import SenGoHook
    from airflow_provider_sengo.hooks.storage import resolve_archive_uri, storage_options

    hook = SenGoHook(arguments.sengo_conn_id)
    try:
        archive = Archive(
            resolve_archive_uri(arguments.archive_uri), storage_options(arguments.archive_conn_id)
        )
        _ = hook.connection
    except AirflowNotFoundException as error:
        raise ValueError(str(error)) from None
    return hook, archive


def _archive(hook: SenGoHook, archive: Archive, arguments: argparse.Namespace) -> int:
    """Read what is due, or the days asked for; every day is tried, whatever happened to the others."""
    from airflow_provider_sengo.archive.plan import days_to_read
    from airflow_provider_sengo.archive.run import utc_now
    from airflow_provider_sengo.archive.tables import StorageError
    from airflow_provider_sengo.exceptions import NotAuthorized, SenGoProviderError

    if arguments.day:
        wanted = [
            (days.parse_day(day, field="--day"), type_) for day in arguments.day for type_ in days.TYPES
        ]
    else:
        now = utc_now()
        due = days_to_read(archive.coverage(now, project=hook.project), now=now)
        wanted = [(entry.day, entry.type) for entry in due]
    failed = False
    for day, type_ in wanted:
        try:
            result = asyncio.run(_read(hook, archive, day, type_))
        except NotAuthorized:
            raise
        except (SenGoProviderError, ValueError, OSError, StorageError) as error:
            failed = True
            print(f"error: {error}", file=sys.stderr)
            continue
        _print_result(result, as_json=arguments.json)
    archive.heal(hook.project, utc_now(), days.RETENTION_DAYS, read_id="command line")
    archive.compact_reads()
    status = _coverage(hook.project, archive, as_json=arguments.json, quiet=True)
    return NOT_SAFE if failed else status


async def _read(hook: SenGoHook, archive: Archive, day: Any, type_: str) -> DayResult:
    from airflow_provider_sengo.archive.run import DayJob, archive_day

    job = DayJob(project=hook.project, day=day, type=type_)
    async with hook.open_listing(in_flight=job.concurrency) as gateway:
        return await archive_day(job, gateway, archive)


def _print_result(result: DayResult, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        print(json.dumps(msgspec.to_builtins(result)), flush=True)
        return
    print(
        f"{result.day} {result.type:<7} {result.rows:>9,} rows, {result.new:,} new, {result.changed:,} changed,"
        f" IDR {result.amount_sum:,} paid, {'complete' if result.complete else 'not complete'}",
        flush=True,
    )


def _coverage(project: str, archive: Archive, *, as_json: bool, quiet: bool = False) -> int:
    """Print the coverage (``quiet``: only what is wrong) and judge it."""
    from airflow_provider_sengo.archive.check import as_line, findings, plain
    from airflow_provider_sengo.archive.run import utc_now

    now = utc_now()
    covered = archive.coverage(now, project=project)
    if not quiet:
        for item in covered:
            print(json.dumps(plain(item)) if as_json else as_line(item))
    found = findings(covered, now=now, warn_days_left=None)
    for sentence in found.failures + found.unsealed + found.shrunk:
        print(sentence, file=sys.stderr)
    return NOT_SAFE if found.failures else OK
