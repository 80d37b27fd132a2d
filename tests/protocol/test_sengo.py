# SPDX-License-Identifier: Apache-2.0
"""What each endpoint sends and refuses to send, to the byte, and how its answer is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sengo_calls import BASE, CALLS, DAY, PROJECT, QRIS

from airflow_provider_sengo.exceptions import NotFound, UnexpectedResponse
from airflow_provider_sengo.protocol import sengo


def test_create_qris_sends_the_documented_body(credentials):
    """The page's own sample comes out as PHP's bytes, in the page's order of keys."""
    call = sengo.create_qris(credentials, **QRIS)
    assert call.request.body == (
        b'{"reference":"REFF012","amount":10000,"expiryMinutes":30,"viewName":"Merchant Name",'
        b'"additionalInfo":{"callback":"http:\\/\\/your-site-callback.com\\/notify"}}'
    )
    assert call.request.headers["X-Signature"].startswith("7d11116d2417be02")


def test_create_qris_takes_rendered_text_and_leaves_out_no_expiry(credentials):
    """Digits from a template are numbers on the wire; without minutes the field is absent."""
    call = sengo.create_qris(credentials, **QRIS | {"amount": "10000", "expiry_minutes": "30"})
    assert call.request.body == sengo.create_qris(credentials, **QRIS).request.body
    call = sengo.create_qris(credentials, **QRIS | {"expiry_minutes": None})
    assert "expiryMinutes" not in json.loads(call.request.body)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"reference": "a_b"}, "reference"),
        ({"reference": 12}, "reference"),
        ({"amount": 1.0}, "amount"),
        ({"amount": "10000.0"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 0}, "amount"),
        ({"expiry_minutes": 0}, "expiry_minutes"),
        ({"expiry_minutes": 1.5}, "expiry_minutes"),
        ({"view_name": ""}, "view_name"),
        ({"view_name": " s3cret"}, "viewName"),
        ({"view_name": "s3cret\x7f"}, "viewName"),
        ({"callback_url": "/notify"}, "callback_url"),
        ({"callback_url": None}, "callback_url"),
    ],
)
def test_create_qris_refuses_before_anything_is_built(credentials, change, named):
    """A wrong argument is a ValueError that names it and never quotes it."""
    with pytest.raises(ValueError, match=f"^{named}: ") as error:
        sengo.create_qris(credentials, **QRIS | change)
    assert "s3cret" not in str(error.value)


def test_create_qris_reads_the_documented_answer(credentials, answer, sample):
    """The page's sample answer is a payment with a code to show."""
    payment = sengo.create_qris(credentials, **QRIS).parse(answer(sample("qris")))
    assert (payment.merchant_ref, payment.amount, payment.status) == ("REFF012", 10000, "pending")
    assert payment.qris.content.startswith("000201")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"merchantRef": "REFF013"}, "$.responseData.merchantRef"),
        ({"merchantRef": "reff012"}, "$.responseData.merchantRef"),
        ({"merchantRef": None}, "$.responseData.merchantRef"),
        ({"amount": 10001}, "$.responseData.amount"),
        ({"amount": None}, "$.responseData.amount"),
        ({"qris": {"content": ""}}, "$.responseData.qris.content"),
        ({"qris": {"url": "x"}}, "$.responseData.qris.content"),
        ({"qris": None}, "$.responseData.qris"),
    ],
)
def test_create_qris_believes_only_its_own_payment(credentials, answer, sample, change, path):
    """Another reference or amount, or no code, is UnexpectedResponse that says to look it up."""
    body = sample("qris")
    body["responseData"] |= change
    with pytest.raises(UnexpectedResponse) as error:
        sengo.create_qris(credentials, **QRIS).parse(answer(body))
    assert error.value.json_path == path
    assert "REFF013" not in str(error.value)
    assert "10001" not in str(error.value)


def test_a_status_word_of_its_own_survives_a_create(credentials, answer, sample):
    """A status that is not documented reaches the caller as it came."""
    body = sample("qris")
    body["responseData"]["status"] = "processing"
    assert sengo.create_qris(credentials, **QRIS).parse(answer(body)).status == "processing"


