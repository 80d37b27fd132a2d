# SPDX-License-Identifier: Apache-2.0
"""The weekly upkeep as a task: the example DAG, its XCom, and what it refuses."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sengo.archive.upkeep import KEEP_DAYS
from airflow_provider_sengo.operators.upkeep import SenGoArchiveUpkeepOperator

EXAMPLE = Path(__file__).parents[2] / "example_dags" / "sengo_archive_upkeep.py"


@pytest.mark.xdist_group("airflow_db")
def test_the_example_twice(world, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run folds what is there and says so; the second finds nothing to do."""
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", world.uri)
    for nth in range(3):
        world.gateway.put("changes", fee=nth)
        world.read()
    pushed = []
    for _ in range(2):
        run = run_dag(runpy.run_path(str(EXAMPLE))["dag"])
        assert str(run.state) == "success"
        (task,) = run.get_task_instances()
        pushed.append(task.xcom_pull(task_ids="upkeep"))
    first, second = pushed
    versions = world.versions()
    assert {name: each["checkpoint"] for name, each in first.items()} == versions
    assert (first["reads"]["files_before"], first["reads"]["files_after"]) == (3, 1)
    nothing = {"files_removed": 0, "bytes_removed": 0, "checkpoint": None, "put_off": False}
    for each in second.values():
        assert each == nothing | {"files_before": 1, "files_after": 1}
    assert world.held() == world.ledger()


def test_an_archive_that_is_not_there_yet(world) -> None:
    """Nothing is made; there is nothing to tell."""
    assert SenGoArchiveUpkeepOperator(task_id="upkeep", archive_uri=world.uri).execute({}) == {}
    assert world.versions() == {}


def test_keeping_too_little_is_refused(world) -> None:
    """The bound that protects readers holds for the task as well; its default is that of the storage layer."""
    world.gateway.fill(1)
    world.read()
    with pytest.raises(ValueError, match="keep_days: must be at least 7"):
        SenGoArchiveUpkeepOperator(task_id="upkeep", archive_uri=world.uri, keep_days=6).execute({})
    default = inspect.signature(SenGoArchiveUpkeepOperator.__init__).parameters["keep_days"].default
    assert default == KEEP_DAYS


def test_templates_are_those_of_the_other_archive_tasks() -> None:
    """Where the archive is may come from a Variable or a param."""
    assert SenGoArchiveUpkeepOperator.template_fields == ("archive_uri", "archive_conn_id")
