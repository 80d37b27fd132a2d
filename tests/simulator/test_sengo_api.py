# SPDX-License-Identifier: Apache-2.0
"""The endpoints' answers: fields, defaults and refusals of the fact sheet, sections 5 to 7."""

import binascii
import json

import pytest

from airflow_provider_sengo.simulator.sengo_api import Request, answer
from airflow_provider_sengo.simulator.signature import sign

QRIS = {
    "reference": "REFF012",
    "amount": 10000,
    "expiryMinutes": 30,
    "viewName": "Merchant Name",
    "additionalInfo": {"callback": "http://your-site-callback.com/notify"},
}


def code(reply) -> tuple[int, str]:
    return reply.status, json.loads(reply.body)["responseMessage"]


def test_create_qris_answers_as_the_sample(client):
    """The create answer has the sample's fields in the sample's order, and fee 85 on 10,000."""
    reply = client.post("/qris", QRIS)
    body = json.loads(reply.body)
    assert (reply.status, body["responseCode"], body["responseMessage"]) == (200, 200, "success")
    data = body["responseData"]
    assert list(data) == [
        "id", "merchantRef", "status", "feePayer", "amount", "fee", "totalAmount", "expiredDate",
        "additionalInfo", "qris",
    ]  # fmt: skip
    assert (data["merchantRef"], data["status"], data["feePayer"]) == ("REFF012", "pending", "customer")
    assert (data["amount"], data["fee"], data["totalAmount"]) == (10000, 85, 10085)
    assert data["expiredDate"] == "2026-11-20T20:30:00+07:00"
    assert data["additionalInfo"] == QRIS["additionalInfo"]
    assert rb"http:\/\/your-site-callback.com\/notify" in reply.body


def test_qr_text_is_valid_emv_and_carries_the_total(client):
    """The QR text parses as TLV, its checksum holds, its amount is the total and 62/05 begins the id."""
    data = json.loads(client.post("/qris", QRIS).body)["responseData"]
    text = data["qris"]["content"]
    assert f"{binascii.crc_hqx(text[:-4].encode(), 0xFFFF):04X}" == text[-4:]
    items, at = {}, 0
    while at < len(text):
        length = int(text[at + 2 : at + 4])
        items[text[at : at + 2]] = text[at + 4 : at + 4 + length]
        at += 4 + length
    assert (items["00"], items["01"], items["53"], items["54"]) == ("01", "12", "360", "10085")
    assert items["62"] == "0516" + data["id"].replace("-", "")[:16]


def test_lorem_ipsum_is_no_qr_text(make_client):
    """Switched over, the content is a Latin sentence, as a sibling's sandbox gives."""
    client = make_client(qris_content="lorem", fee_payer="merchant")
    data = json.loads(client.post("/qris", QRIS).body)["responseData"]
    assert data["qris"]["content"].startswith("Repellendus")
    assert data["totalAmount"] == data["amount"]


@pytest.mark.parametrize(
    "change",
    [
        {"reference": ""}, {"reference": None}, {"reference": 12}, {"reference": "a/b"}, {"reference": "x" * 65},
        {"amount": "10000"}, {"amount": 0}, {"amount": -5}, {"amount": 10000.5}, {"amount": True}, {"amount": None},
        {"expiryMinutes": 0}, {"expiryMinutes": "30"}, {"viewName": ""}, {"additionalInfo": None},
        {"additionalInfo": {"callback": "nowhere"}}, {"additionalInfo": {"callback": "http://[/"}},
    ],
)  # fmt: skip
def test_invalid_create_requests(client, change):
    """A field missing, empty or of the wrong type is 422 and leaves no transaction."""
    before = len(client.world.ledger())
    assert code(client.post("/qris", QRIS | change)) == (422, "REQUEST_INVALID")
    assert len(client.world.ledger()) == before


def test_undecodable_bodies_are_invalid_even_with_the_get_signature(client):
    """PHP's failed json_encode would make the GET signature fit; such bodies are 422 all the same."""
    for body in (b"", b"{", b'{"a":1e400}', rb'{"a":"\ud800"}', b"[1]"):
        assert code(client.post("/qris", body)) == (422, "REQUEST_INVALID")