@pytest.mark.parametrize("asked", ["55612dbap-fb6a-4c4b-bc99-0928ca398a9d", "REF12"])
def test_get_transaction_answers_to_id_and_reference(credentials, answer, sample, asked):
    """The page's sample is found under its id and under the merchant's reference."""
    found = sengo.get_transaction(credentials, asked).parse(answer(sample("check")))
    assert (found.id, found.merchant_ref) == ("55612dbap-fb6a-4c4b-bc99-0928ca398a9d", "REF12")


@pytest.mark.parametrize("asked", ["REF1", "ref12", "None"])
def test_get_transaction_refuses_another_transaction(credentials, answer, sample, asked):
    """An answer about another id and reference than the one asked for is never taken for it."""
    with pytest.raises(UnexpectedResponse, match="about another transaction") as error:
        sengo.get_transaction(credentials, asked).parse(answer(sample("check")))
    assert error.value.json_path == "$.responseData.id"


def test_resending_a_callback_is_not_repeatable(credentials):
    """The one GET with a side effect says so, and only it carries the parameter."""
    call = sengo.get_transaction(credentials, "REF12", resend_callback=True)
    assert call.request.url == f"{BASE}/check/REF12?resendCallback=true"
    assert call.repeatable is False
    assert "resendCallback" not in sengo.get_row(credentials, "REF12").request.url


@pytest.mark.parametrize("function", [sengo.get_transaction, sengo.get_row])
@pytest.mark.parametrize("asked", ["", ".", "..", "a\n"])
def test_no_id_asks_for_another_path(credentials, function, asked):
    """An id that would change the path is refused before anything is built."""
    with pytest.raises(ValueError, match=r"^id or reference: "):
        function(credentials, asked)


def test_get_row_gives_the_records_own_bytes(credentials, answer):
    """The archive gets what was sent, to the byte, even where a typed reader would refuse it."""
    row = b'{"id": 5,  "amount": 1.50}'
    body = b'{"responseCode":200,"responseMessage":"success","responseData":' + row + b"}"
    assert sengo.get_row(credentials, "REF12").parse(answer(body)) == row


@pytest.mark.parametrize("data", [None, [], "text", 1])
def test_get_row_is_an_object(credentials, answer, data):
    """Anything but an object is no record."""
    body = {"responseCode": 200, "responseMessage": "success", "responseData": data}
    with pytest.raises(UnexpectedResponse) as error:
        sengo.get_row(credentials, "REF12").parse(answer(body))
    assert error.value.json_path == "$.responseData"


def test_list_transactions_reads_the_documented_page(credentials, answer, sample):
    """The page's two payouts come typed, with the pager's numbers."""
    page = CALLS["list_transactions"](credentials).parse(answer(sample("transactions")))
    assert (page.current_page, page.total_pages, page.total_records) == (1, 1, 2)
    assert [row.id for row in page.transactions] == ["repellendus", "dolorum"]
    assert page.transactions[1].total_amount == 12203777
    assert page.transactions[0].disbursement.recipient_account == "5443020792443311"
    assert page.transactions[0].additional_info == {"callback": None}


def test_list_transactions_names_the_row_that_does_not_read(credentials, answer, sample):
    """A wrong type in one row is told with the row's place in the answer."""
    body = sample("transactions")
    body["responseData"][1]["amount"] = "7420000"
    with pytest.raises(UnexpectedResponse, match="answer to list_transactions") as error:
        CALLS["list_transactions"](credentials).parse(answer(body))
    assert error.value.json_path == "$.responseData[1].amount"


def test_list_rows_takes_rows_that_do_not_read(credentials, answer, sample):
    """The same page as bytes is not judged: each row is the record as it was sent."""
    body = sample("transactions")
    body["responseData"][1]["amount"] = "7420000"
    page = CALLS["list_rows"](credentials).parse(answer(body))
    assert [json.loads(row) for row in page.rows] == body["responseData"]
    assert (page.current_page, page.total_pages, page.total_records) == (1, 1, 2)


def test_a_row_as_bytes_is_read_as_a_record(sample):
    """What ``list_rows`` left alone is read when somebody needs it, and judged then."""
    row = sample("transactions")["responseData"][0]
    found = sengo.read_row(json.dumps(row).encode())
    assert (found.id, found.disbursement.recipient_account) == ("repellendus", "5443020792443311")
    with pytest.raises(UnexpectedResponse, match="answer to list_rows") as error:
        sengo.read_row(json.dumps(row | {"amount": "7420000"}).encode())
    assert error.value.json_path == "$.amount"


