# SPDX-License-Identifier: Apache-2.0
"""What cannot be stored in a table, found before it gets there: broken text, endless numbers, far instants.

Pure. One such value must cost its own field, never the record it stands in, and least of all the archive:
an instant after year 9999 in a file's statistics makes a whole Delta table unreadable.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

INTEGER_DIGITS_MAX = 40  # far beyond 64 bits; Python itself refuses to read more than some thousands

_decode = msgspec.json.Decoder().decode


def decode_leniently(raw: bytes) -> tuple[dict[str, Any], bool]:
    r"""The record as a dict (empty if it is none), and whether its bytes were sound JSON text in UTF-8.

    Text that is not sound is kept legibly, as escapes: ``\ud83d`` for half a surrogate pair. So it can
    be stored, and two ids stay two.
    """
    whole = True
    try:
        record = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        whole = False
        try:
            text = raw.decode("utf-8", "surrogateescape")
            record = json.loads(text, object_pairs_hook=_legible, parse_int=_integer)
        except (ValueError, RecursionError):
            record = None
    return (record, whole) if isinstance(record, dict) else ({}, False)


def can_be_told(moment: datetime | None) -> bool:
    """Whether an instant lies between the years 1 and 9999 of UTC too; None does."""
    if moment is None or 1 < moment.year < 9999:  # the first and the last year need a look
        return True
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _legible(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {_escaped(name): _escaped(value) if isinstance(value, str) else value for name, value in pairs}


def _escaped(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _integer(digits: str) -> int | float:
    """An integer; one beyond all bounds becomes a float, which fits no field."""
    return int(digits) if len(digits) <= INTEGER_DIGITS_MAX else float(digits)
