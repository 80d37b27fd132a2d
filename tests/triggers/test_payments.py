# SPDX-License-Identifier: Apache-2.0
"""Each payment fires an event: what it costs, what survives a restart, and what trouble does to it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from payments_world import CONNECTION, START, Gateway, MakeGateway, Store, running
from virtual_time import run_virtual

from airflow_provider_sengo.exceptions import NotAuthorized, SenGoProviderError, Unavailable
from airflow_provider_sengo.simulator import CLIENT_TOKEN
from airflow_provider_sengo.triggers.paid_store import SETTLE_S
from airflow_provider_sengo.triggers.payments import APART_S, SenGoPaymentsEventTrigger

SWEEP_S = 90.0  # within which what was paid is told, jitter and the wait before the last included


@pytest.fixture
def make_gateway(monkeypatch: pytest.MonkeyPatch) -> MakeGateway:
    return lambda **settings: Gateway(monkeypatch, **settings)


@pytest.fixture
def gateway(make_gateway: MakeGateway) -> Gateway:
    return make_gateway()


def test_each_payment_fires_one_event(gateway: Gateway) -> None:
    """With all a consumer needs, and nothing asked of the gateway before the first interval is over."""

    async def main() -> tuple[list[dict[str, Any]], str]:
        gateway.now()
        gateway.world.insert(type="cashIn", status="pending")
        early = gateway.pay(reference="INV-1", amount=25_000, fee_payer="customer", channel="qris")
        async with running() as run:
            await asyncio.sleep(50)
            assert gateway.listings() == 0
            await asyncio.sleep(20)
            assert run.ids == [early]
            late = [gateway.pay(type="cashIn", channel="retail") for _ in range(12)]
            gateway.pay(type="cashOut")
            await asyncio.sleep(SWEEP_S)
            assert sorted(run.ids[1:]) == sorted(late)
            await asyncio.sleep(10 * SWEEP_S)
            assert len(run.ids) == 13
            return run.payloads, early

    payloads, early = run_virtual(main())
    (row,) = gateway.world.payments("INV-1")
    assert payloads[0] == {
        "id": early,
        "reference": "INV-1",
        "amount": 25_000,
        "total_amount": 25_000 + row["fee"],
        "fee": row["fee"],
        "fee_payer": "customer",
        "paid_at": "2026-11-20T12:00:00+07:00",
        "channel": "qris",
        "type": "cashIn",
        "project": payloads[0]["project"],
        "status": "success",
    }
    assert payloads[0]["project"].startswith("127.0.0.1:1-")
    assert payloads[1]["channel"] == "retail"
    assert not any(session.is_open for session in gateway.sessions)
    assert len(gateway.sessions) == 1


def test_a_quiet_sweep_asks_for_one_page_of_each_day(gateway: Gateway) -> None:
    """Seven days and two types: fourteen requests, all for paid transactions."""

    async def main() -> None:
        async with running(types=["cashIn", "cashOut"]):
            await asyncio.sleep(SWEEP_S)

    run_virtual(main())
    queries = [parse_qs(urlsplit(entry["target"]).query) for entry in gateway.world.requests().entries]
    assert len(queries) == 14
    assert {query["status"][0] for query in queries} == {"success"}
    assert {query["page"][0] for query in queries} == {"1"}
    assert Counter(query["type"][0] for query in queries) == {"cashIn": 7, "cashOut": 7}
    assert sorted({query["date"][0] for query in queries})[::6] == ["2026-11-14", "2026-11-20"]


@pytest.mark.parametrize("date_by", ["created", "paid", "expired"])
@pytest.mark.parametrize("order", ["newest", "oldest", "hash"])
def test_whatever_the_day_of_a_listing_means(make_gateway: MakeGateway, date_by: str, order: str) -> None:
    """By creation, payment or expiry, in any order, in a day of UTC: each payment is told, over midnight."""
    gateway = make_gateway(date_by=date_by, order=order, day_zone="UTC")

    async def main() -> None:
        created = [START - timedelta(days=age, hours=2) for age in range(6)]
        async with running(poll_interval=600) as run:
            await asyncio.sleep(700)
            ids = []
            for at in created:
                expires = START + timedelta(hours=20)
                ids.append(gateway.pay(created_at=at, expires_at=expires))
                await asyncio.sleep(1800)
            for _ in range(24):
                ids += [gateway.pay() for _ in range(3)]
                await asyncio.sleep(1800)
            await asyncio.sleep(24 * 3600)
            assert sorted(run.ids) == sorted(ids)

    run_virtual(main())


def test_the_last_event_of_several_comes_apart(gateway: Gateway) -> None:
    """Airflow starts a run for the first of a burst, and takes the others with the next event only."""

    async def main() -> None:
        trigger = SenGoPaymentsEventTrigger(poll_interval=4)
        now = asyncio.get_running_loop().time
        fired = []
        async with aclosing(trigger.run()) as events:
            for burst in (3, 1, 2):
                for _ in range(burst):
                    gateway.pay()
                for _ in range(burst):
                    await anext(events)
                    fired.append(now())
        waits = [after - before for before, after in pairwise(fired)]
        assert waits[0] == 0
        assert waits[1] == pytest.approx(APART_S)
        assert waits[2] == pytest.approx(APART_S)
        assert waits[3] < APART_S
        assert waits[4] == pytest.approx(APART_S)

    run_virtual(main())


def test_what_was_paid_before_the_start_is_not_told(gateway: Gateway) -> None:
    """Only within ``lookback`` seconds before the first sweep."""

    async def main() -> None:
        gateway.pay(paid_at=START)
        await asyncio.sleep(7200)
        inside = gateway.pay()
        async with running(lookback=600) as run:
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [inside]

    run_virtual(main())


def test_odd_rows_are_told_and_block_nothing(gateway: Gateway) -> None:
    """What has an id and is paid by its own status is told, whatever else is wrong with it."""

    async def main() -> None:
        async with running() as run:
            await asyncio.sleep(SWEEP_S)
            gateway.now()
            odd = gateway.world.add_odd_rows("2026-11-20", "cashIn")
            fine = gateway.pay()
            shown = {
                row["id"]
                for row in gateway.world.ledger(day="2026-11-20", type="cashIn")
                if row["shown_status"] == "success" and "id" not in row["odd_fields"]
            }
            await asyncio.sleep(10 * SWEEP_S)
            assert fine in run.ids
            assert len(shown & set(odd)) > 5
            assert shown <= set(run.ids)
            json.dumps(run.payloads).encode()

    run_virtual(main())


def test_no_sweep_fetches_more_pages_than_it_may(gateway: Gateway) -> None:
    """A day of 60 pages is read over many sweeps, and meanwhile the other days are told in time."""

    async def main() -> tuple[Counter[str], int]:
        gateway.now()
        gateway.world.fill(day="2026-11-20", type="cashIn", rows=300)
        async with running(pages_max=12, lookback=86_400) as run:
            await asyncio.sleep(SWEEP_S)
            first = len(run.ids)
            other = gateway.pay(created_at=START - timedelta(days=2))
            await asyncio.sleep(SWEEP_S)
            assert other in run.ids
            await asyncio.sleep(30 * SWEEP_S)
            assert len(set(run.ids)) == len(run.ids) == 301
        return Counter(entry["at"] for entry in gateway.world.requests().entries), first

    by_sweep, first = run_virtual(main())
    assert first == 30
    assert max(by_sweep.values()) == 12
    assert sorted(by_sweep.values())[:10] == [7] * 10


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that was logged, wherever Airflow's logging sends it to."""

    def said() -> str:
        return "".join((*capfd.readouterr(), caplog.text))

    return said


