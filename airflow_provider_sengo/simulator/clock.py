# SPDX-License-Identifier: Apache-2.0
"""The simulator's own clock, calendar days in a zone, and the one rule of retention.

Times inside the simulator are seconds since the epoch (float); days are ordinals (``date.toordinal``).
"""

import time
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_S = 86_400
JAKARTA_OFFSET_S = 7 * 3600  # Asia/Jakarta has had no other offset since 1964
JAKARTA = timezone(timedelta(seconds=JAKARTA_OFFSET_S))
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_OFFSET_STEP_S = 900  # every zone changes its offset on a quarter of an hour


def is_within_retention(day: int, today: int, retention_days: int) -> bool:
    """A day is kept while fewer than ``retention_days`` Asia/Jakarta days, today included, have begun.

    Future days are within it. Source: docs.sengo.id/extras/transactions ("last seven days only").
    """
    return today - day < retention_days


def jakarta_day(at_s: float) -> int:
    """The Asia/Jakarta day of a time."""
    return int((at_s + JAKARTA_OFFSET_S) // DAY_S) + EPOCH_ORDINAL


def zone_day(at_s: float, zone: str) -> int:
    """The day of a time in any zone."""
    if zone == "Asia/Jakarta":
        return jakarta_day(at_s)
    return int((at_s + _offset_s(int(at_s // _OFFSET_STEP_S), zone)) // DAY_S) + EPOCH_ORDINAL


def day_start_s(day: int) -> int:
    """When an Asia/Jakarta day begins."""
    return (day - EPOCH_ORDINAL) * DAY_S - JAKARTA_OFFSET_S


def zone_day_start_s(day: int, zone: str) -> float:
    """When a day begins in a zone."""
    return datetime.combine(date.fromordinal(day), datetime.min.time(), ZoneInfo(zone)).timestamp()


@lru_cache(maxsize=100_000)
def _offset_s(step: int, zone: str) -> int:
    offset = datetime.fromtimestamp(step * _OFFSET_STEP_S, ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0


# Most of a row's time goes into writing three times; tables make that four times as fast.
_MINUTES = tuple(f"T{minute // 60:02}:{minute % 60:02}:" for minute in range(24 * 60))
_SECONDS = tuple(f"{second:02}+07:00" for second in range(60))


@lru_cache(maxsize=4_096)
def day_text(day: int) -> str:
    """``YYYY-MM-DD`` of a day."""
    return date.fromordinal(day).isoformat()


def iso_jakarta(at_s: float) -> str:
    """As the gateway writes times: second precision, ``+07:00``."""
    day, second = divmod(int(at_s) + JAKARTA_OFFSET_S, DAY_S)
    return day_text(day + EPOCH_ORDINAL) + _MINUTES[second // 60] + _SECONDS[second % 60]


def as_seconds(at: datetime | str | float) -> float:
    """Read a time given by a person: aware datetime, ISO text (Asia/Jakarta if it has no zone), seconds."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
        at = at if at.tzinfo else at.replace(tzinfo=JAKARTA)
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ValueError("a time without a zone says nothing: give an aware datetime")
        return at.timestamp()
    return float(at)


class SimulatedClock:
    """Stands still or runs at real speed from any start."""

    def __init__(self, start: str | None = None, *, frozen: bool = False) -> None:
        self._base_s = as_seconds(start) if start else time.time()
        self._set_at_s = time.monotonic()
        self.frozen = frozen

    def now_s(self) -> float:
        """Seconds since the epoch, as the simulator believes."""
        return self._base_s if self.frozen else self._base_s + time.monotonic() - self._set_at_s

    def set(self, now_s: float, *, frozen: bool) -> None:
        """Set the time; from here it stands still or runs on."""
        self._base_s, self._set_at_s, self.frozen = now_s, time.monotonic(), frozen
