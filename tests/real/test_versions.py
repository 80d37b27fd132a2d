# SPDX-License-Identifier: Apache-2.0
"""The oldest Airflow that the package supports, on its oldest Python: a small part of ``make matrix``.

The environment is kept in ``.matrix``. The first run installs it; the next ones take what is there.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import matrix
from matrix_cells import CELLS, QUICK
from matrix_environment import UV, Environment, find_python, make
from witnesses import is_absent

from airflow_provider_sengo.connection_fields import CONNECTION_TYPES
from airflow_provider_sengo.get_provider_info import get_provider_info

CELL = CELLS["3.1.8-py3.11"]
NAME = "airflow-provider-sengo"
PACKAGE = "airflow_provider_sengo"

EVERY_MODULE = f"""
import importlib, json, pkgutil
import {PACKAGE} as package
names = [each.name for each in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if not name.endswith((".__main__", ".pytest_plugin")):
        importlib.import_module(name)
print(json.dumps(names))
"""
SEEN_BY_AIRFLOW = f"""
import json
from importlib.metadata import version
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.providers_manager import ProvidersManager
forms = {{hook.connection_type: hook for hook in HookMetaService.hook_meta_data()}}
print(json.dumps({{
    "airflow": version("apache-airflow-core"),
    "info": ProvidersManager().providers["{NAME}"].data,
    "forms": {{
        name: [forms[name].standard_fields.login.title, list(forms[name].extra_fields)]
        for name in ("sengo", "senangpay")
    }},
}}))
"""


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    """The cell's. Without its Python: a failure where witnesses are required, else a skip that says so."""
    assert UV.exists(), "run make setup first: it brings uv along"
    python = find_python(CELL.python)
    if python is None:
        is_absent(f"Python {CELL.python} is not on this machine; Airflow {CELL.airflow} is tested with it")
    with make(CELL, python) as made:
        yield made


def test_every_module_is_imported(environment: Environment) -> None:
    """Also what a worker imports late."""
    names = environment.answer(EVERY_MODULE)
    assert len(names) > 80
    assert {f"{PACKAGE}.{name}" for name in ("hooks.sengo", "triggers.sengo", "plugins.app")} <= set(names)


def test_airflow_sees_the_provider_and_draws_its_forms(environment: Environment) -> None:
    """As the provider info says it; the fields of Airflow 3.1's form are drawn from the hooks."""
    seen = environment.answer(SEEN_BY_AIRFLOW)
    assert seen["airflow"] == CELL.airflow
    assert seen["info"].items() >= json.loads(json.dumps(get_provider_info())).items()
    for name, table in CONNECTION_TYPES.items():
        login, extras = seen["forms"][name]
        assert login == {"sengo": "Client key", "senangpay": "Merchant id"}[name]
        assert extras == list(table.extras)


def test_one_archive_and_one_payment_are_run(environment: Environment) -> None:
    """Example DAGs by ``dag.test()`` against the simulator; all that was left out says which Airflow has it."""
    outcome = matrix.run_tests(CELL, environment, QUICK)
    assert outcome.trouble == ""
    assert (outcome.failed, outcome.unexplained) == (0, [])
    assert outcome.passed > outcome.skipped.total()


def test_a_python_that_this_machine_has_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails nothing, unless it is the oldest one and witnesses are required."""
    monkeypatch.setenv("REQUIRE_WITNESSES", "1")
    outcome = matrix.run_cell(replace(CELL, python="3.99"))
    assert "Python 3.99 is not on this machine" in matrix.table([outcome])
    assert outcome.is_good
    assert not replace(outcome, cell=CELL).is_good


def test_what_may_be_left_out() -> None:
    """On an older Airflow what says why in conftest's words; on the lock's nothing at all."""
    left_out = Counter({"needs Airflow 3.3: the task state store": 2})
    assert matrix.Outcome(CELL, passed=1, skipped=left_out).is_good
    assert not matrix.Outcome(CELL, passed=1, skipped=Counter({"today": 1})).is_good
    assert not matrix.Outcome(CELLS["3.3.2-py3.11"], passed=1, skipped=left_out).is_good
    assert not matrix.Outcome(CELL, skipped=left_out).is_good
