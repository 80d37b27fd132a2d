# SPDX-License-Identifier: Apache-2.0
"""Change single fields of JSON by a dotted path from its root (``responseData.amount``, ``data.0.msg``). Pure."""

import json
from typing import Any


def set_field(root: Any, path: str, value: Any) -> None:
    """Set one field; KeyError or IndexError when the way to it does not exist."""
    parent, last = _parent(root, path)
    parent[int(last) if isinstance(parent, list) else last] = value


def remove_field(root: Any, path: str) -> None:
    """Take one field out, if it is there."""
    parent, last = _parent(root, path)
    if isinstance(parent, dict):
        parent.pop(last, None)
    else:
        del parent[int(last)]


def _parent(root: Any, path: str) -> tuple[Any, str]:
    *way, last = path.split(".")
    for name in way:
        root = root[int(name)] if isinstance(root, list) else root[name]
    return root, last


def read_json(body: bytes) -> Any:
    """The decoded body, or None when it is no JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def write_json(value: Any) -> bytes:
    """Python's own JSON: odd values go out as they were given."""
    return json.dumps(value, separators=(",", ":")).encode()
