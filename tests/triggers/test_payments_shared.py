# SPDX-License-Identifier: Apache-2.0
"""Watchers of one connection under Airflow's own manager of shared streams: one poll, a cursor for each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from payments_world import START, SWEEP_S, Gateway, Running, Store
from virtual_time import run_virtual

from airflow_provider_sengo.exceptions import Unavailable
from airflow_provider_sengo.triggers.payments import SenGoPaymentsEventTrigger

pytestmark = pytest.mark.needs_airflow("3.3", "shared streams of triggers")


class Triggerer:
    """Subscribes triggers to shared streams as Airflow's triggerer does."""

    def __init__(self) -> None:
        import structlog
        from airflow.triggers.shared_stream import SharedStreamManager

        self._manager = SharedStreamManager(log=structlog.get_logger())
        self._running: dict[int, tuple[Running, Any]] = {}

    def start(self, store: Any = None, **arguments: Any) -> Running:
        trigger = SenGoPaymentsEventTrigger(**arguments)
        trigger.asset_state_store = store
        number, key = len(self._running), trigger.shared_stream_key()
        stream = self._manager.subscribe(trigger_id=number, trigger=trigger, key=key)
        run = Running(trigger, trigger.filter_shared_stream(stream))
        self._running[number] = (run, key)
        return run

    async def stop(self, run: Running) -> None:
        number, key = next((n, key) for n, (other, key) in self._running.items() if other is run)
        run.task.cancel()
        await asyncio.gather(run.task, return_exceptions=True)
        await self._manager.unsubscribe(number, key)
        await run.trigger.cleanup()


@asynccontextmanager
async def airflow() -> AsyncIterator[Triggerer]:
    triggerer = Triggerer()
    try:
        yield triggerer
    finally:
        for run, _ in list(triggerer._running.values()):
            await triggerer.stop(run)


def test_three_watchers_share_one_poll(gateway: Gateway) -> None:
    """Each tells every payment by its own cursor, and together they cost what one costs."""

    async def main() -> None:
        stores = [Store() for _ in range(3)]
        old = [gateway.pay() for _ in range(12)]
        async with airflow() as triggerer:
            runs = [
                triggerer.start(store, lookback=lookback)
                for store, lookback in zip(stores, (0, 60, 3600), strict=True)
            ]
            await asyncio.sleep(SWEEP_S)
            assert gateway.listings() == 7 + 2  # twelve rows are three pages of five
            assert [sorted(run.ids) for run in runs] == [sorted(old)] * 3
            new = gateway.pay()
            await asyncio.sleep(4 * SWEEP_S)
            assert [run.ids[-1] for run in runs] == [new] * 3
            assert len(gateway.sessions) == 1
        assert [list(store.kept) for store in stores] == [["sengo-paid sengo_default cashIn"]] * 3

    run_virtual(main())
    assert not any(session.is_open for session in gateway.sessions)


def test_a_watcher_that_joins_or_leaves_disturbs_no_other(gateway: Gateway) -> None:
    """One stops while a page that it asked for is on its way; the other gets that page all the same."""

    async def main() -> None:
        async with airflow() as triggerer:
            one = triggerer.start()
            paid = [gateway.pay()]
            other = triggerer.start(lookback=7200)
            while gateway.sessions == []:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.02)
            assert gateway.listings() == 0  # the first pages are on their way
            await triggerer.stop(one)
            await asyncio.sleep(1)
            assert (one.ids, other.ids) == ([], paid)
            assert gateway.listings() == 7
            third = triggerer.start(lookback=1800)
            paid.append(gateway.pay())
            await asyncio.sleep(2 * SWEEP_S)
            assert (sorted(other.ids), sorted(third.ids)) == (sorted(paid), sorted(paid))
            assert len(gateway.sessions) == 1

    run_virtual(main())


def test_watchers_of_other_listings_poll_on_their_own(gateway: Gateway) -> None:
    """Types, interval, pages or connection differ: another stream."""
    triggers = [
        SenGoPaymentsEventTrigger(**arguments)
        for arguments in (
            *({}, {"types": ["cashOut"]}, {"poll_interval": 30}, {"pages_max": 61}),
            {"sengo_conn_id": "other"},
        )
    ]
    assert len({trigger.shared_stream_key() for trigger in triggers}) == 5
    same = SenGoPaymentsEventTrigger(lookback=1, errors_max=2, types="cashIn", poll_interval=60)
    assert same.shared_stream_key() == triggers[0].shared_stream_key()


def test_the_pages_of_a_sweep_are_one_budget_for_all(gateway: Gateway) -> None:
    """Two watchers read a long day from its start with the pages of one."""

    async def main() -> None:
        gateway.now()
        gateway.world.fill(day="2026-11-20", type="cashIn", rows=120)
        async with airflow() as triggerer:
            runs = [triggerer.start(pages_max=10, lookback=86_400 + n) for n in range(2)]
            for sweep in range(1, 11):
                await asyncio.sleep(60.0)
                assert gateway.listings() <= 10 * (sweep + 1)
            assert [len(set(run.ids)) for run in runs] == [120] * 2

    run_virtual(main())


def test_an_error_reaches_all_of_them_once_a_sweep(gateway: Gateway) -> None:
    """A page that fails is asked for once, and each counts its own errors."""

    async def main() -> None:
        gateway.world.set_fault("http_500", rate=1.0)
        async with airflow() as triggerer:
            patient, hasty = triggerer.start(errors_max=10), triggerer.start(errors_max=2)
            await asyncio.sleep(3 * 70.0)
            assert isinstance(hasty.task.exception(), Unavailable)
            assert gateway.listings() == 7 * 3
            gateway.world.clear_faults()
            paid = gateway.pay()
            await asyncio.sleep(SWEEP_S)
            assert patient.ids == [paid]

    run_virtual(main())


def test_who_falls_behind_looks_at_the_latest_sweep_only(gateway: Gateway) -> None:
    """A store that hangs for an hour costs that watcher no sixty sweeps afterwards, and no payment."""

    class Hanging(Store):
        async def aget(self, key: str, default: Any = None) -> Any:
            await asyncio.sleep(3600)
            return await super().aget(key, default)

    async def main() -> None:
        async with airflow() as triggerer:
            slow = triggerer.start(Hanging())
            paid = gateway.pay()
            await asyncio.sleep(3500)
            assert gateway.listings() == 0
            await asyncio.sleep(300)
            assert slow.ids == [paid]
            assert gateway.listings() <= 7 * 5

    run_virtual(main())


def test_a_sweep_that_lost_its_session_is_an_error_like_others(gateway: Gateway) -> None:
    """Keys were refused to one while another still waits for its page of the sweep before."""

    async def main() -> None:
        gateway.connect(password="not-the-token")
        async with airflow() as triggerer:
            runs = [triggerer.start(), triggerer.start(errors_max=9)]
            await asyncio.sleep(3 * SWEEP_S)
            gateway.connect()
            paid = gateway.pay(created_at=START - timedelta(days=1))
            await asyncio.sleep(2 * SWEEP_S)
            assert [run.ids for run in runs] == [[paid], [paid]]

    run_virtual(main())
    assert not any(session.is_open for session in gateway.sessions)
