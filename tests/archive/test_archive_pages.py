# SPDX-License-Identifier: Apache-2.0
"""What the pages of a listing prove, and which are asked for."""

from __future__ import annotations

import pytest
from archive_world import record

from airflow_provider_sengo.archive.pages import Pass, PassFacts
from airflow_provider_sengo.archive.rows import read_rows
from airflow_provider_sengo.protocol.envelope import ListingPage

TWICE = "an id was listed twice"
TOTALS = "the totals changed"
SIZE = "a page had another number of rows than its place asks for"
TOTAL = "distinct ids differ from the total"


def page(number: int, ids: str, *, pages: int = 3, total: int = 8, status: str = "success") -> ListingPage:
    """A page of rows named by single letters."""
    return ListingPage(number, pages, total, tuple(record(id, status) for id in ids))


def walk(*pages: ListingPage, again: tuple[ListingPage, ...] = (), downward: bool = False) -> PassFacts:
    """The facts of a pass that was given these pages."""
    this = Pass(pages[0], downward=downward)
    for each in pages:
        this.take(each, read_rows(each.rows)[0])
    for each in again:
        if not this.compare(each):
            this.take(each, read_rows(each.rows)[0])
    return this.close()


QUIET = (page(1, "abc"), page(2, "def"), page(3, "gh"))


def test_quiet_pass():
    """A pass in which nothing moves is quiet, and tells what the listing holds."""
    facts = walk(*QUIET, again=(QUIET[0], QUIET[2]))
    assert facts.quiet
    assert (facts.pages, facts.rows, facts.distinct_ids, facts.claimed_total) == (3, 8, 8, 8)
    assert (facts.amount_sum, facts.odd_rows, facts.totals_fell) == (8000, 0, False)


@pytest.mark.parametrize(
    ("pages", "again", "moved"),
    [
        ((page(1, "abc"), page(2, "def", total=9), page(3, "gh")), (), {TOTALS}),
        ((page(1, "abc"), page(2, "def", total=7), page(3, "gh")), (), {TOTALS}),
        ((page(1, "abc"), page(2, "def", pages=4), page(3, "gh")), (), {TOTALS}),
        ((page(1, "abc"), page(2, "cde"), page(3, "fg")), (), {TWICE, TOTAL}),
        ((page(1, "abc"), page(2, "de"), page(3, "gh")), (), {SIZE, TOTAL}),
        ((page(1, "abc"), page(2, "defi"), page(3, "gh")), (), {SIZE, TOTAL}),
        ((page(1, "abc"), page(2, "def"), page(3, "ghi")), (), {SIZE, TOTAL}),
        ((page(1, "abc"), page(2, "def"), page(3, "")), (), {SIZE, TOTAL}),
        (QUIET, (page(1, "xbc"),), {"page 1 changed while the others were read", TWICE, TOTAL}),
        (QUIET, (page(1, "abc", total=9),), {TOTALS}),
        (QUIET, (page(3, "gx"),), {"page 3 changed while the others were read", TWICE, TOTAL}),
        (QUIET, (page(1, "abc", status="failed"),), {"page 1 changed while the others were read", TWICE}),
        ((page(1, "abc"), page(2, "def"), page(3, "ga")), (), {TWICE, TOTAL}),
        ((page(1, "aab", total=3, pages=1),), (), {TWICE, TOTAL}),
        ((page(1, "", total=2, pages=1),), (), {SIZE, TOTAL}),
        ((page(1, "abc", total=0, pages=0),), (), {SIZE, TOTAL}),
    ],
)
def test_each_sign_of_movement(pages, again, moved):
    """Every sign of movement is seen and named."""
    facts = walk(*pages, again=again)
    assert set(facts.moved) == moved
    assert not facts.quiet


def test_totals_fell():
    """Only falling totals ask for a walk from the end; a rise after a fall does not hide the fall."""
    assert not walk(page(1, "abc"), page(2, "def", total=9)).totals_fell
    assert walk(page(1, "abc"), page(2, "def", total=7), page(3, "gh", total=9)).totals_fell
    assert walk(*QUIET, again=(page(1, "abc", total=7),)).totals_fell


def test_directions():
    """A pass walks up, or from the last page down to the second."""
    assert list(Pass(QUIET[0], downward=False).numbers) == [2, 3]
    assert list(Pass(QUIET[0], downward=True).numbers) == [3, 2]
    assert walk(*(QUIET[place] for place in (0, 2, 1)), again=(QUIET[0], QUIET[2]), downward=True).quiet


@pytest.mark.parametrize("pages", [0, 1])
def test_empty_listing(pages):
    """An empty listing is quiet, whether the gateway calls that no page or one."""
    empty = page(1, "", pages=pages, total=0)
    this = Pass(empty, downward=False)
    assert (list(this.numbers), this.look_again()) == ([], (1,))
    facts = walk(empty, again=(empty,))
    assert (facts.quiet, facts.pages, facts.rows, facts.ids_digest) == (True, 1, 0, "0" * 16)


def test_pages_that_come_up_behind_the_last_are_asked_for():
    """Rows that arrive push others to pages that were not there when the pass began; none is left unread."""
    this = Pass(QUIET[0], downward=False)
    assert list(this.pushed_out()) == []
    this.take(page(2, "def", pages=5, total=14), read_rows(QUIET[1].rows)[0])
    this.take(page(3, "ghi", pages=4, total=12), read_rows(QUIET[2].rows)[0])  # two were there for a while
    assert list(this.pushed_out()) == [4, 5]


def test_looks_again_at_both_ends():
    """The first and the last page are read again; a single page is both."""
    assert Pass(QUIET[0], downward=False).look_again() == (1, 3)
    single = page(1, "ab", pages=1, total=2)
    assert Pass(single, downward=False).look_again() == (1,)
    assert walk(single, again=(single,)).quiet


def test_digest_is_of_the_set_of_ids():
    """The digest does not depend on order, repeats or anything but the ids."""
    digests = {
        walk(*QUIET).ids_digest,
        walk(page(1, "hgf"), page(2, "edc"), page(3, "ba")).ids_digest,
        walk(page(1, "abc"), page(2, "def"), page(3, "gha")).ids_digest,
        walk(page(1, "abc", status="failed"), page(2, "def"), page(3, "gh")).ids_digest,
    }
    assert len(digests) == 1
    assert walk(page(1, "abc"), page(2, "def"), page(3, "gi")).ids_digest not in digests


def test_sums_only_whole_successes():
    """The sum is of readable amounts of rows whose own status is success; odd rows are counted."""
    rows = (record("a"), record("b", "failed"), record("c", amount=1.5), record("d", "refunded"))
    only = ListingPage(1, 1, 4, rows)
    facts = walk(only)
    assert (facts.amount_sum, facts.odd_rows, facts.rows) == (1000, 2, 4)


def test_a_sum_that_no_column_holds_spoils_no_day():
    """Rows of absurd amounts are rows all the same; their day must stay provable."""
    most = 2**63 - 1
    rows = tuple(record(id, "success", amount=most) for id in "ab")
    both = ListingPage(1, 1, 2, rows)
    facts = walk(both, again=(both,))
    assert (facts.quiet, facts.distinct_ids, facts.amount_sum) == (True, 2, most)
