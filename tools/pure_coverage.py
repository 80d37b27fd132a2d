# SPDX-License-Identifier: Apache-2.0
"""Measures the branches of each pure module by its own test file alone, and fails below 100 %.

One process runs all of these files. What is recorded is kept apart by the file whose tests are collected or
run, so a branch that another file's tests take does not count; what importing a module runs does. Which
modules are pure is held by ``tests/house/test_layers.py``, that each is in this table by
``tests/house/test_pure_modules.py``. (A file named ``coverage.py`` here would hide the library.)
"""

from __future__ import annotations

import importlib
import io
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from coverage import Coverage

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "airflow_provider_sengo"
TESTS = ROOT / "tests"
IMPORT, ELSEWHERE = "import", "elsewhere"

# A folder's modules are tested by files of this name; None stands for every module there.
FOLDERS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "protocol": ("protocol/test_{}.py", None),
    "archive": (
        "archive/test_archive_{}.py",
        ("days", "rows", "pages", "coverage", "plan", "check"),
    ),
    "plugins": ("plugins/test_{}.py", ("chart", "masking", "state_calendar")),
}
# Modules beside the folders, whose tests stand with what they are about.
BESIDE = {
    "exceptions.py": "protocol/test_exceptions.py",
    "connection_fields.py": "connection/test_connection_fields.py",
    "get_provider_info.py": "connection/test_provider_info.py",
}


def own_tests() -> dict[Path, Path]:
    """Each pure module's file, and its own test file."""
    found = {PACKAGE / module: TESTS / test for module, test in BESIDE.items()}
    for folder, (pattern, names) in FOLDERS.items():
        every = (path.stem for path in (PACKAGE / folder).glob("*.py") if path.stem != "__init__")
        for name in sorted(every) if names is None else names:
            found[PACKAGE / folder / f"{name}.py"] = TESTS / pattern.format(name)
    return found


def main() -> int:
    """Print each module that its own tests do not cover; 0 only if there is none and every test passes."""
    began = time.monotonic()
    own = own_tests()
    measured = measure(own)
    if measured is None:
        print("error: a test fails, so nothing is told of the branches", file=sys.stderr)
        return 1
    missing = [line for module, test in own.items() if (line := missing_in(measured, module, test))]
    print(f"{len(own) - len(missing)} of {len(own)} covered, {time.monotonic() - began:.0f} s")
    for line in missing:
        print(f"error: not covered by its own tests: {line}", file=sys.stderr)
    return 1 if missing else 0


def measure(own: dict[Path, Path]) -> Coverage | None:
    """Run the test files with every branch of the modules recorded; None if a test fails."""
    os.environ["COVERAGE_CORE"] = (
        "ctrace"  # Python's own monitoring tells each branch once, so to one file only
    )
    from coverage import Coverage

    measured = Coverage(
        data_file=None, config_file=False, branch=True, include=[str(module) for module in own]
    )
    measured.start()
    measured.switch_context(IMPORT)
    for module in own:
        importlib.import_module(".".join(module.relative_to(ROOT).with_suffix("").parts))
    # The same examples each time: what is found by chance today is missed by chance tomorrow.
    options = ["-q", "--no-header", "--hypothesis-seed=0"]
    try:
        code = pytest.main([*options, *map(str, own.values())], plugins=[Follow(measured)])
    finally:
        measured.stop()
    return measured if code == pytest.ExitCode.OK else None


class Follow:
    """Keeps apart what is recorded, by test file."""

    def __init__(self, measured: Coverage) -> None:
        self._measured = measured
        self._context = IMPORT

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        self._turn_to(context_of(collector.path) if isinstance(collector, pytest.Module) else ELSEWHERE)

    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        self._turn_to(context_of(item.path))

    def _turn_to(self, context: str) -> None:
        if context == self._context:
            return
        self._measured.switch_context(context)
        self._context = context
        for name, module in [*sys.modules.items()]:
            if name.startswith(PACKAGE.name):  # what another file's tests left in a cache must run again
                for value in [*vars(module).values()]:
                    if callable(clear := getattr(value, "cache_clear", None)):
                        clear()


def context_of(test: Path) -> str:
    return test.relative_to(ROOT).as_posix()


def missing_in(measured: Coverage, module: Path, test: Path) -> str:
    """The lines and branches of a module that its own tests leave out, or empty."""
    told = io.StringIO()
    wanted = [f"^{re.escape(name)}$" for name in (IMPORT, context_of(test))]
    percent = measured.report(morfs=[str(module)], contexts=wanted, show_missing=True, file=told)
    if percent == 100:
        return ""
    name = module.relative_to(ROOT).as_posix()
    (line,) = [line for line in told.getvalue().splitlines() if line.startswith(name)]
    return f"{name} by {context_of(test)}: {line.partition('%')[2].strip()}"


if __name__ == "__main__":
    sys.exit(main())
