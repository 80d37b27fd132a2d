# SPDX-License-Identifier: Apache-2.0
"""What of a transaction is personal, and what is shown of it unless it is asked for.

Pure. The record's own bytes (``raw``) hold all of it, in fields that are not known as well, so they are
left out, not masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

HIDDEN = "***"
DIGITS_SHOWN = 4
NUMBER_LENGTH_MIN = 8  # the last four of fewer would tell too much
LEFT_OUT = "raw"


def mask_number(number: str | None) -> str | None:
    """The last four characters of an account or phone number, none of a short one."""
    if number is None:
        return None
    return HIDDEN + (number[-DIGITS_SHOWN:] if len(number) >= NUMBER_LENGTH_MIN else "")


def mask_name(name: str | None) -> str | None:
    """The first letter of a name that has more of them."""
    return None if name is None else (name[:1] if len(name) > 1 else "") + HIDDEN


def mask_address(address: str | None) -> str | None:
    """Scheme and host of a URL: path, query and user can tell who pays, or hold a token."""
    if address is None:
        return None
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return HIDDEN
    if not parts.scheme or not host:
        return HIDDEN
    return f"{parts.scheme}://{host}{'/' + HIDDEN if parts.path.strip('/') or parts.query else ''}"


MASKS = {"account_number": mask_number, "account_name": mask_name, "callback": mask_address}


def masked(row: Mapping[str, Any]) -> dict[str, Any]:
    """A transaction without what is personal in it."""
    return {
        name: MASKS[name](value) if name in MASKS else value
        for name, value in row.items()
        if name != LEFT_OUT
    }