def test_a_reference_counts_once(client):
    """A second create with the same reference is 409, hidden and forgotten ones included."""
    assert client.post("/qris", QRIS).status == 200
    assert code(client.post("/qris", QRIS)) == (409, "DUPLICATE_REFERENCE")
    client.world.hide("REFF012")
    assert client.get("/check/REFF012").status == 404
    assert code(client.post("/qris", QRIS)) == (409, "DUPLICATE_REFERENCE")
    client.world.advance(30 * 86_400)
    assert code(client.post("/qris", QRIS)) == (409, "DUPLICATE_REFERENCE")


def test_a_reference_may_be_forgotten(make_client):
    """With a memory of some days, a reference is accepted again once they are over."""
    client = make_client(reference_memory_days=14)
    first = json.loads(client.post("/qris", QRIS).body)["responseData"]["id"]
    client.world.set_clock("2026-12-04T23:59:59+07:00")
    assert client.post("/qris", QRIS).status == 409
    client.world.advance(1)
    second = json.loads(client.post("/qris", QRIS).body)["responseData"]["id"]
    assert second != first
    assert json.loads(client.get("/check/REFF012").body)["responseData"]["id"] == second


def test_auto_pay(make_client):
    """A created payment is paid by the simulator's clock, and one that expires first is not."""
    client = make_client(auto_pay_after_s=90)
    client.post("/qris", QRIS)
    client.post("/qris", QRIS | {"reference": "SHORT", "expiryMinutes": 1})

    def status(reference: str) -> str:
        return json.loads(client.get(f"/check/{reference}").body)["responseData"]["status"]

    client.world.advance(89)
    assert (status("REFF012"), status("SHORT")) == ("pending", "expired")
    client.world.advance(1)
    assert (status("REFF012"), status("SHORT")) == ("success", "expired")


def test_listing_rows_have_the_samples_fields(client):
    """A listed row has the sample's fields and exactly one channel; paidDate is null while unpaid."""
    rows = client.listing() + client.listing(status="expired", date="2026-11-19")
    for row in rows:
        assert list(row)[:-1] == [
            "id", "merchantRef", "status", "feePayer", "amount", "fee", "totalAmount", "expiredDate",
            "paidDate", "settleDate", "additionalInfo",
        ]  # fmt: skip
        assert list(row)[-1] in ("qris", "virtualAccount", "eWallet", "retail")
        assert (row["paidDate"] is None) == (row["status"] == "expired")
        assert row["totalAmount"] == row["amount"] + (row["fee"] if row["feePayer"] == "customer" else 0)
    payouts = client.listing(type="cashOut")
    assert all(
        set(row["disbursement"]) == {"bankCode", "recipientAccount", "recipientName"} for row in payouts
    )


def test_payout_total_is_switchable(make_client):
    """A payout's total is amount - fee for the customer, or amount + fee when switched."""
    for switch, factor in (("minus", -1), ("plus", 1)):
        rows = make_client(payout_total=switch).listing(type="cashOut")
        assert all(
            row["totalAmount"] == row["amount"] + factor * row["fee"] * (row["feePayer"] == "customer")
            for row in rows
        )


def test_pager(make_client):
    """Pages hold page_size rows but the last; a page behind the last is empty with the same totals."""
    client = make_client(page_size=4, days=0)
    client.world.fill(day="2026-11-19", type="cashIn", rows=10)
    sizes = [len(client.page(date="2026-11-19", page=page)["responseData"]) for page in (1, 2, 3, 4)]
    assert sizes == [4, 4, 2, 0]
    extra = client.page(date="2026-11-19", page=4)["responseExtra"]
    assert extra == {"currentPage": 4, "totalPages": 3, "totalRecords": 10}
    assert client.page(date="2026-11-18")["responseExtra"]["totalPages"] == 1
    client.world.configure(empty_total_pages=0)
    assert client.page(date="2026-11-18")["responseExtra"]["totalPages"] == 0


def test_query_defaults_and_aliases(client):
    """Page 1, status success and today are the defaults; receive and send are the types' other names."""
    assert json.loads(client.get("/transactions", type="receive").body) == client.page()
    assert json.loads(client.get("/transactions", type="send").body) == client.page(type="cashOut")


@pytest.mark.parametrize(
    "query",
    [
        {}, {"type": "cash"}, {"type": "cashIn", "page": 0}, {"type": "cashIn", "page": "x"},
        {"type": "cashIn", "page": "-1"}, {"type": "cashIn", "status": "paid"}, {"type": "cashIn", "date": "20261120"},
        {"type": "cashIn", "date": "2026-02-29"}, {"type": "cashIn", "date": ""}, {"type": "cashIn", "page": "²"},
    ],
)  # fmt: skip
def test_invalid_queries(client, query):
    """A missing or wrong type, page, status or date is 422."""
    assert code(client.get("/transactions", **query)) == (422, "REQUEST_INVALID")


