# SPDX-License-Identifier: Apache-2.0
"""One poller for all who wait: when it looks, for whom, and that it leaves nothing behind. In virtual time."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from virtual_time import run_virtual

from airflow_provider_sengo.exceptions import NotAuthorized, Unavailable, UnexpectedResponse
from airflow_provider_sengo.triggers import poller
from airflow_provider_sengo.triggers.poller import Hint, Looks, watch
from airflow_provider_sengo.triggers.sweepers import look_one_by_one

INTERVAL_S = 60.0
NEVER = float("inf")
MARK = contextvars.ContextVar("MARK", default="empty")


class Gateway:
    """A sweeper that notes what it is asked, and answers by ``answer(id)``."""

    def __init__(self, answer: Callable[[str], Any] = "seen {}".format) -> None:
        self.answer = answer
        self.sweeps: list[tuple[float, dict[str, bool]]] = []
        self.opened = self.closed = 0
        self.context = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gateway]:
        self.opened += 1
        self.context = MARK.get()
        try:
            yield self
        finally:
            self.closed += 1

    async def sweep(self, wanted: Mapping[str, Any], found: Callable[[str, Any], None]) -> bool:
        self.sweeps.append((now(), {id: each.by_id for id, each in wanted.items()}))
        good = False
        for id in wanted:
            seen = self.answer(id)
            if seen is not None:
                found(id, seen)
                good = good or not isinstance(seen, Exception)
        return good

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.sweeps]

    def asked(self) -> list[set[str]]:
        return [set(wanted) for _, wanted in self.sweeps]


def now() -> float:
    return asyncio.get_running_loop().time()


def wait_for(gateway: Gateway, *ids: str, key: str = "one", **options: Any) -> Looks:
    given = {"interval_s": INTERVAL_S, "deadline_s": NEVER} | options
    hint = given.pop("hint", Hint())
    return watch(dict.fromkeys(ids, hint), key=key, open_sweeper=gateway.open, **given)


async def take(looks: Looks, count: int) -> list[tuple[str, Any, float]]:
    return [await looks.next(NEVER) for _ in range(count)]


def pollers() -> dict[Any, Any]:
    return poller._pollers.get(asyncio.get_running_loop(), {})


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


def test_who_leaves_is_not_looked_for_any_more() -> None:
    """Dropped one by one, or all at once; the last one leaving closes the session and ends the task."""

    async def main() -> None:
        gateway = Gateway()
        many, one = wait_for(gateway, "A", "B"), wait_for(gateway, "C")
        await take(many, 2)
        many.drop("A")
        await take(one, 2)
        assert gateway.asked() == [{"A", "B", "C"}, {"B", "C"}]
        await many.leave()
        await many.leave()  # safe to say twice
        await take(one, 1)
        assert gateway.asked()[-1] == {"C"}
        await one.leave()
        assert gateway.closed == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}
        again = wait_for(gateway, "D")
        await take(again, 1)
        await again.leave()
        assert (gateway.opened, gateway.closed) == (2, 2)

    run_virtual(main())


def test_a_cancelled_waiter_leaves_no_trace() -> None:
    """Also in the middle of a sweep, and if it was the last."""

    async def main() -> None:
        gateway = Gateway()

        async def one() -> None:
            looks = wait_for(gateway, "A")
            try:
                await take(looks, 100)
            finally:
                await looks.leave()

        task = asyncio.create_task(one())
        await asyncio.sleep(2.5 * INTERVAL_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert gateway.closed == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}

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


def test_a_poller_that_is_ended_from_outside_tells_who_waits() -> None:
    """Whatever ended it: nobody may wait for ever."""

    async def main() -> None:
        def broken(id: str) -> Any:
            raise SystemExit

        gateway = Gateway(broken)
        looks = wait_for(gateway, "A")
        (task,) = asyncio.all_tasks() - {asyncio.current_task()}
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(RuntimeError, match="ended while somebody waited"):
            await looks.next(NEVER)
        await looks.leave()
        assert not pollers()

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


def test_it_runs_in_an_empty_context() -> None:
    """What Airflow binds to one trigger's context must not follow the poller."""

    async def main() -> None:
        gateway = Gateway()
        MARK.set("of one task")
        looks = wait_for(gateway, "A")
        await take(looks, 1)
        assert gateway.context == "empty"
        await looks.leave()

    run_virtual(main())


def test_what_breaks_the_poller_reaches_everybody_and_the_next_gets_a_new_one() -> None:
    """A wrong connection, or a mistake in our own code: nobody may hang."""

    async def main() -> None:
        def broken(id: str) -> Any:
            raise RuntimeError("a mistake")

        gateway = Gateway(broken)
        first, second = wait_for(gateway, "A"), wait_for(gateway, "B")
        for looks in (first, second):
            with pytest.raises(RuntimeError, match="a mistake"):
                await looks.next(NEVER)
        gateway.answer = lambda _: "fine"
        third = wait_for(gateway, "C")
        assert (await take(third, 1))[0][1] == "fine"
        for looks in (first, second, third):
            await looks.leave()
        assert (gateway.opened, gateway.closed) == (2, 2)
        assert not pollers()

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


def test_one_by_one_asks_for_each_and_stops_when_the_gateway_is_down() -> None:
    """After so many troubles in a row the rest is told of the trouble without being asked for."""

    async def main() -> None:
        told: dict[str, Any] = {}
        asked: list[str] = []

        async def look(id: str) -> str:
            asked.append(id)
            await asyncio.sleep(0.1)
            if len(asked) > 30:
                raise Unavailable("down", http_status=503)
            return "fine"

        ids = [str(number) for number in range(200)]
        assert await look_one_by_one(ids, look, told.__setitem__, at_a_time=10)
        assert set(told) == set(ids)
        assert len(asked) < 60
        assert sum(isinstance(seen, Unavailable) for seen in told.values()) > 140

        async def refused(id: str) -> str:
            raise NotAuthorized("no", http_status=401)

        told.clear()
        assert await look_one_by_one(ids[:5], refused, told.__setitem__, at_a_time=2)
        assert all(isinstance(seen, NotAuthorized) for seen in told.values())

        async def down(id: str) -> str:
            raise Unavailable("down", http_status=503)

        assert not await look_one_by_one(ids[:5], down, told.__setitem__, at_a_time=2)

    run_virtual(main())


def test_odd_ones_do_not_shut_the_others_out() -> None:
    """Forty records that no one can read stand before one that can be: it is asked for within a few sweeps."""

    async def main() -> None:
        good: list[str] = []

        async def look(id: str) -> str:
            if id != "good":
                raise UnexpectedResponse("odd")
            return "fine"

        def found(id: str, seen: Any) -> None:
            if seen == "fine":
                good.append(id)

        ids = [*(f"odd {number}" for number in range(40)), "good"]
        for _ in range(50):
            await look_one_by_one(ids, look, found, at_a_time=16)
        assert len(good) > 5

    run_virtual(main())
