# SPDX-License-Identifier: Apache-2.0
"""The ledger by its own clock: seed, retention, statuses, listing days and orders."""

import hashlib
from datetime import date, timedelta

import pytest

from airflow_provider_sengo.simulator import World
from airflow_provider_sengo.simulator.clock import is_within_retention, iso_jakarta, zone_day
from airflow_provider_sengo.simulator.plan import status_at

TODAY = "2026-11-20"
STATUSES = ("pending", "success", "expired", "failed")


def days_back(count: int) -> str:
    return (date.fromisoformat(TODAY) - timedelta(days=count)).isoformat()


def test_same_seed_same_ledger(make_client):
    """Two worlds of one seed and time hold the same transactions; another seed holds others."""
    assert make_client().world.ledger() == make_client().world.ledger()
    assert make_client(seed=2).world.ledger() != make_client().world.ledger()


def test_seven_days_every_channel_status_and_payer(client):
    """The seeded ledger covers seven days up to now, all channels, statuses and fee payers."""
    rows = client.world.ledger()
    assert {row["listing_day"] for row in rows} == {days_back(count) for count in range(7)}
    assert len(rows) == 7 * 2 * 20
    channels = {"qris", "virtualAccount", "eWallet", "retail", "disbursement"}
    assert {row["channel"] for row in rows} == channels
    assert {row["channel"] for row in rows if row["type"] == "cashOut"} == {"disbursement"}
    assert {row["status"] for row in rows} == set(STATUSES)
    assert {row["fee_payer"] for row in rows} == {"customer", "merchant"}
    assert max(row["created_at"] for row in rows) <= iso_jakarta(client.world.now_s())


def test_listings_show_the_truth(client):
    """Every listing of the window, read over the endpoint, is what the ledger says of it."""
    listed = {
        row["id"]: (row["status"], row["amount"], day, type)
        for day in map(days_back, range(7))
        for type in ("cashIn", "cashOut")
        for status in STATUSES
        for row in client.listing(date=day, type=type, status=status)
    }
    truth = client.world.ledger()
    assert all(row["listed"] for row in truth)
    assert listed == {
        row["id"]: (row["status"], row["amount"], row["listing_day"], row["type"]) for row in truth
    }
    sums = client.world.sums()
    assert sum(one["rows"] for one in sums) == len(truth)
    assert sum(one["amount_sum"] for one in sums) == sum(row["amount"] for row in truth)


@pytest.mark.parametrize(("age", "kept"), [(-1, True), (0, True), (6, True), (7, False), (30, False)])
def test_retention_boundary(age, kept):
    """A day is kept while it is one of the last seven, today included."""
    assert is_within_retention(1000 - age, 1000, 7) is kept


def test_a_day_is_forgotten_at_jakarta_midnight(client):
    """The oldest day is there until the last second before midnight, then listing and check forget it."""
    client.world.set_clock("2026-11-20T23:59:59+07:00")
    oldest = client.listing(date=days_back(6))
    assert oldest
    assert client.get(f"/check/{oldest[0]['id']}").status == 200
    client.world.advance(1)
    assert client.page(date=days_back(6))["responseExtra"]["totalRecords"] == 0
    assert client.get(f"/check/{oldest[0]['id']}").status == 404
    assert client.get(f"/check/{oldest[0]['merchantRef']}").status == 404
    forgotten = [row for row in client.world.ledger() if row["id"] == oldest[0]["id"]]
    assert [(row["remembered"], row["listed"]) for row in forgotten] == [(False, False)]


def test_future_and_older_days_are_empty_pages(client):
    """A day outside the window is an empty page, not an error."""
    for day in (days_back(-1), days_back(7), "2020-02-29"):
        assert client.page(date=day)["responseData"] == []


def test_the_clock_brings_new_days(client):
    """A day that the clock enters gets its own transactions as it passes, unless that is switched off."""
    client.world.set_clock("2026-11-21T12:00:00+07:00")
    half = len(client.world.ledger(day="2026-11-21"))
    client.world.advance(11.9 * 3600)
    assert 0 < half < len(client.world.ledger(day="2026-11-21")) <= 40
    quiet = World(per_day=5, now="2026-11-20T20:00:00", frozen=True, traffic_continues=False)
    quiet.ledger()
    quiet.advance(86_400)
    assert quiet.ledger(day="2026-11-21") == []


