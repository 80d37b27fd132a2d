# SPDX-License-Identifier: Apache-2.0
"""What a type checker tells a user, who has the wheel and not the tree.

The folder ``project`` is such a user's: DAGs and a test that are right, and mistakes that must be told.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from built import PACKAGE, ROOT

PROJECT = Path(__file__).parent / "project"
MISTAKES = "mistakes.py"
BESIDE_TASKS = {
    f"{PACKAGE}.archive.store.Archive",
    f"{PACKAGE}.simulator.Simulator",
    f"{PACKAGE}.qr_image.qr_png",
    f"{PACKAGE}.qr_image.qr_svg",
}
MARK = re.compile(r"# wrong: ([a-z -]+)$")

pytestmark = pytest.mark.xdist_group("package")  # one worker builds and checks


class Told(NamedTuple):
    """One error: where it is and what kind it is."""

    file: str
    line: int
    code: str
    message: str = ""


def public_classes() -> list[str]:
    """As the registry of providers is told: every operator, sensor, trigger and hook."""
    registry = yaml.safe_load((ROOT / ".airflow-registry.yaml").read_text())
    sections = ("operators", "sensors", "triggers", "hooks")
    return [entry["module"] for section in sections for entry in registry[section]]


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel as it is installed, and its dependencies from where the tests have them."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def check(python: Path, folder: Path, cache: Path) -> list[Told]:
    """What ``mypy --strict`` says about a folder's files; no setting of this repository counts."""
    files = sorted(path.name for path in folder.glob("*.py"))
    settings = [f"--python-executable={python}", f"--cache-dir={cache}", "--config-file=", "--output=json"]
    command = [sys.executable, "-m", "mypy", "--strict", *settings, *files]
    # A path to this tree in the environment would show it in the wheel's place.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MYPY"))
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    errors = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [
        Told(each["file"], each["line"], each["code"], each["message"])
        for each in errors
        if each["severity"] == "error"
    ]


@pytest.fixture(scope="module")
def told(python: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    """What is told about the user's project, checked away from this tree."""
    folder = tmp_path_factory.mktemp("user") / "project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return check(python, folder, folder.parent / "cache")


def test_a_users_dags_and_tests_are_right(told: list[Told]) -> None:
    """Strictly typed code that uses the package needs no cast and no ``type: ignore``."""
    assert [each for each in told if each.file != MISTAKES] == []
    assert "type: ignore" not in "".join(path.read_text() for path in PROJECT.glob("*.py"))


def test_the_users_dags_load(tmp_path: Path) -> None:
    """What the types allow, Airflow takes: these files are more than something to check."""
    from airflow.dag_processing.dagbag import DagBag

    for name in ("books.py", "shop.py"):
        shutil.copy(PROJECT / name, tmp_path)
    bag = DagBag(dag_folder=str(tmp_path))
    assert (bag.import_errors, set(bag.dags)) == ({}, {"books", "upkeep", "shop", "cards"})


def test_every_mistake_is_told(told: list[Told]) -> None:
    """On its line and for its reason; nothing else is."""
    lines = (PROJECT / MISTAKES).read_text().splitlines()
    marked = {
        Told(MISTAKES, number, code)
        for number, line in enumerate(lines, 1)
        if (mark := MARK.search(line))
        for code in mark[1].split()
    }
    assert len(marked) > 90
    assert {each._replace(message="") for each in told if each.file == MISTAKES} == marked


def test_the_types_are_those_of_the_wheel(python: Path, tmp_path: Path) -> None:
    """Without its marker file a type checker reads none of them, so it is the marker that makes the rest true."""
    (marker,) = python.parents[1].glob(f"lib/python*/site-packages/{PACKAGE}/py.typed")
    (folder := tmp_path / "project").mkdir()
    (folder / "uses.py").write_text(f"import {PACKAGE}.exceptions\n")
    cache = tmp_path / "cache"
    assert check(python, folder, cache) == []
    marker.unlink()
    try:
        errors = check(python, folder, cache)
    finally:
        marker.touch()
    assert {(each.line, each.code) for each in errors} == {(1, "import-untyped")}


def names_used(path: Path) -> set[str]:
    """What a file imports of the package and then names, with its module's name."""
    tree = ast.parse(path.read_text())
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in named
    }


def test_the_project_uses_all_there_is() -> None:
    """Every public class is used rightly and wrongly, so that a new one can't be forgotten here."""
    wanted = {*public_classes(), *BESIDE_TASKS}
    rightly = {name for path in PROJECT.glob("*.py") if path.name != MISTAKES for name in names_used(path)}
    assert wanted - rightly == set()
    assert wanted - names_used(PROJECT / MISTAKES) == set()


@pytest.mark.parametrize("path", public_classes())
def test_no_parameter_of_a_public_class_is_any(path: str) -> None:
    """Only what is passed on to Airflow (``**kwargs``) is typed by nobody."""
    module, _, name = path.rpartition(".")
    parameters = inspect.signature(getattr(import_module(module), name).__init__).parameters.values()
    untyped = {
        each.name
        for each in parameters
        if each.name != "self"
        and each.kind is not each.VAR_KEYWORD
        and str(each.annotation) in ("Any", "typing.Any", str(each.empty))
    }
    assert untyped == set()
