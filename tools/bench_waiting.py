# SPDX-License-Identifier: Apache-2.0
"""Many who wait, in one process: this package's triggers beside as many independent pollers.

Payments get paid evenly over 40 s; everybody looks every 5 s; 20 ms a request. Each way runs as a process of
its own against a simulator of its own, one after the other; CPU is counted from after the imports. A last
run has 10,000 waiters that nothing settles, for memory and sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).parent))

from bench_waiting_ways import INTERVAL_S, KEY, TOKEN, Found, alone, apart, cpu_s, shared, sockets

SETTLE_S, LATENCY_MS = 40.0, 20
SLOW_S, DEBUGGED = 0.1, 1000


def main() -> int:
    """Run the ways as child processes and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiters", type=int, default=2000)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--way", help="of a child process")
    parser.add_argument("--url")
    arguments = parser.parse_args()
    if arguments.way:
        return child(arguments.way, arguments.url, arguments.waiters)
    from bench import server

    day = str((datetime.now(UTC) + timedelta(hours=7)).date())
    found: dict[str, dict[str, float]] = {}
    size = arguments.waiters
    sizes = {"alone": size, "apart": size, "shared": size, "debug": DEBUGGED, "idle": arguments.many}
    for way, waiters in sizes.items():
        with server(0, LATENCY_MS, day) as url:
            command = [sys.executable, __file__, "--way", way, "--url", url, "--waiters", str(waiters)]
            answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        found[way] = json.loads(answer.stdout.splitlines()[-1])
        print(f"{way}: {found[way]}", file=sys.stderr)
    report(found, arguments)
    return 0


def report(found: dict[str, dict[str, float]], arguments: argparse.Namespace) -> None:
    print(f"\n{arguments.waiters:,} waiters, {INTERVAL_S:g} s interval, settling over {SETTLE_S:g} s\n")
    print("| way | found | requests | CPU s | delay p50 s | p95 s | max s | sockets |")
    print("|---|---|---|---|---|---|---|---|")
    names = {
        "alone": "asyncio pollers over one bare session",
        "apart": "the same, each reading its Airflow connection",
        "shared": "triggers of this package",
    }
    for way, name in names.items():
        of = found[way]
        print(
            f"| {name} | {of['found']:.0f} | {of['requests']:.0f} | {of['cpu_s']:.2f} | {of['p50_s']:.1f} |"
            f" {of['p95_s']:.1f} | {of['max_s']:.1f} | {of['sockets']:.0f} |"
        )
    alone, apart, shared, idle = (found[way] for way in ("alone", "apart", "shared", "idle"))
    print(
        f"\n{alone['requests'] / shared['requests']:.0f} times fewer requests,"
        f" {shared['cpu_s'] / alone['cpu_s']:.2f} of the CPU ({shared['cpu_s'] / apart['cpu_s']:.2f} with the"
        " connections)."
        f" {arguments.many:,} waiters: {idle['kib_each']:.1f} KiB each, {idle['sockets']:.0f} sockets while"
        f" waiting, {idle['left_sockets']:.0f} sockets and {idle['left_tasks']:.0f} tasks left after;"
        f" {found['debug']['slow']:.0f} steps of the event loop took over {SLOW_S * 1000:g} ms in asyncio's debug"
        f" mode, with {DEBUGGED:,} waiters."
    )


