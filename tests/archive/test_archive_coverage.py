# SPDX-License-Identifier: Apache-2.0
"""What may be claimed of a day, from the records of its reads alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from archive_world import CLOSED, DAY, NEXT_DAY
from hypothesis import given
from hypothesis import strategies as st
from read_records import EARLY, FIRST, HOUR, LAST_AGE, MINUTE, judged, read, state

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import Outcome, State, coverage, is_complete

LOST = days.lost_after(DAY)
MICRO = timedelta(microseconds=1)
COMPLETE = read(FIRST)


@pytest.mark.parametrize(
    ("records", "now", "expected"),
    [
        # Open until eight hours after the day's end, whatever was read.
        ([], CLOSED - MICRO, "open"),
        (read(EARLY), CLOSED - MICRO, "open"),
        # Missing: over, in the window, no complete read.
        ([], CLOSED, "missing"),
        (read(EARLY), CLOSED, "missing"),
        (read(EARLY), LOST - MICRO, "missing"),
        # Complete: begun at or after closing, ended before the loss.
        (COMPLETE, FIRST + HOUR, "complete"),
        (read(CLOSED), FIRST, "complete"),
        (read(CLOSED - MICRO), FIRST, "missing"),
        (read(LOST - 4 * MINUTE - MICRO), LOST, "complete"),
        (read(LOST - 4 * MINUTE), LOST, "lost"),  # ended at the very instant of the loss
        (read(LOST - 2 * MINUTE), LOST + HOUR, "lost"),  # ended after it
        (COMPLETE, LOST, "complete"),
        (COMPLETE, LOST + 400 * HOUR, "complete"),
        # A listing in progress is not known yet.
        (COMPLETE, FIRST - MICRO, "missing"),
        # Each listing's outcome.
        (read(FIRST, outcomes={"pending": "failed"}), FIRST + HOUR, "complete"),
        (read(FIRST, outcomes={"pending": "moved"}), FIRST + HOUR, "complete"),
        (read(FIRST, outcomes={"pending": None}), FIRST + HOUR, "complete"),
        (read(FIRST, outcomes={"expired": "unsupported", "failed": "unsupported"}), FIRST + HOUR, "complete"),
        *(
            (read(FIRST, outcomes={status: outcome}), FIRST + HOUR, "missing")
            for status in ("expired", "failed", "success")
            for outcome in ("failed", "moved", None)
        ),
        (read(FIRST, outcomes={"expired": "shrunk"}), FIRST + HOUR, "missing"),
        (read(FIRST, outcomes={"success": "unsupported"}), FIRST + HOUR, "missing"),
        # Two halves of two runs make no read.
        (
            read(FIRST, "r1", outcomes={"success": "failed"})
            + read(FIRST + HOUR, "r2", outcomes={"expired": "failed"}),
            FIRST + 2 * HOUR,
            "missing",
        ),
        # An incomplete read afterwards takes nothing back.
        (COMPLETE + read(FIRST + HOUR, "r2", outcomes={"success": "failed"}), FIRST + 2 * HOUR, "complete"),
        # Shrunk, while it can still be read again.
        (read(FIRST, outcomes={"success": "shrunk"}), FIRST + HOUR, "shrunk"),
        (COMPLETE + read(FIRST + HOUR, "r2", outcomes={"success": "shrunk"}), FIRST + 2 * HOUR, "shrunk"),
        (COMPLETE + read(FIRST + HOUR, "r2", outcomes={"success": "shrunk"}), LOST, "complete"),
        (read(FIRST, "r1", outcomes={"success": "shrunk"}), LOST, "lost"),
        (read(FIRST, "r1", outcomes={"success": "shrunk"}) + read(FIRST + HOUR, "r2"), LOST - HOUR, "complete"),
        (read(FIRST, outcomes={"success": "shrunk", "failed": "failed"}), FIRST + HOUR, "missing"),
        (read(EARLY, outcomes={"success": "shrunk"}), FIRST, "missing"),
        # Lost, and before.
        ([], LOST, "before"),
        (read(FIRST, outcomes={"success": "failed"}), LOST, "lost"),
        (read(LOST, day=NEXT_DAY), LOST + HOUR, "before"),
        (read(LOST - MICRO, day=NEXT_DAY), LOST + HOUR, "lost"),
        (read(LOST - HOUR, day=NEXT_DAY, outcomes={"success": "failed"}), LOST, "lost"),
        # Another project's reads, or another type's, vouch for nothing, nor do they begin anything.
        (read(FIRST, project="sandbox-00000000"), FIRST + HOUR, "missing"),
        (read(FIRST, project="sandbox-00000000"), LOST, "before"),
        (read(FIRST, type="cashOut"), FIRST + HOUR, "missing"),
    ],
)  # fmt: skip
def test_states(records, now, expected):
    """Each state, at each of its borders."""
    records = list(records)
    for order in (records, records[::-1]):
        found = [i for i in coverage(order, project="api.sengo.id-0a1b2c3d", now=now) if i.day == DAY]
        told = [str(i.state) for i in found if i.type == "cashIn"]
        assert told == [expected] or (expected == "before" and not told)


def sealing(
    *, apart: timedelta = 20 * HOUR, at=LAST_AGE, digest: str = "d1", left: int = 0, first_left: int = 9
):
    """Two complete reads, the later on the last day of the window."""
    return read(at - apart, "r1", pending_left=first_left) + read(
        at, "r2", ids_digest=digest, pending_left=left
    )


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (sealing(), "sealed"),
        (sealing(apart=20 * HOUR - MICRO), "complete"),
        (sealing(digest="d2"), "complete"),
        (sealing(left=1), "complete"),
        (sealing(at=days.starts_at(DAY + timedelta(days=6))), "sealed"),  # the last age begins
        (sealing(at=days.starts_at(DAY + timedelta(days=6)) - MICRO), "complete"),
        (read(LAST_AGE), "complete"),  # one look is not two
        # A third read on the last morning looks past the second, if all saw the same.
        (sealing() + read(LAST_AGE + MINUTE, "r3"), "sealed"),
        (sealing() + read(LAST_AGE + MINUTE, "r3", ids_digest="d2"), "complete"),
        (sealing() + read(LAST_AGE + MINUTE, "r3", pending_left=1), "complete"),
        (read(FIRST, "r0", ids_digest="d0") + sealing(), "sealed"),
        (read(LAST_AGE - 30 * HOUR, "r0") + sealing(apart=HOUR), "sealed"),
        (read(LAST_AGE - 30 * HOUR, "r0", ids_digest="d0") + sealing(apart=HOUR), "complete"),
        # Of an incomplete later read only the bad news counts.
        (sealing() + read(LAST_AGE + MINUTE, "r3", outcomes={"success": "failed"}), "sealed"),
        (sealing() + read(LAST_AGE + MINUTE, "r3", outcomes={"success": "shrunk"}), "shrunk"),
        (sealing() + read(LAST_AGE + MINUTE, "r3", outcomes={"failed": "moved"}, pending_left=2), "complete"),
        (sealing() + read(LOST - MINUTE, "r3", pending_left=0), "sealed"),  # too late to count
    ],
)
def test_sealing(records, expected):
    """Sealed are two equal complete reads 20 h apart, the later at the last age, nothing left pending."""
    assert state(records, LOST - MICRO) == expected
    if expected != "shrunk":
        assert state(records, LOST + 400 * HOUR) == expected


def test_retention_moves_every_border():
    """A gateway that keeps more days loses, and seals, them later."""
    late = read(LOST + HOUR, lost_after=days.lost_after(DAY, 9))
    assert state(late, LOST + 2 * HOUR, retention_days=9) == "complete"
    assert judged([], LOST, retention_days=9).days_left == 1
    assert state(sealing(), LOST - MICRO, retention_days=9) == "complete"


def test_first_read_is_the_projects_first():
    """Whatever the first read was of, and however it ended, from then on days can be lost."""
    failed = read(
        FIRST, type="cashOut", day=NEXT_DAY, outcomes=dict.fromkeys(("success", "failed"), "failed")
    )
    assert state(failed, LOST) == "lost"
    oldest = days.window(FIRST)[0]
    assert judged(failed, LOST, day=oldest).state is State.LOST
    assert coverage(failed, project="api.sengo.id-0a1b2c3d", now=LOST)[0].day == oldest


def test_what_is_told_of_a_day():
    """Rows and sum are the latest complete read's; the last read is the latest of any."""
    records = read(FIRST) + read(FIRST + HOUR, "r2", rows=6, amount_sum=6000)
    records += read(FIRST + 2 * HOUR, "r3", rows=1, outcomes={"success": "failed"})
    item = judged(records, LAST_AGE)
    assert (item.rows, item.amount_sum, item.last_complete_at) == (6, 6000, FIRST + HOUR)
    assert item.last_read_at == FIRST + 2 * HOUR + 4 * MINUTE
    assert (item.lost_after, item.days_left, item.unproven) == (LOST, 0, False)
    nothing = judged([], FIRST)
    assert (nothing.rows, nothing.amount_sum, nothing.last_read_at, nothing.unproven) == (
        None,
        None,
        None,
        True,
    )
    shrunk = judged(read(FIRST, outcomes={"success": "shrunk"}), FIRST + HOUR)
    assert (shrunk.rows, shrunk.unproven) == (None, True)
    again = COMPLETE + read(FIRST + HOUR, "r2", outcomes={"success": "shrunk"})
    assert not judged(again, FIRST + 2 * HOUR).unproven


