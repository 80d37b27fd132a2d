# SPDX-License-Identifier: Apache-2.0
"""Calendar rules of the archive: which day it is in Jakarta, when a day is over, when it is gone.

Pure: ``now`` is given, always aware. All days are Asia/Jakarta calendar days; all instants are returned
in UTC. Which day it is, and which days the gateway lists, is ``protocol.jakarta``'s.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from airflow_provider_sengo.protocol.jakarta import JAKARTA, RETENTION_DAYS, today, window

__all__ = [
    "CLOSING_HOURS",
    "JAKARTA",
    "RETENTION_DAYS",
    "TYPES",
    "age_days",
    "closed_at",
    "days_left",
    "lost_after",
    "parse_as_of",
    "parse_day",
    "parse_type",
    "starts_at",
    "text",
    "today",
    "window",
]

TYPES = ("cashIn", "cashOut")

# The zone of the gateway's ``date`` filter is not documented. A UTC day ends seven hours after the
# Jakarta day of the same name; one more hour lets the last payments settle.
CLOSING_HOURS = 8


def starts_at(day: date) -> datetime:
    """00:00 Asia/Jakarta of ``day``, as UTC."""
    return datetime.combine(day, time(), JAKARTA).astimezone(UTC)


def closed_at(day: date) -> datetime:
    """When ``day`` counts as over: eight hours after its end, as UTC."""
    return starts_at(day + timedelta(days=1)) + timedelta(hours=CLOSING_HOURS)


def lost_after(day: date, retention_days: int = RETENTION_DAYS) -> datetime:
    """From this instant on (exclusive end of the window) the gateway has forgotten ``day``, as UTC."""
    return starts_at(day + timedelta(days=retention_days))


def age_days(day: date, now: datetime) -> int:
    """Jakarta days since ``day``: today is 0."""
    return (today(now) - day).days


def days_left(day: date, now: datetime, retention_days: int = RETENTION_DAYS) -> int:
    """Days on which ``day`` can still be read after today; negative once it is gone."""
    return retention_days - 1 - age_days(day, now)


def text(moment: datetime) -> str:
    """An instant for people, in Jakarta's time."""
    return f"{moment.astimezone(JAKARTA):%Y-%m-%d %H:%M} Asia/Jakarta"


def left_text(left: int) -> str:
    """How many days are left after today, in words."""
    match left:
        case 0:
            return "today is the last day"
        case 1:
            return "1 day left after today"
        case _:
            return f"{left} days left after today"


def parse_day(value: object, *, field: str) -> date:
    """A ``date``, or text ``YYYY-MM-DD``; anything else is a ``ValueError`` naming ``field``."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            parsed = date.fromisoformat(value)
        except ValueError:
            parsed = None
        if parsed is not None and parsed.isoformat() == value:  # ISO weeks and days without dashes are not
            return parsed
    raise ValueError(f"{field}: must be a calendar day as YYYY-MM-DD (Asia/Jakarta), for example 2026-11-21")


def parse_as_of(value: object, *, field: str = "as_of") -> datetime:
    """An aware instant: a ``datetime`` or ISO text with a zone, or a bare day, meaning its noon in Jakarta."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(12), JAKARTA)
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            parsed = None
        if parsed is not None and parsed.tzinfo is not None:
            return parsed
        if parsed is not None and parsed.date().isoformat() == value:
            return datetime.combine(parsed.date(), time(12), JAKARTA)
    raise ValueError(
        f"{field}: must be an instant with its zone, for example 2026-11-21T08:30:00+07:00, or a day YYYY-MM-DD"
    )


def parse_type(value: object, *, field: str = "type") -> str:
    """``cashIn`` or ``cashOut``."""
    if value in TYPES:
        return str(value)
    raise ValueError(f"{field}: must be one of {', '.join(TYPES)}")
