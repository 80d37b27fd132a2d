# SPDX-License-Identifier: Apache-2.0
"""A busy day: tens of thousands of rows in one partition, of which few or many change later."""

from __future__ import annotations

import pytest
from archive_world import DAY, Listed, record

from airflow_provider_sengo.archive.upkeep import keep_up

ROWS = 30_000  # from some 20,000 on, a merge that may spill ends with an error of its own


def show(world, successes):
    """The day, of which so many rows are successes and the others expired, in few pages."""
    world.gateway.page_size = 10_000
    world.gateway.rows = [
        Listed(f"row-{number}", record(f"row-{number}", status), status, DAY, "cashIn")
        for number, status in enumerate(["success"] * successes + ["expired"] * (ROWS - successes))
    ]


@pytest.mark.parametrize("changes", [1, ROWS // 2])
def test_a_busy_day_takes_late_changes(world, changes):
    """Rows that settle late are merged, the old versions kept, and the day gets complete."""
    show(world, 0)
    assert world.read().new == ROWS
    show(world, changes)
    result = world.read()
    assert (result.new, result.changed, result.complete) == (0, changes, True)
    table = world.archive.transactions()
    assert table.num_rows == len(set(table["id"].to_pylist())) == ROWS
    assert table["status"].to_pylist().count("success") == changes
    assert world.archive.tables.scan("history", None, ["id"]).num_rows == changes


def test_a_busy_day_is_packed(world):
    """Upkeep of many rows ends, and changes none."""
    show(world, 0)
    world.read()
    show(world, 1)
    world.read()
    before = world.archive.transactions().sort_by("id")
    keep_up(world.archive.tables)
    assert world.archive.transactions().sort_by("id").equals(before)
