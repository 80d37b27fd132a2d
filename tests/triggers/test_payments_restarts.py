# SPDX-License-Identifier: Apache-2.0
"""What the events of payments survive: restarts with a store and without, and stores that fail."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from payments_world import START, SWEEP_S, Gateway, Store, running
from virtual_time import run_virtual

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.triggers.paid_store import SETTLE_S


def test_a_restart_with_a_store_tells_what_was_paid_meanwhile(gateway: Gateway) -> None:
    """And nothing twice, however long it was away; the cursor is small."""
    store = Store()

    async def main() -> None:
        async with running(store) as run:
            old = [gateway.pay() for _ in range(8)]
            await asyncio.sleep(4 * SWEEP_S)
            assert sorted(run.ids) == sorted(old)
        new = []
        for _ in range(3):
            await asyncio.sleep(86_400)
            new += [gateway.pay() for _ in range(7)]
        async with running(store) as run:
            await asyncio.sleep(4 * SWEEP_S)
            assert sorted(run.ids) == sorted(new)
        async with running(store) as run:
            await asyncio.sleep(4 * SWEEP_S)
            assert run.ids == []

    run_virtual(main())
    assert list(store.kept) == ["sengo-paid sengo_default cashIn"]
    (cursor,) = store.kept.values()
    assert len(cursor) < 500


def test_a_restart_without_a_store_goes_back_for_a_while(gateway: Gateway) -> None:
    """What was paid within ``lookback`` is told, again if need be: never too little of that."""

    async def main() -> None:
        async with running() as run:
            paid = gateway.pay()
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [paid]
        async with running() as run:
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [paid]

    run_virtual(main())


def test_the_cursor_is_written_only_after_its_events_have_settled(gateway: Gateway) -> None:
    """Airflow stores events about a second after it got them: if it dies before, they are told again."""
    store = Store()

    async def main() -> None:
        async with running(store, poll_interval=4) as run:
            await asyncio.sleep(30)
            paid = gateway.pay()
            await asyncio.sleep(4.6)
            assert run.ids == [paid]
            before = dict(store.kept)
            await asyncio.sleep(SETTLE_S - 4.7)
            assert store.kept == before
            await asyncio.sleep(10)
            assert store.kept != before
        async with running(Store(before)) as run:
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [paid]
        async with running(store) as run:
            await asyncio.sleep(SWEEP_S)
            assert run.ids == []

    run_virtual(main())


def test_the_very_first_start_is_remembered_at_once(gateway: Gateway) -> None:
    """A gateway that is down from the start on makes a later start begin no later."""
    store = Store()

    async def main() -> None:
        gateway.world.set_fault("no_connection", rate=1.0)
        async with running(store, errors_max=1) as run:
            paid = gateway.pay()
            with pytest.raises(SenGoProviderError):
                await run.task
        gateway.world.clear_faults()
        await asyncio.sleep(5 * 3600)
        async with running(store) as run:
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [paid]

    run_virtual(main())


def test_a_store_that_cannot_be_read_is_asked_again_before_anything_is_told(gateway: Gateway) -> None:
    """Without the cursor it would begin anew, and write that over the cursor."""
    store = Store()

    async def main() -> None:
        async with running(store) as run:
            gateway.pay()
            await asyncio.sleep(4 * SWEEP_S)
            assert len(run.ids) == 1
        store.broken = RuntimeError("the API server is away")
        async with running(store) as run:
            await asyncio.sleep(3 * SWEEP_S)
            assert run.ids == []
            store.broken = None
            new = gateway.pay()
            await asyncio.sleep(2 * SWEEP_S)
            assert run.ids == [new]
        store.broken = RuntimeError("the API server is away")
        async with running(store, errors_max=2) as run:
            with pytest.raises(SenGoProviderError, match="could not be read: RuntimeError"):
                await run.task

    run_virtual(main())


def test_a_cursor_that_cannot_be_written_stops_no_event(gateway: Gateway, said: Callable[[], str]) -> None:
    """It is logged, and written when that works again."""
    store = Store()

    async def main() -> None:
        async with running(store) as run:
            await asyncio.sleep(SWEEP_S)
            store.broken = RuntimeError("the API server is away")
            paid = [gateway.pay()]
            await asyncio.sleep(4 * SWEEP_S)
            paid.append(gateway.pay())
            await asyncio.sleep(4 * SWEEP_S)
            assert run.ids == paid
            store.broken = None
            await asyncio.sleep(4 * SWEEP_S)
        async with running(store) as run:
            await asyncio.sleep(SWEEP_S)
            assert run.ids == []

    run_virtual(main())
    assert "The cursor could not be written, and will be: RuntimeError" in said()


@pytest.mark.needs_airflow("3.3", "the asset state store")
def test_several_assets_that_share_a_trigger_have_no_store(gateway: Gateway, said: Callable[[], str]) -> None:
    """Airflow's own accessor refuses; the memory is enough while nothing restarts, and the log says it once."""
    from airflow.sdk import Asset
    from airflow.sdk.execution_time.context import AssetStateStoreAccessors

    async def main() -> None:
        store = AssetStateStoreAccessors(inlets=[Asset("one"), Asset("two")])
        async with running(store) as run:
            paid = gateway.pay()
            await asyncio.sleep(10 * SWEEP_S)
            assert run.ids == [paid]

    run_virtual(main())
    assert said().count("Several assets share this trigger") == 1


def test_a_cursor_of_another_release_means_all_days_are_told(
    gateway: Gateway, said: Callable[[], str]
) -> None:
    """At least once beats exactly once."""
    store = Store({"sengo-paid sengo_default cashIn": '{"v": 2}'})

    async def main() -> None:
        paid = gateway.pay(created_at=START - timedelta(days=5))
        await asyncio.sleep(86_400)
        async with running(store) as run:
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [paid]

    run_virtual(main())
    assert "payments of all days are told, some again" in said()


def test_a_day_that_left_the_window_is_forgotten(gateway: Gateway) -> None:
    """After three weeks the cursor is no larger, and each payment was told once."""
    store = Store()

    async def main() -> None:
        ids = []
        async with running(store, poll_interval=3600) as run:
            for _ in range(21):
                ids.append(gateway.pay())
                await asyncio.sleep(86_400)
            assert sorted(run.ids) == sorted(ids)

    run_virtual(main())
    (cursor,) = store.kept.values()
    assert len(json.loads(cursor)["days"]) == 7
