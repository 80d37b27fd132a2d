# SPDX-License-Identifier: Apache-2.0
"""Which port a server on this machine may take; it is free when it is told, and kept by nobody."""

from __future__ import annotations

import socket
from collections.abc import Collection
from contextlib import suppress


def free_port(*wanted: int, taken: Collection[int] = ()) -> int:
    """The first of them that nobody listens on and that is not ``taken``, else any. Raises: OSError."""
    for port in wanted:
        with suppress(OSError):
            if port not in taken:
                return _bound(port)
    while (port := _bound(0)) in taken:
        continue
    return port


def _bound(port: int) -> int:
    """The port of a socket that was bound to it for a moment; 0 asks for any."""
    with socket.socket() as probe:
        if port:  # connections of its last server that still fade do not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return int(probe.getsockname()[1])
