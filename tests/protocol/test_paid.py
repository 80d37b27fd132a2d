# SPDX-License-Identifier: Apache-2.0
"""Every payment of a listing is told, while it grows, shrinks and shifts, and rather twice than not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from paid_listing import NOON, Listed, Sweeps

from airflow_provider_sengo.protocol import paid
from airflow_provider_sengo.protocol.paid import PASSES_MAX, READ_AGAIN, newest_beyond
from airflow_provider_sengo.protocol.paid_rows import Mark, hash64


@pytest.mark.parametrize("order", ["newest", "oldest", "hash"])
def test_a_quiet_listing_costs_one_page_and_a_payment_one_or_two(order: str) -> None:
    """What is known is not read again; the new row is found at either end."""
    listed = Listed(order=order)
    sweeps = Sweeps(listed)
    first = [listed.arrive() for _ in range(10)]
    assert sorted(sweeps.sweep()) == sorted(first)
    assert sweeps.fetched == 4
    assert sweeps.sweep() == []
    assert sweeps.fetched == 5
    new = listed.arrive()
    assert sweeps.sweep() == [new]
    assert sweeps.fetched <= (7 if order != "hash" else 9)
    sweeps.sweep()
    assert sweeps.told.count(new) == 1


def test_what_was_paid_before_the_start_is_passed_over() -> None:
    """The first reading goes by the payment's own instant; one without an instant is told."""
    listed = Listed()
    listed.arrive(NOON - timedelta(hours=2))
    inside, unknown = listed.arrive(NOON - timedelta(minutes=59)), listed.arrive(None)
    sweeps = Sweeps(listed, since=NOON - timedelta(hours=1))
    assert sorted(sweeps.sweep()) == sorted([inside, unknown])
    late = listed.arrive(NOON - timedelta(hours=3))  # paid long ago, but listed only now
    assert sweeps.sweep() == [late]
    assert sweeps.listing.mark == Mark().plus(row.key for row in listed.rows)


def test_a_listing_is_read_over_several_sweeps_and_rows_are_told_at_once() -> None:
    """With two pages a sweep, each sweep tells what it read; no page is read for nothing."""
    listed = Listed()
    ids = [listed.arrive() for _ in range(15)]
    sweeps = Sweeps(listed)
    assert len(sweeps.sweep(pages_max=2)) == 6
    assert sweeps.listing.mark is None
    while not sweeps.listing.is_read:
        assert len(sweeps.sweep(pages_max=2)) == 3
    assert sorted(sweeps.told) == sorted(ids)
    assert sweeps.listing.mark == Mark().plus(row.key for row in listed.rows)


def test_a_busy_day_is_read_to_its_end_although_it_grows_all_the_time() -> None:
    """A total that grows breaks nothing off: two rows come with each sweep of three pages, after a restart."""
    listed = Listed()
    old = [listed.arrive(NOON - timedelta(hours=1)) for _ in range(60)]
    sweeps = Sweeps(listed, mark=Mark().plus(row.key for row in listed.rows))
    new = []
    for _ in range(40):
        new += [listed.arrive(sweeps.at), listed.arrive(sweeps.at)]
        sweeps.sweep(pages_max=3)
    sweeps.sweep()
    assert sorted(sweeps.told) == sorted(new)
    assert not set(old) & set(sweeps.told)


@pytest.mark.parametrize("cause", ["older ones came", "one left"])
def test_all_of_a_day_is_told_again_rather_than_one_too_few(cause: str) -> None:
    """If no rows make up the mark, it cannot be known which were told; a note says so."""
    listed = Listed()
    for minute in range(8):
        listed.arrive(NOON - timedelta(minutes=minute))
    mark = Mark().plus(row.key for row in listed.rows)
    if cause == "one left":
        listed.leave(3)
    else:
        for _ in range(2):
            listed.arrive(NOON - timedelta(hours=5))
    sweeps = Sweeps(listed, mark)
    sweeps.settle()
    assert set(sweeps.told) == listed.paid_ids
    assert "all are told, some again" in sweeps.listing.notes[0]
    assert sweeps.listing.mark == Mark().plus(row.key for row in listed.rows)


