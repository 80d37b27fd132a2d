# SPDX-License-Identifier: Apache-2.0
"""Each payment fires one event: what is told, when, and what it costs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from payments_world import START, SWEEP_S, Gateway, MakeGateway, running
from virtual_time import run_virtual

from airflow_provider_sengo.triggers.payments import APART_S, SenGoPaymentsEventTrigger


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
