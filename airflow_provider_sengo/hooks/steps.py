# SPDX-License-Identifier: Apache-2.0
"""Drives a payment's state machine: makes its calls, sleeps, marks, and looks into the archive.

Decides nothing; every rule is in ``protocol.payment`` and ``protocol.charge``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol.http import Call
from airflow_provider_sengo.protocol.steps import FindInArchive, Mark, Now, Steps, Unmark, Wait

T = TypeVar("T")


def _nothing() -> None:
    return None


def _not_found(reference: str) -> Mapping[str, Any] | None:
    return None


@dataclass(frozen=True, kw_only=True)
class World:
    """What a state machine may reach. ``mark`` must raise if the mark cannot be kept."""

    run: Callable[[Call[Any]], Any]
    sleep: Callable[[float], None] = lambda seconds: time.sleep(seconds)  # noqa: PLW0108 - looked up when called
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    mark: Callable[[], None] = _nothing
    unmark: Callable[[], None] = _nothing
    find_in_archive: Callable[[str], Mapping[str, Any] | None] = _not_found


def drive(steps: Steps[T], world: World) -> T:
    """Run a state machine to its end and return what it returns; its errors pass through."""
    try:
        step = next(steps)
        while True:
            try:
                answer = _do(step, world)
            except SenGoProviderError as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


def _do(step: object, world: World) -> Any:
    match step:
        case Call():
            return world.run(step)
        case Wait(seconds):
            return world.sleep(seconds)
        case Mark():
            return world.mark()
        case Unmark():
            return world.unmark()
        case Now():
            return world.now()
        case FindInArchive(reference):
            return world.find_in_archive(reference)
        case _:
            raise TypeError(f"a state machine asked for {type(step).__name__}")