def test_a_restart_while_a_day_is_told_again_begins_that_anew() -> None:
    """The old mark stays until all is told."""
    listed = Listed()
    for minute in range(12):
        listed.arrive(NOON - timedelta(minutes=minute))
    mark = Mark(3, 5)
    sweeps = Sweeps(listed, mark)
    while not sweeps.told:
        sweeps.sweep(pages_max=2)
    assert sweeps.listing.mark == mark
    sweeps.told.clear()
    sweeps.restart(sweeps.listing.mark)
    sweeps.settle()
    assert set(sweeps.told) == listed.paid_ids


def test_rows_count_by_their_own_status() -> None:
    """A pending row under the status success is not told; it is looked at again, and told once it is paid."""
    listed = Listed()
    paid_one = listed.arrive()
    listed.arrive(status="pending")
    listed.put({"status": "success", "merchantRef": "a row without an id"})
    sweeps = Sweeps(listed)
    assert sweeps.sweep() == [paid_one]
    assert sweeps.listing.mark == Mark(1, listed.rows[-1].key)
    row = next(row for row in listed.rows if row.event["id"] == "id-1")
    listed.rows = [replace(each, is_paid=True) if each is row else each for each in listed.rows]
    assert sweeps.sweep() == []
    sweeps.at += paid.READ_AGAIN_UNSURE
    assert sweeps.sweep() == ["id-1"]
    sweeps.restart(sweeps.listing.mark)
    assert sweeps.sweep() == []


def test_a_swap_that_leaves_the_total_alone_is_found_within_a_day() -> None:
    """One row left, another came, and not on the first page."""
    listed = Listed(order="oldest")
    for _ in range(9):
        listed.arrive()
    sweeps = Sweeps(listed)
    sweeps.sweep()
    listed.leave(5)
    new = listed.arrive()
    assert sweeps.sweep() == []
    sweeps.at += READ_AGAIN
    assert sweeps.sweep() == [new]


def test_a_swap_that_shows_on_the_first_page_is_found_at_once() -> None:
    """An id that is not known there is enough, whatever the total says."""
    listed = Listed()
    for _ in range(9):
        listed.arrive()
    sweeps = Sweeps(listed)
    sweeps.sweep()
    listed.leave(5)
    new = listed.arrive()
    assert sweeps.sweep() == [new]
    assert sweeps.listing.mark == Mark().plus(row.key for row in listed.rows)


def test_a_row_that_leaves_while_pages_are_read_hides_no_other() -> None:
    """It pulls a row over to a page that was read already, and takes the total down to what was seen."""
    listed = Listed(order="oldest")
    ids = [listed.arrive() for _ in range(12)]
    sweeps = Sweeps(listed)
    for number, _ in enumerate(sweeps.steps()):
        if number == 2:  # the first page, the last and the second were read
            listed.leave(0)
    assert ids[6] not in sweeps.told
    assert sweeps.sweep() == [ids[6]]
    assert sorted(sweeps.told) == sorted(ids)


def test_a_row_that_leaves_between_two_sweeps_loses_no_other() -> None:
    """The first page of the next sweep shows the fall, and is itself the first of the reading anew."""
    listed = Listed()
    ids = [listed.arrive() for _ in range(12)]
    sweeps = Sweeps(listed)
    sweeps.sweep(pages_max=2)
    listed.leave(1)
    sweeps.sweep()
    assert sorted(sweeps.told) == sorted(ids)
    assert (sweeps.listing.is_read, sweeps.fetched, sweeps.listing.notes) == (True, 2 + 4, [])
    assert sweeps.listing.mark == Mark().plus(row.key for row in listed.rows)


def test_a_row_that_comes_while_pages_are_read_is_told_by_the_next_sweep() -> None:
    """Pages of one sweep are never taken for another look at the listing."""
    listed = Listed()
    for _ in range(9):
        listed.arrive()
    sweeps = Sweeps(listed)
    for number, _ in enumerate(sweeps.steps()):
        if number == 1:
            listed.arrive()
    hidden = listed.paid_ids - set(sweeps.told)
    assert len(hidden) == 2  # it, and the row that it pushed over to a page that was read already
    assert set(sweeps.sweep()) == hidden
    assert (sweeps.listing.is_read, sweeps.listing.notes) == (True, [])


