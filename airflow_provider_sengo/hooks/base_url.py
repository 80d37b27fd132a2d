# SPDX-License-Identifier: Apache-2.0
"""Which base URL a connection means. Pure, and the same for every gateway.

``host`` wins over ``environment``. Without a scheme it is https, or http for loopback; ``port`` counts
if the host has none, ``schema`` is the path if the host has none. The secret travels in a header, so
nothing but loopback is ever reached over plain http, and the gateway's own host of one environment is
refused where the connection names the other. Where no environment is named, the host decides.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

PORT_MAX = 65535
_DEFAULT_PORTS = {"https": 443, "http": 80}
_ONE_PATH = "the gateway's own host has one path ({}); give the host alone, or leave it empty"
_PATH = r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*"
_HOST = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(?:(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?|(?P<bare>[0-9A-Fa-f:.]+))"
    rf"(?P<path>{_PATH})/*"
)


class FieldError(ValueError):
    """A field of a connection, the rule it breaks and what to do; never its value."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"field {field!r}: {rule}")
        self.field = field


@dataclass(frozen=True, slots=True)
class _Parts:
    """A host field taken apart; an IPv6 ``name`` stands without brackets."""

    scheme: str
    name: str
    port: int | None
    path: str


def is_loopback(name: str) -> bool:
    """Whether a host name, without brackets, can only be this machine."""
    if name.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback if address.version == 4 else address == ipaddress.IPv6Address("::1")


def parse_port(port: object, field: str = "port") -> int | None:
    """A port number from a number or its text; None, 0 and "" mean absent."""
    if port is None or port == "" or (port == 0 and not isinstance(port, bool)):
        return None
    text = str(port)
    if isinstance(port, bool) or not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > PORT_MAX:
        raise FieldError(field, f"must be a whole number from 1 to {PORT_MAX}, or empty")
    return int(text) or None


def _parse_host(host: str) -> _Parts:
    """Take the host field apart, or say which rule it breaks."""
    if set(host) & set("@?#"):
        raise FieldError("host", "must hold no user name, query or fragment; keys go to login and password")
    match = _HOST.fullmatch(host)
    if match is None:
        raise FieldError("host", "must be [https://]name[:port][/path] in plain ASCII, without blanks")
    name = (match["name"] or match["bare"]).strip("[]").lower().rstrip(".")
    if ":" in name:
        try:
            name = ipaddress.IPv6Address(name).compressed
        except ValueError:
            raise FieldError("host", "is no IPv6 address; write one as [::1] or [::1]:8800") from None
    scheme = (match["scheme"] or ("http" if is_loopback(name) else "https")).lower()
    if scheme not in _DEFAULT_PORTS or not name:
        raise FieldError("host", "must be an https URL (http for this machine only)")
    if scheme == "http" and not is_loopback(name):
        raise FieldError(
            "host", "plain http is for this machine only; use https, as the secret is sent along"
        )
    if match["port"] and parse_port(match["port"], "host") is None:
        raise FieldError("host", f"its port must be from 1 to {PORT_MAX}")
    return _Parts(scheme, name, parse_port(match["port"], "host"), match["path"])


def _parse_path(schema: object) -> str:
    """The schema field as a path with a leading slash, or "" if it is empty."""
    text = str(schema or "").strip("/")
    if not text:
        return ""
    if text.lower() in _DEFAULT_PORTS:
        raise FieldError("schema", "is the path of the base URL, not its scheme; leave it empty")
    if not re.fullmatch(_PATH, f"/{text}"):
        raise FieldError(
            "schema", "is the path of the base URL and must be plain, as in 'api'; or leave it empty"
        )
    return f"/{text}"


def base_url(connection: Connection, environment: str | None, base_urls: Mapping[str, str]) -> str:
    """The base URL that ``connection`` means, without a trailing slash.

    ``environment``: as named by the connection, None if it names none (sandbox, where there is no host
    either). ``base_urls``: the gateway's own, by environment. Raises FieldError.
    """
    port, path = parse_port(connection.port), _parse_path(connection.schema)
    if not connection.host:
        if port not in (None, 443):
            raise FieldError("port", "means nothing without a host; give the whole base URL as host")
        if path:
            raise FieldError("schema", "means nothing without a host; give the whole base URL as host")
        return base_urls[environment or "sandbox"]
    parts = _parse_host(connection.host)
    for owner, url in base_urls.items():
        if parts.name == urlsplit(url).hostname:
            if environment not in (None, owner):
                raise FieldError(
                    "environment",
                    "is not the one that the host belongs to; set the right one, or leave host empty",
                )
            own = urlsplit(url).path  # the gateway documents one path for its host
            if (parts.path or path) not in ("", own):
                raise FieldError("host" if parts.path else "schema", _ONE_PATH.format(own or "none"))
            path = own
    port = parts.port or port
    name = f"[{parts.name}]" if ":" in parts.name else parts.name
    tail = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{tail}{parts.path or path}"
