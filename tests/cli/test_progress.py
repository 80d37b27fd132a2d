# SPDX-License-Identifier: Apache-2.0
"""What a bar and its plain lines say, by a clock of the test's own; what importing the commands costs; how to go on."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import date

import pytest
from rich.console import Console

from airflow_provider_sengo import cli
from airflow_provider_sengo.cli_archive import Plan
from airflow_provider_sengo.cli_progress import LINE_EVERY_S, BarLine, Lines, Tally, progress


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_pages_rows_rate_and_time_left() -> None:
    """Rows count for the whole day, pages and time left for the listing in hand."""
    clock = Clock()
    tally = Tally("3/12 2026-11-20 cashIn", clock)
    assert (tally.title, tally.page, tally.pages, tally.left_text()) == (
        "3/12 2026-11-20 cashIn",
        0,
        1,
        "waiting",
    )
    tally.take("failed", 1, 1, 10)
    assert tally.left_text() == "0 s left"
    clock.now_s += 10
    for page in range(1, 12):
        tally.take("success", page, 101, 100)
        clock.now_s += 1
    assert tally.title == "3/12 2026-11-20 cashIn success"
    assert (tally.page, tally.pages, tally.rows) == (11, 101, 1_110)
    assert tally.rate_text() == "53 rows/s"
    assert tally.left_text() == "1 min 39 s left"


def test_another_pass_begins_anew() -> None:
    """Page 1 of the same listing seen again starts its pages over; a page seen twice counts once."""
    tally = Tally("day", Clock())
    for page in (1, 3, 2, 2):
        tally.take("success", page, 3, 5)
    assert (tally.page, tally.left_text()) == (3, "archiving")
    tally.take("success", 1, 4, 5)
    assert (tally.page, tally.pages, tally.rows) == (1, 4, 25)
    tally.take("success", 5, 4, 5)
    assert tally.pages == 5


def test_an_empty_listing() -> None:
    """No pages, or one without rows: no division by nothing."""
    tally = Tally("day", Clock())
    tally.take("success", 1, 0, 0)
    assert (tally.page, tally.pages, tally.rate_text()) == (1, 1, "0 rows/s")


def test_a_line_now_and_then() -> None:
    """Without a terminal a short run says nothing, a long one a line each ten seconds, over all its days."""
    stream, clock = io.StringIO(), Clock()
    shown = progress(stream)
    assert isinstance(shown, Lines)
    lines = Lines(stream, clock)
    with lines.day("1/2 2026-11-20 cashIn") as on_page:
        on_page("success", 1, 3, 10)
        assert stream.getvalue() == ""
        clock.now_s += LINE_EVERY_S
        on_page("success", 2, 3, 10)
        on_page("success", 3, 3, 10)
    with lines.day("2/2 2026-11-20 cashOut") as on_page:
        clock.now_s += LINE_EVERY_S
        on_page("pending", 1, 1, 0)
    assert stream.getvalue().splitlines() == [
        "1/2 2026-11-20 cashIn success: page 2 of 3, 20 rows, 2 rows/s, 10 s left",
        "2/2 2026-11-20 cashOut pending: page 1 of 1, 0 rows, 0 rows/s, 0 s left",
    ]


def drawn(tally: Tally, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(BarLine(tally))
    return stream.getvalue()


def test_a_narrow_terminal_drops_what_matters_least() -> None:
    """One line at any width; the rate goes first, then rows, bar, time left, pages; the title is cut last."""
    tally = Tally("3/12 2026-11-20 cashIn", Clock())
    for page in (1, 2):
        tally.take("success", page, 9, 10)
    seen = []
    for width in range(120, 4, -1):
        text = drawn(tally, width)
        assert text.count("\n") == 1, width
        assert len(text.rstrip("\n")) <= width
        parts = {"rate": "rows/s", "rows": "20 rows ", "bar": "━", "left": "left", "pages": "2/9 pages"}
        shown = [name for name, part in parts.items() if part in text.replace("\n", " ")]
        if shown not in seen:
            seen.append(shown)
    order = ["rate", "rows", "bar", "left", "pages"]
    assert seen == [order[number:] for number in range(6)]
    assert drawn(tally, 12).startswith("3/12 2026-1")


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    """An editor's shell or a serial line says so by TERM."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", term)
    assert isinstance(progress(Terminal()), Lines)


@pytest.mark.parametrize(
    ("words", "program", "left", "expected"),
    [
        (["archive"], cli.PROGRAM, ["2026-11-02"], f"{cli.PROGRAM} archive"),
        (
            ["archive", "--day", "2026-11-01", "--day", "2026-11-02", "--day", "2026-11-01", "--json"],
            "airflow sengo",
            ["2026-11-02"],
            "airflow sengo archive --day 2026-11-02 --json",
        ),
        (
            ["archive", "--archive-uri", "/a b", "--sengo-conn-id", "shop", "--archive-conn-id", "s3"],
            "airflow sengo",
            ["2026-11-02"],
            "airflow sengo archive --archive-uri '/a b' --archive-conn-id s3 --sengo-conn-id shop",
        ),
    ],
)
def test_how_to_go_on(words: list[str], program: str, left: list[str], expected: str) -> None:
    """The command by the name it was called by, with what it was given, for the days that are left."""
    plan = Plan.of(cli.parser().parse_args(words), program)
    assert plan.again([(date.fromisoformat(day), "cashOut") for day in left]) == expected
    assert cli.parser().parse_args(words).command == "archive"


NOISE = """
import os, sys
from airflow_provider_sengo.cli import results_alone
print("before")
with results_alone() as results:
    print("a library's log")
    os.write(1, b"a native one's\\n")
    results.write("result\\n")
print("after")
"""


def test_standard_output_has_results_only() -> None:
    """Whatever libraries write there while a command runs goes to standard error, by Python or not."""
    done = subprocess.run([sys.executable, "-c", NOISE], capture_output=True, text=True, check=True)
    assert done.stdout == "before\nresult\nafter\n"
    assert sorted(done.stderr.splitlines()) == ["a library's log", "a native one's"]


def test_airflows_parser_gets_the_commands_for_next_to_nothing() -> None:
    """Every ``airflow`` call imports the commands: neither rich nor asyncio nor an archive module comes along."""
    code = "import json, sys, airflow_provider_sengo.cli_airflow; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    ours = [name for name in loaded if name.startswith("airflow_provider_sengo.")]
    assert ours == ["airflow_provider_sengo.cli", "airflow_provider_sengo.cli_airflow"]
    assert not {"rich", "asyncio", "airflow", "msgspec"} & set(loaded)
