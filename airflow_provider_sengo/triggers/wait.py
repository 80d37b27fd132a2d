# SPDX-License-Identifier: Apache-2.0
"""What both gateways' waiting triggers share: the deadline, the looks, the one event at the end.

What is asked and what an answer means is each gateway's own.
"""

from __future__ import annotations

import asyncio
import math
from abc import abstractmethod
from collections.abc import AsyncIterator, Hashable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_sengo.exceptions import NotAuthorized, SenGoProviderError
from airflow_provider_sengo.protocol.waiting import Settled
from airflow_provider_sengo.triggers.events import error_event, settled_event, too_late_event
from airflow_provider_sengo.triggers.poller import (
    FIRST_LOOK_AFTER_S,
    LAST_LOOK_WITHIN_S,
    Hint,
    Looks,
    watch,
)
from airflow_provider_sengo.triggers.shared_hook import SHARED_S

BREATH = 100


class _Limits(NamedTuple):
    """In the event loop's time."""

    deadline_s: float
    appears_until_s: float


class WaitTrigger(BaseTrigger):
    """Waits until all of its ids have settled, or a deadline; sends one event.

    Arguments are JSON as it stands, all of them optional but the ids; those of a later release are ignored.
    Instants are ISO 8601 text with a zone, so that a restart of the triggerer moves no deadline.
    """

    def __init__(
        self,
        *,
        poke_interval: float = 60.0,
        deadline: str | None = None,
        may_appear_until: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.poke_interval = poke_interval
        self.deadline = deadline
        self.may_appear_until = may_appear_until
        self._looks: Looks | None = None

    def arguments(self) -> dict[str, Any]:
        """What every waiting trigger is made of again."""
        return {
            "poke_interval": self.poke_interval,
            "deadline": self.deadline,
            "may_appear_until": self.may_appear_until,
        }

    @abstractmethod
    def _hints(self) -> dict[str, Hint]:
        """What is waited for, and where it may be listed; ValueError names a wrong argument, of all of them."""

    @abstractmethod
    async def _poller(self, not_before_s: float) -> tuple[Hashable, Any]:
        """The key of the poller to share, and how to open its session: ``() -> context manager``.

        ``not_before_s``: see ``shared_hook``.
        """

    @abstractmethod
    def _settled(self, id: str, seen: Any, *, may_appear: bool) -> Settled | None:
        """What became of it; None: not yet. Raises what no waiting cures."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep first, look, and send one event."""
        loop = asyncio.get_running_loop()
        not_before_s = loop.time() + min(self.poke_interval, FIRST_LOOK_AFTER_S)
        try:
            payload = await self._wait()
        except (SenGoProviderError, ValueError) as error:
            payload = error_event(error)
        # An event right after the deferral can fail the task (Airflow's short-deferral race).
        await asyncio.sleep(max(0.0, not_before_s - loop.time()))
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]

    async def _wait(self) -> dict[str, Any]:
        hints = self._hints()  # wrong arguments end here: they must not reach the poller of all
        limits = _Limits(
            deadline_s=loop_time(self.deadline, "deadline"),
            appears_until_s=loop_time(self.may_appear_until, "may_appear_until", absent=-math.inf),
        )
        settled: dict[str, Settled] = {}
        key: Hashable = None
        read_s = asyncio.get_running_loop().time() - SHARED_S
        while True:
            key_before, (key, open_sweeper) = key, await self._poller(read_s)
            waiting = {id: hint for id, hint in hints.items() if id not in settled}
            if not waiting:
                return settled_event(settled)
            self._looks = watch(
                waiting,
                key=key,
                open_sweeper=open_sweeper,
                interval_s=self.poke_interval,
                deadline_s=limits.deadline_s,
            )
            try:
                return await self._follow(self._looks, {*waiting}, settled, limits)
            except NotAuthorized:
                if key == key_before:  # read again: keys get rotated while somebody waits
                    raise
                read_s = asyncio.get_running_loop().time()
            finally:
                await self._looks.leave()

    async def _follow(
        self, looks: Looks, waiting: set[str], settled: dict[str, Settled], limits: _Limits
    ) -> dict[str, Any]:
        """Take what is seen until nothing is waited for, or each id was looked for after the deadline."""
        # After a restart of the triggerer the deadline may be over: there is time for one look all the same.
        until_s = max(limits.deadline_s, asyncio.get_running_loop().time()) + LAST_LOOK_WITHIN_S
        looked_late: set[str] = set()
        trouble = ""
        taken = 0
        while len(looked_late) < len(waiting):
            taken += 1
            if taken % BREATH == 0:
                await asyncio.sleep(0)  # a full inbox never waits, and others want the event loop
            try:
                id, seen, looked_at_s = await looks.next(until_s)
            except TimeoutError:
                break
            if id not in waiting:
                continue  # seen twice in one sweep
            trouble = str(seen) if isinstance(seen, SenGoProviderError) else ""
            if end := self._settled(id, seen, may_appear=looked_at_s < limits.appears_until_s):
                settled[id] = end
                waiting.discard(id)
                looked_late.discard(id)
                looks.drop(id)
            elif looked_at_s >= limits.deadline_s:
                looked_late.add(id)
        return too_late_event(settled, trouble) if waiting else settled_event(settled)

    async def on_kill(self) -> None:
        """A person ended the task: only the waiting ends, for a payment cannot be cancelled."""
        self.log.warning(
            "The wait for %s was ended by hand. Nothing was cancelled: a customer may still pay.",
            ", ".join([*self._hints()][:3]) + (" ..." if len(self._hints()) > 3 else ""),
        )

    async def cleanup(self) -> None:
        """Leave nothing behind, however the run ended."""
        if self._looks is not None:
            await self._looks.leave()


def loop_time(instant: str | None, field: str, *, absent: float = math.inf) -> float:
    """The running event loop's time at an instant (ISO 8601 with a zone); ValueError names the field."""
    if instant is None:
        return absent
    try:
        at = datetime.fromisoformat(instant)
        left_s = (at - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        raise ValueError(
            f"{field}: must be an instant with a zone, for example 2026-11-22T09:00:00+07:00."
        ) from None
    return asyncio.get_running_loop().time() + left_s
