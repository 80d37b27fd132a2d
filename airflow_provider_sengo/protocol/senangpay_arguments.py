# SPDX-License-Identifier: Apache-2.0
"""What senangPay's endpoints accept as arguments, checked before anything is built.

Every refusal is a ValueError that names the argument and the rule, never the value. Nothing is trimmed or
converted: the hash covers what was given, and it is not published what the gateway would cut off.
Source: guide.senangpay.com, Tokenization API, sections 1.2, 2.2 and 3.2, and Query APIs.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from airflow_provider_sengo.protocol.signing import broken_text_rule

NAME_CHARACTERS_MAX = 100  # also of detail; the page does not say whether bytes or characters
EMAIL_CHARACTERS_MAX = 254  # RFC 5321; the page names no limit
PHONE_CHARACTERS_MAX = 50  # more than any number with extension; the page names no limit
ID_CHARACTERS_MAX = 100  # order ids and references: the limit of the neighbouring APIs
TOKEN_CHARACTERS_MAX = 200  # the samples have 8 to 64

_ORDER_ID = re.compile(r"[A-Za-z0-9]{1,100}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def checked_text(value: object, field: str, characters_max: int) -> str:
    """Text that means the same before and after any trimming; an int would lose a leading zero."""
    rule = _broken_rule(value, characters_max)
    if rule or not isinstance(value, str):
        raise ValueError(f"{field}: {rule}.")
    return value


def _broken_rule(value: object, characters_max: int) -> str:
    if not isinstance(value, str):
        return f"must be text, not {type(value).__name__}"
    if not value or value.isspace():
        return "must not be empty or blank"
    if _CONTROL.search(value):
        return "must not hold control characters such as line ends; take them out"
    if len(value) > characters_max:
        return f"must have at most {characters_max} characters; shorten it"
    return broken_text_rule(value)


def checked_order_id(value: object) -> str:
    """Of a charge: "can be number or string, other character is invalid"."""
    if not isinstance(value, str) or not _ORDER_ID.fullmatch(value):
        raise ValueError(
            "order_id: must be text of 1 to 100 ASCII letters and digits, without blanks or signs."
        )
    return value


def checked_id(value: object, field: str) -> str:
    """An id to look up: it may come from another product, whose ids have other characters."""
    return checked_text(value, field, ID_CHARACTERS_MAX)


def checked_email(value: object) -> str:
    """The page gives no rule; one @ with something on both sides catches fields that were swapped."""
    text = checked_text(value, "email", EMAIL_CHARACTERS_MAX)
    user, _, host = text.partition("@")
    if not user or not host or "@" in host:
        raise ValueError("email: must be one address, such as 'buyer@example.com'.")
    return text


def checked_token(value: object) -> str:
    """A card token is opaque; 0 is how the gateway says that there is none."""
    text = checked_text(value, "token", TOKEN_CHARACTERS_MAX)
    if not text.strip("0"):
        raise ValueError("token: 0 means that no card was stored; have the card tokenized again.")
    return text


def checked_window(start: datetime, end: datetime) -> tuple[str, str]:
    """Two aware datetimes as unix seconds: the whole seconds around the window."""
    for field, value in (("start", start), ("end", end)):
        if not isinstance(value, datetime) or value.utcoffset() is None:
            raise ValueError(f"{field}: must be a datetime with a time zone.")
    start_s, end_s = (start - _EPOCH) // _SECOND, -((_EPOCH - end) // _SECOND)
    if start_s <= 0:
        raise ValueError("start: must be later than 1970.")
    if end <= start:
        raise ValueError("end: must be later than start.")
    return str(start_s), str(end_s)