def child(way: str, url: str, waiters: int) -> int:
    os.environ["AIRFLOW_CONN_SENGO_DEFAULT"] = json.dumps(
        {"conn_type": "sengo", "login": KEY, "password": TOKEN, "host": url}
    )
    run = {"alone": alone, "apart": apart}.get(way, shared)
    run_imports(url)
    day = str((datetime.now(UTC) + timedelta(hours=7)).date())
    paid_within_s = None if way == "idle" else SETTLE_S
    control(url, "clock", {"now": datetime.now(UTC).isoformat(), "freeze": False})
    control(
        url,
        "fill",
        {
            "day": day,
            "type": "cashIn",
            "rows": waiters,
            "status": "pending",
            "paid_within_s": paid_within_s,
        },
    )
    began = time.time()
    ids = [row["id"] for row in control(url, f"ledger?day={day}")]
    control(url, "requests", method="DELETE")
    found_at: dict[str, float] = {}

    def found(id: str) -> None:
        found_at[id] = time.time()

    figures = asyncio.run(measured(run, url, ids, found, way=way))
    log = control(url, "requests")
    # Payments are paid evenly, in this order; the ledger tells whole seconds only.
    order = [
        row["id"] for row in sorted(control(url, f"ledger?day={day}"), key=lambda row: row["paid_at"] or "")
    ]
    paid_at = {id: began + SETTLE_S * (number + 1) / waiters for number, id in enumerate(order)}
    delays = [at - paid_at[id] for id, at in found_at.items()]
    figures |= {"found": len(delays), "requests": float(log["total"])}
    if delays:
        cuts = quantiles(delays, n=20)
        figures |= {"p50_s": cuts[9], "p95_s": cuts[18], "max_s": max(delays)}
    print(json.dumps(figures))
    return 0


def run_imports(url: str) -> None:
    """Everything that either way imports, so that CPU counts the waiting alone."""
    import aiohttp  # noqa: F401
    from airflow.sdk import BaseHook

    import airflow_provider_sengo.transport.aio
    import airflow_provider_sengo.triggers.sengo  # noqa: F401

    BaseHook.get_connection("sengo_default")


async def measured(
    run: Callable[[str, list[str], Found], Awaitable[Any]],
    url: str,
    ids: list[str],
    found: Found,
    *,
    way: str,
) -> dict[str, float]:
    """Wait for all of them; figures of this process."""
    figures: dict[str, float] = {"sockets": 0.0}

    async def watch() -> None:
        while True:
            await asyncio.sleep(0.2)
            figures["sockets"] = max(figures["sockets"], float(sockets()))

    if way == "idle":
        return await idle(run, url, ids, found)
    if way == "debug":
        figures["slow"] = 0.0
        watch_slow_steps(figures)
    watcher = asyncio.create_task(watch())
    begin_s = cpu_s()
    await run(url, ids, found)
    figures["cpu_s"] = cpu_s() - begin_s
    watcher.cancel()
    return figures


def watch_slow_steps(figures: dict[str, float]) -> None:
    """Count what asyncio's debug mode calls slow."""

    def note(record: logging.LogRecord) -> None:
        if "took" in record.getMessage():
            figures["slow"] += 1
            print(record.getMessage()[:80], "...", record.getMessage()[-30:], file=sys.stderr)

    handler = logging.Handler()
    handler.emit = note  # type: ignore[method-assign]
    logging.getLogger("asyncio").addHandler(handler)
    asyncio.get_running_loop().slow_callback_duration = SLOW_S
    asyncio.get_running_loop().set_debug(enabled=True)


async def idle(run: Callable[..., Any], url: str, ids: list[str], found: Found) -> dict[str, float]:
    """Memory of waiters whose payments nobody pays, and what is left after they were cancelled."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    task = asyncio.ensure_future(run(url, ids, found))
    await asyncio.sleep(4 * INTERVAL_S)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    sockets_open = float(sockets())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.5)
    tasks = len(asyncio.all_tasks()) - 1
    return {
        "kib_each": held / 1024 / len(ids),
        "sockets": sockets_open,
        "left_sockets": float(sockets()),
        "left_tasks": float(tasks),
    }


def control(url: str, path: str, body: Any = None, *, method: str | None = None) -> Any:
    """The simulator's control interface."""
    target = f"{url.removesuffix('/api')}/_control/{path}"
    data = None if body is None else json.dumps(body).encode()
    method = method or ("GET" if body is None else "POST")
    request = Request(target, data, {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise SystemExit(main())
