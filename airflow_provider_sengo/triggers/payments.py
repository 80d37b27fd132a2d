# SPDX-License-Identifier: Apache-2.0
"""The event trigger for asset watchers: one event for each transaction newly paid.

Import it from ``airflow_provider_sengo.triggers.sengo``; how it polls is in the modules ``paid_*``.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Never

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.protocol.jakarta import RETENTION_DAYS
from airflow_provider_sengo.protocol.paid_rows import PaidRow
from airflow_provider_sengo.triggers.paid_store import CursorStore
from airflow_provider_sengo.triggers.paid_sweeps import Sweep, open_sweeps
from airflow_provider_sengo.triggers.paid_watch import PaidWatch

CLASS_PATH = "airflow_provider_sengo.triggers.sengo.SenGoPaymentsEventTrigger"
APART_S = 10.0  # within which Airflow's scheduler makes a run of an event, mostly at once
STREAM_ARGUMENTS = ("sengo_conn_id", "poll_interval", "types", "pages_max")


class SenGoPaymentsEventTrigger(BaseEventTrigger):
    """
    Fire one event for each transaction newly paid, at least once: consumers drop doubles by ``id``.

    An event's payload is a plain dict: ``id``, ``reference``, ``amount``, ``total_amount``, ``fee`` (whole
    rupiah), ``fee_payer``, ``paid_at`` (ISO 8601), ``channel``, ``type``, ``project``, ``status``
    (``success``); what the gateway leaves out is None. Only a
    transaction whose own status is success is told. Of several in a sweep, the last event comes ten seconds
    after the others, so that Airflow's runs take them all.

    Where Airflow has an asset state store (3.3), a small cursor in it survives restarts, and what was paid
    meanwhile is told afterwards, within the gateway's seven days. Elsewhere, and where several assets share
    one trigger, a restart goes back ``lookback`` seconds: what was paid before is missed, what was told
    since is told again. It goes on after errors, also refused keys (the connection is read again), and
    raises the last one after ``errors_max`` sweeps in a row without any answer.

    Cost: a quiet sweep makes seven requests for each type, one a day of the window. A day is read on only
    when its total moved: mostly one or two pages; all its pages after a restart, when rows left it, and once
    a day; never more than ``pages_max`` pages a sweep, the rest in the next. All watchers with equal
    ``sengo_conn_id``, ``poll_interval``, ``types`` and ``pages_max`` share these requests on Airflow 3.3;
    before, each makes its own. Memory: nine bytes a watcher for each transaction paid within seven days, at
    most 9 MB beyond today's (above that, the oldest days are read in full when they move); about 200 more
    for each row of a day while that is being read in full.

    :param sengo_conn_id: the :ref:`connection <sengo>` to use; default ``sengo_default``.
    :param poll_interval: seconds between two sweeps, give or take a tenth; default 60.
    :param types: a list of the listings, ``cashIn`` and ``cashOut``; default ``cashIn`` alone.
    :param lookback: seconds before the very first start; what was paid earlier is never told; default 3600.
    :param pages_max: how many pages a sweep may fetch; at least seven for each type; default 60.
    :param errors_max: so many sweeps in a row may bring nothing before the trigger raises; default 10.
    """

    def __init__(
        self,
        sengo_conn_id: str = SenGoHook.default_conn_name,
        *,
        poll_interval: float = 60.0,
        types: Sequence[str] = ("cashIn",),
        lookback: float = 3600.0,
        pages_max: int = 60,
        errors_max: int = 10,
        **later: Never,  # a type checker refuses what is unknown; one of a later release is ignored
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's own has no types
        self.sengo_conn_id = sengo_conn_id
        self.poll_interval = float(poll_interval)
        self.types = sorted({types} if isinstance(types, str) else set(types), key=str)
        self.lookback = float(lookback)
        self.pages_max = int(pages_max)
        self.errors_max = int(errors_max)
        self._fired_at = -math.inf  # by the event loop's clock
        self._stream: AsyncGenerator[Sweep, None] | None = None
        if later:
            self.log.warning("Arguments that this release does not know are ignored: %s", ", ".join(later))
        self._check()

    def _check(self) -> None:
        if not (0 < self.poll_interval < math.inf and 0 <= self.lookback < math.inf):
            raise ValueError("poll_interval must be seconds above zero, lookback seconds from zero on")
        if not self.types or not all(isinstance(type, str) and type for type in self.types):
            raise ValueError("types must name at least one listing, for example cashIn")
        if self.pages_max < RETENTION_DAYS * len(self.types):
            raise ValueError(f"pages_max must be at least {RETENTION_DAYS} for each of types")
        if self.errors_max < 1:
            raise ValueError("errors_max must be at least 1")

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and JSON-native arguments; equal for equal triggers, so that they are one."""
        names = (*STREAM_ARGUMENTS, "lookback", "errors_max")
        return CLASS_PATH, {name: getattr(self, name) for name in names}

    def shared_stream_key(self) -> Hashable:
        """Watchers of the same listings, as often and as far, share one poll (Airflow 3.3)."""
        return ("sengo-paid", self.sengo_conn_id, self.poll_interval, tuple(self.types), self.pages_max)

    @classmethod
    def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncGenerator[Sweep, None]:
        """One poll for all of them: a sweep each interval, for ever."""
        arguments = {name: kwargs[name] for name in STREAM_ARGUMENTS}
        return open_sweeps(**arguments, now=cls._now)

    @staticmethod
    def _now() -> datetime:
        return datetime.now(UTC)

    async def filter_shared_stream(
        self, shared_stream: AsyncIterator[Sweep]
    ) -> AsyncGenerator[TriggerEvent, None]:
        """The events of this trigger alone, by its own cursor."""
        key = f"sengo-paid {self.sengo_conn_id} {'+'.join(self.types)}"
        store = CursorStore(getattr(self, "asset_state_store", None), key, self.log)
        watch = PaidWatch(
            store,
            types=self.types,
            started_at=self._now(),
            lookback_s=self.lookback,
            errors_max=self.errors_max,
            log=self.log,
        )
        async for sweep in shared_stream:
            if sweep.is_superseded:  # it fell behind: the latest tells all
                continue
            async with aclosing(watch.rows(sweep)) as rows, aclosing(self._apart(rows)) as events:
                async for event in events:
                    yield event
            watch.all_told()

    async def _apart(self, rows: AsyncIterator[PaidRow]) -> AsyncGenerator[TriggerEvent, None]:
        """All events at once but the last, which waits until Airflow has made a run of those before it.

        Of several events Airflow's next run takes the first alone (3.3.2), and the others wait for another
        event, be it next morning's: this last one calls for them.
        """
        held: TriggerEvent | None = None
        async for row in rows:
            if held is not None:
                yield held
                self._fired_at = asyncio.get_running_loop().time()
            held = TriggerEvent(dict(row.event))  # type: ignore[no-untyped-call]  # as above
        if held is not None:
            await asyncio.sleep(self._fired_at + APART_S - asyncio.get_running_loop().time())
            yield held
            self._fired_at = asyncio.get_running_loop().time()

    async def run(self) -> AsyncGenerator[TriggerEvent, None]:
        """The same with a poll of its own, for Airflow before 3.3."""
        self._stream = self.open_shared_stream(self.serialize()[1])
        async with aclosing(self._stream), aclosing(self.filter_shared_stream(self._stream)) as events:
            async for event in events:
                yield event

    async def cleanup(self) -> None:
        """Close the session of ``run``, also where Airflow let go of it in the middle."""
        if self._stream is not None:
            await self._stream.aclose()
