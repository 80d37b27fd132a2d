# SPDX-License-Identifier: Apache-2.0
"""What a cell of ``make matrix`` runs in: an interpreter of this machine, an environment, a copy of the tree.

All of it is kept in ``.matrix/<cell>``, and an environment is made anew only when its cell or the package's
dependencies change. The copy lets somebody go on editing while the tests run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from matrix_cells import PINS, ROOT, TEST_TOOLS, Cell

KEPT = ROOT / ".matrix"
UV = ROOT / ".venv-uv" / "bin" / "uv"
NOT_OURS = ("AIRFLOW", "PYTHON", "PYTEST", "VIRTUAL_ENV")  # settings of whoever runs this

ABOVE_THEIR_FLOORS = """
import json
from importlib.metadata import requires, version
from packaging.requirements import Requirement
from packaging.version import Version
above = []
for each in map(Requirement, requires("airflow-provider-sengo")):
    (floor,) = (one.version for one in each.specifier if one.operator == ">=")
    if Version(version(each.name)) != Version(floor):
        above.append(f"{each.name} {version(each.name)} (floor {floor})")
print(json.dumps(above))
"""


class CannotInstall(Exception):
    """uv found no set of packages, or could not fetch one; its words."""


@dataclass(frozen=True)
class Environment:
    """A cell, ready: ``installed_in_s`` is next to nothing if it was kept from before."""

    folder: Path
    installed_in_s: float

    @property
    def python(self) -> Path:
        return self.folder / "environment" / "bin" / "python"

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    def run(self, *arguments: str, log: Path, within_s: float) -> int:
        """The exit status of the cell's Python in the cell's copy of the tree; what it says goes to ``log``."""
        command = [str(self.python), *arguments]
        with log.open("w") as said:
            done = subprocess.run(
                command, cwd=self.tree, env=clean(), stdout=said, stderr=said, timeout=within_s, check=False
            )
        return done.returncode

    def answer(self, code: str, within_s: float = 180) -> Any:
        """What a piece of Python prints there as JSON in its last line."""
        log = self.folder / "answer.txt"
        status = self.run("-c", code, log=log, within_s=within_s)
        lines = log.read_text().splitlines()
        if status:
            raise RuntimeError("\n".join(lines))
        return json.loads(lines[-1])

    def above_their_floors(self) -> list[str]:
        """Direct dependencies of which another package wants a newer one than this package does."""
        return [str(line) for line in self.answer(ABOVE_THEIR_FLOORS)]


def clean() -> dict[str, str]:
    """The process's environment without anybody's Airflow, Python or pytest; bytecode is kept."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    return inherited | {"UV_COMPILE_BYTECODE": "1", "UV_PYTHON_DOWNLOADS": "never"}


def find_python(version: str) -> Path | None:
    """An interpreter of this machine: on the path, known to uv, or kept by pyenv. None is ever fetched."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    command = [str(UV), "python", "find", "--system", "--offline", version]
    known = subprocess.run(command, env=clean(), capture_output=True, text=True, check=False).stdout.strip()
    on_path = shutil.which(f"python{version}")
    kept = sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    for found in (*kept, *(Path(name) for name in (known, on_path) if name)):
        if says_its_version(found) == version:
            return found
    return None


def says_its_version(python: Path) -> str:
    """Its minor version, or nothing: pyenv's shims are there for interpreters that are switched off."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    try:
        done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


@contextmanager
def make(cell: Cell, python: Path) -> Iterator[Environment]:
    """The cell's environment with this tree as it stands now; nobody else has it meanwhile."""
    folder = KEPT / cell.name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copy_tree(folder / "tree")
        began = time.monotonic()
        install(cell, python, folder)
        yield Environment(folder, time.monotonic() - began)


def copy_tree(target: Path) -> None:
    """Everything but git's own and what ``.gitignore`` names."""
    shutil.rmtree(target, ignore_errors=True)
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*ignored, ".git"), symlinks=True)


def install(cell: Cell, python: Path, folder: Path) -> None:
    """Fill the environment, unless it was filled with the same before."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    commands = cell.install(test_tools(project))
    what = [str(python), commands, project["build-system"], project["project"], project["dependency-groups"]]
    pins = PINS.read_text() if str(PINS) in commands[0] else ""
    wanted = hashlib.sha256((json.dumps(what) + pins).encode()).hexdigest()
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    environment = folder / "environment"
    uv(folder, "venv", "--clear", "--no-python-downloads", "--python", str(python), str(environment))
    for command in commands:
        uv(folder, "pip", command[0], "--python", str(environment), *command[1:])
    stamp.write_text(wanted)


def uv(folder: Path, *arguments: str) -> None:
    command = [str(UV), *arguments, "--quiet"]
    done = subprocess.run(command, cwd=folder, env=clean(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotInstall(done.stderr.strip())


def test_tools(project: dict[str, dict[str, list[str]]]) -> list[str]:
    """The requirements of ``TEST_TOOLS``, with the floors that pyproject gives them."""
    group = {requirement_name(each): each for each in project["dependency-groups"]["dev"]}
    return [group[name] for name in TEST_TOOLS]


def requirement_name(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0]
