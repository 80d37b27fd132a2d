# SPDX-License-Identifier: Apache-2.0
"""What SenGo's endpoints accept as arguments, checked before anything is built.

Every refusal is a ValueError that names the argument and the rule, never the value. What a body may hold at
all is ``signing.php_json``'s to say. No request is built here.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import date, datetime
from urllib.parse import quote, urlencode, urlsplit

from airflow_provider_sengo.protocol.money import parse_positive

ID_CHARACTERS_MAX = 200  # more than any id seen (36), and far below a URL's limit
_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_WORD = re.compile(r"[A-Za-z]{1,32}", re.ASCII)
_URL = re.compile(r"https?://[!-~]+", re.ASCII | re.IGNORECASE)


def listing_query(day: date, type: str, status: str, page: int) -> str:
    """All four parameters, always: the page calls them mandatory and gives defaults."""
    is_day = isinstance(day, date) and not isinstance(day, datetime)
    if not is_day:
        raise ValueError("day: must be a datetime.date (a day in Asia/Jakarta), not a datetime or text.")
    for field, word in (("type", type), ("status", status)):
        if not isinstance(word, str) or not _WORD.fullmatch(word):
            raise ValueError(f"{field}: must be one word of ASCII letters, such as 'cashIn' or 'success'.")
    number = parse_positive(page, field="page", unit="pages")
    return urlencode({"page": number, "status": status, "date": day.isoformat(), "type": type})


def check_path(id_or_reference: object) -> str:
    """``/check/...`` with everything quoted that could leave the path."""
    text = id_or_reference if isinstance(id_or_reference, str) else ""
    if not text.isprintable() or text != text.strip() or text in ("", ".", ".."):
        raise ValueError("id or reference: must be printable text without blanks around, not '.' or '..'.")
    if len(text) > ID_CHARACTERS_MAX:
        raise ValueError(f"id or reference: must have at most {ID_CHARACTERS_MAX} characters.")
    return f"/check/{quote(text, safe='')}"


def checked_reference(value: object) -> str:
    """SenGo publishes no rule for references; this one is safe in a path and in any column."""
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise ValueError("reference: must be 1 to 64 ASCII letters, digits and hyphens.")
    return value


def checked_text(value: object, field: str) -> str:
    """What only this function can say about a text in a body; ``php_json`` knows the other rules."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field}: must be text, and not empty.")
    return value


def checked_url(value: object, field: str) -> str:
    """Absolute, http or https, and nothing in it that a body or a log would have to escape."""
    rule = f"{field}: must be an absolute http or https URL of printable ASCII without blanks."
    if not isinstance(value, str) or not _URL.fullmatch(value):
        raise ValueError(rule)
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError(rule) from None
    if not parts.hostname:
        raise ValueError(rule)
    return value


def checked_networks(ip: object) -> list[str]:
    """Addresses and networks as given; a single text would silently be read letter by letter."""
    if not isinstance(ip, list | tuple) or not ip:
        raise ValueError("ip: must be a list of addresses or networks such as ['203.0.113.0/24'].")
    for index, network in enumerate(ip):
        try:
            ipaddress.ip_network(network if isinstance(network, str) else "", strict=False)
        except ValueError:
            raise ValueError(f"ip[{index}]: must be an address or a network in CIDR form.") from None
    return [str(network) for network in ip]
