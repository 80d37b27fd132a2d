# SPDX-License-Identifier: Apache-2.0
"""``make bench``: this package beside what most people write, as ratios, in one Markdown document.

The document goes to standard output and, unless it was a trial on fewer rows, to ``docs/benchmarks.md``; a
part measured alone replaces its own section there. Missed aims are named and fail nothing, since only ratios
on a quiet machine mean much; a part that breaks does not stop the others, and is told at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bench_archive
import bench_coverage
import bench_memory
import bench_rate
import bench_reread
import bench_small
import bench_waiting
from bench_runs import Plan, RunFailed
from bench_table import DOCUMENT, HEAD, Section, merged

# In this order in the document.
PARTS: dict[str, tuple[str, Callable[[Plan], Section]]] = {
    "archive": (bench_archive.TITLE, bench_archive.measure),
    "rate": (bench_rate.TITLE, bench_rate.measure),
    "memory": (bench_memory.TITLE, bench_memory.measure),
    "reread": (bench_reread.TITLE, bench_reread.measure),
    "waiting": (bench_waiting.TITLE, bench_waiting.measure),
    "coverage": (bench_coverage.TITLE, bench_coverage.measure),
    "small": (bench_small.TITLE, bench_small.measure),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, help="one part alone; all of them by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--slow-rounds", type=int, help="of what waits for minutes; by default one, and all with --part"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="less than 1: a trial, nothing is written")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or not 0 < arguments.scale <= 1:
        parser.error("rounds must be at least 1, scale more than 0 and at most 1")
    slow_rounds = arguments.slow_rounds or (arguments.rounds if arguments.part else 1)
    sections: dict[str, str] = {}
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        plan = Plan(arguments.rounds, arguments.scale, Path(folder), min(slow_rounds, arguments.rounds))
        for part in [arguments.part] if arguments.part else PARTS:
            title, measure = PARTS[part]
            began = time.monotonic()
            plan.say(f"{part} ...")
            try:
                section = measure(plan)
            except RunFailed as error:
                plan.say(str(error))
                failed.append(part)
                continue  # the others took minutes, too
            plan.say(f"{part} took {time.monotonic() - began:.0f} s")
            sections[title] = section.markdown(rounds_in_words(plan))
    if plan.scale < 1:
        print("\n".join([HEAD, *sections.values()]))
        return _verdict(failed)
    text = merged(sections, [title for title, _ in PARTS.values()])
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(text)
    print(text)
    return _verdict(failed)


def _verdict(failed: list[str]) -> int:
    if failed:
        print(f"error: could not be measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def rounds_in_words(plan: Plan) -> str:
    trial = f", a trial at {plan.scale:g} of the size" if plan.scale < 1 else ""
    return f"{plan.rounds} {'round' if plan.rounds == 1 else 'rounds'} unless a row says otherwise{trial}"


if __name__ == "__main__":
    raise SystemExit(main())
