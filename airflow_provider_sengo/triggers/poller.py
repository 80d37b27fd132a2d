# SPDX-License-Identifier: Apache-2.0
"""One poller for all who wait at one gateway account in one event loop.

It looks for many at once: one session, and one sweep for everybody who is due. How a sweep is made (one by
one, or from listings) is the gateway's (``Sweeper``); what an answer means is for who waits to judge. The
poller runs in an empty context, so that nothing of it ends up in one task's log, and ends with the last who
waits.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import random
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

FIRST_LOOK_AFTER_S = 6.0  # an event within some 5 s can fail its task (Airflow's short-deferral race)
STRETCH_MAX = 8.0  # while nothing but trouble comes back, looks get rarer, up to this factor
STRETCHED_MAX_S = 300.0
APART_MAX_S, PAUSE_MAX_S = 30.0, 10.0  # from the begin and the end of a sweep: a last look must not wait long
INTERVAL_MIN_S = 0.05  # an interval of 0 is no licence to ask without a pause
JITTER = 0.1  # several triggerers must not look in step
ALMOST = 0.9  # who began just after another may look for the first time together with it
BY_ID_EVERY = 10  # listings are a hint only: every tenth look asks for the id itself
LAST_LOOK_WITHIN_S = 60.0  # at its deadline a waiter gets one more answer, if one comes in this time


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Where a transaction may be listed, and when to ask for it by its id; nothing is settled by this.

    ``days``: listing days, ISO; ``type``: empty if not known; ``statuses``: the words that would end the
    waiting; ``gateway_id``: the gateway's own id, where it was asked for by a reference; ``by_id_from_s``:
    from this event-loop time on it is asked for by id.
    """

    days: tuple[str, ...] = ()
    type: str = ""
    statuses: tuple[str, ...] = ()
    gateway_id: str = ""
    by_id_from_s: float = math.inf


class Wanted(Protocol):
    """One id of a sweep: what is known of it, and whether it must be asked for by its id.

    ``is_spot_check``: it must, only to see whether listings show what they should.
    """

    @property
    def hint(self) -> Hint: ...
    @property
    def by_id(self) -> bool: ...
    @property
    def is_spot_check(self) -> bool: ...


class Sweeper(Protocol):
    """Looks for many ids, in one open session."""

    async def sweep(self, wanted: Mapping[str, Wanted], found: Callable[[str, Any], None]) -> bool:
        """Call ``found(id, seen)`` for what was seen; True if any whole answer came.

        ``seen`` is a record or an error of this package. An id marked ``by_id`` gets exactly one; others
        may get none, which means: nothing new.
        """


@dataclass(slots=True, eq=False)
class _Waiter:
    id: str
    hint: Hint
    interval_s: float
    due_s: float
    not_before_s: float
    deadline_s: float
    looks: Looks
    looks_since_by_id: int = 0

    def is_late(self, now_s: float) -> bool:
        """Whether it should have settled by now, or gets its last look."""
        return now_s >= min(self.deadline_s, self.hint.by_id_from_s)

    def looked(self, at_s: float, stretch: float, *, by_id: bool) -> None:
        """Note a look that begins now, and when the next one is due."""
        self.looks_since_by_id = 0 if by_id else self.looks_since_by_id + 1
        pause_s = min(self.interval_s * stretch, max(self.interval_s, STRETCHED_MAX_S))
        is_last = at_s >= self.deadline_s
        self.due_s = math.inf if is_last else min(at_s + pause_s, self.deadline_s)


@dataclass(slots=True)
class _Due:
    """All waiters of one id in a sweep."""

    waiters: list[_Waiter]
    hint: Hint
    by_id: bool = False
    is_spot_check: bool = False

    def add(self, waiter: _Waiter, now_s: float) -> None:
        self.waiters.append(waiter)
        self.is_spot_check = self.is_spot_check or waiter.looks_since_by_id >= BY_ID_EVERY - 1
        self.by_id = self.by_id or self.is_spot_check or waiter.is_late(now_s) or waiter.hint != self.hint


class Looks:
    """What was seen of the ids that one trigger waits for, as it comes in."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._seen: asyncio.Queue[tuple[str, Any, float] | Exception] = asyncio.Queue()
        self._waiters: dict[str, _Waiter] = {}

    def add(self, waiter: _Waiter) -> None:
        self._waiters[waiter.id] = waiter
        self._poller.add(waiter)

    def put(self, item: tuple[str, Any, float] | Exception) -> None:
        """For the poller: a look at one of the ids, or what ended the poller."""
        self._seen.put_nowait(item)

    async def next(self, until_s: float) -> tuple[str, Any, float]:
        """``(id, seen, when the look began)``; TimeoutError at ``until_s``; times are the event loop's."""
        async with asyncio.timeout_at(None if until_s == math.inf else until_s):
            item = await self._seen.get()
        if isinstance(item, Exception):
            raise item
        return item

    def drop(self, id: str) -> None:
        """Wait for this id no longer."""
        self._poller.remove(self._waiters.pop(id))

    async def leave(self) -> None:
        """Wait for nothing any more; safe to call again, and when cancelled. The last closes the session."""
        for id in list(self._waiters):
            self.drop(id)
        if self._poller.is_idle:
            await asyncio.shield(self._poller.close())