@pytest.mark.parametrize("function", [sengo.list_transactions, sengo.list_rows])
def test_a_listing_is_asked_for_page_by_page(credentials, answer, sample, function):
    """The asked page is in the query, and an answer about another one is refused."""
    call = function(credentials, day=DAY, type="cashOut", status="pending", page=2)
    assert call.request.url.endswith("/transactions?page=2&status=pending&date=2025-03-05&type=cashOut")
    with pytest.raises(UnexpectedResponse) as error:
        call.parse(answer(sample("transactions")))
    assert error.value.json_path == "$.responseExtra.currentPage"


@pytest.mark.parametrize(
    "change", [{"day": datetime(2025, 3, 5, tzinfo=UTC)}, {"type": "a&b"}, {"status": ""}, {"page": 0}]
)
@pytest.mark.parametrize("function", [sengo.list_transactions, sengo.list_rows])
def test_a_listing_refuses_wrong_arguments(credentials, function, change):
    """What would make another query is a ValueError that names the argument."""
    with pytest.raises(ValueError, match=f"^{next(iter(change))}: "):
        function(credentials, **{"day": DAY, "type": "cashIn", "status": "success", "page": 1} | change)


def test_get_balance_reads_the_documented_answer(credentials, answer, sample):
    """The page's balance comes as whole rupiah."""
    balance = sengo.get_balance(credentials).parse(answer(sample("balance")))
    assert (balance.active, balance.pending, balance.total) == (1000000, 10000, 1010000)


def test_create_project_sends_and_reads_the_documented_sample(credentials, answer, sample):
    """The page's body goes out as PHP's bytes, and its answer is a project under review."""
    call = sengo.create_project(credentials, **PROJECT)
    assert call.request.body == (
        b'{"name":"Project SenGo","domain":"https:\\/\\/sengo.id","ip":["0.0.0.0\\/0"]}'
    )
    project = call.parse(answer(sample("projects")))
    assert (project.id, project.status, project.ip) == (1, "Review", ["0.0.0.0/0"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": ""}, "name"),
        ({"domain": "sengo.id"}, "domain"),
        ({"ip": []}, "ip"),
        ({"ip": "1.2.3.4"}, "ip"),
    ],
)
def test_create_project_refuses_wrong_arguments(credentials, change, named):
    """What the gateway would refuse is refused here, by name."""
    with pytest.raises(ValueError, match=f"^{named}: "):
        sengo.create_project(credentials, **PROJECT | change)


@pytest.mark.parametrize(("name", "document"), [("create_qris", "qris"), ("create_project", "projects")])
def test_only_http_200_means_that_something_was_made(credentials, answer, sample, name, document):
    """No page says what another 2xx means for money: it is an error, to be looked up, and no payment."""
    with pytest.raises(UnexpectedResponse, match=f"answer to {name} came with HTTP 201") as error:
        CALLS[name](credentials).parse(answer(sample(document), 201))
    assert error.value.json_path == "$"


def test_not_found_is_the_gateways_own_word(credentials, answer):
    """Only the gateway's envelope makes a look-up "not found"."""
    call = sengo.get_transaction(credentials, "REF12")
    with pytest.raises(NotFound):
        call.parse(answer({"responseCode": 404, "responseMessage": "TRANSACTION_NOT_FOUND"}, 404))
    with pytest.raises(UnexpectedResponse):
        call.parse(answer("<html>404</html>", 404))


def test_a_record_that_does_not_decode_is_unexpected(credentials, answer):
    """A number beyond all bounds inside the data is told by its place, like any other oddity."""
    body = '{"responseCode":200,"responseMessage":"success","responseData":{"total":1e999}}'
    with pytest.raises(UnexpectedResponse, match="holds no readable record") as error:
        sengo.get_balance(credentials).parse(answer(body))
    assert error.value.json_path == "$.responseData"


def test_the_words_of_the_gateway():
    """Base URLs, types and statuses are the documented ones, and only pending is not final."""
    assert sengo.BASE_URLS == {
        "sandbox": "https://api.sandbox.sengo.id/api",
        "production": "https://api.sengo.id/api",
    }
    assert sengo.TYPES == ("cashIn", "cashOut")
    assert set(sengo.STATUSES) - set(sengo.FINAL_STATUSES) == {"pending"}
