# SPDX-License-Identifier: Apache-2.0
"""What is in the files that a user installs from: all of the package, and nothing of anybody's tree."""

from __future__ import annotations

import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "house"))

from built import PACKAGE, ROOT, build, unpack
from repository import repository_files

from airflow_provider_sengo import __version__

DIST_INFO = f"{PACKAGE}-{__version__}.dist-info/"
OF_AN_SDIST = {"PKG-INFO"}  # made when it is built
NO_MODULES = {  # what no import would miss until a page is asked for, or a type checker run
    f"{PACKAGE}/py.typed",
    f"{PACKAGE}/plugins/templates/base.html",
    f"{PACKAGE}/plugins/templates/style.css",
}

pytestmark = pytest.mark.xdist_group("package")  # one worker builds


def names_in_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def names_in_sdist(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"{DIST_INFO}METADATA").decode())


def in_tree() -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in repository_files()}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Every file of the package's folder and the licence; no tests, tools, examples or pictures."""
    names = names_in_wheel(wheel)
    held = {name for name in names if not name.startswith(DIST_INFO)}
    assert held == {name for name in in_tree() if name.startswith(f"{PACKAGE}/")}
    assert names - held == {
        DIST_INFO + name for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    }
    assert held >= NO_MODULES


def test_the_source_archive_holds_the_repository_and_nothing_else(sdist: Path) -> None:
    """Whoever has it can build, test and read all there is; what ``.gitignore`` names stays at home."""
    names = names_in_sdist(sdist)
    assert names - OF_AN_SDIST == in_tree()
    assert names >= NO_MODULES


def test_a_wheel_built_from_the_source_archive_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    """To the byte, so that it doesn't matter which one an installer takes."""
    (into := tmp_path / "wheel").mkdir()
    again = build("wheel", into, source=unpack(sdist, tmp_path / "unpacked"))
    assert again.name == wheel.name == f"{PACKAGE}-{__version__}-py3-none-any.whl"
    assert again.read_bytes() == wheel.read_bytes()


def test_the_source_archive_does_not_depend_on_where_the_tree_lies(sdist: Path, tmp_path: Path) -> None:
    """Below a folder whose name stands in ``.gitignore``, hatch would take everything that lies about."""
    tree = unpack(sdist, tmp_path / "build")
    (tree / ".hypothesis").mkdir()
    (tree / ".hypothesis" / "example").touch()
    (into := tmp_path / "again").mkdir()
    assert names_in_sdist(build("sdist", into, source=tree)) == names_in_sdist(sdist)


def test_the_metadata_says_what_pyproject_says(wheel: Path) -> None:
    """As an index and an installer read it: name, licence, Pythons, dependencies, README."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = metadata(wheel)
    assert told["Name"] == project["name"]
    assert told["Version"] == __version__
    assert told["License-Expression"] == "Apache-2.0"
    assert told.get_all("License-File") == ["LICENSE"]
    assert told["Requires-Python"] == project["requires-python"]
    assert sorted(told.get_all("Classifier", [])) == sorted(project["classifiers"])
    assert set(told["Keywords"].split(",")) == set(project["keywords"])
    assert told["Description-Content-Type"] == "text/markdown"
    assert told.get_payload() == (ROOT / "README.md").read_text()
    wanted = {Requirement(each) for each in project["dependencies"]}
    assert {Requirement(each) for each in told.get_all("Requires-Dist", [])} == wanted


def test_no_address_is_made_up(wheel: Path) -> None:
    """The gateways' pages under their own names; they are not this package's home, which has no address yet."""
    told = metadata(wheel)
    assert sorted(told.get_all("Project-URL", [])) == [
        "SenGo API, https://docs.sengo.id",
        "senangPay API, https://guide.senangpay.com",
    ]
    assert told["Home-page"] is None


def test_the_entry_points_are_in_the_wheel(wheel: Path) -> None:
    """Airflow finds the provider and its pages by them."""
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read(f"{DIST_INFO}entry_points.txt").decode().split("\n")
    assert [line for line in lines if line] == [
        "[airflow.plugins]",
        f"sengo = {PACKAGE}.plugins.plugin:SenGoPlugin",
        "[apache_airflow_provider]",
        f"provider_info = {PACKAGE}.get_provider_info:get_provider_info",
    ]
