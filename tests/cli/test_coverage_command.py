# SPDX-License-Identifier: Apache-2.0
"""``coverage``: table, plain lines and JSON; connections and archives that are not there; the simulator's face."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sengo import cli
from airflow_provider_sengo.archive import days

COLOUR = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-7]|9[0-7]|38;[0-9;]+)m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def test_json_is_one_document(command_line: Any) -> None:
    """Days and findings, in one document; 1 as long as a day is missing."""
    done = command_line.run("coverage", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert len(document["days"]) == 14
    assert {each["state"] for each in document["days"]} <= {"missing", "open"}
    assert document["findings"]["missing"] == done.stderr.splitlines()


def test_a_table_in_a_terminal(command_line: Any) -> None:
    """Every state is a word, with a colour unless NO_COLOR is set; a narrow terminal has fewer columns and no
    broken line.
    """
    assert command_line.run("archive", "--day", str(days.window(datetime.now(UTC))[1])).returncode == 1
    _, wide = command_line.run_in_terminal("coverage", columns=100)
    assert COLOUR.search(wide)
    text = CONTROL.sub("", wide)
    assert all(
        name in text
        for name in ("Day", "Type", "State", "Paid rows", "IDR", "Days left", "Last read (Jakarta)")
    )
    assert re.search(r"cashIn +complete +\d", text)
    assert re.search(r"cashIn +missing +- +- +0 +never", text)

    command_line.environment["NO_COLOR"] = "1"
    _, narrow = command_line.run_in_terminal("coverage", columns=34)
    assert not COLOUR.search(narrow)
    table = [line.rstrip("\r") for line in CONTROL.sub("", narrow).split("\n") if "cash" in line]
    rows = [line for line in table if "no complete read" not in line]
    assert len(rows) == 14
    assert all(re.search(r"cash(In|Out) +(complete|missing|open)", line) for line in rows)
    assert all(len(line) <= 34 for line in rows)


def test_plain_lines_without_a_terminal(command_line: Any) -> None:
    """A line a day that text tools can cut, without control characters."""
    done = command_line.run("coverage")
    lines = done.stdout.splitlines()
    assert len(lines) == 14
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d  cash\w+ +(missing|open) +- +-", line) for line in lines)


@pytest.mark.parametrize(
    ("environment", "words", "told"),
    [
        ({"AIRFLOW__SENGO__ARCHIVE_URI": ""}, [], "--archive-uri: There is no archive"),
        (
            {},
            ["--archive-uri", "some/where"],
            "--archive-uri: Parameter archive_uri must be an absolute local path",
        ),
        ({}, ["--sengo-conn-id", "unknown"], "--sengo-conn-id: The conn_id `unknown` isn't defined"),
        ({}, ["--archive-conn-id", "nowhere"], "--archive-conn-id: The conn_id `nowhere` isn't defined"),
        (
            {"AIRFLOW_CONN_SENGO_DEFAULT": '{"conn_type": "sengo", "login": "SC-1"}'},
            [],
            "Connection 'sengo_default', field 'password': is missing; put the client token there",
        ),
        (
            {"AIRFLOW_CONN_MINE": '{"conn_type": "sengo", "login": "SC-1"}'},
            ["--sengo-conn-id", "mine"],
            "--sengo-conn-id: Connection 'mine', field 'password': is missing; put the client token there",
        ),
        (
            {"AIRFLOW__SENGO__ARCHIVE_CONN_ID": "gone"},
            [],
            "[sengo] archive_conn_id: The conn_id `gone` isn't",
        ),
    ],
)
def test_wrong_usage(command_line: Any, environment: dict[str, str], words: list[str], told: str) -> None:
    """One line that names option, field and fix; the status is 2."""
    command_line.environment |= environment
    done = command_line.run("coverage", *words)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {told}")


@pytest.mark.parametrize(
    ("words", "told"),
    [([], ""), (["--sengo-conn-id", "sengo_default"], "--sengo-conn-id: ")],
)
def test_a_connection_that_cannot_be_read(command_line: Any, words: list[str], told: str) -> None:
    """A variable that is there is not called missing, and its value is not shown; an option is named if given."""
    command_line.environment["AIRFLOW_CONN_SENGO_DEFAULT"] = '{"conn_type": "sengo", "password": "s3cret'
    done = command_line.run("coverage", *words)
    assert (done.returncode, done.stdout) == (2, "")
    line = done.stderr.splitlines()[-1]
    assert line.startswith(
        f"error: {told}Connection 'sengo_default': the variable AIRFLOW_CONN_SENGO_DEFAULT is set but cannot be read."
    )
    assert "s3cret" not in done.stderr


@pytest.fixture
def stored(command_line: Any, airflow_db: None) -> Iterator[str]:
    """The id of a connection that stands in the database alone."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    fields = json.loads(command_line.connection())
    made = Connection(conn_id="stored_sengo", **(fields | {"extra": json.dumps(fields["extra"])}))
    with create_session() as session:
        session.add(made)
    yield "stored_sengo"
    with create_session() as session:
        session.query(Connection).filter(Connection.conn_id == "stored_sengo").delete()


@pytest.mark.xdist_group("airflow_db")
def test_a_connection_in_the_database(command_line: Any, stored: str) -> None:
    """It is found as one in the environment is."""
    done = command_line.run("coverage", "--json", "--sengo-conn-id", stored)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["project"].startswith(
        command_line.simulator.origin.removeprefix("http://")
    )


@pytest.mark.xdist_group("airflow_db")
@pytest.mark.needs_airflow("3.2", "commands of a provider under `airflow`")
def test_airflows_command_prints_the_same(command_line: Any, stored: str) -> None:
    """``airflow sengo`` is our command, and finds the same connection."""
    ours = command_line.run("coverage", "--json", "--sengo-conn-id", stored)
    airflow = (str(Path(sys.executable).with_name("airflow")), "sengo")
    theirs = command_line.run("coverage", "--json", "--sengo-conn-id", stored, program=airflow)
    assert (theirs.returncode, json.loads(theirs.stdout)) == (1, json.loads(ours.stdout))


def test_the_simulator_is_the_same_by_either_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Options go through as they are, so does the status."""
    assert cli.main(["simulator", "--host", "192.0.2.1", "--port", "0"]) == cli.USAGE
    assert "loopback addresses only" in capsys.readouterr().err
