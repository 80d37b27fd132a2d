# SPDX-License-Identifier: Apache-2.0
"""What ``make ui`` starts, and how it ends: each child leads a session of its own, and is ended by its ids."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from sessions import kill_living

POLITE_WITHIN_S = 45
KILLED_WITHIN_S = 10
LOOK_EVERY_S = 0.1


class Failure(Exception):
    """Why it does not work, in one line."""


class Stopped(Exception):
    """Somebody wants it to end."""


class Stop:
    """Ctrl-C, a polite kill, or a closed terminal. Seen where it is waited, so nothing is left half done."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._wanted.set())

    def wait(self, seconds: float) -> None:
        """Raises: Stopped, at once when it is wanted."""
        if self._wanted.wait(seconds):
            raise Stopped


class Child:
    """A process and all that it starts; its output goes to ``log``."""

    def __init__(
        self, name: str, command: list[str], log: Path, environment: dict[str, str], lock: TextIO
    ) -> None:
        self.name = name
        self.log = log
        # Its own session, so that Ctrl-C reaches it through us only. SIGINT works in it, as Stop handles it here.
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )

    def check(self) -> None:
        """Raises: Failure, if it has ended by itself."""
        if self._process.poll() is not None:
            words = self.log.read_text(errors="replace").strip().splitlines()
            last = words[-1].strip() if words else "it said nothing"
            raise Failure(f"{self.name} ended by itself: {last} (all of it: {self.log})")

    def end(self) -> None:
        """SIGINT, on which both children end their own; then whatever is left of the session."""
        self._process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(POLITE_WITHIN_S)
        end = time.monotonic() + KILLED_WITHIN_S
        while kill_living(self._process.pid) and time.monotonic() < end:
            self._process.poll()
            time.sleep(LOOK_EVERY_S)
