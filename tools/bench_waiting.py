# SPDX-License-Identifier: Apache-2.0
"""Many who wait, in one process: this package's triggers beside as many independent pollers.

Payments get paid evenly over 40 s; everybody looks every 5 s; 20 ms a request. Each way runs as a process of
its own (``bench_waiting.py WAY URL WAITERS``) against a simulator of its own, one after the other; CPU is
counted from after the imports. A last run has 10,000 waiters that nothing settles, for memory and sockets.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from typing import Any

from bench_runs import Plan, control, process, server
from bench_table import Section, at_least, at_most
from bench_waiting_ways import INTERVAL_S, KEY, TOKEN, Found, alone, apart, cpu_s, shared, sockets

TITLE = "Waiting"
WAITERS, MANY = 2_000, 10_000
SETTLE_S, LATENCY_MS = 40.0, 20
SLOW_S, DEBUGGED = 0.1, 1000
NAMES = {
    "alone": "asyncio pollers over one bare session",
    "apart": "the same, each reading its Airflow connection",
    "shared": "triggers of this package",
}
Figures = dict[str, float]


def measure(plan: Plan) -> Section:
    """The ways in turn, ``slow_rounds`` times; what cannot differ much between rounds, once."""
    sizes = {"apart": plan.rows(WAITERS), "debug": min(DEBUGGED, plan.rows(WAITERS)), "idle": plan.rows(MANY)}
    found: dict[str, list[Figures]] = {way: [] for way in (*NAMES, *sizes)}
    for round_ in range(plan.slow_rounds):
        for way in ("alone", "shared"):
            found[way].append(_figures(plan, way, plan.rows(WAITERS)))
            plan.say(f"  waiting, {way}: round {round_ + 1} of {plan.slow_rounds}")
    for way, waiters in sizes.items():
        found[way].append(_figures(plan, way, waiters))
        plan.say(f"  waiting, {way}")
    return _section(plan, found)


def _figures(plan: Plan, way: str, waiters: int) -> Figures:
    with server(plan, 0, latency_ms=LATENCY_MS) as url:
        return process(plan, "bench_waiting.py", way, url, str(waiters)).facts


def _section(plan: Plan, found: dict[str, list[Figures]]) -> Section:
    heads = ("way", "rounds", "found", "requests", "CPU s", "delay p50 s", "p95 s", "max s", "sockets")
    section = Section(
        TITLE,
        heads,
        f"{plan.rows(WAITERS):,} waiters in one process, a look every {INTERVAL_S:g} s, {LATENCY_MS} ms, payments"
        f" paid evenly over {SETTLE_S:g} s; CPU from after the imports.",
        [_row(name, found[way]) for way, name in NAMES.items()],
    )
    alone, apart, shared, idle = (found[way] for way in ("alone", "apart", "shared", "idle"))
    fewer = _median(alone, "requests") / _median(shared, "requests")
    minutes = SETTLE_S / 60
    section.aims = [
        at_most("requests a minute", 350, _median(shared, "requests") / minutes, "{:.0f}"),
        at_most("CPU, seconds in 40", 1, _median(shared, "cpu_s") * 40 / SETTLE_S, "{:.2f}"),
        at_most("delay, p95, seconds", INTERVAL_S, _median(shared, "p95_s"), "{:.1f}"),
        at_least("found, of all", 1, _median(shared, "found") / plan.rows(WAITERS), "{:.3f}"),
    ]
    section.notes = (
        f"{fewer:.0f} times fewer requests, {_share(shared, alone):.2f} of the CPU ({_share(shared, apart):.2f} with"
        f" the connections). {plan.rows(MANY):,} waiters that nothing settles: {idle[0]['kib_each']:.1f} KiB each,"
        f" {idle[0]['sockets']:.0f} sockets while waiting, {idle[0]['left_sockets']:.0f} sockets and"
        f" {idle[0]['left_tasks']:.0f} tasks left after. {found['debug'][0]['slow']:.0f} steps of the event loop took"
        f" over {SLOW_S * 1000:g} ms in asyncio's debug mode, with {min(DEBUGGED, plan.rows(WAITERS)):,} waiters."
    )
    return section


def _median(runs: list[Figures], name: str) -> float:
    return median(each[name] for each in runs)


def _share(ours: list[Figures], theirs: list[Figures]) -> float:
    return _median(ours, "cpu_s") / _median(theirs, "cpu_s")


def _row(name: str, runs: list[Figures]) -> tuple[str, ...]:
    forms = {"found": "{:.0f}", "requests": "{:.0f}", "cpu_s": "{:.2f}", "p50_s": "{:.1f}", "p95_s": "{:.1f}"}
    forms |= {"max_s": "{:.1f}", "sockets": "{:.0f}"}
    return (name, str(len(runs)), *(form.format(_median(runs, what)) for what, form in forms.items()))


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


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise SystemExit(child(sys.argv[1], sys.argv[2], int(sys.argv[3])))
