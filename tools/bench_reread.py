# SPDX-License-Identifier: Apache-2.0
"""A day read again of which nothing, a hundredth or half has changed since it was archived."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench_runs import Plan, Run, middle, net, run, server
from bench_table import Aim, Section, at_most

TITLE = "Reading a day again"
ROWS, LATENCY_MS = 100_000, 20
CHANGED_SHARES = (0.0, 0.01, 0.5)
HEADS = (
    "read",
    "wall s",
    "CPU s",
    "peak MiB",
    "above imports MiB",
    "net wall, of the first read's",
    "commits to `transactions` and `history`",
)
PEAK_SHARE, ABOVE_MIB = 0.01, 300.0  # the aim of memory is one for a hundredth changed


def measure(plan: Plan) -> Section:
    """A simulator for each state of the same rows; every re-read begins from a copy of the first read's archive."""
    rows = plan.rows(ROWS)
    changed = [int(rows * share) for share in CHANGED_SHARES]
    first: list[Run] = []
    again: dict[int, list[Run]] = {number: [] for number in changed}
    commits: dict[int, int] = {}
    with ExitStack() as stack:
        urls = {
            number: stack.enter_context(server(plan, rows, changed=number, latency_ms=LATENCY_MS))
            for number in changed
        }
        for round_ in range(plan.rounds):
            first.append(run(plan, "archive", urls[0]))
            for number, url in urls.items():
                target = plan.folder / "again"
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(plan.folder / "archive", target)
                before = _commits(target)
                again[number].append(run(plan, "archive", url, target=target))
                assert again[number][-1].facts["changed"] == number, again[number][-1].facts
                commits[number] = _commits(target) - before
            plan.say(f"  re-read: round {round_ + 1} of {plan.rounds}")
    section = Section(
        TITLE,
        HEADS,
        f"Pages of 100, {LATENCY_MS} ms. Changed rows are spread evenly and show another settlement date.",
        [_row(plan, f"first read of {rows:,} rows", first, first, "")],
    )
    for number, runs in again.items():
        section.rows.append(_row(plan, f"again, {number:,} changed", runs, first, str(commits[number])))
        if number == int(rows * PEAK_SHARE):
            above_mib = middle(runs).above_mib
            section.aims.append(
                at_most(f"{number:,} changed, above imports", ABOVE_MIB, above_mib, "{:.0f} MiB")
            )
    unchanged = commits[0]
    section.aims.append(Aim("commits of an unchanged re-read", "none", str(unchanged), unchanged == 0))
    return section


def _commits(archive: Path) -> int:
    """Entries in the logs of the tables that hold rows."""
    tables = ("transactions", "history")
    return sum(len([*(archive / name / "_delta_log").glob("*.json")]) for name in tables)


def _row(plan: Plan, name: str, runs: list[Run], first: list[Run], commits: str) -> tuple[str, ...]:
    row, start_up = middle(runs), plan.start_up["archive"]
    shares = [net(one, start_up)[0] / net(base, start_up)[0] for one, base in zip(runs, first, strict=True)]
    return (
        name,
        f"{row.wall_s:.2f}",
        f"{row.cpu_s:.2f}",
        f"{row.peak_mib:.0f}",
        f"{row.above_mib:.0f}",
        f"{median(shares):.2f}",
        commits,
    )
