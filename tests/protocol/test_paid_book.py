# SPDX-License-Identifier: Apache-2.0
"""The listings of the gateway's window, and the cursor that survives a restart."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from airflow_provider_sengo.protocol.paid_book import Book, Cursor, name_of, read_cursor, window
from airflow_provider_sengo.protocol.paid_rows import Mark, read_row

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=30)


class Page(NamedTuple):
    """A page as the gateway shows it."""

    current_page: int
    total_pages: int
    total_records: int


def read_whole(book: Book, ids: str) -> None:
    """Let every listing be one page of paid rows with these ids."""
    rows = [
        read_row(json.dumps({"id": id, "status": "success"}).encode(), type="cashIn", project="p")
        for id in ids
    ]
    for listing in book.listings.values():
        listing.look(Page(1, 1, len(rows)), rows, NOON)


def test_the_window_is_seven_days_in_jakarta() -> None:
    """Today first; it turns at midnight there."""
    assert window(datetime(2026, 11, 20, 16, 59, tzinfo=UTC))[0] == date(2026, 11, 20)
    days = window(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))
    assert (days[0], days[-1], len(days)) == (date(2026, 11, 21), date(2026, 11, 15), 7)


def test_a_cursor_survives_json() -> None:
    """As small as it is said, and the same back."""
    marks = {f"2026-11-{day} cashIn": Mark(100_000, 2**64 - day) for day in range(15, 22)}
    cursor = Cursor(NOON, marks)
    text = json.dumps(cursor.as_json())
    assert len(text) < 500
    assert read_cursor(json.loads(text)) == cursor


@pytest.mark.parametrize(
    "value",
    [
        *(None, 3, "", [], {}, {"v": 2, "since": NOON.isoformat(), "days": {}}),
        *({"v": 1, "since": "x", "days": {}}, {"v": 1, "since": "2026-11-20T12:00:00", "days": {}}),
        *({"v": 1, "since": NOON.isoformat(), "days": days} for days in ([1], {"a": 1}, {"a": [1]})),
        *(
            {"v": 1, "since": NOON.isoformat(), "days": {"a": pair}}
            for pair in ([-1, "0"], [1, "-1"], [1, 2])
        ),
        {"v": 1, "since": NOON.isoformat(), "days": {"a": [1, "1" + 16 * "0"]}},
    ],
)
def test_what_is_no_cursor_is_none(value: Any) -> None:
    """Another release's, or a broken one."""
    assert read_cursor(value) is None


def test_a_book_follows_the_window() -> None:
    """Days that are left are forgotten with their marks, the others keep them; new ones begin at ``since``."""
    gone, kept = Mark(4, 4), Mark(5, 5)
    days = window(NOON)
    cursor = Cursor(NOON, {"2026-11-13 cashIn": gone, name_of((days[3], "cashIn")): kept})
    book = Book(cursor, ["cashIn"], started_at=NOON)
    assert book.cursor() == cursor
    book.turn_to(days)
    assert book.cursor() == Cursor(NOON, {name_of((days[3], "cashIn")): kept})
    first = book.listings[days[0], "cashIn"]
    book.turn_to(window(NOON + timedelta(days=1)))
    assert book.listings[days[0], "cashIn"] is first
    assert len(book.listings) == 7
    book.turn_to(window(NOON + timedelta(days=10)))
    assert book.cursor().marks == {}


def test_a_listing_is_remembered_by_its_mark() -> None:
    """What was read to its end is in the cursor under its name; what was not is not, and is read anew."""
    book = Book(Cursor(LONG_AGO), ["cashIn", "cashOut"], started_at=NOON)
    book.turn_to([date(2026, 11, 20)])
    assert book.cursor().as_json() == {"v": 1, "since": "2026-10-21T12:00:00+00:00", "days": {}}
    read_whole(book, "abc")
    assert set(book.cursor().marks) == {"2026-11-20 cashIn", "2026-11-20 cashOut"}
    assert {mark.count for mark in book.cursor().marks.values()} == {3}


def test_memory_is_bounded_from_the_oldest_day_on() -> None:
    """The newest day keeps its ids, whatever they are: it moves all the time."""
    book = Book(Cursor(LONG_AGO), ["cashIn"], started_at=NOON)
    book.turn_to(window(NOON))
    read_whole(book, "abcd")
    kept = lambda: [listing.ids_kept for _, listing in sorted(book.listings.items())]  # noqa: E731 - said thrice
    book.bound_memory(28)
    assert kept() == [4] * 7
    book.bound_memory(9)
    assert kept() == [0] * 5 + [4] * 2
    book.bound_memory(0)
    assert kept() == [0] * 6 + [4]


def test_a_book_without_listings_has_nothing_to_forget() -> None:
    """Before the first day is followed."""
    book = Book(Cursor(LONG_AGO), ["cashIn"], started_at=NOON)
    book.bound_memory(0)
    assert book.cursor() == Cursor(LONG_AGO)
