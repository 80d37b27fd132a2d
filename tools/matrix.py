# SPDX-License-Identifier: Apache-2.0
"""The tests on every Airflow and Python that this package supports, and on the oldest of its dependencies.

``make matrix`` runs every cell, ``make matrix CELL=3.1.8-py3.11`` one; ``matrix_cells`` says what a cell is.
On the lock's Airflow all tests run but those of ``tests/real``, and none may be skipped. On the older ones the
unit tests run, the connection form, the provider info, and of the Dags one archive and one payment; a test
that is skipped there has said why (``needs_airflow``, ``on_every_airflow``: see tests/conftest.py). On the oldest
dependencies the tests of the archive, the transports, the payments and the command line run as well.

A Python that this machine has not is told in the table. Python 3.11 must be there where witnesses are required
(``CI=true`` or ``REQUIRE_WITNESSES=1``). Exit status 1 if anything failed, 2 for an unknown cell.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

sys.path.insert(0, str(Path(__file__).parent))

from matrix_cells import BY_HAND, CELLS, LOCKED, Cell
from matrix_environment import UV, CannotInstall, Environment, find_python, make
from witness_rule import witnesses_are_required

CELL_WITHIN_S = 3600
LINES_OF_A_FAILURE = 60
NEEDED_PYTHON = "3.11"  # the oldest that the package supports
REASONS = ("needs Airflow ", "runs a Dag: ")  # as tests/conftest.py words them


@dataclass
class Outcome:
    """What became of one cell."""

    cell: Cell
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    installed_in_s: float = 0
    took_s: float = 0
    trouble: str = ""
    is_absent: bool = False
    above: list[str] = field(default_factory=list)

    @property
    def unexplained(self) -> list[str]:
        """Reasons to skip a test that no cell may have: any on the lock's Airflow, ours alone on another."""
        allowed = () if self.cell.airflow == LOCKED else REASONS
        return [reason for reason in self.skipped if not reason.startswith(allowed)]

    @property
    def is_good(self) -> bool:
        if self.is_absent:
            return self.cell.python != NEEDED_PYTHON or not witnesses_are_required()
        return bool(self.passed) and not (self.failed or self.trouble or self.unexplained)


def run_cell(cell: Cell, tests: Sequence[str] = ()) -> Outcome:
    """Make the cell's environment and run its tests in it, or only ``tests``."""
    python = find_python(cell.python)
    if python is None:
        return Outcome(cell, is_absent=True, trouble=f"Python {cell.python} is not on this machine")
    began = time.monotonic()
    try:
        with make(cell, python) as environment:
            outcome = run_tests(cell, environment, tests or cell.tests)
            outcome.installed_in_s = environment.installed_in_s
            outcome.above = environment.above_their_floors() if cell.is_lowest else []
    except CannotInstall as error:
        outcome = Outcome(cell, trouble=f"cannot be installed: {error}")
    outcome.took_s = time.monotonic() - began
    return outcome


def run_tests(cell: Cell, environment: Environment, tests: Sequence[str]) -> Outcome:
    """Run pytest over ``tests`` and read its report; what it printed is kept beside it, in ``log.txt``."""
    report = environment.folder / "report.xml"
    report.unlink(missing_ok=True)
    options = ("-q", "-n", "2", "--dist", "loadgroup", "--max-worker-restart=0", "--durations=10")
    command = ("-m", "pytest", *options, f"--junit-xml={report}", *tests)
    log = environment.folder / "log.txt"
    try:
        status = environment.run(*command, log=log, within_s=CELL_WITHIN_S)
    except subprocess.TimeoutExpired:
        return Outcome(cell, trouble=f"not done within {CELL_WITHIN_S} s, see {log}")
    outcome = read_report(cell, report) if report.exists() else Outcome(cell)
    if status:
        last = "\n".join(log.read_text().splitlines()[-LINES_OF_A_FAILURE:])
        outcome.trouble = f"pytest ended with {status}, see {log}\n{last}"
    return outcome


def read_report(cell: Cell, report: Path) -> Outcome:
    outcome = Outcome(cell)
    for case in ET.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif (skipped := case.find("skipped")) is not None:
            outcome.skipped[skipped.get("message", "")] += 1
        else:
            outcome.passed += 1
    return outcome


def table(outcomes: Sequence[Outcome]) -> str:
    """A line a cell, and under it each reason for which tests were left out, and how many."""
    head = f"{'cell':<15}{'passed':>8}{'failed':>8}{'left out':>10}{'seconds':>9}{'of them to install':>20}"
    lines = [head]
    for each in outcomes:
        if each.is_absent:
            lines.append(f"{each.cell.name:<15}  {each.trouble}")
            continue
        counts = f"{each.passed:>8}{each.failed:>8}{each.skipped.total():>10}"
        seconds = f"{each.took_s:>9.0f}{each.installed_in_s:>20.0f}"
        lines.append(f"{each.cell.name:<15}{counts}{seconds}{'' if each.is_good else '  FAILED'}")
        lines += [f"    {count} x {reason}" for reason, count in each.skipped.most_common()]
        lines += [f"    not a reason here: {reason}" for reason in each.unexplained]
        if each.above:
            lines.append(f"    not at its floor, by another's wish: {', '.join(each.above)}")
    return "\n".join(lines)


def main() -> int:
    """Run the cells one after the other and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    named = CELLS | BY_HAND
    parser.add_argument("--cell", choices=named, help="only this one")
    arguments = parser.parse_args()
    if not UV.exists():
        print("error: run make setup first: it brings uv along", file=sys.stderr)
        return 1
    outcomes = []
    for cell in [named[arguments.cell]] if arguments.cell else CELLS.values():
        print(f"== {cell.name}: Airflow {cell.airflow}, Python {cell.python}", flush=True)
        outcomes.append(outcome := run_cell(cell))
        if outcome.trouble:
            print(outcome.trouble, flush=True)
    print(f"\n{table(outcomes)}")
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
