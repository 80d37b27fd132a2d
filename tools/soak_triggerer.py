# SPDX-License-Identifier: Apache-2.0
"""The triggerer of ``make soak``: runs the real triggers of deferred tasks in one event loop.

JSON lines on stdin and stdout, as in ``soak_worker``::

    {"run": 7, "trigger": [class path, arguments]}   ->   {"event": 7, "payload": {...}}

A trigger that ends without an event, or raises, fails its task, as in Airflow: ``"payload"`` is null then.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from soak_clock import steer

EARLY = (
    "airflow_provider_sengo.triggers.sengo",
    "airflow_provider_sengo.triggers.senangpay",
    "airflow_provider_sengo.triggers.wait",
    "airflow_provider_sengo.triggers.payments",
    "airflow_provider_sengo.triggers.sweepers",
    "airflow_provider_sengo.transport.rounds",
)


async def run_trigger(order: dict[str, Any]) -> None:
    """One trigger to its first event."""
    payload, why = None, "it ended without an event"
    try:
        path, arguments = order["trigger"]
        module, _, name = path.rpartition(".")
        trigger = getattr(importlib.import_module(module), name)(**arguments)
        async for event in trigger.run():
            payload = event.payload
            break
        await trigger.cleanup()
    except Exception as error:  # noqa: BLE001 - whatever it is, Airflow fails the deferred task
        why = f"{type(error).__name__}: {error}"
    line = {"event": order["run"], "payload": payload, "why": "" if payload is not None else why}
    print(json.dumps(line, default=str), flush=True)


async def serve() -> None:
    """Run every trigger that is asked for until stdin ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"ready": os.getpid()}), flush=True)
    running: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        task = asyncio.create_task(run_trigger(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)


def main(clock: str, log_path: str) -> int:
    """Errors that nobody catches go to the log, and with them what libraries say."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    for name in EARLY:
        importlib.import_module(name)
    steer(clock, EARLY)
    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
