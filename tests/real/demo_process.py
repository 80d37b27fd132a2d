# SPDX-License-Identifier: Apache-2.0
"""``tools/demo.py`` as a process, in a folder of its own; what it must say is said in the tests."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from sessions import kill_living

DEMO = Path(__file__).parents[2] / "tools" / "demo.py"
WITHIN_S = 100
LOOK_EVERY_S = 0.02


def demo(folder, *argument, **settings):
    """Run the demo; returns its exit code, what it printed, and its last error."""
    command = [sys.executable, str(DEMO), *argument]
    done = subprocess.run(
        command,
        env=environment(folder, settings),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.strip().splitlines()[-1:]


def environment(folder, settings):
    """Nothing of this shell's clouds and Airflow."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW_"))}
    return env | {"DEMO_HOME": str(folder / "demo"), **settings}


def stopped_demo(folder, number, moment):
    """Send a signal to all of a demo's processes once ``moment(printed)`` holds, as a terminal does.

    Returns its exit status, its errors, and the ids of what it left running. It heeds the signal wherever the
    tests run: what a shell starts in the background ignores Ctrl-C, and the demo would rightly keep to that.
    """
    output, errors = folder / "output", folder / "errors"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, str(DEMO)],
            env=environment(folder, {}),
            stdout=out,
            stderr=err,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None,
        )
    end = time.monotonic() + WITHIN_S
    try:
        while process.poll() is None and not moment(output.read_text()) and time.monotonic() < end:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_EVERY_S)
        assert process.poll() is None, output.read_text() + errors.read_text()
        os.killpg(process.pid, number)
        process.wait(WITHIN_S)
    finally:
        left = kill_living(process.pid)
        process.wait()
    return process.returncode, errors.read_text(), left
