# SPDX-License-Identifier: Apache-2.0
"""Makes ``archive_world`` importable, in spawned processes as well, and gives each test its own archive."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package; a spawned process inherits the path

import pytest
from archive_world import World
from hypothesis import settings
from object_store import BUCKET, ObjectStore

settings.register_profile("archive", deadline=None, derandomize=True, database=None, max_examples=150)
settings.load_profile("archive")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "also_on_s3(wanted=True): the test's archive is once on disk, once on S3"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("also_on_s3")
    if marker and marker.args != (False,) and "place" in metafunc.fixturenames:
        metafunc.parametrize("place", ["disk", "s3"], indirect=True)


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """An S3 with an empty bucket, in a process of its own."""
    with ObjectStore() as store:
        yield store


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """Where an archive may be made, and the storage options to reach it."""
    if getattr(request, "param", "disk") == "disk":
        return str(tmp_path / "archive"), {}
    store = request.getfixturevalue("object_store")
    return f"s3://{BUCKET}/{uuid.uuid4().hex}", store.options


@pytest.fixture
def world(place: tuple[str, dict[str, str]]) -> World:
    """A fake gateway, a clock past the day's closing, and an empty archive."""
    return World(*place)
