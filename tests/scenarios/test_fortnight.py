# SPDX-License-Identifier: Apache-2.0
"""Fourteen mornings of the daily archive, for each meaning of ``date``, with mornings on which it stood still.

Transactions of every fate are created each day: paid at once, around midnight, days later, after they had
expired; failed; expired at once and after days. Four of them misbehave, see ``EVENTS``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import State
from airflow_provider_sengo.archive.plan import days_to_read

FIRST_RUN, RUNS = date(2026, 11, 10), 14
TYPE = "cashIn"
# Hours from the midnight of its day to creation, expiry, payment, failure.
FATES: dict[str, tuple[float | None, ...]] = {
    "early": (3, 3.5, 3.1, None),  # the day before in UTC
    "noon": (12, 12.5, 12.1, None),
    "noon2": (12.2, 12.7, 12.3, None),
    "night": (23.7, 24.2, 24.1, None),  # paid and expiring on the next day, created there east of Jakarta
    "failed": (10, 10.5, None, 10.2),
    "expired": (11, 11.5, None, None),
    "late": (13, 13.5, 53, None),  # expired, and settled two days later
    "slow": (14, 110, 82, None),  # pending for three days, then paid
    "idle": (15, 65, None, None),  # pending for two days, then expired
}
EVENTS = {
    "2026-11-13T12:00": lambda world: world.vanish("2026-11-11-noon"),  # a success, out of its listing
    "2026-11-13T20:00": lambda world: world.vanish("2026-11-12-slow"),  # pending, in no listing; paid later
    "2026-11-14T20:00": lambda world: world.hide("2026-11-13-idle"),  # pending, unknown by id as well
    "2026-11-16T18:00": lambda world: world.fail("2026-11-15-noon2"),  # a success that is called failed now
}
LETTERS = {
    "o": State.OPEN,
    "m": State.MISSING,
    "C": State.COMPLETE,
    "S": State.SEALED,
    "V": State.SHRUNK,
    "L": State.LOST,
}

# What the archive must claim each morning after its run: a letter a day, from 4 November up to today.
#
# The first run finds six days over; the oldest has only that one look, so it never gets sealed. From then
# on a day is complete five mornings long and sealed on the sixth. 11: a success vanished (shrunk, until
# its first complete read is all that is left). 12: sealed although the slow one vanished, since it was
# asked for by id. 13: never sealed, the hidden one stays pending. 15: a success turned failed.
CREATED = """
CCCCCCo
CSCCCCCo
CSSCCCCCo
CSSSCCCCCo
CSSSSCCVCCo
CSSSSSCVCCCo
CSSSSSSVCCCCo
CSSSSSSVCCCVCo
CSSSSSSCSCCVCCo
CSSSSSSCSCCVCCCo
CSSSSSSCSCSVCCCCo
CSSSSSSCSCSVCCCCCo
CSSSSSSCSCSCSCCCCCo
CSSSSSSCSCSCSSCCCCCo
"""
# Three mornings are left out: the days that would have been sealed on them stay complete, nothing is lost.
CREATED_UTC_3 = """
CCCCCCo
CSCCCCCo
CSSCCCCCo
CSSSCCCCCo
CSSSCCCCCmo
CSSSCCCCCmmo
CSSSCCCCCmmmo
CSSSCCCVCCCCCo
CSSSCCCCSCCCCCo
CSSSCCCCSSCCCCCo
CSSSCCCCSSSCCCCCo
CSSSCCCCSSSSCCCCCo
CSSSCCCCSSSSSCCCCCo
CSSSCCCCSSSSSSCCCCCo
"""
# By day of payment: late and slow ones are listed under later days, and the gateway forgets them, counting
# from their creation, while those days are still listed. Every day looks shrunk from then on; its first
# complete read stands.
PAID_UTC_1 = """
CCCCCCo
CVCVCCCo
CCVVVCCCo
CCCVVVCCCo
CCCCVVCCCmo
CCCCCVVVCCCo
CCCCCCVVVCCCo
CCCCCCCVVVCVCo
CCCCCCCCVVVVCCo
CCCCCCCCCVVVCCCo
CCCCCCCCCCVVVCCCo
CCCCCCCCCCCVVVCCCo
CCCCCCCCCCCCVVVCCCo
CCCCCCCCCCCCCVVVCCCo
"""
# Six mornings left out lose one day: it was not over at the last run before, and gone at the next.
PAID_6 = """
CCCCCCo
CVVVCCCo
CCVVVCCCo
CCCVVVCCCo
CCCCVVCCCmo
CCCCCVCCCmmo
CCCCCCCCCmmmo
CCCCCCCCCmmmmo
CCCCCCCCCmmmmmo
CCCCCCCCCmmmmmmo
CCCCCCCCCLCCCCCCo
CCCCCCCCCLCVVVCCCo
CCCCCCCCCLCCVVVCCCo
CCCCCCCCCLCCCVVVCCCo
"""
EXPIRED_MAKASSAR = """
CCCCCCo
CVCCVCCo
CCVCVVCCo
CCCVVVVCCo
CCCCVVVVCCo
CCCCCVVVVCCo
CCCCCCVVVVCCo
CCCCCCCVVVVVCo
CCCCCCCCVVVVCCo
CCCCCCCCCVVVCCCo
CCCCCCCCCCVVCVCCo
CCCCCCCCCCCVCVVCCo
CCCCCCCCCCCCVVVVCCo
CCCCCCCCCCCCCVVVVCCo
"""
# Eight mornings left out lose three days.
EXPIRED_8 = """
CCCCCCo
CVCCVCCo
CCVCVVCCo
CCCCVVCCmo
CCCCVVCCmmo
CCCCCVCCmmmo
CCCCCCCCmmmmo
CCCCCCCCmmmmmo
CCCCCCCCmmmmmmo
CCCCCCCCLmmmmmmo
CCCCCCCCLLmmmmmmo
CCCCCCCCLLLCCCCCCo
CCCCCCCCLLLCVCCVCCo
CCCCCCCCLLLCCVCVVCCo
"""
# Transactions that the archive lacks, or has in an earlier status than the gateway had at the very end: none
# of them was in any listing at the time of a run that was made. "before": created before the first run's
# window. The others are named.
HIDDEN = {"13-idle": "pending"}
REVERSED = {"15-noon2": "success"}
UNSEEN = None
VARIANTS = [
    ("created", "Asia/Jakarta", "", CREATED, HIDDEN | REVERSED),
    ("created", "UTC", "14 15 16", CREATED_UTC_3, {"10-slow": "pending", "13-idle": UNSEEN}),
    ("paid", "UTC", "14", PAID_UTC_1, {"13-idle": UNSEEN} | REVERSED),
    (
        "paid",
        "Asia/Jakarta",
        "14 15 16 17 18 19",
        PAID_6,
        dict.fromkeys(("11-slow", "11-idle", "12-slow", "12-idle"), "pending")
        | {"12-late": "expired"}
        | dict.fromkeys(("13-late", "13-slow", "13-night"), UNSEEN),
    ),
    ("expired", "Asia/Makassar", "", EXPIRED_MAKASSAR, dict.fromkeys(("12-slow", "13-idle")) | REVERSED),
    (
        "expired",
        "Asia/Jakarta",
        "13 14 15 16 17 18 19 20",
        EXPIRED_8,
        {"11-late": "expired"}
        | dict.fromkeys(["11-slow", "12-slow", "13-slow", "13-idle", "14-slow", "14-idle", "14-night"]),
    ),
]


def fill(stage: Any) -> None:
    """The transactions of every day from nine before the first run to the end; each shows from its time on."""
    for back in range(-9, RUNS + 1):
        day = FIRST_RUN + timedelta(days=back)
        for number, (fate, hours) in enumerate(FATES.items()):
            times = [at and (days.starts_at(day) + timedelta(hours=at)).isoformat() for at in hours]
            names = ("created_at", "expires_at", "paid_at", "failed_at")
            amount = 10_000 + 1_000 * number + back
            stage.world.insert(
                id=f"{day}-{fate}", type=TYPE, amount=amount, **dict(zip(names, times, strict=True))
            )


def covered(stage: Any) -> list[Any]:
    return list(stage.archive.coverage(stage.world.now(), project=stage.project, types=(TYPE,)))


def run_once(stage: Any) -> dict[str, tuple[int, int]]:
    """Plan, archive, heal; returns what the gateway listed as paid, rows and rupiah, for each complete read."""
    listed = {}
    for entry in days_to_read(covered(stage), now=stage.world.now()):
        if stage.read(entry.day, entry.type).complete:
            sums = {(s["day"], s["type"], s["status"]): s for s in stage.world.sums()}
            paid = sums.get((str(entry.day), TYPE, "success"), {"rows": 0, "amount_sum": 0})
            listed[str(entry.day)] = (paid["rows"], paid["amount_sum"])
    assert stage.archive.heal(stage.project, stage.world.now(), 7, read_id="check") == 0
    return listed


@pytest.mark.parametrize(("date_by", "zone", "skipped", "table", "astray"), VARIANTS)
def test_fortnight(
    date_by: str,
    zone: str,
    skipped: str,
    table: str,
    astray: dict[str, str | None],
    make_stage: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each morning every day is in the state that it must be in, its counts are the gateway's of its last
    complete read, and each transaction that a run could see is archived once, in its latest status.
    """
    stage = make_stage(days=0, date_by=date_by, day_zone=zone, now=f"{FIRST_RUN}T08:30:00+07:00")
    fill(stage)
    events, listed, mornings = dict(EVENTS), {}, []
    for number in range(RUNS):
        today = FIRST_RUN + timedelta(days=number)
        for moment in [at for at in events if at < f"{today}T08:30"]:
            stage.world.set_clock(moment)
            events.pop(moment)(stage.world)
        stage.world.set_clock(f"{today}T08:30")
        if f"{today:%d}" not in skipped.split():
            listed |= run_once(stage)
        mornings.append([item.state for item in covered(stage)])
    assert mornings == [[LETTERS[letter] for letter in line] for line in table.split()]

    states = {str(item.day): item for item in covered(stage)}
    provable = {day: (item.rows, item.amount_sum) for day, item in states.items() if item.rows is not None}
    assert provable == listed
    lost = {day for day, item in states.items() if item.state is State.LOST}
    before = [f"{FIRST_RUN - timedelta(days=back)}-{fate}" for fate in FATES for back in (7, 8, 9)]
    archived = stage.statuses()
    assert {
        row["id"].removeprefix("2026-11-"): archived.get(row["id"])
        for row in stage.world.ledger(type=TYPE)
        if "2026-11-04" <= row["listing_day"] < f"{today}" and row["listing_day"] not in lost
        if row["id"] not in before and archived.get(row["id"]) != row["status"]
    } == astray
    check_history(stage, archived)
    if not skipped and date_by == "created":
        assert "unknown by id, e.g. 2026-11-13-idle" in caplog.text
        found = next(row for row in stage.rows("2026-11-12") if row["id"] == "2026-11-12-slow")
        assert (found["status"], found["last_listed_day"]) == ("success", None)


def check_history(stage: Any, archived: dict[str, str]) -> None:
    """Every version that was replaced is kept once and was no more final; every refused one was less final."""
    history = stage.archive.tables.scan("history").to_pylist()
    assert max(Counter((row["id"], row["digest"]) for row in history).values()) == 1
    ranks = {"pending": 0, "expired": 2, "failed": 2, "success": 3}
    now = {row["id"]: row for row in stage.rows()}
    for row in history:
        standing = now[row["id"]]
        assert standing["digest"] != row["digest"]
        assert (ranks[row["status"]] < ranks[standing["status"]]) or row["reason"] == "replaced"
    seen_late = {row["id"] for row in history if row["reason"] == "replaced"}
    changed = {row["id"] for row in now.values() if row["first_seen_at"] != row["last_changed_at"]}
    assert changed == seen_late
    saw_the_success = archived.get("2026-11-15-noon2") == "success"  # before it was called failed
    refused = [row["id"] for row in history if row["reason"] == "refused"]
    assert refused == (["2026-11-15-noon2"] if saw_the_success else [])
