# SPDX-License-Identifier: Apache-2.0
"""One HTTP request as the gateways' endpoints see it. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus


@dataclass
class Request:
    """What the endpoints need of an HTTP request; header names are lower-case."""

    method: str
    path: str  # still percent-encoded; SenGo's is what follows /api
    query: str
    headers: Mapping[bytes, bytes]
    body: bytes = b""
    key: str = ""  # the credential or merchant, once proven
    data: dict[str, Any] = field(default_factory=dict)  # the decoded body
    notes: list[str] = field(default_factory=list)
    undo: list[Callable[[], None]] = field(default_factory=list)  # takes back what the endpoint changed

    @property
    def target(self) -> str:
        """Path and query, as the request line had them."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def header(self, name: bytes) -> str:
        """A header's text; empty when it wasn't sent."""
        return self.headers.get(name, b"").decode("latin-1")

    def parameters(self) -> dict[str, str]:
        """The query's parameters; of several the last counts, as in PHP."""
        pairs = (pair.partition("=") for pair in self.query.split("&") if pair)
        return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}