def test_days_and_types_are_listed_in_order():
    """From the first known day to today, each type, oldest first; an old read reaches further back."""
    plain = [(item.day, item.type) for item in coverage([], project="p", now=CLOSED)]
    assert plain == [(day, type_) for day in days.window(CLOSED) for type_ in days.TYPES]
    old = read(FIRST, day=date(2026, 11, 1))
    found = coverage(old, project="api.sengo.id-0a1b2c3d", now=FIRST + HOUR, types=("cashOut",))
    assert (found[0].day, {item.type for item in found}) == (date(2026, 11, 1), {"cashOut"})


def test_is_complete():
    """The records of one run make a complete read by the same rule."""
    assert is_complete(COMPLETE)
    assert not is_complete([])
    assert not is_complete(read(EARLY))
    assert not is_complete(read(FIRST, outcomes={"success": "shrunk"}))
    assert not is_complete(read(FIRST, outcomes={"success": None}))


RUNS = st.builds(
    read,
    st.integers(0, 8 * 24 * 12).map(lambda n: CLOSED - 20 * HOUR + n * 5 * MINUTE),
    st.uuids().map(str),
    outcomes=st.dictionaries(
        st.sampled_from(["pending", "expired", "failed", "success"]), st.none() | st.sampled_from([*Outcome])
    ),
    ids_digest=st.sampled_from(["d1", "d2"]),
    pending_left=st.integers(0, 1),
)


@given(st.lists(RUNS, max_size=6), st.integers(0, 9 * 24).map(lambda n: CLOSED - 20 * HOUR + n * HOUR))
def test_nothing_is_claimed_without_a_timely_quiet_success(runs, now):
    """No day is complete or sealed without a quiet read of its successes, in time; two of them to seal."""
    records = [record for run in runs for record in run]
    proofs = {
        record.run: record.started_at
        for record in records
        if record.status == "success"
        and record.outcome is Outcome.QUIET
        and CLOSED <= record.started_at <= now
        and record.finished_at < LOST
    }
    found = judged(records, now)
    if found is None:  # it left the window before the project's first read
        return
    if found.state in (State.COMPLETE, State.SEALED):
        assert proofs
    if found.rows is not None:
        assert proofs
    if found.state is State.SEALED:
        assert max(proofs.values()) - min(proofs.values()) >= 20 * HOUR
        assert days.age_days(DAY, max(proofs.values())) == 6
