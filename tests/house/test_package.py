# SPDX-License-Identifier: Apache-2.0
"""What a package index, pip and Airflow read of this package."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.providers.common.compat.sdk import BaseHook, BaseOperator
from airflow.triggers.base import BaseTrigger
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

sys.path.insert(0, str(Path(__file__).parent))

from repository import PACKAGE, ROOT

import airflow_provider_sengo
from airflow_provider_sengo.get_provider_info import get_provider_info

NAME = "airflow-provider-sengo"
OTHERWISE_NAMED = {
    "airflow": "apache-airflow",
    "opentelemetry": "opentelemetry-api",
}  # import -> distribution
BROUGHT_BY = {"markupsafe": "jinja2", "starlette": "fastapi", "urllib3": "requests", "yarl": "aiohttp"}
# The form of Airflow 3.1, which has these or stands in for them; and what whoever uses our fixture has.
NOT_INSTALLED = {"flask_appbuilder", "flask_babel", "wtforms", "pytest"}
NOT_IMPORTED = {"apache-airflow-providers-common-compat", "tzdata"}  # a part of ``airflow``; data


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


def imported() -> set[str]:
    """The top-level names that any line of the package imports, also where a function does it late."""
    names: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module or "")
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {PACKAGE.name}


def names_of(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def test_what_is_imported_is_declared(pyproject: dict[str, Any]) -> None:
    """Or brought by a dependency that is built on it; and nothing is declared that nobody imports."""
    declared = names_of(pyproject["project"]["dependencies"])
    third_party = {OTHERWISE_NAMED.get(name, name) for name in imported()} - NOT_INSTALLED
    assert third_party - declared == set(BROUGHT_BY)
    assert declared - third_party == NOT_IMPORTED
    for name, parent in BROUGHT_BY.items():
        assert parent in declared
        assert name in names_of(importlib.metadata.requires(parent) or [])


def test_deltalake_is_capped(pyproject: dict[str, Any]) -> None:
    """From 1.6.4 on two compactions from one snapshot both land, and double the rows; README and pins agree."""
    assert "deltalake>=1.3,<1.6.4" in pyproject["project"]["dependencies"]
    pinned = re.search(r"^deltalake==([\d.]+)", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert (1, 3) <= tuple(map(int, pinned[1].split("."))) < (1, 6, 4)
    assert "`deltalake` stays below 1.6.4" in (ROOT / "README.md").read_text()


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


def test_links_of_the_package_page_are_the_gateways_pages(pyproject: dict[str, Any]) -> None:
    """Those that the README names as sources."""
    readme = (ROOT / "README.md").read_text()
    urls = pyproject["project"]["urls"]
    assert set(urls) >= {"SenGo API", "senangPay API"}
    assert [url for url in urls.values() if f"({url})" not in readme] == []


def test_each_commit_is_checked_as_make_check_does() -> None:
    """The hook is one that pre-commit takes, and runs the very command of the Makefile."""
    from pre_commit.clientlib import load_config

    (repository,) = load_config(ROOT / ".pre-commit-config.yaml")["repos"]
    (hook,) = repository["hooks"]
    assert (hook["entry"], hook["pass_filenames"]) == ("make check", False)
    assert re.search("^check: setup$", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_classifiers_are_those_of_a_provider(pyproject: dict[str, Any]) -> None:
    """The Pythons that Airflow and this package run on, and a licence said once, as an SPDX expression."""
    classifiers = pyproject["project"]["classifiers"]
    pythons = {each.rpartition(" ")[2] for each in classifiers if re.search(r"Python :: 3\.\d+$", each)}
    assert pythons == {"3.11", "3.12", "3.13"}
    assert {"Framework :: Apache Airflow", "Framework :: Apache Airflow :: Provider"} <= set(classifiers)
    assert "Typing :: Typed" in classifiers
    assert not [each for each in classifiers if each.startswith("License ::")]  # PEP 639: never both


def public_classes(section: str) -> set[str]:
    """The classes with public names that a section's modules in the provider info define or pass on."""
    modules = [name for item in get_provider_info()[section] for name in item["python-modules"]]
    base = {"operators": BaseOperator, "sensors": BaseOperator, "hooks": BaseHook, "triggers": BaseTrigger}
    return {
        f"{module}.{name}"
        for module in modules
        for name, value in vars(import_module(module)).items()
        if inspect.isclass(value)
        and issubclass(value, base[section])
        and value.__module__.startswith(f"{PACKAGE.name}.{section}.")
        and name.startswith(("SenGo", "SenangPay"))
        and name != "SenGoTask"  # what tasks share
    }


@pytest.mark.parametrize("section", ["operators", "sensors", "triggers", "hooks"])
def test_the_registry_is_told_every_public_class(section: str) -> None:
    """``.airflow-registry.yaml`` has the keys that Airflow's registry reads, and forgets or invents no class."""
    registry = yaml.safe_load((ROOT / ".airflow-registry.yaml").read_text())
    assert registry["package-name"] == NAME
    assert registry["display-name"] == get_provider_info()["name"]
    told = [entry["module"] for entry in registry[section]]
    assert len(told) == len(set(told))
    assert set(told) == public_classes(section)
    assert all(entry["description"].strip(".") == entry["description"] for entry in registry[section])
