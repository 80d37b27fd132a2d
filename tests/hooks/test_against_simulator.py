# SPDX-License-Identifier: Apache-2.0
"""Every verb of the hook, over real sockets, judged by the simulated gateway."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_sengo.exceptions import DuplicateReference, NotFound
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.operators.sengo import SenGoGetTransactionOperator
from airflow_provider_sengo.simulator import Simulator

CALLBACK = "https://shop.example/paid"


@pytest.fixture
def sengo_simulator() -> Iterator[Simulator]:
    """A gateway whose clock stands still, so that no day ends during a test."""
    with Simulator(per_day=30, now="2026-11-20T10:00:00+07:00", frozen=True) as simulator:
        yield simulator


@pytest.fixture
def hook(sengo_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> SenGoHook:
    """A hook over a connection to the simulator, as a URI."""
    key, token = sengo_simulator.client_key, sengo_simulator.client_token
    address = sengo_simulator.base_url.removeprefix("http://")
    extras = f"max_attempts=1&callback_url={CALLBACK.replace(':', '%3A')}"
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", f"sengo://{key}:{token}@{address}?{extras}")
    return SenGoHook()


def test_create_and_look_up(
    hook: SenGoHook, sengo_simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A payment is made once, found by id and reference, its reference used up; no log has the token."""
    caplog.set_level(logging.DEBUG)
    with hook:
        payment = hook.create_qris(reference="INV-7", amount=25000, view_name="Warung Café")
        assert hook.get_transaction("INV-7").id == hook.get_transaction(payment.id).id == payment.id
        with pytest.raises(DuplicateReference):
            hook.create_qris(reference="INV-7", amount=25000, view_name="Warung Café")
        with pytest.raises(NotFound):
            hook.get_transaction("INV-8")
    assert sengo_simulator.world.requests().by_endpoint["POST /qris"] == 2
    assert sengo_simulator.client_token not in caplog.text


def test_balance_and_connection_test(hook: SenGoHook, sengo_simulator: Simulator) -> None:
    """The balance adds up, and the connection test does nothing but ask for it."""
    assert hook.test_connection() == (True, f"SenGo accepts key and token at {sengo_simulator.base_url}.")
    assert sengo_simulator.world.requests().by_endpoint == {"GET /balance": 1}
    balance = hook.get_balance()
    assert balance.active + balance.pending == balance.total
    hook.close()


def test_wrong_token(sengo_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused token is told as a finding, and fails a task at once."""
    fields = {"login": sengo_simulator.client_key, "password": "wrong-token-0001"}
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(fields | {"host": sengo_simulator.base_url}))
    works, message = SenGoHook().test_connection()
    assert not works
    assert "Check client key, client token and environment" in message
    with pytest.raises(AirflowFailException):
        SenGoGetTransactionOperator(task_id="t", transaction_id="INV-1").execute({})


def test_create_project(hook: SenGoHook) -> None:
    """The gateway accepts the signed body."""
    with hook:
        made = hook.create_project(name="Shop", domain="https://shop.example", ip=["203.0.113.0/24"])
    assert (made.name, made.ip) == ("Shop", ["203.0.113.0/24"])


def test_listing_both_ways(hook: SenGoHook, sengo_simulator: Simulator) -> None:
    """Page by page and with many pages in flight, the same rows are read, and they are the true ones."""
    asked: dict[str, Any] = {"day": date(2026, 11, 18), "type": "cashIn", "status": "success"}

    async def read_all() -> list[Any]:
        async with hook.open_listing(4) as listing:
            first = await listing.fetch_page(**asked, page=1)
            pages = range(2, first.total_pages + 1)
            rest = await asyncio.gather(*(listing.fetch_page(**asked, page=page) for page in pages))
            some = json.loads(first.rows[0])["id"]
            assert json.loads(await listing.fetch_row(some) or b"")["id"] == some
            assert await listing.fetch_row("01JUNKNOWN") is None
            return [json.loads(row)["id"] for page in [first, *rest] for row in page.rows]

    with hook:
        first = hook.list_transactions(**asked)
        pages = [first, *(hook.list_transactions(**asked, page=n) for n in range(2, first.total_pages + 1))]
    by_page = [found.id for page in pages for found in page.transactions]
    rows = sengo_simulator.world.ledger(day="2026-11-18", type="cashIn")
    truth = {row["id"] for row in rows if row["status"] == "success" and row["listed"]}
    assert len(by_page) == first.total_records == len(truth)
    assert set(by_page) == set(asyncio.run(read_all())) == truth
