# SPDX-License-Identifier: Apache-2.0
"""What a package index, pip and Airflow read of this package."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from repository import PACKAGE, ROOT

import airflow_provider_sengo

NAME = "airflow-provider-sengo"


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_metadata_is_sane(pyproject: dict[str, Any]) -> None:
    """Name, licence and README are there, and every Python named is one that pip may choose."""
    project = pyproject["project"]
    assert project["name"] == NAME  # the canonical spelling; Airflow's discovery compares it
    assert project["license"] == "Apache-2.0"
    assert (ROOT / project["readme"]).is_file()
    assert all(
        (ROOT / name).read_text().lstrip().startswith("Apache License") for name in project["license-files"]
    )
    assert project["requires-python"] == ">=3.11"
    pythons = [each.rpartition(" ")[2] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)]
    assert min(pythons, key=lambda text: int(text.split(".")[1])) == "3.11"


def test_every_dependency_has_a_floor_and_is_pinned_for_tests(pyproject: dict[str, Any]) -> None:
    """What users may have starts at a known version, and what the tests run on is exact."""
    pins = (ROOT / "requirements-dev.txt").read_text()
    wanted = pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["dev"]
    for requirement in wanted:
        name, bound = re.fullmatch(r"([a-z0-9-]+)(?:\[[a-z0-9,]+\])?(.*)", requirement).groups()  # type: ignore[union-attr]
        assert bound.startswith((">=", "==")), requirement
        assert re.search(rf"^{name}==", pins, re.MULTILINE), f"{name} is not pinned; run make lock"


def test_deltalake_is_capped(pyproject: dict[str, Any]) -> None:
    """From 1.6.0 on a merge writes columns that Arrow's scanners do not filter; README and pins agree."""
    assert "deltalake>=1.3,<1.6" in pyproject["project"]["dependencies"]
    pinned = re.search(r"^deltalake==(\d+)\.(\d+)", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert (1, 3) <= tuple(int(part) for part in pinned.groups()) < (1, 6)


def test_the_entry_point_resolves_to_the_provider_info(pyproject: dict[str, Any]) -> None:
    """Airflow finds the provider by it, under the distribution's own name."""
    wanted = pyproject["project"]["entry-points"]["apache_airflow_provider"]
    distribution = importlib.metadata.distribution(NAME)
    points = distribution.entry_points.select(group="apache_airflow_provider")
    assert {point.name: point.value for point in points} == wanted
    (point,) = points
    assert point.load()()["package-name"] == distribution.metadata["Name"] == NAME


def test_the_version_stands_in_the_changelog(pyproject: dict[str, Any]) -> None:
    """One place says the version, and the newest entry of the changelog is about it."""
    place = ROOT / pyproject["tool"]["hatch"]["version"]["path"]
    version = re.search(r'^__version__ = "([^"]+)"$', place.read_text(), re.MULTILINE)
    assert version is not None
    assert version[1] == airflow_provider_sengo.__version__ == importlib.metadata.version(NAME)
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version[1]


def test_the_wheel_holds_the_package_and_nothing_else(pyproject: dict[str, Any], tmp_path: Path) -> None:
    """It builds without a network, with every module, the licence, and neither tests nor examples."""
    assert pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [PACKAGE.name]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    build = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert build.returncode == 0, build.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    held = {name for name in names if ".dist-info/" not in name}
    modules = {str(path.relative_to(ROOT)) for path in PACKAGE.rglob("*.py")}
    assert modules <= held
    assert f"{PACKAGE.name}/py.typed" in held
    assert {name.split("/")[0] for name in held} == {PACKAGE.name}
    assert any(name.endswith("licenses/LICENSE") for name in names)
