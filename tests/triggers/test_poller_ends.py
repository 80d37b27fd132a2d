# SPDX-License-Identifier: Apache-2.0
"""A poller leaves nothing behind, whoever leaves it and whatever ends or breaks it. In virtual time."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from poller_world import INTERVAL_S, MARK, NEVER, Gateway, pollers, take, wait_for
from virtual_time import run_virtual


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
