# SPDX-License-Identifier: Apache-2.0
"""``World.handle``: both gateways without sockets, and the ways in which an answer gets lost."""

import json
import time
from itertools import product

import pytest

from airflow_provider_sengo.simulator import ConnectionCut, Simulator, World
from airflow_provider_sengo.simulator.faults import DETAILS, SHOWS_ANSWER

BODY = (
    rb'{"reference":"REF-1","amount":10000,"viewName":"Shop",'
    rb'"additionalInfo":{"callback":"http:\/\/127.0.0.1:9\/notify"}}'
)


class Shop:
    """A SenGo merchant without sockets, with the signature code of this folder's conftest."""

    def __init__(self, headers, **settings):
        self._headers = headers
        self.world = World(**({"per_day": 0, "now": "2026-11-20T20:00:00+07:00", "frozen": True} | settings))

    def create(self, body=BODY, **options):
        sent = self._headers(body)
        status, _, answer = self.world.handle("POST", "http://h/api/qris", sent, body, **options)
        return status, answer

    def check(self, id="REF-1"):
        return self.world.handle("GET", f"/api/check/{id}", self._headers())[0]

    def count(self):
        return len(self.world.payments("REF-1"))


@pytest.fixture
def make_shop(wire_headers):
    return lambda **settings: Shop(wire_headers, **settings)


@pytest.fixture
def shop(make_shop):
    return make_shop()


def test_both_gateways_answer(shop):
    """A path or a whole URL, headers in any case; the answer's header names are in lower case."""
    status, answer = shop.create()
    assert (status, json.loads(answer)["responseData"]["merchantRef"]) == (200, "REF-1")
    status, headers, body = shop.world.handle("GET", "/apiv1/query_order_status")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert int(headers["content-length"]) == len(body)
    assert shop.world.handle("GET", "/nowhere")[0] == 404
    assert shop.world.requests().by_endpoint == {"POST /qris": 1, "GET /apiv1/query_order_status": 1}


def test_the_wire_gives_the_same_answer(shop, wire_headers):
    """The same requests over HTTP and in process are answered with the same bytes."""
    from http.client import HTTPConnection

    with Simulator(shop.world.settings) as simulator:
        connection = HTTPConnection(simulator.origin[7:], timeout=10)
        for method, path, body in (
            ("POST", "/api/qris", BODY),
            ("GET", "/apiv1/query_order_status?order_id=1", b""),
            ("POST", "/apiv1/pay_cc", b""),
            ("GET", "/tokenization/1", b""),
        ):
            sent = wire_headers(body)
            connection.request(method, path, body or None, sent)
            reply = connection.getresponse()
            status, headers, answer = shop.world.handle(method, path, sent, body)
            assert (reply.status, reply.read()) == (status, answer)
            assert {name: reply.headers[name] for name in headers} == headers
        connection.close()


@pytest.mark.parametrize(
    ("name", "processed"),
    [*product(["reset", "truncated", "timeout"], [True, False]), ("no_connection", False)],
)
def test_a_cut_connection_says_what_happened(shop, name, processed):
    """ConnectionCut tells whether the request went out and whether the payment was created."""
    shop.world.set_fault(name, endpoint="POST /qris", at=(1,), processed=processed)
    with pytest.raises(ConnectionCut) as caught:
        shop.create()
    cut = caught.value
    assert (cut.why, cut.processed, cut.sent) == (name, processed, name != "no_connection")
    assert bool(cut.received) is (name == "truncated")
    assert shop.count() == int(processed)
    assert shop.create()[0] == (409 if processed else 200)
    assert shop.count() == 1


def test_slow_is_cut_at_the_clients_limit(shop):
    """A delay beyond ``timeout_s`` cuts, a shorter one is left out; neither waits."""
    shop.world.set_fault("slow", delay_s=40)
    began_s = time.monotonic()
    with pytest.raises(ConnectionCut, match="timeout: sent, processed"):
        shop.create()
    assert shop.create(timeout_s=50)[0] == 409
    assert time.monotonic() - began_s < 5


@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize(
    ("name", "details", "status"),
    [
        ("html", {}, 200),
        ("html", {"status": 502}, 502),
        ("http_500", {"status": 503}, 503),
        ("rate_429", {}, 429),
        ("http_status", {"status": 201}, 201),
        ("http_status", {"status": 204}, 204),
        ("soft_error", {}, 200),
        ("cut_json", {}, 200),
        ("refuse", {"status": 409, "code": "DUPLICATE_REFERENCE"}, 409),
        ("refuse", {"status": 400, "code": "CREATE_FAILED"}, 400),
        ("refuse", {"status": 401, "code": "UNAUTHORIZED"}, 401),
        ("refuse", {"status": 403, "code": "UNAUTHORIZED"}, 403),
        ("tamper", {"fields": {"responseData.amount": 1}}, 200),
        ("tamper", {"fields": {"responseData.merchantRef": "OTHER"}}, 200),
    ],
)
def test_every_odd_answer_to_a_create_with_and_without_a_payment(shop, name, details, status, processed):
    """Whatever a create is answered with, a payment may or may not stand behind it; the ledger tells."""
    shop.world.set_fault(name, endpoint="POST /qris", at=(1,), processed=processed, **details)
    assert shop.create()[0] == status
    assert shop.count() == int(processed)
    assert shop.check() == (200 if processed else 404)


