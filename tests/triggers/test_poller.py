# SPDX-License-Identifier: Apache-2.0
"""One poller for all who wait: when it looks, and for whom. In virtual time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from poller_world import INTERVAL_S, Gateway, now, pollers, take, wait_for
from virtual_time import run_virtual

from airflow_provider_sengo.exceptions import Unavailable
from airflow_provider_sengo.triggers import poller
from airflow_provider_sengo.triggers.poller import Hint, Looks


def test_it_sleeps_first_and_then_looks_every_interval() -> None:
    """The first look comes after a whole interval; the next ones up to a tenth early, out of step."""

    async def main() -> list[float]:
        gateway = Gateway()
        looks = wait_for(gateway, "A")
        await take(looks, 5)
        await looks.leave()
        return gateway.times

    times = run_virtual(main())
    assert times[0] == pytest.approx(INTERVAL_S)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(0.9 * INTERVAL_S <= pause <= INTERVAL_S for pause in pauses)


def test_a_short_interval_is_no_licence_for_an_early_event() -> None:
    """Who joins just before others look still waits some seconds: a short deferral can fail its task."""

    async def main() -> None:
        gateway = Gateway()
        first = wait_for(gateway, "A", interval_s=10.0)
        await asyncio.sleep(4.5)  # half an interval later all would be taken together
        second = wait_for(gateway, "B", interval_s=10.0)
        await take(first, 1)
        assert gateway.sweeps == [(10.0, {"A": False})]
        ((_, _, looked_at),) = await take(second, 1)
        assert looked_at - 4.5 >= poller.FIRST_LOOK_AFTER_S
        await first.leave()
        await second.leave()

    run_virtual(main())


def test_one_session_and_one_sweep_serve_all() -> None:
    """Waiters that came at different moments are soon looked for together."""

    async def main() -> None:
        gateway = Gateway()
        everybody = []
        for number in range(20):
            everybody.append(wait_for(gateway, f"P{number}"))
            await asyncio.sleep(1)
        for looks in everybody:
            await take(looks, 3)
        assert gateway.opened == 1
        assert len(gateway.sweeps) <= 5  # three looks of twenty waiters
        assert gateway.asked()[-1] == {f"P{number}" for number in range(20)}
        for looks in everybody:
            await looks.leave()
        assert gateway.closed == 1

    run_virtual(main())


def test_two_who_wait_for_one_id_are_told_by_one_look() -> None:
    """And differing hints make it ask for the id itself."""

    async def main() -> None:
        gateway = Gateway()
        first, second = wait_for(gateway, "A"), wait_for(gateway, "A", hint=Hint(days=("2026-11-22",)))
        assert (await take(first, 1))[0][:2] == (await take(second, 1))[0][:2] == ("A", "seen A")
        assert gateway.sweeps == [(INTERVAL_S, {"A": True})]
        await first.leave()
        await second.leave()

    run_virtual(main())


def test_each_account_and_each_event_loop_has_a_poller_of_its_own() -> None:
    """Keys keep credentials apart; a loop that ended leaves nothing for the next."""

    async def main() -> None:
        one, other = Gateway(), Gateway()
        first, second = wait_for(one, "A", key="one"), wait_for(other, "A", key="other")
        await take(first, 1)
        await take(second, 1)
        assert (one.opened, other.opened) == (1, 1)
        await first.leave()
        assert (one.closed, other.closed) == (1, 0)
        await second.leave()
        assert not pollers()

    run_virtual(main())
    run_virtual(main())


def test_at_the_deadline_there_is_one_last_look_by_id() -> None:
    """However far away the next look would have been, and none after it."""

    async def main() -> None:
        gateway = Gateway()
        looks = wait_for(gateway, "A", deadline_s=100.0)
        times = [at for _, _, at in await take(looks, 2)]
        assert times == [INTERVAL_S, 100.0]
        assert gateway.sweeps[-1] == (100.0, {"A": True})
        with pytest.raises(TimeoutError):
            await looks.next(10_000.0)
        assert len(gateway.sweeps) == 2
        await looks.leave()

    run_virtual(main())


def test_the_last_look_does_not_wait_for_a_long_interval() -> None:
    """A deadline shortly after a look of those who look once an hour is kept all the same."""

    async def main() -> None:
        gateway = Gateway()
        looks = wait_for(gateway, "A", interval_s=3600.0, deadline_s=3700.0)
        times = [at for _, _, at in await take(looks, 2)]
        assert times == [3600.0, 3700.0]
        await looks.leave()

    run_virtual(main())


def test_an_interval_of_nothing_still_pauses() -> None:
    """Not one look after the other."""

    async def main() -> None:
        gateway = Gateway()
        looks = wait_for(gateway, "A", interval_s=0.0)
        await asyncio.sleep(1.0)
        assert 5 <= len(gateway.sweeps) <= 25
        await looks.leave()

    run_virtual(main())


def test_a_deadline_that_is_over_still_gives_a_look() -> None:
    """As after a restart of the triggerer."""

    async def main() -> None:
        gateway = Gateway()
        looks = wait_for(gateway, "A", deadline_s=-5.0)
        assert (await take(looks, 1))[0][:2] == ("A", "seen A")
        await looks.leave()

    run_virtual(main())


def test_every_tenth_look_asks_for_the_id_itself() -> None:
    """Listings are a hint; what is past its expiry is asked for by id each time."""

    async def main() -> None:
        gateway = Gateway()
        looks = wait_for(gateway, "A")
        late = wait_for(gateway, "B", hint=Hint(by_id_from_s=5 * INTERVAL_S))
        await take(looks, 20)
        assert [wanted["A"] for _, wanted in gateway.sweeps].count(True) == 2
        assert all(wanted["B"] == (at >= 5 * INTERVAL_S) for at, wanted in gateway.sweeps)
        await looks.leave()
        await late.leave()

    run_virtual(main())


def test_looks_get_rarer_while_only_trouble_comes_back_and_recover_at_once() -> None:
    """Bounded, and never beyond the deadline."""

    async def main() -> None:
        gateway = Gateway(lambda _: Unavailable("down", http_status=503))
        looks = wait_for(gateway, "A")
        await take(looks, 8)
        pauses = [b - a for a, b in pairwise(gateway.times)]
        assert pauses[0] < pauses[1] < pauses[2] <= poller.STRETCHED_MAX_S
        gateway.answer = lambda _: "fine"
        await take(looks, 3)
        assert gateway.times[-1] - gateway.times[-2] <= INTERVAL_S
        await looks.leave()
        gateway.answer = lambda _: Unavailable("down", http_status=503)
        bounded = wait_for(gateway, "B", deadline_s=now() + 700.0)
        end_s = now() + 700.0
        seen = [at async for at in _times(bounded, end_s)]
        assert seen[-1] == pytest.approx(end_s)
        await bounded.leave()

    async def _times(looks: Looks, end_s: float) -> AsyncIterator[float]:
        while True:
            _, _, at = await looks.next(end_s + 1)
            yield at
            if at >= end_s:
                return

    run_virtual(main())


def test_a_newcomer_with_a_short_interval_is_not_held_up_by_slow_ones() -> None:
    """The distance between sweeps follows the shortest interval of those who wait now."""

    async def main() -> None:
        gateway = Gateway()
        slow = wait_for(gateway, "A", interval_s=3600.0)
        await take(slow, 1)
        fast = wait_for(gateway, "B", interval_s=10.0)
        began = now()
        await take(fast, 1)
        assert now() - began <= 11.0
        await slow.leave()
        await fast.leave()

    run_virtual(main())
