# SPDX-License-Identifier: Apache-2.0
"""``tools/demo.py`` as a process, in a folder of its own; what it must say is said in the tests."""

import os
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "tools" / "demo.py"
WITHIN_S = 100


def demo(folder, *argument, **settings):
    """Run the demo; returns its exit code, what it printed, and its last error."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW_"))}
    env |= {"DEMO_HOME": str(folder / "demo"), **settings}
    command = [sys.executable, str(DEMO), *argument]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    return done.returncode, done.stdout, done.stderr.strip().splitlines()[-1:]
