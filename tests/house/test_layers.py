# SPDX-License-Identifier: Apache-2.0
"""Which module may import which: the layers of the design, held against every import in the tree."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from repository import EXAMPLES, PACKAGE, ROOT

NAME = PACKAGE.name
HEAVY = {"requests", "aiohttp", "pyarrow", "deltalake", "fastapi", "uvicorn"}
AIRFLOW = "airflow.providers.common.compat.*"

PURE_ARCHIVE = ("days", "rows", "pages", "coverage", "plan", "check")
STORAGE = ("schema", "spool", "tables", "compare", "rewrite", "merge", "heal", "upkeep", "store", "report")
SHELL = ("listing", "run")
PAGES = (
    *("app", "page", "source", "payment"),
    *("archive_page", "day_page", "search_page", "downloads", "qr_page"),
)


class Layer(NamedTuple):
    """Modules (patterns below the package), and what they may import: ours with a dot first, others by name."""

    modules: tuple[str, ...]
    may_import: tuple[str, ...]
    pure: bool = False


def _archive(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f".archive.{name}" for group in groups for name in group)


LAYERS = {
    "version": Layer(("",), ()),
    "errors": Layer((".exceptions",), (), pure=True),
    "provider info": Layer((".get_provider_info",), (".connection_fields",), pure=True),
    # Airflow 3.1's form: its api-server has these, or stands in for them.
    "connection fields": Layer(
        (".connection_fields",), ("flask_appbuilder.*", "flask_babel", "wtforms", "wtforms.*"), pure=True
    ),
    "protocol": Layer((".protocol", ".protocol.*"), (".exceptions", ".protocol.*", "msgspec"), pure=True),
    "archive, pure": Layer(
        (".archive", *_archive(PURE_ARCHIVE)),
        (".exceptions", ".protocol.*", *_archive(PURE_ARCHIVE), "msgspec"),
        pure=True,
    ),
    "archive, storage": Layer(
        _archive(STORAGE),
        (
            *(".exceptions", ".protocol.*", *_archive(PURE_ARCHIVE, STORAGE)),
            *("msgspec", "pyarrow", "pyarrow.*", "deltalake", "deltalake.*"),
        ),
    ),
    "archive, shell": Layer(_archive(SHELL), (".exceptions", ".protocol.*", ".archive.*", "msgspec")),
    "transport": Layer(
        (".transport", ".transport.*"),
        (
            *("", ".exceptions", ".protocol.http", ".protocol.retry", ".transport.*"),  # "" is the version
            *("tenacity", "certifi", "yarl", "requests", "requests.*", "urllib3.*", "aiohttp", "aiohttp.*"),
        ),
    ),
    "simulator": Layer(
        (".simulator", ".simulator.*"),
        (".simulator.*", "fastapi", "fastapi.*", "uvicorn", "uvicorn.*", "msgspec", "segno", "pytest"),
    ),
    "hooks": Layer(
        (".hooks", ".hooks.*"),
        (
            *(".exceptions", ".connection_fields", ".protocol.*", ".transport.*", ".hooks.*", AIRFLOW),
            "airflow.sdk.log",  # masking inside an event loop, which the compatible names do not offer
            "opentelemetry",  # the tracer that Airflow sets up; it has no interface of its own to it
        ),
    ),
    "operators": Layer(
        (".operators", ".operators.*"),
        (
            *(".exceptions", ".protocol.*", ".archive.*", ".hooks.*", ".operators.*", AIRFLOW, "msgspec"),
            *(".triggers.sengo", ".triggers.events", ".links"),
            "airflow.sdk",  # NEVER_EXPIRE of the task state store, which the compatible names do not offer
            "airflow.sdk.definitions.mappedoperator",  # what partial() returns, for the type checker
        ),
    ),
    "links": Layer((".links",), (AIRFLOW,)),
    "plugin, what Airflow loads": Layer((".plugins", ".plugins.plugin"), (".links", ".plugins.app", AIRFLOW)),
    "plugin, pure": Layer(
        (".plugins.state_calendar", ".plugins.chart", ".plugins.masking"),
        (*_archive(PURE_ARCHIVE), ".archive.report", "markupsafe"),
        pure=True,
    ),
    "plugin, pages": Layer(
        tuple(f".plugins.{name}" for name in PAGES),
        (
            *(".archive.*", ".hooks.storage", ".qr_image", ".plugins.*", AIRFLOW),
            *("fastapi", "fastapi.*", "starlette.*", "jinja2", "markupsafe", "pyarrow", "pyarrow.*"),
            *("sqlalchemy", "sqlalchemy.*", "airflow.models.taskinstance", "airflow.models.xcom"),
            *("airflow.api_fastapi.*",),  # who may see what, the same as Airflow's own routes ask
        ),
    ),
    "triggers": Layer(
        (".triggers", ".triggers.*"),
        (
            *(".exceptions", ".protocol.*", ".hooks.*", ".triggers.*", AIRFLOW, "msgspec"),
            "airflow.triggers.base",  # what a trigger is, which the compatible names do not offer
        ),
    ),
    "sensors": Layer(
        (".sensors", ".sensors.*"),
        (".exceptions", ".protocol.*", ".hooks.*", ".triggers.*", ".sensors.*", AIRFLOW),
    ),
    "qr image": Layer((".qr_image",), ("segno",)),
    "command line": Layer(
        (".cli", ".cli_archive", ".cli_interrupt", ".cli_progress", ".cli_table", ".__main__"),
        (
            *(".exceptions", ".archive.*", ".hooks.*", ".simulator.*", AIRFLOW, "airflow", "msgspec"),
            *(".cli", ".cli_archive", ".cli_interrupt", ".cli_progress", ".cli_table", "rich", "rich.*"),
        ),
    ),
    "airflow's command line": Layer((".cli_airflow",), (".cli", "airflow.cli.cli_config")),
}
EXAMPLES_MAY_IMPORT = (
    ".operators.*",
    ".sensors.*",
    ".triggers.*",
    "airflow.sdk",
    "airflow.providers.standard.operators.hitl",
    AIRFLOW,
)

# A pure module takes time, chance and the world as arguments.
WORLD = {
    "io",
    "os",
    "pathlib",
    "tempfile",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "signal",
    "threading",
} | {*("asyncio", "time", "random", "secrets", "uuid", "logging", "urllib.request", "http.client", "getpass")}
CLOCK = {"now", "utcnow", "today"}


class Import(NamedTuple):
    """One import: the absolute name, and where it stands. ``.x`` is a module of this package."""

    name: str
    line: int


def module_name(path: Path) -> str:
    """A file's module below the package: ``.archive.run``, or ``""`` for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "".join(f".{part}" for part in parts if part != "__init__")


