# SPDX-License-Identifier: Apache-2.0
"""Puts this folder on the path, and has a failing test say how to run it again."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest  # the path comes first
from fuzz_profile import PROFILE, SEED  # the path comes first


@pytest.fixture(autouse=True)
def _repeatable() -> None:
    """Shown with a failure."""
    print(f"fuzz: HYPOTHESIS_PROFILE={PROFILE} HYPOTHESIS_SEED={SEED}")
