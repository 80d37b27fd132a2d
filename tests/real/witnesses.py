# SPDX-License-Identifier: Apache-2.0
"""What a test does without a program that it calls as a witness: PHP, PostgreSQL, a browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from witness_rule import witnesses_are_required


def is_absent(message: str) -> NoReturn:
    """A failure where witnesses are required, else a skip that says so."""
    if witnesses_are_required():
        pytest.fail(message)
    pytest.skip(message)
