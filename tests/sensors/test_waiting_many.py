# SPDX-License-Identifier: Apache-2.0
"""One trigger for many payments asks listings, in which absence settles nothing."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import waiting_world
from modes import fire
from waiting_world import deferred

from airflow_provider_sengo.simulator import Simulator

_connections = waiting_world._connections
simulator = waiting_world.simulator


def test_many_are_answered_from_the_listings(simulator: Simulator) -> None:
    """One trigger for 300 ids asks some listings, not 300 times; absence settles none of them."""
    world = simulator.world
    ids = [world.insert(status="pending", channel="qris", reference=f"MANY-{n}") for n in range(300)]
    off = deferred(transaction_id=ids)
    world.requests().clear()
    for id in ids[:250]:
        world.pay(id)
    for id in ids[250:]:
        world.expire(id)
    event = fire(off.trigger)
    assert event["statuses"] == dict.fromkeys(ids[:250], "success") | dict.fromkeys(ids[250:], "expired")
    assert world.requests().by_endpoint.get("GET /check", 0) == 0
    assert world.requests().total < 60


def test_who_is_in_no_listing_of_final_ones_is_still_waited_for(simulator: Simulator) -> None:
    """Half of them stay pending: nothing is told of those, and the deadline comes."""
    world = simulator.world
    ids = [world.insert(status="pending", channel="qris", reference=f"MANY-{n}") for n in range(60)]
    off = deferred(transaction_id=ids, timeout=0.5)
    for id in ids[:30]:
        world.pay(id)
    event = fire(off.trigger)
    assert event["outcome"] == "too late"
    assert event["statuses"] == dict.fromkeys(ids[:30], "success")
    assert world.requests().by_endpoint["GET /transactions"] > 0


def test_a_listing_that_hides_payments_only_delays_them(simulator: Simulator) -> None:
    """Should ``date`` mean the expiry, they are under a day to come: then each is asked for by its id."""
    world = simulator.world
    world.configure(date_by="expired")
    late = {"expires_at": world.now() + timedelta(days=2)}
    ids = [world.insert(status="pending", channel="qris", reference=f"MANY-{n}", **late) for n in range(40)]
    off = deferred(transaction_id=ids)
    for id in ids:
        world.pay(id)
    assert fire(off.trigger)["statuses"] == dict.fromkeys(ids, "success")
    assert world.requests().by_endpoint["GET /transactions"] > 0
