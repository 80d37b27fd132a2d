# SPDX-License-Identifier: Apache-2.0
"""Airflow's environment, set before anything imports Airflow: one throw-away home for each test process."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

HOME = tempfile.mkdtemp(prefix="airflow-test-")  # each xdist worker runs this file, so has its own
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith(("AIRFLOW_CONN_", "AIRFLOW_VAR_", "AIRFLOW__"))]:
    del os.environ[_name]
os.environ.update(
    AIRFLOW_HOME=HOME,
    AIRFLOW__CORE__DAGS_FOLDER=f"{HOME}/dags",
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)

import pytest  # noqa: E402  # Airflow's environment comes first

if TYPE_CHECKING:
    from airflow.sdk import DAG

pytest_plugins = ["airflow_provider_sengo.simulator.pytest_plugin"]

AIRFLOW = version("apache-airflow-core")


def minor(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:2])


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "of the tests that run Dags, only those marked on_every_airflow: one takes many seconds before 3.3"
    parser.addoption("--few-dags", action="store_true", help=text)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The only place where an Airflow older than the lock's is spared a test; the reason is counted there."""
    for item in items:
        for mark in item.iter_markers("needs_airflow"):
            wanted, because = mark.args
            if minor(AIRFLOW) < minor(wanted):
                item.add_marker(pytest.mark.skip(reason=f"needs Airflow {wanted}: {because}"))
        runs_dags = "run_dag" in getattr(item, "fixturenames", ())
        if config.getoption("few_dags") and runs_dags and not item.get_closest_marker("on_every_airflow"):
            item.add_marker(
                pytest.mark.skip(reason="runs a Dag: some of these are run, see on_every_airflow")
            )


@pytest.fixture(scope="session")
def has_task_store() -> bool:
    """Whether the installed Airflow has a task state store."""
    return minor(AIRFLOW) >= (3, 3)


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """An empty Airflow database with the bundle of the (empty) Dags folder."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.utils import db

    Path(HOME, "dags").mkdir(exist_ok=True)
    db.initdb()
    DagBundlesManager().sync_bundles_to_db()  # type: ignore[no-untyped-call]


@pytest.fixture
def run_dag(airflow_db: None) -> Callable[..., Any]:
    """Run a Dag made in a test with ``dag.test()`` and return its run; failed tasks raise nothing."""
    try:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag, sync_bag_to_db  # type: ignore[no-redef]

    def run(dag: DAG, **options: Any) -> Any:
        bag = DagBag(dag_folder=os.devnull)
        bag.bag_dag(dag)
        sync_bag_to_db(bag, "dags-folder", None)
        return dag.test(**options)

    return run
