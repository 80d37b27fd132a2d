# SPDX-License-Identifier: Apache-2.0
"""What ``make check-guards`` takes out is there to be taken out, and the tests that must notice exist."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import guards
from guard_list import Guard
from repository import PACKAGE, ROOT


@pytest.mark.parametrize("guard", guards.GUARDS, ids=lambda guard: guard.name)
def test_the_text_of_a_guard_stands_once(guard: Guard) -> None:
    """Moved code takes its guard along; the whole run, which takes minutes, would find it last."""
    assert (PACKAGE / guard.file).read_text().count(guard.text) == 1
    assert guard.text != guard.instead
    paths = [word for word in guard.tests.split() if word.startswith("tests/")]
    assert paths
    assert all((ROOT / path.split("::")[0]).exists() for path in paths)
