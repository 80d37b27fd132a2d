# SPDX-License-Identifier: Apache-2.0
"""The archive from a terminal or from cron, when no DAG runs.

Exit status: 0 if no day of the window that has been over for eight hours is missing and none was lost in
the last ``retention_days``; 1 otherwise; 2 for wrong usage; 130 after Ctrl-C. Standard output has results
only. Everything heavy is imported by the command that needs it: each ``airflow`` call imports this module.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from airflow_provider_sengo.archive.store import Archive
    from airflow_provider_sengo.hooks.sengo import SenGoHook

STDOUT, STDERR = 1, 2  # file descriptors
OK, NOT_SAFE, USAGE, INTERRUPTED = 0, 1, 2, 130
PROGRAM = "python -m airflow_provider_sengo"
SENGO_CONN_ID = "sengo_default"

CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # delta-rs colours its errors
RUST_OS_ERROR = re.compile(r'(?:Error: )?Os \{ code: \d+, kind: \w+, message: "([^"]*)" \}')

# name -> (help, options); options as argparse takes them
OPTIONS: dict[str, dict[str, Any]] = {
    "--archive-uri": {"help": "where the archive is; default: [sengo] archive_uri"},
    "--archive-conn-id": {"help": "connection with its storage options; default: [sengo] archive_conn_id"},
    "--sengo-conn-id": {"help": f"the SenGo connection; default: {SENGO_CONN_ID}"},
    "--json": {"help": "print one JSON document", "action": "store_true"},
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
    top = argparse.ArgumentParser(prog=PROGRAM, description=__doc__.split("\n")[0])
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


def run(arguments: argparse.Namespace, program: str = PROGRAM) -> int:
    """Run ``archive`` or ``coverage``; every error that is to be expected becomes one line on standard error.

    ``program``: how the command was called, for the line that says how to go on.
    """
    try:
        return _run(arguments, program)
    except KeyboardInterrupt:
        print("Stopped by Ctrl-C.", file=sys.stderr)
        return INTERRUPTED
    except ValueError as error:
        return _complain(error, USAGE)


def _run(arguments: argparse.Namespace, program: str) -> int:
    from airflow_provider_sengo.cli_archive import Plan

    plan = Plan.of(arguments, program)  # a wrong day is told at once: what follows takes seconds

    # Connections stored in Airflow's database are found only in this context; ``airflow connections
    # test`` sets the same.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from airflow_provider_sengo.archive.tables import StorageError
    from airflow_provider_sengo.exceptions import SenGoProviderError

    with results_alone() as results:
        log_to_standard_error()
        hook, archive = _open(arguments)
        try:
            if arguments.command == "archive":
                return plan.carry_out(hook, archive, results)
            return _coverage(hook.project, archive, results, as_json=arguments.json)
        except (StorageError, OSError) as error:
            return _complain(f"the archive {archive.tables.uri} cannot be used: {error}", NOT_SAFE)
        except SenGoProviderError as error:
            return _complain(error, NOT_SAFE)


@contextmanager
def results_alone() -> Iterator[TextIO]:
    """Standard output for results alone: what anything else writes there meanwhile goes to standard error.

    Airflow logs to standard output, warnings too, and holds on to the stream it found when it was imported.
    """
    sys.stdout.flush()
    kept = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    try:
        with open(os.dup(kept), "w", encoding=sys.stdout.encoding, errors="replace") as results:  # noqa: PTH123
            yield results
    finally:
        sys.stdout.flush()
        os.dup2(kept, STDOUT)
        os.close(kept)


def _complain(error: object, status: int) -> int:
    print(f"error: {one_line(error)}", file=sys.stderr)
    return status


def one_line(error: object) -> str:
    """An error's text as one plain line: no line breaks, colours, arrows or Rust; also for what delta-rs raises."""
    text = RUST_OS_ERROR.sub(r": \1", CONTROL_SEQUENCE.sub("", str(error)))
    text = "".join(each if each.isprintable() else " " for each in text.replace("\u21b3", ": "))
    return " ".join(text.split()).replace(" : ", ": ")


