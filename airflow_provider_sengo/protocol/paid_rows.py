# SPDX-License-Identifier: Apache-2.0
"""A listed transaction as the event about its payment tells it, and sets of ids in eight bytes each.

Pure. Lenient: only the id is needed, so that one odd record never keeps a payment from being told. What does
not fit is None; nothing is guessed. No personal data gets in: no account, no name, no callback.
Source of the fields: docs.sengo.id/extras/transactions and /fund-acceptance/qris.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from airflow_provider_sengo.protocol.lenient import CHANNELS, decode_leniently

MASK = (1 << 64) - 1
SUCCESS = "success"


@dataclass(frozen=True, slots=True)
class PaidRow:
    """A record of a listing of paid transactions.

    ``key``: 64 bits of BLAKE2b of the id, of the whole record where that has none. ``is_paid``: its own
    status is success, and it has an id. ``paid_at``: aware, or None. ``event``: what is told about it.
    """

    key: int
    is_paid: bool
    paid_at: datetime | None
    event: dict[str, Any]


def read_row(raw: bytes, *, type: str, project: str) -> PaidRow:
    """A record's own bytes as a row; never raises."""
    record, _ = decode_leniently(raw)
    id = _text(record.get("id"))
    paid_at = _instant(record.get("paidDate"))
    event = {
        "id": id,
        "reference": _text(record.get("merchantRef")),
        "amount": _whole(record.get("amount")),
        "total_amount": _whole(record.get("totalAmount")),
        "fee": _whole(record.get("fee")),
        "fee_payer": _text(record.get("feePayer")),
        "paid_at": paid_at.isoformat() if paid_at else None,
        "channel": next((ours for wire, ours in CHANNELS.items() if record.get(wire)), None),
        "type": type,
        "project": project,
        "status": SUCCESS,
    }
    key = hash64(id.encode() if id else raw)
    return PaidRow(key, bool(id) and record.get("status") == SUCCESS, paid_at, event)


def hash64(data: bytes) -> int:
    """64 bits of BLAKE2b: of a million ids, two share them once in 37 million times."""
    return int.from_bytes(blake2b(data, digest_size=8).digest())


@dataclass(frozen=True, slots=True)
class Mark:
    """How many rows, and the sum of their keys modulo 2^64: equal for equal sets, in whatever order."""

    count: int = 0
    digest: int = 0

    def plus(self, keys: Iterable[int]) -> Mark:
        """The mark of a set that has these keys, too."""
        added = list(keys)
        return Mark(self.count + len(added), (self.digest + sum(added)) & MASK)


class Ids:
    """A set of 64-bit keys, kept sorted in eight bytes each; Python's own set takes about ninety."""

    def __init__(self, keys: Iterable[int] = ()) -> None:
        self._keys = array("Q", sorted(set(keys)))

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: int) -> bool:
        at = bisect_left(self._keys, key)
        return at < len(self._keys) and self._keys[at] == key

    def add(self, key: int) -> bool:
        """Put a key in; whether it was new."""
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            return False
        self._keys.insert(at, key)
        return True


def _text(value: object) -> str | None:
    """Text, and not an empty one."""
    return value or None if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    """An integer of 64 bits, and no truth value."""
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _instant(value: object) -> datetime | None:
    """An instant with its zone; without one it says too little."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