class Poller:
    """Sweeps for its waiters until none is left."""

    def __init__(
        self, open_sweeper: Callable[[], AbstractAsyncContextManager[Sweeper]], forget: Callable[[], object]
    ) -> None:
        self._open_sweeper = open_sweeper
        self._forget = forget  # once it ends, the next who waits gets another one
        self._waiters: set[_Waiter] = set()
        self._sooner = asyncio.Event()
        self._wakes_at_s = math.inf
        self._began_s = self._ended_s = -math.inf  # the last sweep
        self._stretch = 1.0
        self._task: asyncio.Task[None] | None = None

    def add(self, waiter: _Waiter) -> None:
        self._waiters.add(waiter)
        if waiter.due_s < self._wakes_at_s:
            self._sooner.set()
        if self._task is None:
            # An empty context: Airflow binds a trigger's log and task to the one that it was started in.
            self._task = asyncio.get_running_loop().create_task(self._run(), context=contextvars.Context())

    def remove(self, waiter: _Waiter) -> None:
        self._waiters.discard(waiter)

    @property
    def is_idle(self) -> bool:
        """Whether it looks for nobody, and still has a task and a session."""
        return not self._waiters and self._task is not None

    async def close(self) -> None:
        """End the task and give its session back."""
        self._forget()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        ended: Exception = RuntimeError("the poller was ended while somebody waited")
        try:
            async with self._open_sweeper() as sweeper:
                while True:
                    await self._until_due()
                    await self._sweep(sweeper)
        except Exception as error:  # noqa: BLE001 - who waits must hear of it, whatever it is
            ended = error
        finally:
            self._forget()
            for looks in {waiter.looks for waiter in self._waiters}:
                looks.put(ended)

    async def _until_due(self) -> None:
        while (wakes_at_s := self._next_sweep_s()) > asyncio.get_running_loop().time():
            self._wakes_at_s = wakes_at_s
            self._sooner.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if wakes_at_s == math.inf else wakes_at_s):
                    await self._sooner.wait()
        self._wakes_at_s = -math.inf  # until the sweep is over newcomers need not wake anybody

    def _next_sweep_s(self) -> float:
        """When the first is due; sweeps keep a distance, so that newcomers are taken together."""
        if not self._waiters:
            return math.inf
        due_s = min(waiter.due_s for waiter in self._waiters)
        shortest_s = min(waiter.interval_s for waiter in self._waiters)
        apart_s, pause_s = min(shortest_s / 2, APART_MAX_S), min(shortest_s / 8, PAUSE_MAX_S)
        return max(due_s, self._began_s + apart_s, self._ended_s + pause_s)

    async def _sweep(self, sweeper: Sweeper) -> None:
        loop = asyncio.get_running_loop()
        start_s = self._began_s = loop.time()
        due = self._due(start_s)
        stretch = self._stretch * (1.0 - JITTER * random.random())
        for each in due.values():
            for waiter in each.waiters:
                waiter.looked(start_s, stretch, by_id=each.by_id)

        def found(id: str, seen: Any) -> None:
            for waiter in due[id].waiters:
                waiter.looks.put((id, seen, start_s))

        has_answer = await sweeper.sweep(due, found)
        self._stretch = 1.0 if has_answer else min(self._stretch * 2, STRETCH_MAX)
        self._ended_s = loop.time()

    def _due(self, now_s: float) -> dict[str, _Due]:
        """Everybody who is due, and who would be due within half an interval: one sweep for all of them."""
        due: dict[str, _Due] = {}
        for waiter in self._waiters:
            if waiter.due_s - waiter.interval_s / 2 > now_s or waiter.not_before_s > now_s:
                continue
            due.setdefault(waiter.id, _Due([], waiter.hint)).add(waiter, now_s)
        return due


_pollers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Poller]] = WeakKeyDictionary()


def watch(
    hints: Mapping[str, Hint],
    *,
    key: Hashable,
    open_sweeper: Callable[[], AbstractAsyncContextManager[Sweeper]],
    interval_s: float,
    deadline_s: float,
) -> Looks:
    """Let the poller of ``key`` look for these ids every ``interval_s`` seconds, first after one of them.

    ``hints``: at least one id. ``deadline_s`` (event-loop time): each id that is still waited for is looked
    for once more then, by its id, and no more after. ``await leave()`` in any case.
    """
    of_loop = _pollers.setdefault(asyncio.get_running_loop(), {})
    poller = of_loop.get(key)
    if poller is None:
        poller = of_loop[key] = Poller(open_sweeper, lambda: _forget(of_loop, key, poller))
    looks = Looks(poller)
    now_s = asyncio.get_running_loop().time()
    interval_s = max(interval_s, INTERVAL_MIN_S)
    due_s = min(now_s + interval_s, max(deadline_s, now_s))
    not_before_s = min(now_s + min(interval_s * ALMOST, FIRST_LOOK_AFTER_S), due_s)
    for id, hint in hints.items():
        looks.add(_Waiter(id, hint, interval_s, due_s, not_before_s, deadline_s, looks))
    return looks


def _forget(of_loop: dict[Hashable, Poller], key: Hashable, poller: Poller | None) -> None:
    if of_loop.get(key) is poller:
        del of_loop[key]
