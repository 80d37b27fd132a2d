# SPDX-License-Identifier: Apache-2.0
"""The processes that ``make soak`` starts and kills: each leads a session of its own and speaks JSON lines."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from sessions import kill_living

HERE = Path(__file__).parent
GONE_WITHIN_S = 15


class Process:
    """``soak_worker`` or ``soak_triggerer``; what it says goes to ``said`` as (process, line or None at its end)."""

    def __init__(
        self, script: str, home: Path, environment: dict[str, str], said: queue.Queue[tuple[Process, Any]]
    ) -> None:
        self.script = script
        self.is_ready = False
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script), str(home / "clock"), str(home / f"{script}.log")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(home / f"{script}.log").open("ab"),
            start_new_session=True,
        )
        self._said = said
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its id, which is its session's as well."""
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValueError):  # a line that a kill has cut
                self._said.put((self, json.loads(line)))
        self._said.put((self, None))

    def tell(self, order: dict[str, Any]) -> None:
        """Send an order; one that is dead already says so by itself."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL to all of its session at once, as when its machine is lost."""
        kill_living(self.pid)
        self._process.wait(GONE_WITHIN_S)
        kill_living(self.pid)  # forked while the others were looked up
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
