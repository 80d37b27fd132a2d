# SPDX-License-Identifier: Apache-2.0
"""``archive`` and ``coverage`` where the archive's storage fails: told soon, once, and in one plain line."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.tables import SCHEMAS, Tables
from airflow_provider_sengo.cli import one_line

DAYS = [str(day) for day in days.window(datetime.now(UTC))[:-1]]
STORE = {"AWS_REGION": "x", "AWS_ACCESS_KEY_ID": "the-key-id", "AWS_SECRET_ACCESS_KEY": "its-secret"}
STORE |= {"AWS_ALLOW_HTTP": "true", "max_retries": "0"}


def block(command_line: Any, *parts: str) -> None:
    """Make the tables, and put a file where a folder of the project's transactions would have to be."""
    for name in SCHEMAS:
        Tables(command_line.uri).make(name)
    project = json.loads(command_line.run("coverage", "--json").stdout)["project"]
    path = Path(command_line.uri, "transactions", f"project={quote(project, safe='')}", *parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("no folder")


@pytest.mark.parametrize("given", [True, False])
def test_told_before_anything_is_asked(command_line: Any, tmp_path: Path, given: bool) -> None:
    """One line with the option or the setting, the archive and the reason; the gateway is left alone."""
    (tmp_path / "file").write_text("no folder")
    uri = f"{tmp_path}/file/archive"
    command_line.environment["AIRFLOW__SENGO__ARCHIVE_URI"] = command_line.uri if given else uri
    done = command_line.run("archive", *(["--archive-uri", uri] if given else []))
    assert (done.returncode, done.stdout) == (1, "")
    source = "--archive-uri" if given else "[sengo] archive_uri"
    assert done.stderr == (
        f"error: {source}: {uri} cannot be written: {uri}/transactions: Not a directory. Make it, or choose"
        " another. Nothing was read.\n"
    )
    assert command_line.world.requests().total == 0


def test_the_first_day_that_cannot_be_committed_ends_the_run(command_line: Any) -> None:
    """Every other day would meet the same: one line says why, what is not archived and how to go on."""
    block(command_line)
    done = command_line.run("archive", "--json", "--day", DAYS[0], "--day", DAYS[1])
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {DAYS[0]} cashIn: the archive {command_line.uri} cannot be used: ")
    not_archived = ", ".join(f"{day} {type_}" for day in DAYS[:2] for type_ in days.TYPES)
    assert f" Not archived: {not_archived}. " in line
    assert line.endswith(
        f"go on with: python -m airflow_provider_sengo archive --day {DAYS[0]} --day {DAYS[1]} --json"
    )
    document = json.loads(done.stdout)
    assert [len(document[name]) for name in ("finished", "failed", "not_read")] == [0, 1, 3]


def test_a_later_day_is_let_off_once(command_line: Any) -> None:
    """One day's folder may be at fault; a second in a row means the storage."""
    block(command_line, "type=cashOut", f"day={DAYS[0]}")
    for type_ in days.TYPES:
        block(command_line, f"type={type_}", f"day={DAYS[2]}")
    words = [word for day in DAYS[:4] for word in ("--day", day)]
    document = json.loads(command_line.run("archive", "--json", *words).stdout)
    finished = [(each["day"], each["type"]) for each in document["finished"]]
    assert finished == [(DAYS[0], "cashIn"), (DAYS[1], "cashIn"), (DAYS[1], "cashOut")]
    assert [each["day"] for each in document["failed"]] == [DAYS[0], DAYS[2], DAYS[2]]
    assert [each["day"] for each in document["not_read"]] == [DAYS[3]] * 2


@pytest.mark.parametrize("command", ["archive", "coverage"])
def test_an_object_store_that_is_not_there(command_line: Any, command: str) -> None:
    """What delta-rs says in many coloured lines is one plain line."""
    with socket.socket() as deaf:  # bound, so that nobody else has the port, but it does not listen
        deaf.bind(("127.0.0.1", 0))
        extra = STORE | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{deaf.getsockname()[1]}"}
        store = json.dumps({"conn_type": "generic", "extra": extra})
        command_line.environment["AIRFLOW_CONN_STORE"] = store
        done = command_line.run(command, "--archive-uri", "s3://bucket/archive", "--archive-conn-id", "store")
    assert "its-secret" not in done.stderr
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = (each for each in done.stderr.splitlines() if "[warning" not in each)  # Airflow's own
    assert line.startswith("error: the archive s3://bucket/archive cannot be used: ")
    assert "Connection refused" in line
    assert "\u21b3" not in line
    assert line.isprintable()


def test_one_line() -> None:
    """No colours, arrows, line breaks or Rust are left of an error of delta-rs."""
    arrow = "\x1b[31m\u21b3\x1b[0m"
    coloured = f"Kernel error -> Generic\n   {arrow} Error performing GET\n    {arrow} refused\n"
    assert one_line(coloured) == "Kernel error -> Generic: Error performing GET: refused"
    rust = 'Could not create: /x\nError: Os { code: 20, kind: NotADirectory, message: "Not a directory" }'
    assert one_line(OSError(rust)) == "Could not create: /x: Not a directory"
