# SPDX-License-Identifier: Apache-2.0
"""The archive beside what most people write, in the same run: walls, CPU and memory as ratios.

Against the simulator on loopback with a latency of 20 ms: 100,000 successes of one day in pages of 100.
Start-up is measured with 1,000 rows at 0 ms and taken off on both sides. Ratios are medians of interleaved
rounds; look at them, not at the seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
ROWS, SMALL_ROWS, PAGE_SIZE, LATENCY_MS = 100_000, 1_000, 100, 20
MIB = 1024


class Run(NamedTuple):
    """One whole process: seconds, and MiB above what its imports took."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    words: str


def main() -> int:
    """Print the table; no verdict, since only ratios on a quiet machine mean much."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    rounds = arguments.parse_args().rounds
    day = str((datetime.now(UTC) + timedelta(hours=7)).date() - timedelta(days=1))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with server(SMALL_ROWS, 0, day) as url:
            start_up = {
                way: middle([run(way, url, day, folder) for _ in range(rounds)])
                for way in ("archive", "loop")
            }
        runs: dict[str, list[Run]] = {"archive": [], "re-read": [], "loop": []}
        with server(ROWS, LATENCY_MS, day) as url:
            for round_ in range(rounds):
                runs["archive"].append(run("archive", url, day, folder))
                runs["re-read"].append(run("archive", url, day, folder, keep=True))
                runs["loop"].append(run("loop", url, day, folder))
                print(f"round {round_ + 1} of {rounds}: {runs['archive'][-1].words.strip()}", file=sys.stderr)
    report(runs, start_up)
    return 0


@contextmanager
def server(rows: int, latency_ms: int, day: str) -> Iterator[str]:
    """A simulator in a process of its own, with ``rows`` successes on ``day``; stopped by its id."""
    command = [sys.executable, "-m", "airflow_provider_sengo.simulator", "--port", "0", "--days", "1"]
    command += ["--per-day", "0", "--page-size", str(PAGE_SIZE), "--latency-ms", str(latency_ms)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://[0-9.]+:\d+", process.stdout.readline() if process.stdout else "")
        if found is None:
            raise SystemExit("error: the simulator did not start")
        body = {"day": day, "type": "cashIn", "rows": rows, "status": "success"}
        for what, data in (("fill", body), ("clock", {"freeze": True})):
            request = Request(
                f"{found[0]}/_control/{what}", json.dumps(data).encode(), {"Content-Type": "application/json"}
            )
            urlopen(request, timeout=120).close()
        yield f"{found[0]}/api"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15)


def run(way: str, url: str, day: str, folder: str, *, keep: bool = False) -> Run:
    """One process to its end; ``keep``: into the archive that stands already."""
    target = Path(folder) / "archive"
    if not keep:
        shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, str(ROOT / "tools" / "bench_ways.py"), way, url, day, str(target)]
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True
    )
    words = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"error: {way} ended with {status}")
    return Run(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MIB, words)


def middle(runs: list[Run]) -> Run:
    """The medians of several runs."""
    return Run(
        median(each.wall_s for each in runs),
        median(each.cpu_s for each in runs),
        median(each.peak_mib for each in runs),
        words="",
    )


def report(runs: dict[str, list[Run]], start_up: dict[str, Run]) -> None:
    """A Markdown table, start-up taken off, and what is left against the loop."""
    print(
        f"\n{ROWS:,} rows, pages of {PAGE_SIZE}, {LATENCY_MS} ms a request; medians of {len(runs['loop'])} rounds\n"
    )
    heads = (
        "way",
        "wall s",
        "CPU s",
        "peak MiB",
        "start-up: wall, CPU, peak",
        "net: faster",
        "net: CPU of the loop",
    )
    print(f"| {' | '.join(heads)} |")
    print("|---|---|---|---|---|---|---|")
    loop = start_up["loop"]
    for way, each in runs.items():
        begin = start_up["loop" if way == "loop" else "archive"]
        pairs: list[tuple[Any, Any]] = list(zip(each, runs["loop"], strict=True))
        faster = median((b.wall_s - loop.wall_s) / (a.wall_s - begin.wall_s) for a, b in pairs)
        cpu = median((a.cpu_s - begin.cpu_s) / (b.cpu_s - loop.cpu_s) for a, b in pairs)
        row = middle(each)
        print(
            f"| {way} | {row.wall_s:.2f} | {row.cpu_s:.2f} | {row.peak_mib:.0f} |"
            f" {begin.wall_s:.2f}, {begin.cpu_s:.2f}, {begin.peak_mib:.0f} | {faster:.1f} x | {cpu:.2f} x |"
        )


if __name__ == "__main__":
    raise SystemExit(main())
