# SPDX-License-Identifier: Apache-2.0
"""What keeps large ledgers fast, proven by identity instead of by a stopwatch, and safe under threads."""

import json
import threading

DAY = "2026-11-19"


def test_an_unchanged_listing_is_not_made_again(make_client):
    """Between two requests without a change the listing and its rows' bytes are the same objects."""
    client = make_client(days=0)
    client.world.fill(day=DAY, type="cashIn", rows=50)
    client.page(date=DAY)
    with client.world.open() as ledger:
        listing = next(plans for plans in ledger.listings().values() if plans)
        row = listing[0].wire
    client.world.advance(60)
    client.page(date=DAY)
    with client.world.open() as ledger:
        assert next(plans for plans in ledger.listings().values() if plans) is listing
        assert listing[0].wire is row


def test_one_payment_moves_one_row(make_client):
    """A status change takes one row out of its listing and leaves the others' bytes alone."""
    client = make_client(days=0, page_size=100)
    client.world.fill(day=DAY, type="cashIn", rows=50, status="pending", paid_within_s=5000)
    client.page(date=DAY, status="pending")
    with client.world.open() as ledger:
        before = {plan.id: plan.wire for plan in ledger.plans.values()}
    client.world.advance(100)
    assert client.page(date=DAY)["responseExtra"]["totalRecords"] == 1
    client.page(date=DAY, status="pending")
    with client.world.open() as ledger:
        assert sum(plan.wire is before[plan.id] for plan in ledger.plans.values()) == 49


def test_pending_rows_get_paid_evenly(make_client):
    """``paid_within_s`` settles the filled rows one after the other."""
    client = make_client(days=0)
    client.world.fill(day=DAY, type="cashIn", rows=10, status="pending", paid_within_s=100)
    totals = []
    for _ in range(5):
        totals.append(client.page(date=DAY)["responseExtra"]["totalRecords"])
        client.world.advance(30)
    assert totals == [0, 3, 6, 9, 10]


def test_requests_and_edits_from_many_threads(wire):
    """Readers over HTTP and writers in Python leave a ledger whose listings agree with its truth."""
    world, failures = wire.simulator.world, []

    def read() -> None:
        for page in range(1, 15):
            status, _, body = wire.get(f"/transactions?page={page}&status=success&date={DAY}&type=cashIn")
            if status != 200 or json.loads(body)["responseCode"] != 200:
                failures.append(body)

    def write() -> None:
        for _ in range(40):
            world.fail(world.insert(created_at=f"{DAY}T12:00:00", status="success"))
            world.advance(1)

    threads = [threading.Thread(target=work) for work in (read, write, read, write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    truth = [row for row in world.ledger() if row["listed"]]
    assert sum(one["rows"] for one in world.sums()) == len(truth)


def test_a_body_beyond_the_limit_is_refused(wire):
    """Two megabytes are no signed body: 422, and the connection lives on."""
    assert wire.call("POST", "/api/qris", b" " * 2_000_000)[0] == 422
    assert wire.get("/balance")[0] == 200
