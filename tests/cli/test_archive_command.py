# SPDX-License-Identifier: Apache-2.0
"""``archive``: progress, results, what is said of failures, and Ctrl-C in the middle."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_sengo.archive import days

SECONDS_MAX = 120
DAYS = [str(day) for day in days.window(datetime.now(UTC))[:-1]]
ALL = [(day, type_) for day in DAYS for type_ in days.TYPES]


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on standard error; nothing else was said."""
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_without_a_terminal(command_line: Any) -> None:
    """A plain line for each day on standard output, and nothing on standard error of a short run; the second
    run finds nothing due.
    """
    done = command_line.run("archive")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [tuple(line.split()[:2]) for line in lines] == ALL
    assert all(re.search(r" 12 rows, 12 new, 0 changed, IDR [\d,]+ paid, (not )?complete$", x) for x in lines)
    assert "\x1b" not in done.stdout
    truth = [row["id"] for row in command_line.world.ledger() if row["listing_day"] in DAYS]
    assert sorted(id for ids in command_line.archived().values() for id in ids) == sorted(truth)

    again = command_line.run("archive")
    assert (again.returncode, again.stderr) == (0, "")
    closed = datetime.now(UTC) >= days.closed_at(days.window(datetime.now(UTC))[-2])
    if closed:
        assert again.stdout == "Nothing is due: every day of the window is sealed or was read today.\n"
    else:  # yesterday is not over for eight hours yet
        assert [line.split()[0] for line in again.stdout.splitlines()] == [DAYS[-1]] * 2


def test_json_is_one_document(command_line: Any) -> None:
    """Everything that was done, in one document and nothing around it."""
    done = command_line.run("archive", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert [(each["day"], each["type"]) for each in document["finished"]] == ALL
    assert {each["rows"] for each in document["finished"]} == {12}
    assert (document["interrupted"], document["failed"], document["not_read"]) == (False, [], [])
    assert document["findings"] == {"missing": [], "lost": [], "unsealed": [], "shrunk": []}
    second = json.loads(command_line.run("archive", "--json", "--day", DAYS[0]).stdout)
    assert [(each["new"], each["changed"]) for each in second["finished"]] == [(0, 0)] * 2


def test_in_a_terminal(command_line: Any) -> None:
    """A bar with pages, rows, rate and time left, gone before each result; results stand on lines of their own."""
    status, text = command_line.run_in_terminal("archive", "--day", DAYS[0], columns=120)
    assert status == 1  # the other days are missing
    for shown in ("1/2", "2/2", "━", "2/2 pages", "12 rows", "rows/s", "archiving"):
        assert shown in text
    for type_ in days.TYPES:
        assert re.search(rf"(^|\n|\x1b\[2K){DAYS[0]} {type_:<7} +12 rows, 12 new", text), text
    assert f"{DAYS[1]} cashIn: no complete read yet" in text


def test_results_can_be_piped_beside_a_bar(command_line: Any) -> None:
    """With a terminal for standard error only, the bar is there and standard output stays clean."""
    terminal = command_line.terminal(80)
    process = command_line.start("archive", "--json", stderr=terminal.slave)
    terminal.hand_over()
    bar = terminal.read_until(None)
    out, _ = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 0
    assert "12/12" in bar
    assert len(json.loads(out)["finished"]) == 12


def test_ctrl_c(command_line: Any, stopped: Any) -> None:
    """It ends with 130 and says what was finished, what was not and how to go on; the archive claims no more
    than is there, and that very command finishes the rest.
    """
    with stopped():
        process = command_line.start("archive")
        first = process.stdout.readline()
        assert first.split()[:2] == list(ALL[0])
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS_MAX)
    assert (process.returncode, out) == (130, "")
    told = dict(line.split(": ", 1) for line in err.splitlines() if ": " in line)
    assert "Stopped by Ctrl-C" in err
    assert told["Finished"] == " ".join(ALL[0])
    assert told["Not finished"] == ", ".join(" ".join(each) for each in ALL[1:])
    assert "Traceback" not in err
    assert set(command_line.archived()) == {ALL[0]}
    states = command_line.states()
    assert states[ALL[0]] == "complete"
    assert {states[each] for each in ALL[1:]} <= {"missing", "open"}

    program, words = told["Go on with"].split()[:3], shlex.split(told["Go on with"])[3:]
    assert program == ["python", "-m", "airflow_provider_sengo"]
    rest = command_line.run(*words)
    assert (rest.returncode, rest.stderr) == (0, "")
    assert [tuple(line.split()[:2]) for line in rest.stdout.splitlines()] == ALL[1:]
    assert {len(ids) for ids in command_line.archived().values()} == {12}


