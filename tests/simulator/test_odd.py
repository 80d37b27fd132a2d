# SPDX-License-Identifier: Apache-2.0
"""Odd rows: what is sent, and what the truth says of it."""

import json

import pytest

from airflow_provider_sengo.simulator.odd import ODD_KINDS

DAY = "2026-11-19"


@pytest.fixture
def odd(make_client):
    """A day of odd rows only, and their ids by kind."""
    client = make_client(days=0, page_size=100)
    ids = client.world.add_odd_rows(DAY, "cashIn")
    return client, dict(zip(ODD_KINDS, ids, strict=True))


def test_every_kind_is_listed_and_has_its_id(odd):
    """Each kind is one row of the day's success listing with a readable id, in JSON that decodes."""
    client, ids = odd
    rows = {row["id"]: row for row in client.listing(date=DAY)}
    assert set(rows) == set(ids.values())
    assert rows[ids["amount_float"]]["amount"] == 10000.5
    assert rows[ids["amount_text"]]["amount"] == "10000"
    assert rows[ids["amount_bool"]]["amount"] is True
    assert rows[ids["amount_huge"]]["amount"] == 10**30
    assert "amount" not in rows[ids["amount_missing"]]
    assert rows[ids["status_unknown"]]["status"] == "refunded"
    assert not {"expiredDate", "paidDate", "settleDate"} & set(rows[ids["dates_missing"]])
    assert rows[ids["channel_list"]]["qris"] == []
    assert rows[ids["fields_new"]]["currency"] == "IDR"
    assert rows[ids["name_markup"]]["merchantRef"].startswith("<script>")


def test_integral_floats_and_double_keys_reach_the_wire(odd):
    """10000.0 keeps its fraction on the wire and a doubled key really stands twice."""
    client, ids = odd
    reply = client.get("/transactions", type="cashIn", date=DAY).body
    assert b'"amount":10000.0' in reply
    at = reply.index(ids["keys_twice"].encode())
    row = reply[at : reply.index(b"}", reply.index(b'"amount":1,"status":"pending"')) + 1]
    assert row.count(b'"amount":') == 2
    assert row.count(b'"status":') == 2


def test_the_truth_tells_what_can_be_read(odd):
    """shown_amount and shown_status are what a reader can take from the row; sums count only that."""
    client, ids = odd
    truth = {row["id"]: row for row in client.world.ledger(day=DAY)}
    for kind in ("float", "integral_float", "text", "null", "bool", "huge", "missing"):
        assert truth[ids[f"amount_{kind}"]]["shown_amount"] is None, kind
    assert truth[ids["amount_negative"]]["shown_amount"] == -500
    assert truth[ids["keys_twice"]]["shown_amount"] == 1
    shown = {kind: truth[id]["shown_status"] for kind, id in ids.items()}
    assert shown["status_unknown"] == "refunded"
    assert shown["status_missing"] is None
    assert shown["status_null"] is None
    assert shown["keys_twice"] == "pending"
    assert shown["amount_text"] == "success"
    (sums,) = client.world.sums()
    assert sums["rows"] == len(ODD_KINDS)
    paid = [row["shown_amount"] or 0 for row in truth.values() if row["shown_status"] == "success"]
    assert (sums["paid_rows"], sums["paid_amount_sum"]) == (len(paid), sum(paid))


def test_mutate_changes_truth_or_row(client):
    """A plan's field changes the truth; another name, or an amount that is no number, only the row."""
    id = client.world.insert(reference="M-1", status="success", created_at=f"{DAY}T10:00:00")
    client.world.mutate("M-1", amount=777, reference="M-2")
    client.world.mutate("M-2", remove=["expiredDate"], amount="778", extra={"a": [1]})
    (truth,) = (row for row in client.world.ledger() if row["id"] == id)
    assert (truth["amount"], truth["shown_amount"], truth["reference"]) == (777, None, "M-2")
    row = json.loads(client.get("/check/M-2").body)["responseData"]
    assert (row["amount"], row["extra"], "expiredDate" in row) == ("778", {"a": [1]}, False)
    assert client.get("/check/M-1").status == 404
    client.world.mutate(id, created_at="2026-11-18T10:00:00")
    assert id in [row["id"] for row in client.listing(date="2026-11-18")]
    assert id not in [row["id"] for row in client.listing(date=DAY)]


def test_a_wrong_mutation_leaves_the_row_listed(client):
    """A refused change is a ValueError and the row stays where it was."""
    id = client.world.insert(status="success")
    with pytest.raises(ValueError, match="channel"):
        client.world.mutate(id, channel="pigeon")
    client.world.mutate(id, channel="qris")
    assert id in [row["id"] for row in client.listing()]


def test_unknown_kinds_and_fields_are_refused(client):
    """Names that mean nothing are a ValueError."""
    with pytest.raises(ValueError, match="no such kind"):
        client.world.add_odd_rows(DAY, "cashIn", kinds=["amount_purple"])
    with pytest.raises(ValueError, match="no colour"):
        client.world.insert(colour="red")
