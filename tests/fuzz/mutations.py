# SPDX-License-Identifier: Apache-2.0
"""One JSON document, bent at one place in every way that a wire can bend it, as bytes.

Values are spliced in as raw bytes, so that what no serialiser writes can stand in a document too: NaN, half a
surrogate pair, bytes that are no UTF-8, a key that stands twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

CANARY = "cAnArY-7f3a-value"  # a value that no error text may show

Path = tuple[str | int, ...]
REMOVED = b"(removed)"
TWICE = b"(twice)"
_MARK = "\x00here\x00"

DEPTHS = (100, 500, 980, 1_000, 100_000)  # around Python's own limit of 1,000, and far beyond
_DEEP = [b"[" * depth + b"]" * depth for depth in DEPTHS] + [b'{"a":' * 100_000 + b"1" + b"}" * 100_000]

VALUES: tuple[bytes, ...] = (
    *(b"null", b"true", b"false", b"0", b"1", b"-1", b"200", b"404", b"1.0", b"1.5", b"-0.0", b"1e2"),
    *(b"9223372036854775807", b"9223372036854775808", b"18446744073709551616", b"1" + b"0" * 30),
    *(b"1" * 4_000, b"1" * 5_000, b"1e308", b"1e999", b"-1e999", b"1" * 400 + b".5"),
    *(b"NaN", b"Infinity", b"-Infinity", b"nul", b""),
    *(b'""', b'" "', b'"0"', b'"1"', b'"success"', b'"SUCCESS"', b'"pending"', b'"x"', b'"\\u0000"'),
    *(
        b'"\\ud800"',
        b'"\\udc00"',
        b'"\\ud83d\\ude00"',
        b'"\xff\xfe"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b'"\n"',
    ),
    *(b'"' + b"z" * 200_000 + b'"', b'"' + b"\\u200b" * 2_000 + b'"'),
    *(b"[]", b"{}", b"[[]]", b"[null]", b"[{}]", b'{"":null}', b'[{"id":1}]'),
    *(b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59Z"', b'"9999-12-31T23:59:59-12:00"'),
    *(b'"2026-02-30T00:00:00+07:00"', b'"2026-11-20T24:00:00+07:00"', b'"2026-11-20T10:00:00"'),
    *(f'"{CANARY}"'.encode(), f'{{"{CANARY}":"{CANARY}"}}'.encode(), f'["{CANARY}"]'.encode()),
    *_DEEP,
    REMOVED,
    TWICE,
)


def paths(document: Any, at: Path = ()) -> Iterator[Path]:
    """Every place of a document, the whole first."""
    yield at
    members = document.items() if isinstance(document, dict) else ()
    members = enumerate(document) if isinstance(document, list) else members
    for name, value in members:
        yield from paths(value, (*at, name))


def bent(document: Any, at: Path, value: bytes) -> bytes:
    """The document's bytes with ``value`` in place of what stood there."""
    if not at:
        return {REMOVED: b"", TWICE: json.dumps([document, document]).encode()}.get(value, value)
    document = deepcopy(document)
    parent = document
    for name in at[:-1]:
        parent = parent[name]
    last = at[-1]
    stood = json.dumps(parent[last]).encode()
    if value == REMOVED:
        del parent[last]
        return json.dumps(document).encode()
    parent[last] = _MARK
    mark = json.dumps(_MARK).encode()
    if value == TWICE:
        again = b", " if isinstance(last, int) else b", " + json.dumps(last).encode() + b": "
        value = stood + again + f'"{CANARY}"'.encode()
    return json.dumps(document).encode().replace(mark, value)
