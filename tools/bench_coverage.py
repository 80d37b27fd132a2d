# SPDX-License-Identifier: Apache-2.0
"""What is safe, judged over ten years of days, and over a table of 5,000 commits.

Run as ``bench_coverage.py make|judge|compact URI ...`` it is the child process: ``make`` writes the reads of so
many days, ``judge`` asks for the coverage as the check task and the page do, ``compact`` does what the check
task does to the table.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench_runs import Plan, Run, middle, process
from bench_table import Section

TITLE = "Coverage"
DAYS, COMMITS = 3_652, 5_000
READS_A_DAY = 7  # a day stands in the window on seven mornings
PROJECT = "SC-BENCH"


def measure(plan: Plan) -> Section:
    """Each judgement in a process of its own."""
    days, commits = max(30, int(DAYS * plan.scale)), max(50, int(COMMITS * plan.scale))
    whole, small = plan.folder / "ten-years", plan.folder / "commits"
    made = process(plan, "bench_coverage.py", "make", str(whole), str(days))
    process(plan, "bench_coverage.py", "make", str(small), "7")
    repeat_commit(small / "reads", commits)
    cases = {
        f"{days:,} days of two types, {made.facts['records']:,} records of reads": whole,
        f"{commits:,} commits, never compacted": small,
    }
    found: dict[str, list[Run]] = {name: [] for name in cases}
    for _ in range(plan.rounds):
        for name, uri in cases.items():
            found[name].append(process(plan, "bench_coverage.py", "judge", str(uri)))
    folding = process(plan, "bench_coverage.py", "compact", str(small))
    name = f"{commits:,} commits, after the check task compacted them ({folding.facts['took_s']:.1f} s, once)"
    found[name] = [process(plan, "bench_coverage.py", "judge", str(small)) for _ in range(plan.rounds)]
    return Section(
        TITLE,
        ("archive", "days told", "coverage s", "reading the table alone s", "whole process s", "peak MiB"),
        f"Each day is read on {READS_A_DAY} mornings, four listings each time, by processes of their own.",
        [_row(name, runs) for name, runs in found.items()],
    )


def _row(name: str, runs: list[Run]) -> tuple[str, ...]:
    runs = sorted(runs, key=lambda each: float(each.facts["took_s"]))
    row, facts = middle(runs), runs[len(runs) // 2].facts
    return (
        name,
        f"{facts['days']:,}",
        f"{facts['took_s']:.2f}",
        f"{facts['reading_s']:.2f}",
        f"{row.wall_s:.2f}",
        f"{row.peak_mib:.0f}",
    )


def repeat_commit(table: Path, commits: int) -> None:
    """Make the table's last commit so many more times, each with files of its own, as one-row appends would."""
    log = table / "_delta_log"
    last = max(log.glob("*.json"))
    entries = [json.loads(line) for line in last.read_text().splitlines()]
    for number in range(int(last.stem) + 1, int(last.stem) + 1 + commits):
        for entry in entries:
            if "add" in entry:
                path = entry["add"]["path"]
                again = str(Path(path).parent / f"part-{uuid.uuid4()}.parquet")
                shutil.copyfile(table / path, table / again)
                entry["add"]["path"] = again
        (log / f"{number:020}.json").write_text("\n".join(map(json.dumps, entries)) + "\n")


def main() -> int:
    what, uri = sys.argv[1:3]
    print(
        json.dumps(
            make(uri, int(sys.argv[3])) if what == "make" else {"judge": judge, "compact": compact}[what](uri)
        )
    )
    return 0


def make(uri: str, days: int) -> dict[str, float]:
    """The reads of so many days up to today: a first commit for all but the last morning, and one for it."""
    from airflow_provider_sengo.archive.coverage import ReadRecord
    from airflow_provider_sengo.archive.days import TYPES, lost_after, starts_at, today
    from airflow_provider_sengo.archive.run import STATUSES
    from airflow_provider_sengo.archive.store import Archive

    newest = today(datetime.now(UTC))
    records: list[ReadRecord] = []
    for age in range(days, 0, -1):
        day = newest - timedelta(days=age)
        for type_ in TYPES:
            for morning in range(1, min(READS_A_DAY, age + 1)):
                at = starts_at(day) + timedelta(days=morning, hours=9)
                run = f"{day}-{type_}-{morning}"
                records += [
                    ReadRecord(
                        read_id=f"{run}-{status}",
                        project=PROJECT,
                        day=day,
                        type=type_,
                        status=status,
                        run=run,
                        started_at=at,
                        finished_at=at + timedelta(seconds=3),
                        pages=1_000,
                        rows=100_000,
                        distinct_ids=100_000,
                        ids_digest=f"{age:016x}",
                        outcome="quiet",
                        lost_after=lost_after(day),
                    )
                    for status in STATUSES
                ]
    archive = Archive(uri)
    archive.record_reads(records[: -len(STATUSES)])
    archive.record_reads(records[-len(STATUSES) :])
    return {"records": len(records)}


def judge(uri: str) -> dict[str, float]:
    from airflow_provider_sengo.archive.store import Archive

    imports_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    archive = Archive(uri)
    began = time.perf_counter()
    archive.reads(PROJECT)
    reading_s = time.perf_counter() - began
    began = time.perf_counter()
    told = archive.coverage(datetime.now(UTC), project=PROJECT)
    took_s = time.perf_counter() - began
    return {"days": len(told), "took_s": took_s, "reading_s": reading_s, "imports_kib": imports_kib}


def compact(uri: str) -> dict[str, float]:
    from airflow_provider_sengo.archive.store import Archive

    archive = Archive(uri)
    began = time.perf_counter()
    archive.compact_reads()
    return {"took_s": time.perf_counter() - began}


if __name__ == "__main__":
    raise SystemExit(main())