def test_it_goes_on_after_errors(gateway: Gateway, said: Callable[[], str]) -> None:
    """Eight sweeps in vain and one that works, over and over: nothing is lost, no line names a secret."""

    async def main() -> None:
        async with running() as run:
            for _ in range(3):
                gateway.world.set_fault("http_500", rate=1.0)
                paid = gateway.pay()
                await asyncio.sleep(8 * 60)
                assert paid not in run.ids
                gateway.world.clear_faults()
                await asyncio.sleep(2 * SWEEP_S)
                assert run.ids[-1] == paid
            assert len(run.ids) == 3

    run_virtual(main())
    text = said()
    assert "7 of 7 pages failed, the next sweep tries again: Unavailable" in text
    assert CLIENT_TOKEN not in text


def test_one_broken_day_does_not_keep_the_others_from_being_told(gateway: Gateway) -> None:
    """Its payments are told when it works again, however many sweeps it failed."""

    async def main() -> None:
        async with running(errors_max=2) as run:
            gateway.world.set_fault("cut_json", match="date=2026-11-18")
            broken = gateway.pay(created_at=START - timedelta(days=2))
            fine = gateway.pay()
            await asyncio.sleep(10 * SWEEP_S)
            assert run.ids == [fine]
            gateway.world.clear_faults()
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [fine, broken]

    run_virtual(main())


