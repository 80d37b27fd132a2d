# SPDX-License-Identifier: Apache-2.0
"""SenGo's calendar: which day it is in Jakarta, and which days the gateway lists.

Pure: ``now`` is given, always aware. The gateway keeps ``RETENTION_DAYS`` days, today included
(docs.sengo.id/extras/transactions, "the last seven days only"; that these are whole Jakarta days is
unconfirmed, api facts section 5.8).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

JAKARTA = ZoneInfo("Asia/Jakarta")
RETENTION_DAYS = 7


def today(now: datetime) -> date:
    """The calendar day in Jakarta at ``now`` (aware); of the calendar's first and last hours, its own day."""
    try:
        return now.astimezone(JAKARTA).date()
    except OverflowError:  # 9999-12-31T23:59:59Z, as some say "never", is in the year 10000 there
        return now.date()


def window(now: datetime, retention_days: int = RETENTION_DAYS) -> list[date]:
    """The days the gateway still lists, oldest first, today last."""
    last = today(now)
    return [last - timedelta(days=age) for age in range(retention_days - 1, -1, -1)]