def test_a_total_that_never_agrees_blocks_nothing() -> None:
    """A gateway that lists one id twice is believed after some passes, told once, and a note says so."""
    listed = Listed()
    ids = [listed.arrive() for _ in range(7)]
    listed.rows.append(listed.rows[0])
    sweeps = Sweeps(listed)
    for _ in range(PASSES_MAX + 1):
        sweeps.sweep()
    assert sorted(sweeps.told) == sorted(ids)
    assert "does not agree" in sweeps.listing.notes[0]
    assert sweeps.listing.is_read
    new = listed.arrive()
    assert sweeps.sweep() == [new]
    sweeps.restart(sweeps.listing.mark)
    sweeps.told.clear()
    for _ in range(PASSES_MAX + 1):
        sweeps.sweep()
    assert (sweeps.told, sweeps.listing.is_read) == ([], True)


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_a_payment_listed_as_paid_and_as_pending_is_paid(order: str) -> None:
    """Whichever of the two rows comes first: it is told once, and is one payment of the mark, not two."""
    listed = Listed(order=order)
    paid_one = listed.arrive()
    listed.put({"id": paid_one, "status": "pending"})
    sweeps = Sweeps(listed)
    sweeps.settle()
    assert sweeps.told == [paid_one]
    assert sweeps.listing.mark == Mark(1, hash64(paid_one.encode()))
    assert "does not agree" in sweeps.listing.notes[0]


def test_a_listing_whose_ids_were_dropped_is_read_when_it_moves() -> None:
    """Only then, and then in full; nothing is told twice."""
    listed = Listed()
    for _ in range(9):
        listed.arrive()
    sweeps = Sweeps(listed)
    sweeps.sweep()
    sweeps.told.clear()
    sweeps.listing.drop_ids()
    assert (sweeps.listing.ids_kept, sweeps.sweep(), sweeps.fetched) == (0, [], 4)
    new = listed.arrive(NOON + timedelta(hours=1))
    assert sweeps.sweep() == [new]
    assert sweeps.listing.ids_kept == 10


def test_a_listing_that_is_being_read_keeps_its_ids() -> None:
    """Dropped in the middle, they would be found out anew from the first page on."""
    listed = Listed()
    for _ in range(9):
        listed.arrive()
    sweeps = Sweeps(listed)
    sweeps.sweep(pages_max=2)
    sweeps.listing.drop_ids()
    assert sweeps.listing.ids_kept == 6
    sweeps.sweep(pages_max=2)
    assert sweeps.listing.ids_kept == 9


def test_newest_beyond() -> None:
    """The newest whose absence leaves the mark; among equals whichever fit; else None."""
    keys = [hash64(b"%d" % number) for number in range(8)]
    at = {key: float(number // 2) for number, key in enumerate(keys)}  # two in each second
    assert newest_beyond(Mark().plus(keys), at) == frozenset()
    assert newest_beyond(Mark().plus(keys[:5]), at) == frozenset(keys[5:])
    assert newest_beyond(Mark().plus([*keys[:4], keys[5]]), at) == frozenset([keys[4], *keys[6:]])
    assert newest_beyond(Mark().plus(keys[1:]), at) == frozenset(keys[:1])
    assert newest_beyond(Mark().plus(keys[2:]), at) is None
    assert newest_beyond(Mark(8, 1), at) is None
    assert newest_beyond(Mark(9, 1), at) is None
    assert newest_beyond(Mark(), {}) == frozenset()


def test_the_search_among_equals_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand payments in one second are told again rather than tried in all ways."""
    monkeypatch.setattr(paid, "TIES_MAX", 50)
    keys = [hash64(b"%d" % number) for number in range(1000)]
    assert newest_beyond(Mark().plus(keys[::2]), dict.fromkeys(keys, 1.0)) is None
