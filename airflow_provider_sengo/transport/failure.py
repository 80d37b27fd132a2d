# SPDX-License-Identifier: Apache-2.0
"""What a failed attempt is called: ``NotSent`` or ``OutcomeUnknown``, with a text that is safe to log.

Neither library is imported here, and the class of an error decides nothing: only the recorded phase
does. The libraries' own texts hold URLs with their query and sometimes headers, so none of them is
passed on; errors are named by class, errno and words of ours.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from enum import Enum

from airflow_provider_sengo.exceptions import NotSent, OutcomeUnknown
from airflow_provider_sengo.protocol.http import Request, without_query
from airflow_provider_sengo.transport.body import BrokenBody

CAUSES_MAX = 16  # the longest chain seen has six links; a cycle must end somewhere


class Phase(Enum):
    """How far an attempt is known to have come."""

    UNTOUCHED = "no connection was asked for"
    CONNECTING = "a connection is being made: name, TCP, proxy, TLS"
    CONNECTED = "a connection stands, so bytes may have left"


_CLOSED = "the connection was closed before the answer was whole"
_CUT = "the answer was cut short"
_GARBLED = "the answer is not HTTP"
# By name, so that neither library is imported: the standard library's classes and both libraries'.
_WORDS = {
    "ConnectionRefusedError": "connection refused",
    "ConnectionResetError": _CLOSED,
    "ConnectionAbortedError": _CLOSED,
    "BrokenPipeError": _CLOSED,
    "SSLEOFError": _CLOSED,
    "SSLZeroReturnError": _CLOSED,
    "ServerDisconnectedError": _CLOSED,
    "IncompleteRead": _CUT,
    "ClientPayloadError": _CUT,
    "TransferEncodingError": _CUT,
    "ContentLengthError": _CUT,
    "BadStatusLine": _GARBLED,
    "LineTooLong": _GARBLED,
    "BadHttpMessage": _GARBLED,
    "TimeoutError": "timed out",
}
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def failure(
    request: Request, phase: Phase, error: BaseException, *, repeatable: bool
) -> NotSent | OutcomeUnknown:
    """The error to raise for a failed attempt; raise it outside the ``except`` block, so that the
    library's error is not even its context.
    """
    target = f"{request.method} {without_query(request.url)}"
    what = _words_for(error)
    if phase is Phase.CONNECTING:
        return NotSent(f"{target} was not sent: {what}. Check address, network, proxy and CA bundle.")
    advice = "" if repeatable else " Look it up before sending it again."
    return OutcomeUnknown(f"{target} may have arrived, but no whole answer came back: {what}.{advice}")


def _words_for(error: BaseException) -> str:
    causes = list(_causes(error))
    for cause in reversed(causes):  # the innermost says most
        if isinstance(cause, BrokenBody):
            return str(cause)
        if isinstance(cause, socket.gaierror):
            return f"the name does not resolve (gaierror {cause.errno})"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the TLS certificate is not accepted ({cause.verify_message})"
        if type(cause).__name__ == "ClientHttpProxyError":
            return f"the proxy refused the tunnel (HTTP {getattr(cause, 'status', '?')})"
        if found := _TUNNEL.match(str(cause)):
            return f"the proxy refused the tunnel (HTTP {found[1]})"
    for cause in reversed(causes):
        for kind in type(cause).__mro__:
            if kind.__name__ in _WORDS:
                return f"{_WORDS[kind.__name__]} ({_safe_name(cause)})"
    for cause in reversed(causes):
        if isinstance(cause, OSError):
            return _safe_name(cause)
    return type(error).__name__


def _safe_name(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, ssl.SSLError):
        return f"{name} {error.reason}" if error.reason else name
    if isinstance(error, OSError) and isinstance(error.errno, int) and error.errno > 0:
        return f"{name}, errno {error.errno}: {os.strerror(error.errno)}"
    return name


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what it wraps, outermost first, each once."""
    queue, seen = [error], set[int]()
    while queue and len(seen) < CAUSES_MAX:
        cause = queue.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        wrapped = [*cause.args, getattr(cause, "reason", None), getattr(cause, "os_error", None)]
        wrapped += [cause.__cause__, cause.__context__]
        queue += [inner for inner in wrapped if isinstance(inner, BaseException)]
