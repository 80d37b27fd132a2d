# SPDX-License-Identifier: Apache-2.0
"""Takes each guard of the two promises out, one at a time, and sees a test fail.

A guard whose removal no test notices is a promise without a proof. Works on a copy of the tree, so the
tree itself is never touched; a guard whose text is not found fails, so the list stays true.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from guard_list import ARCHIVE_AND_PAYMENTS, Guard
from guard_upkeep import UPKEEP
from guard_waiting import WAITING

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "airflow_provider_sengo"
SIDE_BY_SIDE = 2
GUARDS = [*ARCHIVE_AND_PAYMENTS, *UPKEEP, *WAITING]
TEST_WITHIN_S = 300


def main() -> int:
    """Try every guard, or those whose name holds the given word; 0 only if a test noticed each."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    guards = [guard for guard in GUARDS if word in guard.name]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        # A test that fails anyway notices nothing.
        broken = [
            tests for tests, why in pool.map(as_it_is, sorted({guard.tests for guard in guards})) if why
        ]
        if broken:
            print(f"error: these tests fail with every guard in place: {', '.join(broken)}", file=sys.stderr)
            return 1
        results = list(pool.map(noticed, guards))
    missed = [guard.name for guard, verdict in zip(guards, results, strict=True) if verdict]
    print(f"{len(guards) - len(missed)} passed, {len(missed)} failed")
    for name in missed:
        print(f"error: no test notices that this guard is gone: {name}", file=sys.stderr)
    return 1 if missed else 0


def as_it_is(tests: str) -> tuple[str, bool]:
    """The tests, and whether they fail in an unchanged copy."""
    with copied_tree() as copy:
        return tests, run_tests(copy, tests) != 0


def noticed(guard: Guard) -> str:
    """Empty if a test failed without the guard; otherwise what is wrong."""
    began = time.monotonic()
    with copied_tree() as copy:
        path = copy / PACKAGE / guard.file
        code = path.read_text()
        if code.count(guard.text) != 1:
            verdict = f"its text stands {code.count(guard.text)} times in {guard.file}"
        else:
            path.write_text(code.replace(guard.text, guard.instead))
            verdict = "" if run_tests(copy, guard.tests) == 1 else "all tests still pass"
    took_s = time.monotonic() - began
    print(f"{'MISSED' if verdict else 'noticed':<8} {took_s:5.1f} s  {guard.name}  {verdict}", flush=True)
    return verdict


@contextmanager
def copied_tree() -> Iterator[Path]:
    """The tree in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="guard-") as folder:
        for name in tracked():
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
        yield Path(folder)


def tracked() -> Iterator[str]:
    """Files of the tree that the tests need."""
    for folder in (PACKAGE, "tests", "example_dags"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                yield str(path.relative_to(ROOT))
    yield from ("pyproject.toml", "README.md")


def run_tests(copy: Path, tests: str) -> int:
    """pytest's status over the copy: 0 all passed, 1 a test failed; anything else is printed."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=TEST_WITHIN_S,
        check=False,
    )
    if run.returncode not in (0, 1):
        print(run.stdout[-2000:], file=sys.stderr)
    return run.returncode


if __name__ == "__main__":
    raise SystemExit(main())
