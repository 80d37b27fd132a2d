# SPDX-License-Identifier: Apache-2.0
"""What the parts of ``make bench`` measure with: a simulator, whole processes, medians of interleaved rounds.

This process stays small on purpose: a child's peak memory is never told lower than its parent's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

TOOLS = Path(__file__).resolve().parent
KIB = 1024
START_UP_ROWS, PAGE_SIZE = 1_000, 100
ERROR_CHARACTERS_MAX = 3_000


class RunFailed(Exception):
    """A child process ended badly; the text tells what it complained of."""


class Run(NamedTuple):
    """One whole process. ``facts``: what it printed last; ``above_mib``: its peak above its imports."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    above_mib: float
    facts: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How much is measured. ``scale``: 1 is the real thing, less only tries the tools out."""

    rounds: int
    scale: float
    folder: Path
    slow_rounds: int
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def rows(self, whole: int) -> int:
        """So many rows, or fewer on trial; always full pages."""
        return max(START_UP_ROWS, int(whole * self.scale) // PAGE_SIZE * PAGE_SIZE)

    @property
    def day(self) -> str:
        """Yesterday in Jakarta."""
        return str((self.now + timedelta(hours=7)).date() - timedelta(days=1))

    @cached_property
    def start_up(self) -> dict[str, Run]:
        """Start of Python, imports, first requests: 1,000 rows at 0 ms, by way; the first, cold, is not counted."""
        ways = ("archive", "loop", "operator")
        with server(self, START_UP_ROWS) as url:
            runs = [{way: run(self, way, url) for way in ways} for _ in range(self.rounds + 1)][1:]
        return {way: middle([each[way] for each in runs]) for way in ways}

    def say(self, text: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


@contextmanager
def server(plan: Plan, rows: int, *, changed: int = 0, **settings: Any) -> Iterator[str]:
    """The URL of a simulator with ``rows`` successes on the plan's day; it stands still at the plan's time."""
    wanted: dict[str, Any] = {
        "settings": {"days": 1, "per_day": 0, "page_size": PAGE_SIZE, "frozen": True, "requests_kept": 1}
        | {"now": plan.now.isoformat()}
        | settings,
        "changed": changed,
    }
    if rows:
        wanted["fill"] = {"day": plan.day, "type": "cashIn", "rows": rows, "status": "success"}
    command = [sys.executable, str(TOOLS / "bench_server.py"), json.dumps(wanted)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise SystemExit("error: the simulator did not start")
            yield url
        finally:
            process.stdin.close()
            process.wait(timeout=30)


def run(plan: Plan, way: str, url: str, *, target: Path | None = None, **options: Any) -> Run:
    """One way of ``bench_ways`` to its end; into a new archive, or the one at ``target``."""
    if target is None:
        target = plan.folder / "archive"
        shutil.rmtree(target, ignore_errors=True)
    return process(plan, "bench_ways.py", way, url, plan.day, str(target), json.dumps(options))


def process(plan: Plan, script: str, *arguments: str) -> Run:
    """One script of this folder to its end; its last line of output is JSON."""
    # Airflow reads and writes files of its own at import; those of this machine stay untouched.
    environment = os.environ | {
        "PYTHONPATH": str(TOOLS.parent),
        "AIRFLOW_HOME": str(plan.folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    complaints = plan.folder / "complaints"
    with complaints.open("wb") as errors:
        began = time.monotonic()
        child = subprocess.Popen(
            [sys.executable, str(TOOLS / script), *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
        )
        words = child.stdout.read() if child.stdout else b""
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)  # or Popen would look for a process that is gone
    if status:
        tail = complaints.read_text(errors="replace")[-ERROR_CHARACTERS_MAX:]
        raise RunFailed(f"{tail}\nerror: {script} {' '.join(arguments)} ended with {child.returncode}")
    facts: dict[str, Any] = json.loads(words.splitlines()[-1])
    peak_mib = usage.ru_maxrss / KIB
    above_mib = peak_mib - facts.get("imports_kib", 0) / KIB
    return Run(wall_s, usage.ru_utime + usage.ru_stime, peak_mib, above_mib, facts)


def middle(runs: Sequence[Run]) -> Run:
    """The medians of several runs; ``facts`` are those of the last."""
    return Run(
        median(each.wall_s for each in runs),
        median(each.cpu_s for each in runs),
        median(each.peak_mib for each in runs),
        median(each.above_mib for each in runs),
        runs[-1].facts,
    )


def net(one: Run, start_up: Run) -> tuple[float, float]:
    """Wall and CPU seconds of a run without those of its start-up; never quite nothing."""
    return max(one.wall_s - start_up.wall_s, 0.01), max(one.cpu_s - start_up.cpu_s, 0.01)


def control(url: str, path: str, body: Any = None, *, method: str | None = None) -> Any:
    """The simulator's control interface."""
    target = f"{url.removesuffix('/api')}/_control/{path}"
    data = None if body is None else json.dumps(body).encode()
    method = method or ("GET" if body is None else "POST")
    request = Request(target, data, {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None