def source(arguments: argparse.Namespace, name: str) -> str:
    """Where ``archive_uri`` or ``archive_conn_id`` came from: the option, or else the setting."""
    return f"--{name.replace('_', '-')}" if getattr(arguments, name) else f"[sengo] {name}"


class _ToStandardError(logging.Handler):
    """Looks ``sys.stderr`` up each time: a progress bar stands in for it while it is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


def _is_told_elsewhere(record: logging.LogRecord) -> bool:
    """Whether it is of a gateway that refused or was not reached: the command says so once, and what to do."""
    from airflow_provider_sengo.exceptions import NotAuthorized, NotSent

    arguments = record.args if isinstance(record.args, tuple) else ()
    return any(isinstance(each, NotAuthorized | NotSent) for each in arguments)


def log_to_standard_error() -> None:
    """Our own warnings, plainly, instead of as Airflow would have them."""
    import airflow  # noqa: F401 - sets its logging up when it is imported

    logger = logging.getLogger("airflow_provider_sengo")
    if not any(isinstance(handler, _ToStandardError) for handler in logger.handlers):
        handler = _ToStandardError(logging.WARNING)  # what went well is among the results
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        handler.addFilter(lambda record: not _is_told_elsewhere(record))
        logger.addHandler(handler)
        logger.propagate = False


def _open(arguments: argparse.Namespace) -> tuple[SenGoHook, Archive]:
    """The hook and the archive; what is missing or wrong names its option."""
    from airflow_provider_sengo.archive.store import Archive
    from airflow_provider_sengo.hooks.sengo import SenGoHook
    from airflow_provider_sengo.hooks.storage import resolve_archive_uri, storage_options

    hook = SenGoHook(arguments.sengo_conn_id or SENGO_CONN_ID)
    with _told_with("--archive-uri: "):
        uri = resolve_archive_uri(arguments.archive_uri)
    with _told_with(f"{source(arguments, 'archive_conn_id')}: "):
        archive = Archive(uri, storage_options(arguments.archive_conn_id))
    with _told_with("--sengo-conn-id: " if arguments.sengo_conn_id else ""):
        _ = hook.connection
    return hook, archive


@contextmanager
def _told_with(prefix: str) -> Iterator[None]:
    """What is missing or wrong within is a ValueError that begins with where it was asked for."""
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    try:
        yield
    except AirflowNotFoundException as error:
        raise ValueError(f"{prefix}{_not_found(str(error).rstrip('.'))}") from None
    except ValueError as error:
        raise ValueError(f"{prefix}{error}") from None


def _not_found(text: str) -> str:
    """What to do about a connection that Airflow has not found; it says the same of one that it cannot read."""
    named = re.search(r"`(.+)`", text)
    if named and os.environ.get(variable := f"AIRFLOW_CONN_{named[1].upper()}"):
        return (
            f"Connection {named[1]!r}: the variable {variable} is set but cannot be read. It must be"
            " a JSON object, such as '{\"conn_type\": ...}', or a URI."
        )
    return (
        f"{text}. Give the id of a connection that there is, or make it with 'airflow connections add' or as"
        " AIRFLOW_CONN_<ID> in the environment."
    )


def _coverage(project: str, archive: Archive, results: TextIO, *, as_json: bool) -> int:
    """Print the coverage and judge it."""
    from airflow_provider_sengo import cli_table
    from airflow_provider_sengo.archive.run import utc_now

    now = utc_now()
    covered = archive.coverage(now, project=project)
    found = cli_table.judge(covered, now)
    if as_json:
        cli_table.print_document(cli_table.document(project, covered, found), results)
    else:
        cli_table.print_coverage(covered, results)
    return NOT_SAFE if cli_table.warn(found) else OK
