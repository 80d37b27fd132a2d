# SPDX-License-Identifier: Apache-2.0
"""What many waiters learn from a day's listing, whatever rows stand in it."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from airflow_provider_sengo.protocol.envelope import ListingPage
from airflow_provider_sengo.protocol.sengo import Transaction
from airflow_provider_sengo.triggers.listings import Listing, Listings
from airflow_provider_sengo.triggers.poller import Hint

TODAY = date(2026, 11, 22)
PAID = b'{"id": "%b", "status": "success", "amount": 10000}'
WAITED_FOR = {id: Hint(type="cashIn", statuses=("success",)) for id in ("first", "last")}
DEEP = 50_000  # far beyond what a decoder follows


@pytest.mark.parametrize(
    "odd",
    [
        b'{"id": "odd", "more": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"id": 5, "status": "success"}',
        b'{"id": "\xff", "status": "success"}',
        b'{"status": "success"}',
        b"[]",
        b'{"id": "first", "status": 5}',
    ],
    ids=["nested without end", "a number as id", "no text in UTF-8", "no id", "no record", "no status"],
)
def test_an_odd_row_does_not_end_the_look_of_all(odd: bytes) -> None:
    """The rows around it are told; it is asked for by its id itself, later."""
    rows = (PAID % b"first", odd, PAID % b"last")

    async def fetch(name: Listing, page: int) -> ListingPage:
        return ListingPage(current_page=page, total_pages=1, total_records=len(rows), rows=rows)

    told: dict[str, Transaction] = {}
    listings = Listings(fetch, window=lambda: [TODAY], at_a_time=2)
    assert asyncio.run(listings.read(WAITED_FOR, told.__setitem__))
    assert {id: (seen.id, seen.status) for id, seen in told.items()} == {
        id: (id, "success") for id in WAITED_FOR
    }
