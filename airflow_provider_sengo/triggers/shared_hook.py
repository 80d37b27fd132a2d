# SPDX-License-Identifier: Apache-2.0
"""Hooks whose connection is read once for all triggers of an event loop that ask at about the same time.

Thousands of triggers start together when a triggerer does, and each reading is a round trip to Airflow's
server. Nothing is sent to a gateway here.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_sengo.hooks.gateway import GatewayHook

H = TypeVar("H", bound=GatewayHook[Any])

SHARED_S = 5.0  # so old may a reading be that serves another trigger


class _Reading(NamedTuple):
    began_s: float  # the event loop's time
    task: asyncio.Task[Any]

    def serves(self, not_before_s: float) -> bool:
        failed = self.task.done() and (self.task.cancelled() or self.task.exception() is not None)
        return self.began_s >= not_before_s and not failed


_readings: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[type, str], _Reading]] = (
    WeakKeyDictionary()
)


async def shared_hook(hook_class: type[H], conn_id: str, *, not_before_s: float) -> H:
    """A hook whose connection was read, by whomever, not before that moment of the event loop's time.

    Raises what ``read_connection_async`` raises; the next who asks reads anew then.
    """
    loop = asyncio.get_running_loop()
    readings = _readings.setdefault(loop, {})
    key = (hook_class, str(conn_id))
    reading = readings.get(key)
    if reading is None or not reading.serves(not_before_s):
        reading = readings[key] = _Reading(loop.time(), loop.create_task(_read(hook_class(conn_id))))
        reading.task.add_done_callback(_look_at)
    # A trigger that is cancelled must not take the reading from the others.
    hook: H = await asyncio.shield(reading.task)
    return hook


def _look_at(task: asyncio.Task[Any]) -> None:
    """An error that nobody waits for any more is no news."""
    if not task.cancelled():
        task.exception()


async def _read(hook: H) -> H:
    await hook.read_connection_async()
    return hook
