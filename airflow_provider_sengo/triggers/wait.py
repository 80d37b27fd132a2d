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
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol.waiting import Settled
from airflow_provider_sengo.triggers.events import error_event, settled_event, too_late_event
from airflow_provider_sengo.triggers.poller import (
    FIRST_LOOK_AFTER_S,
    LAST_LOOK_WITHIN_S,
    Hint,
    Looks,
    watch,
)


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
        **later: Any,
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
    def _ids(self) -> tuple[str, ...]:
        """What is waited for; ValueError names a wrong argument."""

    @abstractmethod
    async def _poller(self) -> tuple[Hashable, Any]:
        """The key of the poller to share, and how to open its session: ``() -> context manager``."""

    @abstractmethod
    def _hint(self) -> Hint:
        """Where the ids may be listed."""

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
        key, open_sweeper = await self._poller()
        deadline_s = loop_time(self.deadline, "deadline")
        self._looks = watch(
            self._ids(),
            key=key,
            open_sweeper=open_sweeper,
            interval_s=self.poke_interval,
            deadline_s=deadline_s,
            hint=self._hint(),
        )
        try:
            return await self._follow(self._looks, deadline_s)
        finally:
            await self._looks.leave()

    async def _follow(self, looks: Looks, deadline_s: float) -> dict[str, Any]:
        """Take what is seen until nothing is waited for, or each id was looked for after the deadline."""
        appears_until_s = loop_time(self.may_appear_until, "may_appear_until", absent=-math.inf)
        settled: dict[str, Settled] = {}
        waiting = {*self._ids()}
        looked_late: set[str] = set()  # of those: looked for after the deadline
        trouble = ""
        while len(looked_late) < len(waiting):
            try:
                id, seen, looked_at_s = await looks.next(deadline_s + LAST_LOOK_WITHIN_S)
            except TimeoutError:
                break
            if id not in waiting:
                continue  # seen twice in one sweep
            trouble = str(seen) if isinstance(seen, SenGoProviderError) else ""
            if end := self._settled(id, seen, may_appear=looked_at_s < appears_until_s):
                settled[id] = end
                waiting.discard(id)
                looked_late.discard(id)
                looks.drop(id)
            elif looked_at_s >= deadline_s:
                looked_late.add(id)
        return too_late_event(settled, trouble) if waiting else settled_event(settled)

    async def on_kill(self) -> None:
        """A person ended the task: only the waiting ends, for a payment cannot be cancelled."""
        self.log.warning(
            "The wait for %s was ended by hand. Nothing was cancelled: a customer may still pay.",
            ", ".join(self._ids()[:3]) + (" ..." if len(self._ids()) > 3 else ""),
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
