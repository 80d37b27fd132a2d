# SPDX-License-Identifier: Apache-2.0
"""Makes ``archive_world`` importable, in spawned processes as well, and gives each test its own archive."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package; a spawned process inherits the path

import pytest
from archive_world import World
from hypothesis import settings

settings.register_profile("archive", deadline=None, derandomize=True, database=None, max_examples=150)
settings.load_profile("archive")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fake gateway, a clock past the day's closing, and an empty archive."""
    return World(str(tmp_path / "archive"))