def imports(path: Path, package: str = "") -> Iterator[Import]:
    """Every import of a file, those in functions and under TYPE_CHECKING too, without the standard library's."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                module = ".".join([NAME, *(part for part in base if part), *([module] if module else [])])
            names = [submodule(module, alias.name) for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] not in sys.stdlib_module_names:
                yield Import(name.removeprefix(NAME) if name.split(".")[0] == NAME else name, node.lineno)


def submodule(module: str, name: str) -> str:
    """``from module import name`` names a module only if there is such a file of ours."""
    if module.split(".", maxsplit=1)[0] != NAME:
        return module
    folder = ROOT.joinpath(*module.split("."))
    return f"{module}.{name}" if (folder / f"{name}.py").exists() or (folder / name).is_dir() else module


def layer_of(module: str) -> Layer:
    found = [layer for layer in LAYERS.values() if module in layer.modules]
    found = found or [
        layer for layer in LAYERS.values() if any(fnmatchcase(module, m) for m in layer.modules)
    ]
    assert len(found) == 1, f"{module or NAME} belongs to {len(found)} layers; say in LAYERS where it stands"
    return found[0]


def allowed(name: str, may_import: tuple[str, ...]) -> bool:
    return any(
        fnmatchcase(name, pattern) or (pattern.startswith(".") and name == pattern.removesuffix(".*"))
        for pattern in may_import
    )


FILES = sorted(PACKAGE.rglob("*.py"))
IDS = [module_name(path) or NAME for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    """Every import, lazy ones and those for the type checker included, stands in the layer's list."""
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    layer = layer_of(module)
    wrong = [each for each in imports(path, package) if not allowed(each.name, layer.may_import)]
    assert wrong == []


PURE = [path for path in FILES if layer_of(module_name(path)).pure]


@pytest.mark.parametrize("path", PURE, ids=[module_name(path) for path in PURE])
def test_a_pure_module_has_no_clock_chance_environment_or_log(path: Path) -> None:
    """What it decides depends on its arguments alone."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in WORLD]
        elif isinstance(node, ast.ImportFrom) and node.module in WORLD:
            found.append(node.module)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("datetime", "date") and node.attr in CLOCK:
                found.append(f"{node.value.id}.{node.attr}")
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("open", "print")
        ):
            found.append(node.func.id)
    assert found == []


def test_the_simulator_names_nothing_of_this_package_but_itself() -> None:
    """An independent witness can't share the client's mistakes, not by a relative import either."""
    for path in (PACKAGE / "simulator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= len(path.relative_to(PACKAGE).parts) - 1, path
                assert node.level or not (node.module or "").startswith(NAME), path
            elif isinstance(node, ast.Import):
                assert not [alias for alias in node.names if alias.name.startswith(NAME)], path


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_imports_only_what_a_user_would(path: Path) -> None:
    """Airflow's public names and our operators."""
    assert [each for each in imports(path) if not allowed(each.name, EXAMPLES_MAY_IMPORT)] == []


def loaded_by(code: str) -> set[str]:
    """Which of the heavy libraries, and whatever of ours, a fresh interpreter has loaded after ``code``."""
    tell = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", tell], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_parsing_a_dag_file_loads_nothing_heavy() -> None:
    """Hooks, operators, provider info and the command line's names cost no library beyond Airflow's own."""
    operators = [module_name(path) for path in (PACKAGE / "operators").glob("[a-z]*.py")]
    waiting = [".sensors.sengo", ".sensors.senangpay", ".triggers.sengo", ".triggers.senangpay"]
    wanted = [".hooks.sengo", *waiting, *operators, ".get_provider_info", ".cli_airflow"]
    assert ".operators.archive" in wanted
    before = loaded_by("import airflow.sdk")
    after = loaded_by("import airflow.sdk\n" + "\n".join(f"import {NAME}{module}" for module in wanted))
    assert {f"{NAME}{module}" for module in wanted} <= after
    assert HEAVY & (after - before) == set()


def test_provider_info_and_command_names_load_next_to_nothing() -> None:
    """Every process of Airflow reads the one, every ``airflow`` call the other: no library comes along."""
    info = loaded_by(f"from {NAME}.get_provider_info import get_provider_info; get_provider_info()")
    assert {name for name in info if name.startswith(NAME)} == {
        NAME,
        f"{NAME}.get_provider_info",
        f"{NAME}.connection_fields",
    }
    commands = loaded_by(f"import {NAME}.cli_airflow")
    for loaded in (info, commands):
        assert (HEAVY | {"airflow", "msgspec", "tenacity"}) & loaded == set()
