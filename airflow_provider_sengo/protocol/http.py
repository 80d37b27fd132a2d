# SPDX-License-Identifier: Apache-2.0
"""One HTTP exchange as a value.

Endpoint functions build a ``Call``; a transport sends its request and hands the answer to ``parse``.
Nothing here sends, sleeps or knows a gateway. Secrets travel in headers and, for senangPay, in query
strings: no ``repr`` shows either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


def without_query(url: str) -> str:
    """The URL up to its path: what a log or an error may show."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What is sent, to the byte: ``body`` is signed and sent as it stands, and is None for GET."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"<Request {self.method} {without_query(self.url)}>"


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """What came back: a whole answer. Header names are lower case; ``received_at`` is aware UTC."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


@dataclass(frozen=True, slots=True, repr=False)
class Call(Generic[T]):
    """A request, how to read its answer, and whether it may be sent again.

    ``name``: the hook method's name, for logs and metrics. ``parse`` returns the record or raises an
    error of :mod:`airflow_provider_sengo.exceptions`. ``repeatable``: true only if sending twice does
    nothing that sending once does not. ``gate_key``: calls with equal keys share one pace (the
    gateway's host and account, never a secret).
    """

    name: str
    request: Request
    parse: Callable[[Response], T]
    repeatable: bool
    gate_key: str

    def __repr__(self) -> str:
        return f"<Call {self.name}: {self.request!r}>"
