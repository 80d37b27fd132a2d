# SPDX-License-Identifier: Apache-2.0
"""Listings that move while they are read, and a ledger that tells the truth of it."""

import pytest

DAY = "2026-11-19"
TODAY = "2026-11-20"


def total(client, **query) -> int:
    return client.page(date=DAY, **query)["responseExtra"]["totalRecords"]


@pytest.fixture
def day_of_30(make_client):
    """A closed day of 30 paid rows, ten a page, newest first."""
    client = make_client(days=0)
    client.world.fill(day=DAY, type="cashIn", rows=30)
    return client


def ids(rows) -> list[str]:
    return [row["id"] for row in rows]


def test_rows_leave(day_of_30):
    """One row leaves before every second request: totals fall, the truth keeps and marks the leavers."""
    day_of_30.world.set_drift(mode="leave", day=DAY, type="cashIn", every_requests=2)
    assert [total(day_of_30) for _ in range(6)] == [30, 30, 29, 29, 28, 28]
    (drift,) = day_of_30.world.drifts()
    truth = day_of_30.world.ledger(day=DAY)
    assert len(truth) == 30
    assert sorted(row["id"] for row in truth if not row["listed"]) == sorted(drift.left_ids)
    day_of_30.world.clear_drift()
    assert [total(day_of_30) for _ in range(3)] == [28, 28, 28]


def test_a_plain_walk_loses_rows_that_shift_under_it(day_of_30):
    """Rows that leave the front while pages are read upwards pull others past the reader."""
    before = ids(day_of_30.listing(date=DAY))
    day_of_30.world.set_drift(mode="leave", day=DAY, type="cashIn", every_requests=1, leave_from="first")
    seen = [id for page in (1, 2, 3) for id in ids(day_of_30.page(date=DAY, page=page)["responseData"])]
    lost = set(before) - set(seen)
    left = set(day_of_30.world.drifts()[0].left_ids)
    assert left == set(before[:2])
    assert lost == {before[10], before[21]}


def test_rows_arrive(day_of_30):
    """Newcomers at the end of a day stand in front of a newest-first listing and in the truth."""
    day_of_30.world.set_drift(mode="arrive", day=DAY, type="cashIn", every_requests=1, arrive_at="end")
    assert [total(day_of_30) for _ in range(3)] == [30, 31, 32]
    (drift,) = day_of_30.world.drifts()
    first = ids(day_of_30.page(date=DAY)["responseData"])[:3]
    assert set(first) == set(drift.arrived_ids)
    assert set(drift.arrived_ids) <= {row["id"] for row in day_of_30.world.ledger(day=DAY) if row["listed"]}


@pytest.mark.parametrize("status", ["success", "pending", "expired", "failed"])
@pytest.mark.parametrize("date_by", ["created", "paid", "expired"])
def test_arrivals_stand_in_the_listing_asked_for(make_client, status, date_by):
    """Whatever ``date`` means, a newcomer of a status arrives in today's listing of that status."""
    client = make_client(days=0, date_by=date_by)
    client.world.set_drift(mode="arrive", day=TODAY, type="cashOut", status=status, every_requests=1, rows=3)
    totals = [client.page(type="cashOut", status=status)["responseExtra"]["totalRecords"] for _ in range(3)]
    assert totals == [0, 3, 6]


def test_both_at_once_keep_the_totals(day_of_30):
    """One in, one out: totals stay equal while the rows change."""
    before = set(ids(day_of_30.listing(date=DAY)))
    day_of_30.world.set_drift(mode="both", day=DAY, type="cashIn", every_requests=1)
    assert [total(day_of_30) for _ in range(5)] == [30] * 5
    day_of_30.world.clear_drift()
    assert len(before - set(ids(day_of_30.listing(date=DAY)))) >= 3


def test_pending_rows_leave_by_being_paid(make_client):
    """A pending row that leaves stands in the success listing afterwards."""
    client = make_client(days=0)
    client.world.fill(day=DAY, type="cashIn", rows=5, status="pending")
    client.world.set_drift(mode="leave", day=DAY, type="cashIn", status="pending", every_requests=1)
    assert [total(client, status=status) for status in ("pending", "pending", "success")] == [5, 4, 2]


def test_request_driven_drift_is_deterministic(make_client):
    """The same seed and requests move the same rows."""
    moved = []
    for _ in range(2):
        client = make_client()
        client.world.set_drift(mode="both", day=DAY, type="cashIn", every_requests=1, seed=7)
        client.listing(date=DAY)
        (drift,) = client.world.drifts()
        moved.append((drift.left_ids, drift.arrived_ids))
    assert moved[0] == moved[1]
    assert moved[0][0]


def test_other_listings_stand_still_and_limits_hold(day_of_30):
    """Drift moves its own day and type only, and ends with its number of events."""
    day_of_30.world.set_drift(mode="leave", day=DAY, type="cashIn", every_requests=1, max_events=2)
    day_of_30.page(date=TODAY)
    day_of_30.page(date=DAY, type="cashOut")
    assert [total(day_of_30) for _ in range(5)] == [30, 29, 28, 28, 28]


def test_drift_by_seconds(day_of_30, monkeypatch):
    """Rows a second count real time, whatever the simulator's frozen clock says."""
    real_s = [1000.0]
    monkeypatch.setattr("airflow_provider_sengo.simulator.drift.time.monotonic", lambda: real_s[0])
    day_of_30.world.set_drift(mode="leave", day=DAY, type="cashIn", rows_per_s=2)
    assert total(day_of_30) == 30
    real_s[0] += 3
    assert total(day_of_30) == 24


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "sideways"},
        {"every_requests": 0},
        {"rows_per_s": 1.0},
        {"leave_as": "gone"},
        {"speed": 1},
        {"rows": 0},
    ],
)
def test_wrong_drift_is_refused(client, wrong):
    """An unknown mode, place or name, and no or two drivers, are a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        client.world.set_drift(
            **({"mode": "leave", "day": DAY, "type": "cashIn", "every_requests": 1} | wrong)
        )
