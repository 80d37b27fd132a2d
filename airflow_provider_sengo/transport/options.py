# SPDX-License-Identifier: Apache-2.0
"""The limits of one transport, and the check of a request before anything is sent.

Nothing here opens a connection or reads the environment: proxy and CA bundle are given or absent.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from airflow_provider_sengo.protocol.http import Request, without_query

RESPONSE_BYTES_MAX = 64 * 1024 * 1024
"""A page of 1,000 rows is about half a MiB; beyond this, somebody else is answering."""

_URL = re.compile(r"https?://[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")  # RFC 9110, 5.6.2
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
# The transport frames the message; a second opinion in the request could split it in two.
_FRAMING_HEADERS = frozenset({"connection", "content-length", "expect", "host", "transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TransportOptions:
    """Limits and ways out of this machine; seconds and bytes.

    ``timeout_s`` bounds the connect phase and each wait for bytes. ``deadline_s`` bounds one call with
    all its attempts and waits, to the last byte of the body. ``requests_per_second`` is the pace that
    all calls of one gate key keep. ``proxy`` is ``http://[user:password@]host[:port]`` and is used for
    https only, through CONNECT. ``ca_bundle`` (file or folder) replaces certifi's store.
    """

    timeout_s: float = 30.0
    deadline_s: float = 120.0
    max_attempts: int = 5
    requests_per_second: float | None = None
    proxy: str | None = None
    ca_bundle: str | None = None
    response_bytes_max: int = RESPONSE_BYTES_MAX

    def __post_init__(self) -> None:
        limits = [("timeout_s", self.timeout_s), ("deadline_s", self.deadline_s)]
        if self.requests_per_second is not None:
            limits.append(("requests_per_second", self.requests_per_second))
        for name, value in limits:
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number")
        if self.max_attempts < 1 or self.response_bytes_max < 1:
            raise ValueError("max_attempts and response_bytes_max must be at least 1")
        if self.proxy is not None:
            _check_proxy(self.proxy)

    def __repr__(self) -> str:
        proxy = without_query(self.proxy) if self.proxy else None  # drops user and password
        return (
            f"TransportOptions(timeout_s={self.timeout_s}, deadline_s={self.deadline_s}, "
            f"max_attempts={self.max_attempts}, requests_per_second={self.requests_per_second}, "
            f"proxy={proxy!r}, ca_bundle={self.ca_bundle!r}, response_bytes_max={self.response_bytes_max})"
        )


def check_url(url: str) -> None:
    """https goes anywhere, plain http only to this machine; ``ValueError`` names the broken rule."""
    if not _URL.fullmatch(url):
        raise ValueError("a gateway URL must start with https:// and hold only URL characters, no fragment")
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:
        port = 0
    labels = host.removesuffix(".").split(".")
    if not host or port == 0 or not all(1 <= len(label) <= 63 for label in labels):
        raise ValueError("a gateway URL must name a host, and its port must be 1 to 65535")
    if "@" in parts.netloc:
        raise ValueError("a gateway URL must not hold a user or a password")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(
            f"plain http is allowed only to this machine (127.0.0.0/8, ::1, localhost), not {host}"
        )


def check_request(request: Request) -> None:
    """``ValueError`` for whatever one of the libraries would refuse, change or read as two messages."""
    check_url(request.url)
    if not _TOKEN.fullmatch(request.method) or request.method != request.method.upper():
        raise ValueError("the method must be an upper-case HTTP token")
    if request.method == "GET" and request.body is not None:
        raise ValueError("GET has no body")
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING_HEADERS:
            raise ValueError(f"the transport does not send a header named {name!r}")
        if not _HEADER_VALUE.fullmatch(value) or value != value.strip():
            raise ValueError(f"the value of header {name} must be printable ASCII without outer blanks")


def _check_proxy(proxy: str) -> None:
    # https:// and socks:// proxies: the two libraries treat them differently, so neither is offered.
    try:
        parts = urlsplit(proxy)
        fits = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("proxy must be http://[user:password@]host[:port]")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address == IPv6Address("::1") if address.version == 6 else address.is_loopback