def test_status_follows_the_plan(client):
    """Pending becomes success at its paid time, or expired at expiry, and late settlement follows expiry."""
    at = "2026-11-20T10:00:00+07:00"
    id = client.world.insert(
        created_at=at, expires_at="2026-11-20T21:00:00+07:00", paid_at="2026-11-21T01:00:00+07:00"
    )
    seen = []
    for now in ("2026-11-20T20:59:59", "2026-11-20T21:00:00", "2026-11-21T00:59:59", "2026-11-21T01:00:00"):
        client.world.set_clock(now)
        seen.append(next(row["status"] for row in client.world.ledger() if row["id"] == id))
        assert id in [row["id"] for row in client.listing(status=seen[-1])]
    assert seen == ["pending", "expired", "expired", "success"]


def test_incremental_listings_equal_rebuilt_ones():
    """Walking the clock in small steps leaves the same listings as jumping there at once."""
    walked = World(per_day=60, now="2026-11-20T08:00:00", frozen=True, date_by="paid")
    jumped = World(per_day=60, now="2026-11-20T08:00:00", frozen=True, date_by="paid")
    jumped.ledger()
    for _ in range(120):
        walked.advance(300)
        walked.sums()
    jumped.advance(36_000)
    for world in (walked, jumped):
        with world.open() as ledger:
            for (_, _, status), plans in ledger.listings().items():
                assert all(status_at(plan, world.now_s()) == status for plan in plans)
    shown = []
    for world in (walked, jumped):
        with world.open() as ledger:
            listings = ledger.listings().items()
            shown.append({where: [plan.id for plan in plans] for where, plans in listings if plans})
    assert shown[0] == shown[1]


def test_late_share_settles_hours_to_days_after_expiry():
    """With every transaction late, all expire first and succeed within three days of it."""
    world = World(
        per_day=10, days=1, late_share=1.0, expired_share=0, failed_share=0, multi_day_share=0,
        now="2026-11-20T23:00:00", frozen=True, traffic_continues=False,
    )  # fmt: skip
    statuses = set()
    for _ in range(8):
        statuses |= {row["status"] for row in world.ledger()}
        world.advance(12 * 3600)
    assert {"expired", "success"} <= statuses
    assert {row["status"] for row in world.ledger()} == {"success"}
    assert all(row["paid_at"] > row["expires_at"] for row in world.ledger())


@pytest.mark.parametrize(
    ("date_by", "zone", "unpaid_day", "paid_day"),
    [
        ("created", "Asia/Jakarta", "2026-11-18", "2026-11-18"),
        ("paid", "Asia/Jakarta", "2026-11-18", "2026-11-19"),
        ("expired", "Asia/Jakarta", "2026-11-20", "2026-11-20"),
        ("created", "UTC", "2026-11-17", "2026-11-17"),
        ("paid", "UTC", "2026-11-17", "2026-11-18"),
        ("expired", "UTC", "2026-11-19", "2026-11-19"),
        ("created", "Asia/Tokyo", "2026-11-18", "2026-11-18"),
    ],
)
def test_each_meaning_of_date_and_zone(make_client, date_by, zone, unpaid_day, paid_day):
    """A row stands under its creation, payment or expiry day, in the zone asked for."""
    client = make_client(days=0, date_by=date_by, day_zone=zone)
    times = {"created_at": "2026-11-18T01:00:00+07:00", "expires_at": "2026-11-20T02:00:00+07:00"}
    unpaid = client.world.insert(**times)
    paid = client.world.insert(**times, paid_at="2026-11-19T03:00:00+07:00")
    assert [row["id"] for row in client.listing(date=unpaid_day, status="expired")] == [unpaid]
    assert [row["id"] for row in client.listing(date=paid_day, status="success")] == [paid]
    assert {row["listing_day"] for row in client.world.ledger()} == {unpaid_day, paid_day}


