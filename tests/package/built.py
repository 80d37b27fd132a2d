# SPDX-License-Identifier: Apache-2.0
"""How the package is built for these tests: by the backend that the lock pins, without a network."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "airflow_provider_sengo"


def build(kind: str, into: Path, *, source: Path = ROOT) -> Path:
    """Build a ``wheel`` or an ``sdist`` and return its file."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(into)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = into.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def unpack(sdist: Path, into: Path) -> Path:
    """The one folder that a source archive holds, unpacked."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    (folder,) = into.iterdir()
    return folder
