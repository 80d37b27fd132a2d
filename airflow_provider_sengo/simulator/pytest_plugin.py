# SPDX-License-Identifier: Apache-2.0
"""A pytest fixture for DAG authors: a SenGo gateway of one's own for each test.

In the root ``conftest.py``::

    pytest_plugins = ["airflow_provider_sengo.simulator.pytest_plugin"]

then::

    def test_my_dag(sengo_simulator, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", sengo_simulator.sengo_connection())
        ...
        assert sengo_simulator.world.requests().by_endpoint["POST /qris"] == 1

The ledger is small (12 transactions a day and type); ``sengo_simulator.world`` steers clock, faults and all.
"""

from collections.abc import Iterator

import pytest

from .server import Simulator

PER_DAY = 12


@pytest.fixture
def sengo_simulator() -> Iterator[Simulator]:
    """A simulator in this process, on a free loopback port."""
    with Simulator(per_day=PER_DAY) as simulator:
        yield simulator