def test_ctrl_c_with_json_and_a_bar(command_line: Any, stopped: Any) -> None:
    """The document is whole all the same, and says that it was interrupted; the bar is taken away."""
    terminal = command_line.terminal(80)
    with stopped():
        process = command_line.start("archive", "--json", stderr=terminal.slave)
        terminal.hand_over()
        terminal.read_until("2/12")
        process.send_signal(signal.SIGINT)
        text = terminal.read_until(None)
        out, _ = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130
    assert "Go on with: python -m airflow_provider_sengo archive --json" in text
    assert "\x1b[?25h" in text, "the cursor is shown again"
    document = json.loads(out)
    assert document["interrupted"]
    assert document["findings"] is None
    assert [(each["day"], each["type"]) for each in document["finished"]] == ALL[:1]
    assert [(each["day"], each["type"]) for each in document["not_read"]] == ALL[1:]
    assert document["failed"] == []


def test_a_day_that_fails(command_line: Any) -> None:
    """Its reason is told, the other days are read, and the status is 1; no secret is shown."""
    command_line.world.set_fault("http_500", match=f"status=success&date={DAYS[1]}")
    done = command_line.run("archive", "--json", "--day", DAYS[1], "--day", DAYS[3])
    assert done.returncode == 1
    assert f"error: {DAYS[1]} cashIn: the success listing could not be read to the end" in done.stderr
    document = json.loads(done.stdout)
    assert [(each["day"], each["complete"]) for each in document["finished"]] == [(DAYS[3], True)] * 2
    assert [each["day"] for each in document["failed"]] == [DAYS[1]] * 2
    assert "the success listing" in document["failed"][0]["error"]
    assert command_line.simulator.client_token not in done.stdout + done.stderr


def test_wrong_credentials(command_line: Any) -> None:
    """One line names the connection, its fields and the command to go on with; nothing else is tried."""
    command_line.environment["AIRFLOW_CONN_SENGO_DEFAULT"] = command_line.connection(password="wrong-token-1")
    done = command_line.run("archive")
    assert done.returncode == 1
    line = error_of(done)
    for words in ("Connection 'sengo_default'", "401", "go on with: python -m"):
        assert words in line
    for once in ("UNAUTHORIZED", "key (field 'login')", "token ('password')", "environment"):
        assert line.count(once) == 1
    assert "wrong-token-1" not in line
    assert command_line.world.requests().total == 1


def test_a_wrong_path(command_line: Any) -> None:
    """A 404 of something else than SenGo ends the run at the first page, and names the field; a 404 in the middle
    is that day's own.
    """
    wrong = command_line.connection(host=f"{command_line.simulator.origin}/apo", schema=None)
    command_line.environment["AIRFLOW_CONN_SENGO_DEFAULT"] = wrong
    done = command_line.run("archive")
    assert done.returncode == 1
    line = error_of(done)
    for words in (
        "Connection 'sengo_default'",
        "HTTP 404",
        "ends in /api",
        "field 'host'",
        "12 days and types",
    ):
        assert words in line
    assert all(words not in line for words in ("list_rows", "(at $)", "payment", "newer release"))
    document = json.loads(command_line.run("archive", "--json").stdout)
    assert [len(document[name]) for name in ("finished", "failed", "not_read")] == [0, 1, 11]

    command_line.environment["AIRFLOW_CONN_SENGO_DEFAULT"] = command_line.connection()
    command_line.world.set_fault("http_status", match=f"status=failed&date={DAYS[1]}", status=404, empty=True)
    document = json.loads(command_line.run("archive", "--json").stdout)
    assert [len(document[name]) for name in ("finished", "failed", "not_read")] == [10, 2, 0]


def test_no_network(command_line: Any) -> None:
    """A gateway that is not there is told with its connection and what to do, after two tries and not twelve."""
    command_line.simulator.__exit__(None, None, None)
    done = command_line.run("archive", "--json")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    for words in ("Connection 'sengo_default'", "connection refused", "host (or,", "12 days and types"):
        assert words in lines[-1]
    document = json.loads(done.stdout)
    assert [len(document[name]) for name in ("finished", "failed", "not_read")] == [0, 2, 10]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--day", "yesterday"], "--day: must be a calendar day as YYYY-MM-DD"),
        (["--day", str(days.today(datetime.now(UTC)) + timedelta(days=2))], "has not begun yet"),
    ],
)
def test_a_wrong_day(command_line: Any, words: list[str], told: str) -> None:
    """Usage: one line, 2, and nothing is asked of anybody."""
    done = command_line.run("archive", *words)
    assert done.returncode == 2
    assert told in error_of(done)
    assert command_line.world.requests().total == 0
