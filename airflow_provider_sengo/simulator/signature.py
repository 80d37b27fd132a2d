# SPDX-License-Identifier: Apache-2.0
"""How the simulated SenGo checks ``X-Signature``: HMAC-SHA512, key = token, message = key + JSON.

Source: docs.sengo.id/authentication. Over which text the server verifies is not documented, so both
readings exist: ``raw`` (the bytes received) and ``reencode`` (``json_encode(json_decode($body, true))``).
``both`` asks for both: a client that passes it passes either real server.
"""

import hashlib
import hmac
from typing import Any

from .php_json import php_encode


def sign(client_key: str, client_token: str, body_text: bytes = b"") -> str:
    """128 lower-case hex digits; an empty body text is the GET signature."""
    return hmac.new(client_token.encode(), client_key.encode() + body_text, hashlib.sha512).hexdigest()


def is_signed(
    signature: str,
    *,
    client_key: str,
    client_token: str,
    body: bytes,
    decoded: Any,
    verify: str,
    laravel_input: bool = False,
) -> bool:
    """Tell whether the signature holds for a body, in constant time; decoded is PHP's reading of it."""
    wanted = []
    if verify in ("raw", "both"):
        wanted.append(sign(client_key, client_token, body))
    if verify in ("reencode", "both"):
        value = trim_like_laravel(decoded) if laravel_input else decoded
        wanted.append(sign(client_key, client_token, php_encode(value).encode()))
    # Every comparison is made, so that the time taken does not tell which one failed.
    matches = [same_text(signature, one) for one in wanted]
    return all(matches)


def same_text(given: str, wanted: str) -> bool:
    """Compare in constant time; header text may hold anything latin-1."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def trim_like_laravel(value: Any) -> Any:
    """Laravel's default middleware trims strings and turns empty ones into null before ``all()``."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        return [trim_like_laravel(member) for member in value]
    if isinstance(value, dict):
        return {name: trim_like_laravel(member) for name, member in value.items()}
    return value
