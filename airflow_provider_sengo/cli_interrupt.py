# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C while a coroutine runs: it ends the coroutine, never asyncio's own setting up or clearing away.

Python raises KeyboardInterrupt between any two instructions; in the middle of making an event loop that
leaves half a loop, which complains when it is thrown away. What is said after it is ``cli_archive``'s.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

Work = Callable[[], Coroutine[Any, Any, None]]


class Interrupt:
    """What Ctrl-C does meanwhile: the first cancels the task, now or once there is one; the second raises."""

    def __init__(self) -> None:
        self.came = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """As ``signal.signal`` calls it."""
        if self.came:
            raise KeyboardInterrupt
        self.came = True
        if self._loop and self._task:
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def guard(self, work: Work) -> None:
        """Await the work unless the interrupt has come already."""
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        try:
            if not self.came:
                await work()
        finally:
            self._loop = None  # what is cleared away from here on is not to be cancelled


def run_interruptible(work: Work) -> None:
    """``asyncio.run(work())`` for the main thread; KeyboardInterrupt after Ctrl-C, when all is cleared away.

    Work that was about to end when the interrupt came ends: what it noted stands. An error that came after
    the interrupt is the KeyboardInterrupt's cause. Where Ctrl-C is ignored (``nohup``) it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        asyncio.run(work())
        return
    interrupt = Interrupt()
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        asyncio.run(interrupt.guard(work))
    except asyncio.CancelledError:
        if not interrupt.came:
            raise
    finally:
        signal.signal(signal.SIGINT, before)
        if interrupt.came:
            raise KeyboardInterrupt from sys.exception()