def test_a_page_that_fails_in_the_middle_is_asked_for_again(gateway: Gateway) -> None:
    """Every third page of a long day fails; each row is told once."""

    async def main() -> None:
        gateway.now()
        gateway.world.fill(day="2026-11-20", type="cashIn", rows=100)
        gateway.world.set_fault("reset", rate=0.3)
        async with running(lookback=86_400) as run:
            await asyncio.sleep(60 * SWEEP_S)
            assert len(set(run.ids)) == len(run.ids) == 100

    run_virtual(main())


@pytest.mark.parametrize(
    ("fault", "error"), [("http_500", Unavailable), ("html", SenGoProviderError), ("refuse", None)]
)
def test_after_too_many_sweeps_in_vain_the_last_error_is_raised(
    gateway: Gateway, fault: str, error: type[Exception] | None
) -> None:
    """So that Airflow shows it; the session is closed."""
    if fault == "refuse":
        gateway.connect(password="another-token-of-the-tests")
        error = NotAuthorized
    else:
        gateway.world.set_fault(fault, rate=1.0)

    async def main() -> float:
        async with running(errors_max=3) as run:
            assert error is not None
            with pytest.raises(error):
                await run.task
            return asyncio.get_running_loop().time()

    assert 3 * 54 <= run_virtual(main()) <= 3 * 67
    assert not any(session.is_open for session in gateway.sessions)


def test_rotated_keys_are_read_again(gateway: Gateway) -> None:
    """After a refusal the connection is read anew; what was paid meanwhile is told."""

    async def main() -> None:
        gateway.connect(password="a-token-that-is-not-valid-any-more")
        async with running() as run:
            paid = gateway.pay()
            await asyncio.sleep(3 * SWEEP_S)
            assert run.ids == []
            gateway.connect()
            await asyncio.sleep(2 * SWEEP_S)
            assert run.ids == [paid]
            opened = len(gateway.sessions)
            await asyncio.sleep(10 * SWEEP_S)
            assert len(gateway.sessions) == opened

    run_virtual(main())
    assert not any(session.is_open for session in gateway.sessions)


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        (None, "isn't defined"),
        (json.dumps(CONNECTION | {"extra": {"timeout_s": "soon"}}), "timeout_s"),
        ('{"password": "secret-of-the-tests"', "could not be used"),
    ],
)
def test_a_connection_that_cannot_be_used_counts_as_an_error(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, connection: str | None, says: str
) -> None:
    """It is looked for again each time, and the error says what is wrong without a secret."""
    if connection is None:
        monkeypatch.delenv("AIRFLOW_CONN_SENGO_DEFAULT")
    else:
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)

    async def main() -> None:
        async with running(errors_max=5) as run:
            await asyncio.sleep(3 * SWEEP_S)
            gateway.connect()
            paid = gateway.pay()
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [paid]
        if connection is None:
            monkeypatch.delenv("AIRFLOW_CONN_SENGO_DEFAULT")
        else:
            monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)
        async with running(errors_max=2) as run:
            with pytest.raises(SenGoProviderError, match=says) as raised:
                await run.task
            assert "secret-of-the-tests" not in str(raised.value)

    run_virtual(main())


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


def test_airflow_lets_go_of_it_in_the_middle(gateway: Gateway) -> None:
    """Dropped between two events, ``cleanup`` closes the session."""

    async def main() -> None:
        gateway.pay()
        gateway.pay()
        trigger = SenGoPaymentsEventTrigger()
        events = trigger.run()
        await anext(events)
        assert gateway.sessions[0].is_open
        await trigger.cleanup()
        assert not gateway.sessions[0].is_open
        await trigger.cleanup()

    run_virtual(main())


def test_the_real_clock_is_aware() -> None:
    """In UTC, and of this machine."""
    assert abs(SenGoPaymentsEventTrigger._now() - datetime.now(UTC)) < timedelta(minutes=1)
