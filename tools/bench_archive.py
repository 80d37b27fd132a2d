# SPDX-License-Identifier: Apache-2.0
"""The archive of one day beside a ``requests`` loop and beside ``HttpOperator``, at three latencies."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from bench_runs import PAGE_SIZE, Plan, Run, middle, net, run, server
from bench_table import Aim, Section, at_least, at_most

TITLE = "Archiving a day"
ROWS, ROWS_IN_SMALL_PAGES, SMALL_PAGE = 100_000, 20_000, 10
SLOW_MS = 100  # from here on, what asks for one page after the other takes minutes
NAMES = {
    "archive": "this package",
    "loop": "`requests` loop to Parquet",
    "operator": "`HttpOperator` to Parquet",
}
AIM_MS = 20
HEADS = (
    "case",
    "way",
    "rounds",
    "wall s (min to max)",
    "CPU s",
    "peak MiB",
    "net wall s",
    "net CPU s",
    "this package is faster, net",
    "and takes of its CPU, net",
)


@dataclass(frozen=True)
class Case:
    """One simulator, read in several ways."""

    rows: int
    page_size: int
    latency_ms: int
    ways: tuple[str, ...] = ("archive", "loop", "operator")

    @property
    def name(self) -> str:
        return f"{self.rows:,} rows, pages of {self.page_size}, {self.latency_ms} ms"


def measure(plan: Plan) -> Section:
    """Every case; in each round the ways one after the other."""
    rows = plan.rows(ROWS)
    cases = [Case(rows, PAGE_SIZE, latency_ms) for latency_ms in (0, AIM_MS, SLOW_MS)]
    cases.append(Case(plan.rows(ROWS_IN_SMALL_PAGES), SMALL_PAGE, 0, ("archive", "loop")))
    section = Section(
        TITLE,
        HEADS,
        "One day's successes, `latency` before each answer. This package reads the three other listings as well,"
        " checks every page, reads the first and the last again, and commits to Delta Lake with each record's own"
        " bytes; the others write one Parquet file and check nothing. Start-up, in wall and CPU seconds: "
        + "; ".join(f"{NAMES[way]} {s.wall_s:.2f}, {s.cpu_s:.2f}" for way, s in plan.start_up.items())
        + ".",
    )
    for case in cases:
        runs = _runs(plan, case)
        section.rows += [_row(plan, case, way, runs) for way in case.ways]
        if case.latency_ms == AIM_MS:
            section.aims += _aims(plan, runs)
    return section


def _runs(plan: Plan, case: Case) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {way: [] for way in case.ways}
    with server(plan, case.rows, page_size=case.page_size, latency_ms=case.latency_ms) as url:
        for round_ in range(plan.rounds):
            for way in case.ways:
                if way != "archive" and case.latency_ms >= SLOW_MS and round_ >= plan.slow_rounds:
                    continue
                runs[way].append(run(plan, way, url))
                assert runs[way][-1].facts["rows"] == case.rows
            plan.say(f"  {case.name}: round {round_ + 1} of {plan.rounds}")
    return runs


def ratios(plan: Plan, runs: dict[str, list[Run]], way: str) -> tuple[float, float]:
    """How many times faster the archive is, and its share of the CPU; net medians of pairs of one round."""
    faster, cpu = [], []
    for ours, theirs in zip(
        runs["archive"], runs[way], strict=False
    ):  # slow ways ran in the first rounds only
        our_wall_s, our_cpu_s = net(ours, plan.start_up["archive"])
        their_wall_s, their_cpu_s = net(theirs, plan.start_up[way])
        faster.append(their_wall_s / our_wall_s)
        cpu.append(our_cpu_s / their_cpu_s)
    return median(faster), median(cpu)


def _row(plan: Plan, case: Case, way: str, runs: dict[str, list[Run]]) -> tuple[str, ...]:
    row, walls = middle(runs[way]), [each.wall_s for each in runs[way]]
    wall_s, cpu_s = net(row, plan.start_up[way])
    beside = ("", "")
    if way != "archive":
        faster, cpu = ratios(plan, runs, way)
        beside = (f"{faster:.1f} x", f"{cpu:.2f}")
    return (
        case.name,
        NAMES[way],
        str(len(walls)),
        f"{row.wall_s:.2f} ({min(walls):.2f} to {max(walls):.2f})",
        f"{row.cpu_s:.2f}",
        f"{row.peak_mib:.0f}",
        f"{wall_s:.2f}",
        f"{cpu_s:.2f}",
        *beside,
    )


def _aims(plan: Plan, runs: dict[str, list[Run]]) -> list[Aim]:
    at = f"at {AIM_MS} ms, net"
    loop, loop_cpu = ratios(plan, runs, "loop")
    operator, _ = ratios(plan, runs, "operator")
    return [
        at_least(f"faster than the loop, {at}", 12, loop, "{:.1f} x"),
        at_most(f"CPU of the loop, {at}", 0.5, loop_cpu, "{:.2f}"),
        at_least(f"faster than `HttpOperator`, {at}", 14, operator, "{:.1f} x"),
    ]
