# SPDX-License-Identifier: Apache-2.0
"""Results on standard output: a table where a person looks, plain lines for a pipe, one JSON document for programs.

A state is always a word; its colour only repeats it, and ``NO_COLOR`` takes it away.
Which state a day is in is ``archive.coverage``'s, and what of it somebody must know ``archive.check``'s.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.check import Findings, as_line, findings, plain
from airflow_provider_sengo.archive.coverage import DayCoverage, State

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

STYLES = {
    State.OPEN: "cyan",
    State.MISSING: "bold yellow",
    State.COMPLETE: "green",
    State.SEALED: "bold green",
    State.SHRUNK: "bold magenta",
    State.LOST: "bold red",
    State.BEFORE: "dim",
}
# The columns that a narrow terminal goes without, the first to go first.
DISPENSABLE = ("Last read (Jakarta)", "Days left", "IDR", "Paid rows")


def judge(covered: Iterable[DayCoverage], now: datetime) -> Findings:
    """What a person must know, whatever days are left."""
    return findings(covered, now=now, warn_days_left=None)


def warn(found: Findings) -> bool:
    """Say what is wrong on standard error; True if the archive is not safe."""
    for sentence in found.failures + found.unsealed + found.shrunk:
        sys.stderr.write(f"{sentence}\n")
    return bool(found.failures)


def document(project: str, covered: Iterable[DayCoverage], found: Findings) -> dict[str, Any]:
    """The coverage as JSON has it."""
    return {"project": project, "days": [plain(item) for item in covered], "findings": as_json(found)}


def as_json(found: Findings) -> dict[str, list[str]]:
    """The sentences by what they are about."""
    return {name: list(getattr(found, name)) for name in ("missing", "lost", "unsealed", "shrunk")}


def print_document(value: dict[str, Any], results: TextIO) -> None:
    """One JSON document, nothing else."""
    results.write(json.dumps(value, indent=2) + "\n")
    results.flush()


def print_coverage(covered: Sequence[DayCoverage], results: TextIO) -> None:
    """A table on a terminal, else a line a day: its day, type, state, paid rows and their rupiah."""
    if not results.isatty():
        results.writelines(f"{as_line(item)}\n" for item in covered)
        results.flush()
        return
    from rich.console import Console

    columns = os.get_terminal_size(results.fileno()).columns
    console = Console(file=results, width=columns or None)  # 0: a terminal that does not know
    console.print(fitting_table(covered, console))


def fitting_table(covered: Sequence[DayCoverage], console: Console) -> Table:
    """The table with as many of its columns as the terminal is wide."""
    for dropped in range(len(DISPENSABLE) + 1):
        table = _table(covered, DISPENSABLE[:dropped])
        if console.measure(table, options=console.options.update(max_width=1_000)).maximum <= console.width:
            break
    return table


def _table(covered: Sequence[DayCoverage], without: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    cells = [_cells(item) for item in covered]
    names = ["Day", "Type", "State", "Paid rows", "IDR", "Days left", "Last read (Jakarta)"]
    shown = [name for name in names if name not in without]
    for name in shown:
        table.add_column(
            name, justify="right" if name in ("Paid rows", "IDR", "Days left") else "left", no_wrap=True
        )
    for item, row in zip(covered, cells, strict=True):
        style = STYLES[item.state]
        table.add_row(*(Text(row[name], style=style if name == "State" else "") for name in shown))
    return table


def _cells(item: DayCoverage) -> dict[str, str]:
    read_at = item.last_read_at
    return {
        "Day": str(item.day),
        "Type": item.type,
        "State": str(item.state),
        "Paid rows": "-" if item.rows is None else f"{item.rows:,}",
        "IDR": "-" if item.amount_sum is None else f"{item.amount_sum:,}",
        "Days left": str(item.days_left) if item.days_left >= 0 else "gone",
        "Last read (Jakarta)": f"{read_at.astimezone(days.JAKARTA):%Y-%m-%d %H:%M}" if read_at else "never",
    }
