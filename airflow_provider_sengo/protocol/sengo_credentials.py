# SPDX-License-Identifier: Apache-2.0
"""Where SenGo is, who asks, and what of that may be shown.

Nothing here sends or signs. No error text holds a value that was given, for it may be a secret in the wrong
field. Source: docs.sengo.id/authentication (base URLs, headers).
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, urlsplit

BASE_URLS = {
    "sandbox": "https://api.sandbox.sengo.id/api",
    "production": "https://api.sengo.id/api",
}

_HEADER_TEXT = re.compile(r"[!-~]+", re.ASCII)
_PARTITION_UNSAFE = re.compile(r"[^a-z0-9.:-]")
_SIGNATURE = re.compile(r"(?<![0-9a-f])[0-9a-f]{64,}(?![0-9a-f])", re.IGNORECASE)
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Where SenGo is and who asks; ``repr`` shows neither key nor token.

    ``base_url`` ends in the API's path (``https://api.sengo.id/api``); plain http only to loopback.
    Raises: ValueError naming the field and the rule, never the value.
    """

    base_url: str
    client_key: str = field(repr=False)
    client_token: str = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("client_key", "client_token"):
            value = getattr(self, name)
            if not isinstance(value, str) or not _HEADER_TEXT.fullmatch(value):
                raise ValueError(f"{name}: must be printable ASCII without blanks, and not empty.")
        check_base_url(self.base_url)

    @cached_property
    def project(self) -> str:
        """Host, port if not the scheme's own, and the key's fingerprint: who a row or a read belongs to.

        Lower-case letters, digits and ``.:-_`` only, so that it is safe as a partition's value.
        """
        parts = urlsplit(self.base_url)
        own_port = parts.port in (None, _DEFAULT_PORTS[parts.scheme])
        host = (parts.hostname or "").rstrip(".") + ("" if own_port else f":{parts.port}")
        fingerprint = hashlib.sha256(self.client_key.encode()).hexdigest()[:8]
        return f"{_PARTITION_UNSAFE.sub('_', host)}-{fingerprint}"

    def redact(self, text: str) -> str:
        """``text`` without key, token (plain, percent-encoded or JSON-escaped) and signatures."""
        for name in ("client_token", "client_key"):
            secret: str = getattr(self, name)
            spellings = {secret, quote(secret, safe=""), quote(secret), secret.replace("/", "\\/")}
            for spelling in sorted(spellings, key=len, reverse=True):
                text = re.sub(re.escape(spelling), f"<{name}>", text, flags=re.IGNORECASE)
        return _SIGNATURE.sub("<signature>", text)


def check_base_url(base_url: object) -> None:
    if not isinstance(base_url, str) or not _HEADER_TEXT.fullmatch(base_url):
        raise ValueError("base_url: must be printable ASCII without blanks, and not empty.")
    try:
        parts = urlsplit(base_url)
        port_is_odd = parts.port == 0
    except ValueError:
        raise ValueError("base_url: is not a URL, or its port is not a number.") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port_is_odd:
        raise ValueError("base_url: must begin with https:// and a host, such as https://api.sengo.id/api.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("base_url: plain http is allowed to loopback only (the secret travels in a header).")
    if "@" in parts.netloc or "?" in base_url or "#" in base_url:
        raise ValueError("base_url: must hold no user, password, query or fragment.")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
