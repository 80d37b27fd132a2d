# SPDX-License-Identifier: Apache-2.0
"""The cells of ``make matrix``: which Airflow, which Python, how it is installed there, and what is run.

A release of Airflow does not work with whatever came after it (3.2.2 fails in every task with the pydantic of
half a year later), so the older ones are installed as of a date. Some dependencies of this package are newer
than that date; these alone may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "requirements-dev.txt"
LOCKED = "3.3.2"
PACKAGES_UNTIL = "2026-11-01"
NEWER_PACKAGES = (
    "apache-airflow-providers-common-compat",
    *("deltalake", "msgspec", "aiohttp", "segno"),
)
# Of pyproject's group ``dev`` what the tests of ``FEW`` and ``LOWEST`` import; the rest formats, types and drives
# browsers.
TEST_TOOLS = (
    *("pytest", "pytest-xdist", "requests-mock", "hypothesis", "trustme"),
    *("jsonschema", "duckdb", "hatchling"),
    *("polars", "moto", "flask", "flask-cors"),
)
# Unit tests, form and metadata, and of the Dags one archive and one payment (see tests/conftest.py).
FEW = (
    "--few-dags",
    *(f"tests/{name}" for name in ("connection", "hooks", "operators", "sensors", "triggers")),
    *(f"tests/{name}" for name in ("protocol", "plugins", "examples", "scenarios")),
)
# What meets the most of the libraries themselves, and so shows a floor that is not true.
LOWEST = (*FEW, *(f"tests/{name}" for name in ("archive", "transport", "payments", "cli")))
ALL = ("tests", "--ignore=tests/real")
# What ``make test-real`` has time for: the form, the metadata, one payment and one archive.
QUICK = (
    "--few-dags",
    "tests/connection",
    "tests/examples/test_examples.py::test_a_qris_payment",
    "tests/scenarios/test_example_dag.py::test_daily_runs",
)


@dataclass(frozen=True)
class Cell:
    """One Airflow on one Python. ``until`` is the day whose packages it gets; without one, the lock's."""

    name: str
    airflow: str
    python: str
    tests: tuple[str, ...]
    until: str | None = None
    is_lowest: bool = False
    more: tuple[str, ...] = ()

    def install(self, tools: list[str]) -> list[list[str]]:
        """The commands after ``uv pip`` that fill the cell's environment, but for this package itself.

        ``tools`` are the requirements of ``TEST_TOOLS``. This package is ``tree``, a copy beside the environment.
        """
        if self.airflow == LOCKED:
            editable = ["install", "--no-deps", "--editable", "tree"]
            return [["sync", "--require-hashes", str(PINS)], editable]
        command = ["install", f"apache-airflow=={self.airflow}", *self.more, *tools]
        if self.until:
            command += ["--exclude-newer", self.until]
            for name in NEWER_PACKAGES:
                command += ["--exclude-newer-package", f"{name}={PACKAGES_UNTIL}"]
        if self.is_lowest:
            command += ["--resolution", "lowest-direct"]
        return [[*command, "--editable", "tree"]]


SPRING, SUMMER = "2026-04-01", "2026-07-01"
CELLS = {
    cell.name: cell
    for cell in (
        Cell("3.1.8-py3.11", "3.1.8", "3.11", FEW, SPRING),
        Cell("lowest-py3.11", "3.1.8", "3.11", LOWEST, SPRING, is_lowest=True),
        Cell("3.2.2-py3.12", "3.2.2", "3.12", FEW, SUMMER),
        Cell("3.3.2-py3.11", LOCKED, "3.11", ALL),
        Cell("3.3.2-py3.12", LOCKED, "3.12", ALL),
        Cell("3.3.2-py3.13", LOCKED, "3.13", ALL),
    )
}
# Runs only by its name, ``make matrix CELL=3.4-py3.12``: a pre-release promises nothing.
BY_HAND = {
    cell.name: cell
    for cell in (
        Cell(
            *("3.4-py3.12", "3.4.0b2", "3.12", FEW),
            # Named, a pre-release is taken; no other package is. And what 3.4 does not bring along any more.
            more=("apache-airflow-core==3.4.0b2", "apache-airflow-task-sdk==1.4.0b2", "statsd"),
        ),
    )
}
