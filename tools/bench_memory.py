# SPDX-License-Identifier: Apache-2.0
"""Peak memory of archiving one day of 10,000, 100,000 and 1,000,000 rows, beside the ``requests`` loop."""

from __future__ import annotations

from bench_archive import NAMES
from bench_runs import Plan, Run, middle, run, server
from bench_table import Section, at_most

TITLE = "Memory"
ROWS = (10_000, 100_000, 1_000_000)
MANY = 1_000_000  # from here on the loop takes a minute, and gigabytes
ABOVE_MIB = {100_000: 130.0, 1_000_000: 250.0}


def measure(plan: Plan) -> Section:
    """Medians of peaks of whole processes, as the kernel tells them."""
    section = Section(
        TITLE,
        ("rows", "way", "rounds", "peak MiB", "above imports MiB", "wall s", "CPU s"),
        "One day, pages of 100, 0 ms.",
    )
    for whole in ROWS:
        rows = plan.rows(whole)
        runs: dict[str, list[Run]] = {"archive": [], "loop": []}
        with server(plan, rows) as url:
            for round_ in range(plan.rounds):
                for way, found in runs.items():
                    if way == "loop" and whole >= MANY and round_ >= plan.slow_rounds:
                        continue
                    found.append(run(plan, way, url))
                    assert found[-1].facts["rows"] == rows
                plan.say(f"  {rows:,} rows: round {round_ + 1} of {plan.rounds}")
        section.rows += [_row(rows, way, found) for way, found in runs.items()]
        if whole in ABOVE_MIB:
            above_mib = middle(runs["archive"]).above_mib
            section.aims.append(
                at_most(f"{rows:,} rows, above imports", ABOVE_MIB[whole], above_mib, "{:.0f} MiB")
            )
    return section


def _row(rows: int, way: str, runs: list[Run]) -> tuple[str, ...]:
    row = middle(runs)
    return (
        f"{rows:,}",
        NAMES[way],
        str(len(runs)),
        f"{row.peak_mib:.0f}",
        f"{row.above_mib:.0f}",
        f"{row.wall_s:.2f}",
        f"{row.cpu_s:.2f}",
    )