def test_faults_by_number_stand_beside_each_other(shop):
    """Two faults of one kind with other numbers don't replace each other."""
    shop.world.set_fault("refuse", endpoint="POST /qris", at=(1,), status=400, code="CREATE_FAILED")
    shop.world.set_fault("refuse", endpoint="POST /qris", at=(2,), status=409, code="DUPLICATE_REFERENCE")
    assert [shop.create()[0] for _ in range(3)] == [400, 409, 200]


def test_an_unprocessed_project_does_not_exist(shop, wire_headers):
    """Taking back works for projects, too."""
    shop.world.set_fault("truncated", endpoint="POST /projects", at=(1,), processed=False)
    body = rb'{"name":"Shop","domain":"https:\/\/shop.example","ip":["10.0.0.0\/8"]}'
    with pytest.raises(ConnectionCut):
        shop.world.handle("POST", "/api/projects", wire_headers(body), body)
    assert [shop.world.handle("POST", "/api/projects", wire_headers(body), body)[0] for _ in (1, 2)] == [
        200,
        422,
    ]


def test_check_lags_behind_by_requests(make_shop):
    """A new payment is unknown to /check for so many requests; 409 knows it at once."""
    shop = make_shop(check_lag_requests=2)
    id = json.loads(shop.create()[1])["responseData"]["id"]
    assert [shop.check(), shop.check(id), shop.check(), shop.check(id)] == [404, 404, 200, 200]
    assert shop.create()[0] == 409


def test_check_lags_behind_by_clock(make_shop):
    """A new payment is unknown to /check for so many seconds."""
    shop = make_shop(check_lag_s=15)
    shop.create()
    seen = []
    for _ in range(3):
        seen.append(shop.check())
        shop.world.advance(7.5)
    assert seen == [404, 404, 200]


@pytest.mark.parametrize(("memory_days", "second", "count"), [(None, 409, 1), (7, 200, 2), (30, 409, 1)])
def test_a_reference_used_before_the_gateways_memory(make_shop, memory_days, second, count):
    """A forgotten reference is accepted again: the ledger counts both payments, /check knows one."""
    shop = make_shop(reference_memory_days=memory_days)
    shop.create()
    shop.world.advance(8 * 86_400)
    assert shop.check() == 404
    assert (shop.create()[0], shop.count()) == (second, count)
    assert [one["remembered"] for one in shop.world.payments("REF-1")] == [False, True][:count]


def test_taking_back_a_second_use_restores_the_first(make_shop):
    """An unprocessed create leaves the reference as it was."""
    shop = make_shop(reference_memory_days=0)
    shop.create()
    (first,) = shop.world.payments("REF-1")
    shop.world.advance(86_400)
    shop.world.set_fault("cut_json", processed=False, endpoint="POST /qris")
    shop.create()
    assert [one["id"] for one in shop.world.payments("REF-1")] == [first["id"]]
    assert shop.check() == 200
    shop.world.advance(3600)
    assert shop.check(first["id"]) == 200


def test_content_that_is_no_qr_text(make_shop):
    """The documents' lorem ipsum, or anything else by tamper, can stand for the QR text."""
    shop = make_shop(qris_content="lorem")
    assert b"Repellendus" in shop.create()[1]
    shop.world.set_fault("tamper", fields={"responseData.qris.content": "000201"})
    other = BODY.replace(b"REF-1", b"REF-2")
    assert json.loads(shop.create(other)[1])["responseData"]["qris"]["content"] == "000201"


def test_the_rate_limit_holds_for_both_gateways(merchant):
    """Beyond the burst senangPay answers 429 in its own words."""
    merchant.world.configure(requests_per_second=0.001, burst=1)
    replies = [merchant.world.handle("GET", "/apiv1/query_order_status") for _ in range(2)]
    assert [status for status, _, _ in replies] == [200, 429]
    assert json.loads(replies[1][2])["status"] == 0
    assert replies[1][1]["retry-after"] == "1"


def test_faults_that_show_an_answer_exist():
    """What can be taken back is a kind of fault."""
    assert set(DETAILS) > SHOWS_ANSWER


def test_contradictions_are_refused(merchant):
    """tamper signs in three ways and no other; what was not sent is not processed."""
    with pytest.raises(ValueError, match="never sent"):
        merchant.world.set_fault("no_connection", processed=True)
    with pytest.raises(ValueError, match="sign must be"):
        merchant.world.set_fault("tamper", sign="twice")
