# SPDX-License-Identifier: Apache-2.0
"""The command line as a person has it: processes of their own against a simulator, with and without a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.simulator import Simulator, World

SECONDS_MAX = 120
PROGRAM = (sys.executable, "-m", "airflow_provider_sengo")
# The lines that modules of Airflow 3.1 log while they are loaded, whatever the command is.
OF_AIRFLOW_3_1 = re.compile(
    r"^.*(?:\[alembic\.runtime\.plugins\]|\[airflow\.models\.crypto\]| DeprecatedImportWarning: ).*\n",
    re.MULTILINE,
)


def without_airflows_own(text: str) -> str:
    """What a command said, without what Airflow 3.1 says of itself; a newer one is silent."""
    is_silent = not version("apache-airflow-core").startswith("3.1.")
    return text if is_silent else OF_AIRFLOW_3_1.sub("", text)


class Terminal:
    """A pseudo terminal of so many columns; ``text`` is all that came so far, control sequences included."""

    def __init__(self, columns: int) -> None:
        self._master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.text = ""
        self._bytes = b""

    def hand_over(self) -> None:
        """Leave the other end to the child: when it goes, reading ends."""
        os.close(self.slave)

    def read_until(self, wanted: str | None) -> str:
        """Wait for a text, or, with None, for the end; fails when it ends without the text."""
        while wanted is None or wanted not in self.text:
            try:
                part = os.read(self._master, 65_536)
            except OSError:  # Linux says EIO when the other end is closed
                part = b""
            if not part:
                assert wanted is None, self.text
                os.close(self._master)
                break
            self._bytes += part
            self.text = self._bytes.decode(errors="replace")
        return self.text


class CommandLine:
    """The command with connection and archive in its environment, and the simulator it talks to."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator, self.world, self.uri = simulator, simulator.world, str(folder)
        clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLORTERM")}
        self.environment = clean | {
            "AIRFLOW_CONN_SENGO_DEFAULT": self.connection(),
            "AIRFLOW__SENGO__ARCHIVE_URI": self.uri,
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "TERM": "xterm-256color",
        }

    def connection(self, **changes: object) -> str:
        """The connection as JSON."""
        return json.dumps(json.loads(self.simulator.sengo_connection(max_attempts=1)) | changes)

    def terminal(self, columns: int) -> Terminal:
        """One to be given to ``start`` as an output."""
        return Terminal(columns)

    def start(
        self, *words: str, program: tuple[str, ...] = PROGRAM, **options: object
    ) -> subprocess.Popen[str]:
        """The command, going; it can be interrupted even if this process can't."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(
            [*program, *words],
            text=True,
            stdin=subprocess.DEVNULL,
            env=self.environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **options,
        )

    def run(self, *words: str, program: tuple[str, ...] = PROGRAM) -> subprocess.CompletedProcess[str]:
        """The command to its end, without a terminal."""
        process = self.start(*words, program=program)
        out, err = process.communicate(timeout=SECONDS_MAX)
        return subprocess.CompletedProcess(words, process.returncode, out, without_airflows_own(err))

    def run_in_terminal(self, *words: str, columns: int = 100) -> tuple[int, str]:
        """The command to its end with a terminal for both outputs; status and what was written there."""
        terminal = Terminal(columns)
        process = self.start(*words, stdout=terminal.slave, stderr=terminal.slave)
        terminal.hand_over()
        text = terminal.read_until(None)
        return process.wait(SECONDS_MAX), text

    def states(self) -> dict[tuple[str, str], str]:
        """(day, type) -> state, as the archive claims now."""
        covered = Archive(self.uri).coverage(datetime.now(UTC))
        return {(str(item.day), item.type): str(item.state) for item in covered}

    def archived(self) -> dict[tuple[str, str], set[str]]:
        """(day, type) -> the ids archived."""
        found: dict[tuple[str, str], set[str]] = {}
        for row in Archive(self.uri).transactions().select(["day", "type", "id"]).to_pylist():
            found.setdefault((str(row["day"]), row["type"]), set()).add(row["id"])
        return found


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    """A gateway whose clock stands at the real time, and an empty archive."""
    with Simulator(per_day=12, page_size=5, now=datetime.now(UTC).isoformat(), frozen=True) as simulator:
        yield CommandLine(simulator, tmp_path / "archive")


@pytest.fixture
def stopped(command_line: CommandLine) -> Callable[..., contextlib.AbstractContextManager[World]]:
    """While this lasts, the gateway answers the first day's cashIn, and of cashOut nothing for a minute."""

    @contextlib.contextmanager
    def stop() -> Iterator[World]:
        command_line.world.set_fault("slow", match="type=cashOut", delay_s=60.0)
        yield command_line.world
        command_line.world.clear_faults()

    return stop
