# SPDX-License-Identifier: Apache-2.0
"""Hard use for some minutes: the daily archive, payments and waits against gateways that misbehave at random.

``make soak MINUTES=10`` (``SEED=`` repeats a plan: which troubles come when. What they hit is up to how the
processes come to run.) A simulated day takes about half a minute: the archive run of half past eight, an
afternoon, and a reading across midnight, where one day leaves the window and another begins; payments and
waits all day long.

Real: the operators, sensors and triggers, the transports, the Delta tables on disk, a process for each try
of a task, HTTP on loopback with every fault of the simulator, a gateway that stops listening and starts
again, SIGKILLs of tasks (also within a request), of whole workers and of the triggerer. Imitated: Airflow's
scheduler and its database (``soak_airflow``), the context of a task (``soak_worker``), and the wall clock,
which the gateway and all processes share and which is moved (``soak_clock``).

In the end the faults stop, a person clears what failed, and one more archive run is made. Then: the archive
equals the ledger, each task has made exactly one payment or asks a person, and nothing was called paid that
isn't. Exit status 1 and a list if not; 130 after Ctrl-C without a finding.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from soak_days import Enough, Soak

INTERRUPTED = 130


def main() -> int:
    """Run the days, the quiet end and the judgement."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the folder with the archive and the logs")
    arguments = parser.parse_args()
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    again = f"make soak MINUTES={arguments.minutes:g} SEED={seed}"
    print(f"== soak, seed {seed}; repeat: {again}", flush=True)
    home = Path(tempfile.mkdtemp(prefix="soak-"))
    is_kept = arguments.keep
    try:
        status = run(Soak(seed, arguments.minutes, home), again)
        is_kept = is_kept or status not in (0, INTERRUPTED)
    finally:
        if is_kept:
            print(f"   archive, task stores and logs: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    return status


def run(soak: Soak, again: str) -> int:
    """The exit status."""

    def interrupt(*_: object) -> None:
        soak.is_interrupted = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    is_whole = False
    try:
        with suppress(Enough):
            while True:
                soak.one_day()
        with suppress(Enough):
            soak.quiet_end()
            is_whole = True
        soak.say_progress()
        compared = soak.judge_all(is_whole=is_whole)
    finally:
        soak.stop()
    return report(soak, compared, again)


def report(soak: Soak, compared: str, again: str) -> int:
    """What happened, what was found, and how to repeat it."""
    counts = soak.gateways.counts + soak.airflow.counts
    print(f"   {soak.days} days; {', '.join(f'{name} {count}' for name, count in sorted(counts.items()))}")
    faults = sorted(soak.gateways.world.log.by_fault.items())
    print(f"   faults: {', '.join(f'{name} {count}' for name, count in faults)}")
    ends = Counter((task.name[4], task.state) for task in soak.airflow.tasks if task.pool == "payment")
    kinds = {"Q": "QRIS", "C": "cards", "W": "waits"}
    print(
        "   " + ", ".join(f"{kinds[kind]} {state} {count}" for (kind, state), count in sorted(ends.items()))
    )
    print(f"   {compared}")
    findings = soak.judge.findings
    for finding in findings:
        print(f"FOUND {finding}")
    verdict = f"{len(findings)} findings" if findings else "nothing found"
    if soak.is_interrupted:
        verdict = f"interrupted, so far {verdict}"
    took_s = time.monotonic() - soak.began_s
    print(f"== soak: {verdict} in {took_s:.0f} s; repeat: {again}", flush=True)
    if findings:
        return 1
    return INTERRUPTED if soak.is_interrupted else 0


if __name__ == "__main__":
    raise SystemExit(main())
