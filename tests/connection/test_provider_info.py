# SPDX-License-Identifier: Apache-2.0
"""The provider info is what Airflow's own schemas ask for, and costs nothing to read."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from importlib.resources import files
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from airflow_provider_sengo import __version__
from airflow_provider_sengo.get_provider_info import get_provider_info

OPTION_KEYS = {"description", "version_added", "type", "example", "default"}
FOR_PACKAGING = {"state": "ready", "source-date-epoch": 0, "versions": [__version__]}  # provider.yaml's own


def schema(name: str) -> dict[str, Any]:
    """A JSON schema of the installed Airflow."""
    loaded: dict[str, Any] = json.loads(files("airflow").joinpath(name).read_text())
    return loaded


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("provider_info.schema.json", {}),
        pytest.param(
            *("provider.yaml.schema.json", FOR_PACKAGING),
            marks=pytest.mark.needs_airflow("3.2", "provider.yaml's schema with conn-fields"),
        ),
    ],
)
def test_fits_both_schemas(name: str, more: dict[str, Any]) -> None:
    """The lenient schema that discovery uses and the strict one of provider.yaml both accept it."""
    jsonschema.validate(get_provider_info() | more, schema(name))


def test_package_name_is_the_canonical_one() -> None:
    """Any other spelling breaks discovery for every provider of the installation."""
    assert get_provider_info()["package-name"] == "airflow-provider-sengo"


def test_both_gateways_are_announced() -> None:
    """Connection type, hook and integration of each."""
    info = get_provider_info()
    assert [item["connection-type"] for item in info["connection-types"]] == ["sengo", "senangpay"]
    names = {item["integration-name"] for item in info["integrations"]}
    assert names == {"SenGo", "senangPay"} == {item["integration-name"] for item in info["hooks"]}


def test_settings_have_all_five_keys() -> None:
    """Airflow reads an option only with all of its keys."""
    options = get_provider_info()["config"]["sengo"]["options"]
    assert set(options) == {"archive_uri", "archive_conn_id", "reference_namespace"}
    assert all(set(option) == OPTION_KEYS for option in options.values())


def test_every_named_module_and_class_is_there() -> None:
    """Nothing is announced that can't be imported."""
    info = get_provider_info()
    for section in ("hooks", "operators"):
        for item in info[section]:
            for module in item["python-modules"]:
                importlib.import_module(module)
    for item in info["connection-types"]:
        module, _, name = item["hook-class-name"].rpartition(".")
        assert getattr(importlib.import_module(module), name).conn_type == item["connection-type"]


def test_callers_get_their_own_copy() -> None:
    """Airflow may change what it was given without changing what the next reader gets."""
    get_provider_info()["connection-types"][0]["conn-fields"].clear()
    assert get_provider_info()["connection-types"][0]["conn-fields"]


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_reading_it_imports_no_other_package() -> None:
    """Every process of Airflow reads it, so neither Airflow nor any library comes along."""
    before = loaded_by("pass")
    after = loaded_by("import airflow_provider_sengo.get_provider_info as m; m.get_provider_info()")
    assert after - before - set(sys.stdlib_module_names) == {"airflow_provider_sengo"}


def test_hooks_and_operators_import_nothing_heavy() -> None:
    """A Dag file that imports them is parsed again and again."""
    modules = (
        "hooks.sengo",
        "hooks.senangpay",
        "hooks.storage",
        "hooks.connection",
        "operators.sengo",
        "operators.failure",
    )
    before = loaded_by("import airflow.sdk, airflow.providers.common.compat.sdk")
    after = loaded_by("; ".join(f"import airflow_provider_sengo.{name}" for name in modules))
    heavy = {"requests", "aiohttp", "pyarrow", "deltalake", "fastapi", "tenacity", "uvicorn"}
    assert not heavy & (after - before)
