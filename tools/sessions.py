# SPDX-License-Identifier: Apache-2.0
"""All that a process has started, found by its session and killed by its ids; how it is started stays outside.

For leaders of a session of their own: what they start may change its process group, as Airflow's tasks do, but
seldom leaves the session.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def living_in_session(leader: int) -> list[int]:
    """The ids of the processes of a session that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(") ")[2].split()
                if fields[0] not in "ZX" and int(fields[3]) == leader:
                    found.append(int(entry.name))
    return found


def kill_living(leader: int) -> list[int]:
    """SIGKILL to all of a session that lives; their ids. A process may fork meanwhile: look until none is left."""
    living = living_in_session(leader)
    for pid in living:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return living
