# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at every moment of a coroutine's run: one KeyboardInterrupt, nothing half made, nothing left."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import warnings
from _signal import getsignal  # the one of ``signal`` is Python, and would be traced
from collections.abc import Iterator
from functools import partial
from types import FrameType
from typing import Any

import pytest

from airflow_provider_sengo.cli_interrupt import Interrupt, run_interruptible

LINES_MAX = 5_000


@pytest.fixture(autouse=True)
def _plain_ctrl_c() -> Iterator[None]:
    """As in a terminal; whoever runs the tests in the background may have Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class InterruptAt:
    """Sends SIGINT when Python comes to the line of that number, counted while Ctrl-C is ours.

    Before and after that nothing is half made, and Python raises as it always does.
    """

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and isinstance(getsignal(signal.SIGINT), Interrupt):
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                frame.f_trace = None
                signal.raise_signal(signal.SIGINT)
        return self


async def work(done: list[str]) -> None:
    """As the archive's: something awaited, then noted."""
    await asyncio.sleep(0)
    done.append("noted")


def interrupted_at(number: int) -> tuple[bool, bool, list[str]]:
    """Whether the line was reached, whether KeyboardInterrupt came out, and what was noted."""
    tracer, done, interrupted = InterruptAt(number), list[str](), False
    before = sys.gettrace()  # coverage has its own
    signal_before = signal.getsignal(signal.SIGINT)
    try:
        sys.settrace(tracer)
        run_interruptible(partial(work, done))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        sys.settrace(before)
    assert signal.getsignal(signal.SIGINT) is signal_before
    return tracer.left <= 0, interrupted, done


def test_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first line of asyncio.run to its last: no half made event loop, no task or socket left open."""
    complaints: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: complaints.append(repr(raised)))
    outcomes = set()
    gc.freeze()  # only what the runs make is looked through
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(1, LINES_MAX):
            reached, interrupted, done = interrupted_at(number)
            if not reached:
                break
            outcomes.add((interrupted, tuple(done)))
            gc.collect()  # what is left is told here, and not seen by the next run
        else:
            pytest.fail(f"asyncio.run has more than {LINES_MAX} lines")
    gc.unfreeze()
    assert complaints == []
    assert outcomes == {(True, ()), (True, ("noted",))}


def test_without_an_interrupt() -> None:
    """The coroutine's end and its errors are those of asyncio.run."""
    done: list[str] = []
    run_interruptible(partial(work, done))
    assert done == ["noted"]

    async def fail() -> None:
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        run_interruptible(fail)

    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_interruptible(cancelled)


def test_the_second_interrupt_does_not_wait() -> None:
    """A coroutine that takes its time to end is left at once."""
    reached: list[str] = []

    async def stubborn() -> None:
        signal.raise_signal(signal.SIGINT)
        reached.append("first")
        signal.raise_signal(signal.SIGINT)
        reached.append("second")

    with pytest.raises(KeyboardInterrupt):
        run_interruptible(stubborn)
    assert reached == ["first"]


def test_an_error_after_the_interrupt_is_its_cause() -> None:
    """Whoever pressed Ctrl-C wants no other day begun, though this one ended badly while it went on."""

    async def fail() -> None:
        signal.raise_signal(signal.SIGINT)
        raise OSError("the storage is down")

    with pytest.raises(KeyboardInterrupt) as stopped:
        run_interruptible(fail)
    assert str(stopped.value.__cause__) == "the storage is down"


def test_where_it_is_ignored_it_stays_so() -> None:
    """As under ``nohup``."""
    done: list[str] = []

    async def told() -> None:
        signal.raise_signal(signal.SIGINT)
        await work(done)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run_interruptible(told)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["noted"]
