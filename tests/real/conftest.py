# SPDX-License-Identifier: Apache-2.0
"""A simulator, a whole Airflow and a PostgreSQL server, each once a session."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from airflow_process import RealAirflow
from ports import free_port
from postgres import Postgres, find_binaries
from witnesses import is_absent

from airflow_provider_sengo.simulator import Simulator

EXAMPLES = Path(__file__).parents[2] / "example_dags"


@pytest.fixture(scope="session")
def gateway():
    with Simulator(per_day=120, page_size=20) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def real_airflow(gateway, tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    airflow = RealAirflow(
        home,
        {
            "AIRFLOW__SENGO__ARCHIVE_URI": str(home / "archive"),
            "AIRFLOW_CONN_SENGO_DEFAULT": gateway.sengo_connection(),
            "AIRFLOW_CONN_SENANGPAY_DEFAULT": gateway.senangpay_connection(),
        },
    )
    daily = shutil.copy(EXAMPLES / "sengo_daily_archive.py", airflow.dags)
    write_asset_variant(Path(daily), airflow.dags / "on_asset.py")
    airflow.start()
    yield airflow
    airflow.stop()


@pytest.fixture(scope="session")
def postgres():
    """A server. Without the package: a failure where witnesses are required, else a skip that says so."""
    binaries = find_binaries()
    if binaries is None:
        is_absent("postgresql is not installed (apt-get install postgresql); SQLite is tested all the same")
    with Postgres(binaries, free_port()) as server:
        yield server


def write_asset_variant(daily: Path, target: Path) -> None:
    """The example DAG with a schedule on an asset, and a DAG that updates the asset."""
    text = daily.read_text()
    for old, new in (
        ('dag_id="sengo_daily_archive"', 'dag_id="archive_on_asset"'),
        ('schedule="30 8 * * *"', 'schedule=[Asset("books_wanted")]'),
        ("from airflow.sdk import DAG", "from airflow.sdk import DAG, Asset, task"),
        ('"retry_delay": timedelta(minutes=5)', '"retry_delay": timedelta(seconds=1)'),
    ):
        assert old in text
        text = text.replace(old, new)
    target.write_text(
        text
        + '\nwith DAG(dag_id="want_books", schedule=None) as want:\n'
        + '    task(task_id="want", outlets=[Asset("books_wanted")])(lambda: None)()\n'
    )