def test_refused_statuses(make_client):
    """A status that is switched to refused answers 422, the others still list."""
    client = make_client(refuse_statuses=("expired",))
    assert code(client.get("/transactions", type="cashIn", status="expired")) == (422, "REQUEST_INVALID")
    assert client.get("/transactions", type="cashIn", status="failed").status == 200


def test_balance_is_active_plus_pending(make_client):
    """Total = active + pending; a payment is pending until it settles, a payout leaves at once."""
    client = make_client(days=0, opening_balance_rupiah=1_000_000)
    at = "2026-11-20T10:00:00"
    client.world.insert(created_at=at, amount=10_000, channel="qris", status="success", fee_payer="merchant")
    client.world.insert(created_at=at, amount=5_000, type="cashOut", channel="disbursement", status="success")

    def balance() -> tuple[int, ...]:
        data = json.loads(client.get("/balance").body)["responseData"]
        return tuple(data[name] for name in ("active", "pending", "total"))

    assert balance() == (995_000, 9_915, 1_004_915)
    client.world.advance(86_400)
    assert balance() == (1_004_915, 0, 1_004_915)


def test_projects(client):
    """A project gets a number and is under review; a domain used before and a wrong network are 422."""
    project = {"name": "SenGo", "domain": "https://sengo.id", "ip": ["0.0.0.0/0"]}
    reply = json.loads(client.post("/projects", project).body)
    assert reply["responseData"] == {"id": 1, **project, "status": "Review"}
    assert code(client.post("/projects", project)) == (422, "REQUEST_INVALID")
    assert code(client.post("/projects", project | {"ip": ["x"]})) == (422, "REQUEST_INVALID")
    client.world.configure(projects_enabled=False)
    assert code(client.post("/projects", project)) == (401, "PRODUCT_ACCESS_ERROR")


def test_check_quotes_and_unknown(client):
    """An id or reference is found percent-encoded too; an unknown one is 404."""
    client.world.insert(reference="A B")
    assert client.get("/check/A%20B").status == 200
    assert code(client.get("/check/unknown")) == (404, "TRANSACTION_NOT_FOUND")


def test_single_dates_are_switchable(make_client):
    """paidDate and settleDate stand in a check answer only when switched on."""
    for switch in (False, True):
        client = make_client(dates_in_single=switch)
        id = client.world.insert(status="success")
        data = json.loads(client.get(f"/check/{id}").body)["responseData"]
        assert ("paidDate" in data, "settleDate" in data) == (switch, switch)


def test_wrong_or_missing_credentials(client):
    """Every header is needed and must be right; the answer is always the same 401."""
    good = {
        b"x-client-key": client.key.encode(),
        b"x-client-token": client.token.encode(),
        b"x-signature": sign(client.key, client.token).encode(),
    }
    for name in (b"x-client-key", b"x-client-token", b"x-signature"):
        for value in (None, b"", b"wrong", good[name].upper() + b"x", "ü".encode()):
            sent = {**good, name: value}
            if value is None:
                del sent[name]
            assert code(answer(client.world, Request("GET", "/balance", "", sent))) == (401, "UNAUTHORIZED")
    assert answer(client.world, Request("GET", "/balance", "", good)).status == 200


@pytest.mark.parametrize(
    ("style", "status", "body"),
    [
        ("code", 404, b'{"responseCode":404,"responseMessage":"TRANSACTION_NOT_FOUND"}'),
        ("text", 404, b'{"responseCode":404,"responseMessage":"The transaction was not found."}'),
        ("http200", 200, b'{"responseCode":404,"responseMessage":"TRANSACTION_NOT_FOUND"}'),
        ("html", 404, b"<!DOCTYPE html>"),
    ],
)
def test_error_styles(make_client, style, status, body):
    """The same refusal in each of the four styles."""
    reply = make_client(error_style=style).get("/check/unknown")
    assert reply.status == status
    assert reply.body.startswith(body)


def test_unknown_paths_and_methods(client):
    """What is no endpoint is 404, a wrong method 405."""
    assert client.get("/nothing").status == 404
    assert client.get("/qris").status == 405
    assert client.post("/balance", {}).status == 405
