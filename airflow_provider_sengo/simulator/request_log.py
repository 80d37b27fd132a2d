# SPDX-License-Identifier: Apache-2.0
"""What was asked of the simulator: counts of all, and the last entries with secrets taken out.

Nothing in the simulator decides by it.
"""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

REDACTED = "[redacted]"
# Whatever a header is called, unless it is listed here its value is not kept.
HEADERS_KEPT = frozenset(
    {b"host", b"accept", b"content-type", b"content-length", b"user-agent", b"connection"}
)
NO_ANSWER = 0  # the status of a request whose connection was reset


class RequestLog:
    """``total``, ``by_endpoint`` ("GET /transactions"), ``by_status`` (0: reset), ``by_fault``, ``entries``."""

    def __init__(self, entries_max: int = 1_000) -> None:
        self.total = 0
        self.by_endpoint: Counter[str] = Counter()
        self.by_status: Counter[int] = Counter()
        self.by_fault: Counter[str] = Counter()
        self.entries: deque[dict[str, Any]] = deque(maxlen=entries_max)

    def add(
        self,
        *,
        at: str,
        endpoint: str,
        target: str,
        status: int,
        fault: str | None,
        client_key: str,
        headers: Iterable[tuple[bytes, bytes]],
        notes: list[str],
    ) -> None:
        """Count one request and keep it as the latest entry."""
        self.total += 1
        self.by_endpoint[endpoint] += 1
        self.by_status[status] += 1
        if fault:
            self.by_fault[fault] += 1
        shown = {
            name.decode("latin-1"): value.decode("latin-1") if name in HEADERS_KEPT else REDACTED
            for name, value in headers
        }
        self.entries.append(
            {
                "number": self.total,
                "at": at,
                "endpoint": endpoint,
                "target": target,
                "status": status,
                "fault": fault,
                "client_key": client_key,
                "headers": shown,
                "notes": notes,
            }
        )

    def clear(self) -> None:
        """Forget everything, the counts included."""
        self.total = 0
        for counts in (self.by_endpoint, self.by_status, self.by_fault):
            counts.clear()
        self.entries.clear()

    def report(self, entries_max: int = 100) -> dict[str, Any]:
        """Counts and the last entries, for ``GET /_control/requests``."""
        return {
            "total": self.total,
            "by_endpoint": dict(self.by_endpoint),
            "by_status": {str(status): count for status, count in self.by_status.items()},
            "by_fault": dict(self.by_fault),
            "entries": list(self.entries)[-entries_max:] if entries_max > 0 else [],
        }
