# SPDX-License-Identifier: Apache-2.0
"""When a call may be sent again, and how long to wait before.

Pure: the caller gives the attempt number and a random fraction. The transports sleep and ask; no other
place decides. What moves money is never repeatable, so only a proof that nothing was sent (``NotSent``)
lets it go out again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from airflow_provider_sengo.exceptions import NotSent, OutcomeUnknown, Unavailable, UnexpectedResponse

RETRY_AFTER_MAX_S = 60.0  # no gateway's wish holds a task longer than this at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Attempts and waits. ``max_attempts`` counts the first one; waits are in seconds."""

    max_attempts: int = 5
    wait_initial_s: float = 0.5
    wait_max_s: float = 20.0

    def may_repeat(self, *, repeatable: bool, error: BaseException) -> bool:
        """Nothing sent: always. No whole or no sound answer, 429, 5xx: only if repeatable. Else never."""
        if isinstance(error, NotSent):
            return True
        return repeatable and isinstance(error, OutcomeUnknown | Unavailable | UnexpectedResponse)

    def wait_s(self, attempt: int, error: BaseException, *, jitter: float) -> float:
        """Seconds before attempt number ``attempt + 1``; ``jitter`` in [0, 1) spreads the callers.

        The gateway's Retry-After is a floor, bounded by ``RETRY_AFTER_MAX_S``; on top of it and without
        it, full jitter over an exponentially growing range.
        """
        span_s = min(self.wait_max_s, self.wait_initial_s * 2.0 ** min(attempt - 1, 30))
        asked_s = error.retry_after_s if isinstance(error, Unavailable) else None
        if asked_s is not None:
            return min(asked_s, RETRY_AFTER_MAX_S) + jitter * min(span_s, 1.0)
        return jitter * span_s


def retry_after_s(headers: Mapping[str, str], received_at: datetime) -> float | None:
    """``Retry-After`` in seconds from ``received_at``: a number or an HTTP date (RFC 9110, 10.2.3).

    None where it is absent or unreadable; never negative, never above ``RETRY_AFTER_MAX_S``.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.replace(".", "", 1).isdigit():
        seconds = float(text)
    else:
        try:
            at = parsedate_to_datetime(text)
            seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
            seconds -= received_at.timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_S) if math.isfinite(seconds) else None
