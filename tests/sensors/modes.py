# SPDX-License-Identifier: Apache-2.0
"""Runs a sensor to its end in each mode, as Airflow does it, and tells how it ended in one word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)

try:
    from airflow.sdk.serde import deserialize, serialize
except ImportError:  # Airflow 3.1
    from airflow.serialization.serde import deserialize, serialize  # type: ignore[no-redef]

MODES = ("poke", "reschedule", "deferrable")
VISITS_MAX = 400
ENDS = {
    AirflowSkipException: "skipped",
    AirflowSensorTimeout: "timed out",
    AirflowTaskTimeout: "ran too long",
    AirflowFailException: "failed for good",
}


class FakeTaskInstance:
    """What a rescheduled sensor asks of its task instance."""

    def __init__(self) -> None:
        self.first: datetime | None = None

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        return self.first


def run(make: Callable[..., Any], mode: str) -> tuple[str, Any]:
    """``(how it ended, XCom or text)``; ``make(**options)`` gives a new sensor, as each visit does."""
    try:
        return "done", unchanged({"poke": _poke, "reschedule": _reschedule, "deferrable": _defer}[mode](make))
    except BaseException as error:
        for kind, word in ENDS.items():
            if isinstance(error, kind):
                return word, str(error)
        raise


def _poke(make: Callable[..., Any]) -> Any:
    return make(mode="poke").execute({})


def _reschedule(make: Callable[..., Any]) -> Any:
    ti = FakeTaskInstance()
    began = datetime.now(UTC)
    for _ in range(VISITS_MAX):
        try:
            return make(mode="reschedule").execute({"ti": ti})
        except Exception as error:
            if (
                type(error).__name__ != "AirflowRescheduleException"
            ):  # its module differs from release to release
                raise
            ti.first = began
    raise AssertionError("it never ended")


def _defer(make: Callable[..., Any]) -> Any:
    try:
        return make(deferrable=True).execute({})
    except TaskDeferred as deferred:
        event = fire(deferred.trigger)
        kept = unchanged(deferred.kwargs or {})
        return make(deferrable=True).resume_execution(deferred.method_name, {**kept, "event": event}, {})


def fire(trigger: Any) -> Any:
    """The trigger made anew from its arguments and run to its event, both through Airflow's serialisers."""
    path, arguments = trigger.serialize()
    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    again = type(trigger)(**unchanged(arguments))
    assert again.serialize() == (path, arguments)

    async def first_event() -> Any:
        events = [event async for event in again.run()]
        await again.cleanup()
        (event,) = events
        return event.payload

    return unchanged(asyncio.run(first_event()))


def unchanged(value: Any) -> Any:
    """The value after Airflow's own serialisers, which must give back what they were given."""
    again = deserialize(serialize(value))
    assert again == value
    assert json.loads(json.dumps(value)) == value
    return again
