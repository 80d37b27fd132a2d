# SPDX-License-Identifier: Apache-2.0
"""The wheel where a user has it: a clean environment, its declared dependencies, Airflow's own commands.

Nothing of this tree and nothing of the development environment is seen there, so a dependency that is not
declared, or a file that is not in the wheel, shows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "package"))

from built import PACKAGE, ROOT, build

from airflow_provider_sengo import __version__
from airflow_provider_sengo.connection_fields import CONNECTION_TYPES
from airflow_provider_sengo.get_provider_info import get_provider_info

NAME = "airflow-provider-sengo"
UV = ROOT / ".venv-uv" / "bin" / "uv"
COMMAND_WITHIN_S = 120
NOT_A_USERS = ("AIRFLOW", "PYTHON", "VIRTUAL_ENV")  # of whoever runs the tests

WHERE = "import json, {0}; print(json.dumps({0}.__file__))"
EVERY_MODULE = f"""
import importlib, json, pkgutil, sys
import {PACKAGE} as package
names = [each.name for each in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
missing = {{}}
for name in names:
    try:
        importlib.import_module(name)
    except ImportError as error:
        missing[name] = error.name
print(json.dumps({{"modules": len(names), "missing": missing}}))
"""
FORM = """
import json
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
print(json.dumps({
    hook.connection_type: {
        "name": hook.hook_name,
        "login": hook.standard_fields.login.title,
        "password": hook.standard_fields.password.title,
        "extras": list(hook.extra_fields),
    }
    for hook in HookMetaService.hook_meta_data()
    if hook.connection_type in ("sengo", "senangpay")
}))
"""
PAGE = f"""
import json
from {PACKAGE}.plugins.page import show
page = show("message.html", status=404, title="No such page", text="Nothing.").body.decode()
print(json.dumps(["<title>" in page, "No such page" in page, "<style>" in page and "font" in page]))
"""


class Installed:
    """An environment with the wheel, and an empty Airflow home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "environment" / "bin"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_A_USERS)}
        self.environment = inherited | {
            "AIRFLOW_HOME": str(folder / "home"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__SENGO__ARCHIVE_URI": str(folder / "books"),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def run(self, program: Path | str, *arguments: str) -> str:
        """What a command prints; its failure is the test's."""
        done = subprocess.run(
            [str(self.bin / program), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def airflow(self, *arguments: str) -> Any:
        """A command of Airflow's that prints JSON, after whatever it logs."""
        lines = self.run("airflow", *arguments, "--output", "json").splitlines()
        return json.loads(next(line for line in lines if line.startswith(("[{", "[]"))))

    def python(self, code: str) -> Any:
        """What a piece of Python prints as JSON in its last line."""
        return json.loads(self.run("python", "-c", code).splitlines()[-1])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """As ``pip install`` of the wheel, with the versions that the lock pins; uv has them at hand."""
    assert UV.exists(), "run make setup first: it brings uv along"
    user = Installed(tmp_path_factory.mktemp("user"))
    (user.folder / "wheel").mkdir()
    wheel = build("wheel", user.folder / "wheel")
    pins = ROOT / "requirements-dev.txt"
    # The interpreter of these tests: uv must not fetch another one.
    user.run(UV, "venv", "--quiet", "--no-python-downloads", "--python", sys.executable, str(user.bin.parent))
    python = str(user.bin / "python")
    user.run(UV, "pip", "install", "--quiet", "--python", python, "--constraint", str(pins), str(wheel))
    return user


@pytest.fixture(scope="module")
def connected(installed: Installed, gateway: Any) -> Installed:
    """With a database, and a connection of ours that ``airflow connections add`` made."""
    installed.run("airflow", "db", "migrate")
    fields = {
        "--conn-type": "sengo",
        "--conn-host": gateway.base_url,
        "--conn-login": gateway.client_key,
        "--conn-password": gateway.client_token,
        "--conn-extra": '{"timeout_s": 20, "max_attempts": 3}',
    }
    given = [word for pair in fields.items() for word in pair]
    installed.run("airflow", "connections", "add", "sengo_default", *given)
    return installed


def ours(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if PACKAGE in json.dumps(row) or NAME in json.dumps(row)]


def test_what_is_declared_is_enough(installed: Installed) -> None:
    """Every module can be imported; only the pytest plugin wants what its user brings along."""
    assert installed.python(WHERE.format(PACKAGE)).startswith(str(installed.bin.parent))
    found = installed.python(EVERY_MODULE)
    assert found["modules"] == len([*(ROOT / PACKAGE).rglob("*.py")]) - 1  # but the package itself
    assert found["missing"] == {f"{PACKAGE}.simulator.pytest_plugin": "pytest"}


def test_the_provider_is_listed_with_all_it_has(installed: Installed) -> None:
    """``airflow providers list`` and ``get --full``: every section of the provider info arrives."""
    (listed,) = ours(installed.airflow("providers", "list"))
    assert (listed["package_name"], listed["version"]) == (NAME, __version__)
    (full,) = installed.airflow("providers", "get", NAME, "--full")
    info = get_provider_info()
    assert set(full) >= set(info)
    for section in ("hooks", "operators", "sensors", "triggers", "extra-links", "cli"):
        assert full[section] == info[section], section
    types = {each["connection-type"]: set(each["conn-fields"]) for each in full["connection-types"]}
    assert types == {name: set(table.extras) for name, table in CONNECTION_TYPES.items()}


def test_hooks_links_and_triggers_are_listed(installed: Installed) -> None:
    """Airflow has imported the hooks and the link, and knows where the triggers are."""
    hooks = {row["connection_type"]: row for row in ours(installed.airflow("providers", "hooks"))}
    assert {name: row["class"] for name, row in hooks.items()} == {
        name: table.hook_class_name for name, table in CONNECTION_TYPES.items()
    }
    assert {row["hook_name"] for row in hooks.values()} == {"SenGo", "senangPay"}
    (link,) = ours(installed.airflow("providers", "links"))
    assert link["extra_link_class_name"] == f"{PACKAGE}.links.QrisPageLink"
    triggers = {row["class"] for row in ours(installed.airflow("providers", "triggers"))}
    assert triggers == {f"{PACKAGE}.triggers.sengo", f"{PACKAGE}.triggers.senangpay"}


def test_the_form_of_a_connection_has_its_fields(installed: Installed) -> None:
    """As Airflow's web UI is told: the labels of the standard fields, and each extra in its order."""
    form = installed.python(FORM)
    for name, table in CONNECTION_TYPES.items():
        assert form[name] == {
            "name": table.hook_name,
            "login": table.relabeling["login"],
            "password": table.relabeling["password"],
            "extras": list(table.extras),
        }


def test_the_plugin_is_loaded_once_and_its_pages_can_be_drawn(installed: Installed) -> None:
    """By its entry point alone; templates and style came with the wheel."""
    (plugin,) = ours(installed.airflow("plugins"))
    assert plugin["name"] == "sengo"
    assert f"{NAME}=={__version__}" in plugin["source"]
    assert "group='airflow.plugins'" in plugin["source"]
    assert [each["url_prefix"] for each in plugin["fastapi_apps"]] == ["/sengo"]
    assert [each["name"] for each in plugin["external_views"]] == ["SenGo archive"]
    assert installed.python(PAGE) == [True, True, True]


def test_a_stored_connection_is_kept_and_works(connected: Installed) -> None:
    """``airflow connections get`` shows what was added, and ``test`` asks the gateway through our hook."""
    (stored,) = connected.airflow("connections", "get", "sengo_default")
    assert stored["conn_type"] == "sengo"
    assert set(stored["extra_dejson"]) == {"timeout_s", "max_attempts"}
    assert "Connection success!" in connected.run("airflow", "connections", "test", "sengo_default")


def test_a_user_can_archive_a_week(connected: Installed) -> None:
    """``airflow sengo archive``, with the stored connection and nothing but what the wheel brought."""
    read = json.loads(connected.run("airflow", "sengo", "archive", "--json"))
    assert read["failed"] == read["not_read"] == read["findings"]["missing"] == []
    covered = json.loads(connected.run("airflow", "sengo", "coverage", "--json"))
    states = {item["state"] for item in covered["days"]}
    assert states <= {"complete", "sealed", "open"}
    assert "complete" in states
