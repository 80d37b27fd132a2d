# SPDX-License-Identifier: Apache-2.0
"""A listing's page that is not sound JSON text, taken apart all the same.

Pure. One record with half a surrogate pair, a NaN or bytes that are not UTF-8 makes strict decoders refuse
the whole page, and so a whole day would never be archived. Here only the borders of the records are found;
their bytes are left as they came. PHP's own ``json_encode`` writes none of these, so this is the rare way.
"""

from __future__ import annotations

import json
import re
from typing import Any

_BLANKS = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


def split_page(body: bytes) -> tuple[dict[str, Any], list[bytes]] | None:
    """The envelope without its data, and the bytes of each record; None if the borders cannot be found."""
    text = body.decode("latin-1")  # one character a byte, so that places are places in the body
    envelope: dict[str, Any] = {}
    rows: list[bytes] = []
    try:
        at = _expect(text, 0, "{")
        while True:
            name, at = _decode(text, at)
            if not isinstance(name, str):
                return None
            at = _expect(text, at, ":")
            if name == "responseData" and text[at] == "[":
                rows, at = _records(text, body, at)
            else:
                envelope[name], at = _decode(text, at)
            at = _skip(text, at)
            if text[at] == "}":
                return (envelope, rows) if _skip(text, at + 1) == len(text) else None
            at = _expect(text, at, ",")
    except (ValueError, IndexError, RecursionError, TypeError):
        return None


def _records(text: str, body: bytes, at: int) -> tuple[list[bytes], int]:
    """The bytes of each record of the list that begins at ``at``, and where the list ends."""
    rows: list[bytes] = []
    at = _skip(text, at + 1)
    if text[at] == "]":
        return rows, at + 1
    while True:
        _, end = _decode(text, at)
        rows.append(body[at:end])
        at = _skip(text, end)
        if text[at] == "]":
            return rows, at + 1
        at = _expect(text, at, ",")


def _expect(text: str, at: int, character: str) -> int:
    at = _skip(text, at)
    if text[at] != character:
        raise ValueError(f"no {character!r} where one must be")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
