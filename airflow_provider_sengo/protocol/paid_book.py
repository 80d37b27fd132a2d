# SPDX-License-Identifier: Apache-2.0
"""The listings of the gateway's window, and the cursor that survives a restart.

Pure. The cursor is plain JSON of some hundred bytes: one instant, and for each listing how many payments
were told and an order-free digest of their ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from airflow_provider_sengo.protocol import jakarta
from airflow_provider_sengo.protocol.paid import Listing
from airflow_provider_sengo.protocol.paid_rows import MASK, Mark

IDS_MAX = 1_000_000  # 9 MB
VERSION = 1

Key = tuple[date, str]


def window(at: datetime) -> list[date]:
    """The days (Asia/Jakarta) that the gateway lists, today first.

    What its ``date`` means is not documented. If it is the expiry, a payment that expires on a later day is
    listed when that day begins, so tomorrow need not be asked for: nothing is lost, it is told later.
    """
    return jakarta.window(at)[::-1]


@dataclass(frozen=True)
class Cursor:
    """What was told: payments before ``since`` never, of the days the rows that make up the marks."""

    since: datetime
    marks: dict[str, Mark] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; the same for the same cursor."""
        days = {name: [mark.count, f"{mark.digest:016x}"] for name, mark in sorted(self.marks.items())}
        return {"v": VERSION, "since": self.since.isoformat(), "days": days}


def read_cursor(value: object) -> Cursor | None:
    """A cursor as ``as_json`` wrote it; None if it is none, or another release's."""
    try:
        if not isinstance(value, dict) or value["v"] != VERSION:
            return None
        since = datetime.fromisoformat(value["since"])
        marks = {
            str(name): Mark(int(count), int(digest, 16)) for name, (count, digest) in value["days"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):  # 1e999 is an infinite float
        return None
    sound = all(mark.count >= 0 and 0 <= mark.digest <= MASK for mark in marks.values())
    return Cursor(since, marks) if sound and since.tzinfo is not None else None


class Book:
    """The listings that are followed. ``started_at``: since when, without a break."""

    def __init__(self, cursor: Cursor, types: Sequence[str], *, started_at: datetime) -> None:
        self.since = cursor.since
        self.listings: dict[Key, Listing] = {}
        self._marks = dict(cursor.marks)
        self._types = tuple(types)
        self._started_at = started_at

    def turn_to(self, days: Sequence[date]) -> None:
        """Follow these days, newest first, and forget all others."""
        keys = [(day, type) for day in days for type in self._types]
        self.listings = {
            key: self.listings.get(key)
            or Listing(self._marks.pop(name_of(key), None), since=self.since, started_at=self._started_at)
            for key in keys
        }
        self._marks = {}

    def cursor(self) -> Cursor:
        """What to remember; the listings that were never read to their end have no mark."""
        marks = {name_of(key): listing.mark for key, listing in self.listings.items() if listing.mark}
        return Cursor(self.since, marks | self._marks)

    def bound_memory(self, ids_max: int = IDS_MAX) -> None:
        """Drop the ids of the oldest days until at most ``ids_max`` are left, or only those of the newest day."""
        kept = sum(listing.ids_kept for listing in self.listings.values())
        newest = max((day for day, _ in self.listings), default=None)
        for key in sorted(self.listings):
            if kept <= ids_max or key[0] == newest:
                return
            listing = self.listings[key]
            kept -= listing.ids_kept
            listing.drop_ids()
            kept += listing.ids_kept


def name_of(key: Key) -> str:
    """A listing's name in the cursor: ``2026-11-22 cashIn``."""
    return f"{key[0].isoformat()} {key[1]}"
