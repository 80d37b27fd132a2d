# SPDX-License-Identifier: Apache-2.0
"""The gateway that every part of ``make bench`` reads from: a simulator in a process of its own.

``bench_server.py JSON``: ``settings`` of the simulator, and optionally ``fill`` (as ``World.fill`` takes it)
and ``changed``: so many of the filled rows, evenly spread, show another settlement than they would. Same JSON,
same rows. Prints its URL once it is ready, and ends when its standard input does, also if its parent dies.
"""

from __future__ import annotations

import json
import signal
import sys
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from airflow_provider_sengo.simulator import Simulator, World

SETTLED = "2026-01-01T00:00:00+07:00"


def main() -> int:
    wanted: dict[str, Any] = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the parent, which then ends this process
    with Simulator(**wanted["settings"]) as simulator:
        if fill := wanted.get("fill"):
            simulator.world.fill(**fill)
            change(simulator.world, fill, wanted.get("changed", 0))
        print(simulator.base_url, flush=True)
        sys.stdin.read()
    return 0


def change(world: World, fill: dict[str, Any], changed: int) -> None:
    """What a late settlement does to rows that were archived before."""
    if changed:
        rows = world.ledger(day=fill["day"], type=fill["type"])
        for row in islice(rows, 0, None, max(1, len(rows) // changed)):
            world.mutate(row["id"], settleDate=SETTLED)


if __name__ == "__main__":
    raise SystemExit(main())
