# SPDX-License-Identifier: Apache-2.0
"""Records of reads, made by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from archive_world import CLOSED, DAY, PROJECT

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import Outcome, ReadRecord, coverage

HOUR = timedelta(hours=1)
LAST_AGE = days.lost_after(DAY) - 12 * HOUR  # noon in Jakarta on the day's last day
WHOLE = {"pending": "quiet", "expired": "quiet", "failed": "quiet", "success": "quiet"}
MINUTE = timedelta(minutes=1)


def read(at: datetime, run: str = "r1", *, outcomes: dict[str, str] | None = None, **more: object):
    """The records of one run that began at ``at``, a minute a listing; None leaves a listing out."""
    made = []
    for place, (status, outcome) in enumerate({**WHOLE, **(outcomes or {})}.items()):
        if outcome is None:
            continue
        fields = {
            "project": PROJECT,
            "day": DAY,
            "type": "cashIn",
            "started_at": at + place * MINUTE,
            "finished_at": at + (place + 1) * MINUTE,
            "ids_digest": "d1" if status == "success" else "other",
            "rows": 5,
            "amount_sum": 5000,
            **more,
        }
        fields.setdefault("lost_after", days.lost_after(fields["day"]))
        made.append(
            ReadRecord(read_id=f"{run}-{status}", run=run, status=status, outcome=Outcome(outcome), **fields)
        )
    return made


def judged(records, now: datetime = LAST_AGE + HOUR, day=DAY, type="cashIn", **more):
    """The coverage of one day; None if it is none of the project's."""
    found = coverage(records, project=PROJECT, now=now, **more)
    return next((item for item in found if (item.day, item.type) == (day, type)), None)


def state(records, now: datetime = LAST_AGE + HOUR, **more) -> str:
    """The state of one day."""
    return str(judged(records, now, **more).state)


EARLY = CLOSED - HOUR
FIRST = CLOSED + HOUR
