# SPDX-License-Identifier: Apache-2.0
"""Every payment of a listing is told over restarts, and of those told before none again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from paid_listing import NOON, Listed, Sweeps

from airflow_provider_sengo.protocol.paid_rows import Mark


def test_a_payment_made_after_a_restart_does_not_wait_for_the_old_ones_to_be_found_out() -> None:
    """It is told with its page, while the day is read over many sweeps, and is not told again."""
    listed = Listed()
    for _ in range(30):
        listed.arrive(NOON - timedelta(hours=1))
    sweeps = Sweeps(listed, mark=Mark().plus(row.key for row in listed.rows))
    new = listed.arrive(NOON + timedelta(minutes=1))
    assert sweeps.sweep(pages_max=2) == [new]
    while not sweeps.listing.is_read:
        assert sweeps.sweep(pages_max=2) == []
    assert sweeps.listing.mark == Mark().plus(row.key for row in listed.rows)
    assert sweeps.fetched == 2 * 10  # eleven pages, the first in each of ten sweeps


@pytest.mark.parametrize("missed", [0, 1, 2, 5])
@pytest.mark.parametrize("order", ["newest", "oldest", "hash"])
def test_a_restart_tells_what_was_paid_meanwhile_and_nothing_else(missed: int, order: str) -> None:
    """Old rows are told from new ones by the mark, also if all were paid in the same second."""
    listed = Listed(order=order)
    sweeps = Sweeps(listed)
    for _ in range(8):
        listed.arrive()
    sweeps.sweep()
    mark = sweeps.listing.mark
    sweeps.told.clear()
    new = [listed.arrive() for _ in range(missed)]
    sweeps.restart(mark)
    sweeps.sweep()
    assert sorted(sweeps.told) == sorted(new)
    assert sweeps.listing.is_read
    assert sweeps.listing.notes == []


def test_a_single_payment_listed_late_is_found_after_a_restart() -> None:
    """Whatever its instant, one new row is what the digests differ by."""
    listed = Listed()
    for minute in range(8):
        listed.arrive(NOON - timedelta(minutes=minute))
    mark = Mark().plus(row.key for row in listed.rows)
    late = listed.arrive(NOON - timedelta(hours=5))
    sweeps = Sweeps(listed, mark)
    assert set(sweeps.sweep()) == {late, "id-0"}  # paid just when it started: told to be sure
    assert sweeps.listing.notes == []
