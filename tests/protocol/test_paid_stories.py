# SPDX-License-Identifier: Apache-2.0
"""Every payment of a listing is told, whatever moves and dies: stories made at random."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paid_listing import Listed, Sweeps

from airflow_provider_sengo.protocol.paid_rows import Mark

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.integers(0, 4), st.sampled_from([0, 0, 0, -30, None])),
        st.tuples(st.just("sweep"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("steps"), st.integers(1, 4), st.integers(0, 3)),  # rows come between two pages
        st.tuples(st.just("restart"), st.integers(0, 3), st.integers(0, 4)),
        st.tuples(st.just("drop"), st.just(0), st.just(0)),
        st.tuples(st.just("leave"), st.integers(0, 100), st.integers(0, 2)),
    ),
    max_size=40,
)


class Story:
    """A listing, its sweeps and a store, moved at random."""

    def __init__(self, size: int, order: str) -> None:
        self.listed = Listed(size, order)
        self.sweeps = Sweeps(self.listed)
        self.stored: list[Mark | None] = [None]  # after each sweep

    def arrive(self, count: int, age_s: int | None) -> None:
        for _ in range(count):
            self.listed.arrive(None if age_s is None else self.sweeps.at + timedelta(seconds=age_s))

    def sweep(self, pages_max: int) -> None:
        self.sweeps.sweep(pages_max=pages_max)
        self.stored.append(self.sweeps.listing.mark)

    def steps(self, pages_max: int, arrivals: int) -> None:
        for _ in self.sweeps.steps(pages_max=pages_max):
            self.arrive(arrivals, 0)
        self.stored.append(self.sweeps.listing.mark)

    def restart(self, steps: int, back: int) -> None:
        """Die after some pages; the store may be some sweeps behind."""
        for at, _ in enumerate(self.sweeps.steps()):
            if at >= steps:
                break
        mark = self.stored[max(0, len(self.stored) - 1 - back)]
        self.stored.append(mark)
        self.sweeps.restart(mark)

    def drop(self, *_: int) -> None:
        self.sweeps.listing.drop_ids()

    def leave(self, at: int, count: int) -> None:
        for _ in range(count):
            self.listed.leave(at)


SHAPE = {"size": st.integers(1, 4), "order": st.sampled_from(["newest", "oldest", "hash"]), "moves": MOVES}
THOROUGH = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@THOROUGH
@given(**SHAPE)
def test_without_restarts_each_payment_is_told_exactly_once(size: int, order: str, moves: list[Any]) -> None:
    """However rows arrive, also while pages are read, and however few pages a sweep may fetch."""
    story = Story(size, order)
    for what, first, second in moves:
        if what not in ("restart", "leave", "drop"):
            getattr(story, what)(first, second) if what != "sweep" else story.sweep(first)
    story.sweeps.settle()
    assert sorted(story.sweeps.told) == sorted(story.listed.paid_ids)


@THOROUGH
@given(**SHAPE)
def test_over_restarts_each_payment_is_told_at_least_once(size: int, order: str, moves: list[Any]) -> None:
    """Killed at any page, with a store that is some sweeps behind, while rows come and go."""
    story = Story(size, order)
    for what, first, second in moves:
        getattr(story, what)(first, second) if what != "sweep" else story.sweep(first)
    story.sweeps.settle()
    assert story.listed.paid_ids <= set(story.sweeps.told)