def test_multi_day_rows_move_between_days_when_paid(make_client):
    """With date by payment a row leaves its creation day's listing when it is paid on another day."""
    client = make_client(days=0, date_by="paid")
    id = client.world.insert(created_at="2026-11-18T10:00:00", expires_at="2026-11-25T10:00:00")
    assert [row["id"] for row in client.listing(date="2026-11-18", status="pending")] == [id]
    client.world.pay(id)
    assert client.listing(date="2026-11-18", status="pending") == []
    assert [row["id"] for row in client.listing(date=TODAY, status="success")] == [id]


def test_zone_days_follow_daylight_saving():
    """Days of a zone with summer time begin at its own midnight on both sides of the change."""
    spring, summer = 1774738800, 1774735200 + 86_400  # 2026-03-29 00:00 CET, 2026-03-30 00:00 CEST
    assert zone_day(spring, "Europe/Berlin") - zone_day(spring - 1, "Europe/Berlin") == 1
    assert zone_day(summer, "Europe/Berlin") - zone_day(summer - 1, "Europe/Berlin") == 1


@pytest.mark.parametrize("order", ["oldest", "newest", "hash"])
def test_orders_are_total_and_stable(make_client, order):
    """Each order is what it says, and two reads show the same."""
    client = make_client(order=order, page_size=3)
    rows = client.listing(date=days_back(1))
    assert rows == client.listing(date=days_back(1))
    created = {row["id"]: row["created_at"] for row in client.world.ledger()}
    ids = [row["id"] for row in rows]
    wanted = {
        "oldest": sorted(ids, key=lambda one: created[one]),
        "newest": sorted(ids, key=lambda one: created[one], reverse=True),
        "hash": sorted(ids, key=lambda one: hashlib.blake2b(one.encode(), digest_size=8).digest()),
    }
    assert ids == wanted[order]


def test_credentials_have_ledgers_of_their_own(make_client):
    """An extra pair sees its own transactions, and neither the other's nor the other's references."""
    client = make_client(extra_credentials={"SC-OTHER": "other-token"})
    other = type(client)(client.world, "SC-OTHER", "other-token")
    ours, theirs = ({row["id"] for row in one.listing(date=days_back(1))} for one in (client, other))
    assert ours
    assert theirs
    assert not ours & theirs
    assert other.get(f"/check/{ours.pop()}").status == 404
    assert {row["project"] for row in client.world.ledger(key="SC-OTHER")} == {"SC-OTHER"}
    mixed = type(client)(client.world, "SC-OTHER", client.token)
    assert mixed.get("/balance").status == 401


def test_edits_by_hand(client):
    """Pay, settle, expire, fail, vanish, hide and show change what the gateway says at once."""
    world = client.world
    id = world.insert(reference="HAND-1")

    def seen() -> tuple[list[str], int]:
        found = [status for status in STATUSES if id in [row["id"] for row in client.listing(status=status)]]
        return found, client.get("/check/HAND-1").status

    assert seen() == (["pending"], 200)
    for edit, status in (
        ("expire", "expired"),
        ("settle", "success"),
        ("fail", "failed"),
        ("pay", "success"),
    ):
        getattr(world, edit)("HAND-1")
        assert seen() == ([status], 200)
    world.vanish(id)
    assert seen() == ([], 200)
    world.hide(id)
    assert seen() == ([], 404)
    world.show(id)
    assert seen() == (["success"], 200)
    with pytest.raises(KeyError):
        world.pay("nothing")


def test_reset_is_the_start(client):
    """Reset brings back ledger, clock and switches."""
    before = client.world.ledger()
    client.world.insert()
    client.world.configure(date_by="paid", page_size=3)
    client.world.advance(1e6)
    client.world.reset()
    assert client.world.ledger() == before
    assert client.world.settings.page_size == 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"verify": "no"},
        {"page_size": 0},
        {"day_zone": "Mars/Base"},
        {"nonsense": 1},
        {"per_day": "5"},
        {"late_share": 2},
    ],
)
def test_wrong_switches_are_refused(client, wrong):
    """An unknown switch, a wrong type or value is a ValueError and changes nothing."""
    before = client.world.settings
    with pytest.raises(ValueError, match=r".+"):
        client.world.configure(**wrong)
    assert client.world.settings == before
