# SPDX-License-Identifier: Apache-2.0
"""Where the tree is, and which files belong to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "airflow_provider_sengo"
EXAMPLES = ROOT / "example_dags"
TOOLS = ROOT / "tools"
TESTS = ROOT / "tests"


def product_files() -> list[Path]:
    """What a user gets and what a developer runs: every Python file but the tests."""
    return sorted(path for folder in (PACKAGE, EXAMPLES, TOOLS) for path in folder.rglob("*.py"))


def files_of_tests() -> list[Path]:
    """What the tests consist of: every Python file below ``tests``, those that are data of a test as well."""
    return sorted(TESTS.rglob("*.py"))


def repository_files() -> list[Path]:
    """What is committed or would be: all that ``.gitignore`` does not name; without git, the same by hand."""
    found = listed_by_git()
    if found is None:
        ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().split()} | {".git"}
        found = [path for path in ROOT.rglob("*") if not ignored & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if path.is_file())


def listed_by_git() -> list[Path] | None:
    """None without git, and for a copy inside another repository, such as those of ``make matrix``."""
    if not (ROOT / ".git").exists():
        return None
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return [ROOT / name.decode() for name in listed.split(b"\0") if name]
