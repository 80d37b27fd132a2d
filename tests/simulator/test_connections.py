# SPDX-License-Identifier: Apache-2.0
"""A running simulator tells the connections that lead to it, as a DAG author's tests need them."""

from __future__ import annotations

import pytest

from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.simulator import Simulator


def test_both_connections_are_accepted(sengo_simulator, monkeypatch):
    """Airflow reads them from the environment, and each gateway answers with its own Test button's call."""
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", sengo_simulator.sengo_connection())
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", sengo_simulator.senangpay_connection())
    for hook in (SenGoHook(), SenangPayHook()):
        assert hook.get_conn() is hook
        works, message = hook.test_connection()
        assert works, message


def test_extras_are_passed_on(sengo_simulator, monkeypatch):
    """Under the names of the connection's form."""
    connection = sengo_simulator.sengo_connection(callback_url="https://shop.example/paid", max_attempts=2)
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)
    extras = SenGoHook().get_connection("sengo_default").extra_dejson
    assert extras == {"callback_url": "https://shop.example/paid", "max_attempts": 2}


def test_there_is_no_connection_to_a_simulator_that_does_not_run():
    """An empty host would mean the vendor's own sandbox."""
    with pytest.raises(RuntimeError, match="not running yet"):
        Simulator().sengo_connection()
    with pytest.raises(RuntimeError, match="not running yet"):
        Simulator().senangpay_connection()
