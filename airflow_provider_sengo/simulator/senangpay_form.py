# SPDX-License-Identifier: Apache-2.0
"""The fields of a request's body: a form of either kind, or JSON where that is allowed. Pure."""

import email.parser
import json
from typing import Any
from urllib.parse import parse_qsl

FIELDS_MAX = 100


class UnreadableBody(ValueError):
    """A content type or a body that a PHP form handler would not read."""


def read_fields(content_type: str, body: bytes, *, accept_json: bool) -> dict[str, str]:
    """Name -> text; of a field that stands twice the last counts."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return read_urlencoded(body)
    if kind == "multipart/form-data":
        return _multipart(content_type, body)
    if kind == "application/json" and accept_json:
        return _json(body)
    raise UnreadableBody(kind)


def read_urlencoded(body: bytes) -> dict[str, str]:
    """The fields of ``a=1&b=2``; decoded once, as UTF-8."""
    text = body.decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise UnreadableBody("too many fields") from error
    return dict(pairs)


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode("latin-1", "replace")
    message = email.parser.BytesParser().parsebytes(head + body)
    if not message.is_multipart():
        raise UnreadableBody("multipart without parts")
    fields = {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
        payload = part.get_payload(decode=True)  # type: ignore[union-attr]
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = payload.decode("utf-8", "replace")
    return fields


def _json(body: bytes) -> dict[str, str]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableBody("no JSON") from error
    if not isinstance(value, dict):
        raise UnreadableBody("no object")
    return {name: _text(member) for name, member in value.items()}


def _text(value: Any) -> str:
    """As PHP makes text of it; what has no plain text becomes JSON, which no field's rule allows."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # a lone surrogate has no UTF-8
    return str(value) if type(value) is int else json.dumps(value)
