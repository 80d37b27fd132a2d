# SPDX-License-Identifier: Apache-2.0
"""Each fault as a client meets it on the wire, and the rules of when it strikes."""

import http.client
import json
import socket
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime

import pytest

from airflow_provider_sengo.simulator.faults import DETAILS, Fault

PAGE = "/transactions?page=1&status=success&date=2026-11-20&type=cashIn"
QRIS = (
    rb'{"reference":"FAULT-1","amount":10000,"viewName":"Shop",'
    rb'"additionalInfo":{"callback":"http:\/\/127.0.0.1:9\/notify"}}'
)


def test_http_500(wire):
    """http_500 answers 500 with the internal error's code."""
    wire.simulator.world.set_fault("http_500")
    status, _, body = wire.get(PAGE)
    assert (status, json.loads(body)["responseMessage"]) == (500, "PAYMENT_INTERNAL_ERROR")


def test_refuse(wire):
    """refuse answers any documented refusal."""
    wire.simulator.world.set_fault("refuse", status=400, code="CREATE_FAILED", endpoint="POST /qris")
    status, _, body = wire.call("POST", "/api/qris", QRIS)
    assert (status, json.loads(body)["responseMessage"]) == (400, "CREATE_FAILED")
    assert wire.get(PAGE)[0] == 200


def test_reset(wire):
    """reset ends the connection with an RST and no byte, and counts as status 0."""
    wire.simulator.world.set_fault("reset")
    with pytest.raises(ConnectionResetError):
        wire.get(PAGE)
    log = wire.simulator.world.requests()
    assert (log.by_status[0], log.by_fault["reset"]) == (1, 1)


def test_reset_is_a_real_rst(wire):
    """A bare socket that has sent its request reads ECONNRESET instead of an orderly end."""
    wire.simulator.world.set_fault("reset")
    port = int(wire.simulator.origin.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as bare:
        bare.sendall(b"GET /api/balance HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            bare.recv(1)


def test_truncated(wire):
    """truncated promises more bytes than it sends before it closes."""
    whole = wire.get(PAGE)[2]
    wire.simulator.world.set_fault("truncated", share=0.5)
    with pytest.raises(http.client.IncompleteRead) as caught:
        wire.get(PAGE)
    assert caught.value.partial == whole[: len(whole) // 2]


def test_soft_error(wire):
    """soft_error is HTTP 200 around a body that says 500."""
    wire.simulator.world.set_fault("soft_error")
    status, _, body = wire.get(PAGE)
    assert (status, json.loads(body)["responseCode"]) == (200, 500)


def test_empty_page(wire):
    """empty_page keeps the totals and drops the rows."""
    whole = json.loads(wire.get(PAGE)[2])
    wire.simulator.world.set_fault("empty_page")
    empty = json.loads(wire.get(PAGE)[2])
    assert whole["responseData"]
    assert empty["responseData"] == []
    assert empty["responseExtra"] == whole["responseExtra"]


def test_cut_json(wire):
    """cut_json is whole HTTP with a Content-Length that fits, and JSON that ends in the middle."""
    wire.simulator.world.set_fault("cut_json")
    status, headers, body = wire.get(PAGE)
    assert (status, int(headers["content-length"])) == (200, len(body))
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


@pytest.mark.parametrize("written_as", ["seconds", "date", "none"])
def test_rate_429(wire, written_as):
    """rate_429 carries Retry-After as seconds, as a date, or not at all."""
    wire.simulator.world.set_fault("rate_429", retry_after_s=7, retry_after_as=written_as)
    status, headers, body = wire.get(PAGE)
    assert (status, json.loads(body)["responseMessage"]) == (429, "PAYMENT_INTERNAL_ERROR")
    given = headers["retry-after"]
    if written_as == "seconds":
        assert given == "7"
    elif written_as == "date":
        assert 0 < parsedate_to_datetime(given).timestamp() - time.time() <= 8
    else:
        assert given is None


def test_html(wire):
    """html is a 200 page of HTML."""
    wire.simulator.world.set_fault("html")
    status, headers, body = wire.get(PAGE)
    assert (status, headers.get_content_type()) == (200, "text/html")
    assert body.startswith(b"<!DOCTYPE html>")


def test_redirect(wire):
    """redirect points elsewhere and did nothing."""
    wire.simulator.world.set_fault("redirect", status=307, location="http://127.0.0.1:9/x")
    status, headers, _ = wire.call("POST", "/api/qris", QRIS)
    assert (status, headers["location"]) == (307, "http://127.0.0.1:9/x")
    wire.simulator.world.clear_faults()
    assert wire.get("/check/FAULT-1")[0] == 404


def test_slow(wire):
    """slow keeps a client waiting beyond its time limit; the gateway has done its work all the same."""
    wire.simulator.world.set_fault("slow", delay_s=0.2, max_times=1)
    started_s = time.monotonic()
    assert wire.get(PAGE)[0] == 200
    assert time.monotonic() - started_s >= 0.2


def test_oversize(wire):
    """oversize is valid JSON of as many bytes as asked for."""
    wire.simulator.world.set_fault("oversize", body_bytes=3_000_000)
    body = wire.get(PAGE)[2]
    assert len(body) == 3_000_000
    assert json.loads(body)["responseCode"] == 200


def test_timeout(wire):
    """timeout sends no byte until its time is over, then resets; the gateway has done its work."""
    wire.simulator.world.set_fault("timeout", hold_s=0.05, endpoint="POST /qris")
    with pytest.raises(ConnectionResetError):
        wire.call("POST", "/api/qris", QRIS)
    assert wire.get("/check/FAULT-1")[0] == 200
    assert wire.simulator.world.requests().by_status[0] == 1


def test_timeout_ends_with_the_client(wire):
    """A client that gives up first leaves a server that goes on serving."""
    wire.simulator.world.set_fault("timeout", at=(1,))
    port = int(wire.simulator.origin.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as bare:
        bare.sendall(b"GET /api/balance HTTP/1.1\r\nHost: x\r\n\r\n")
    assert wire.get("/balance")[0] == 200


def test_no_connection(wire):
    """no_connection on the wire is a reset of a request that nobody worked on."""
    wire.simulator.world.set_fault("no_connection", at=(1,))
    with pytest.raises(ConnectionResetError):
        wire.call("POST", "/api/qris", QRIS)
    assert wire.get("/check/FAULT-1")[0] == 404


@pytest.mark.parametrize(("details", "size"), [({}, None), ({"empty": True}, 0), ({"status": 204}, 0)])
def test_http_status(wire, details, size):
    """http_status is the gateway's own answer under another status, without a body if asked or needed."""
    wire.simulator.world.set_fault("http_status", **details)
    status, _, body = wire.call("POST", "/api/qris", QRIS)
    assert status == details.get("status", 201)
    assert (json.loads(body)["responseMessage"] == "success") if size is None else (len(body) == size)


def test_tamper(wire):
    """tamper changes and removes fields of the answer and nothing else."""
    fields = {"responseData.amount": 999, "responseData.merchantRef": "OTHER"}
    wire.simulator.world.set_fault("tamper", fields=fields, remove=["responseData.fee"])
    data = json.loads(wire.call("POST", "/api/qris", QRIS)[2])["responseData"]
    assert (data["amount"], data["merchantRef"], "fee" in data) == (999, "OTHER", False)
    wire.simulator.world.clear_faults()
    assert json.loads(wire.get("/check/FAULT-1")[2])["responseData"]["amount"] == 10000


@pytest.mark.parametrize(("processed", "status"), [(True, 200), (False, 404)])
@pytest.mark.parametrize("name", ["reset", "http_500", "truncated"])
def test_a_faulty_post_may_or_may_not_have_been_carried_out(wire, name, processed, status):
    """Whether the payment exists after a fault is a switch of its own."""
    wire.simulator.world.set_fault(name, processed=processed, endpoint="POST /qris")
    with suppress(ConnectionError, http.client.IncompleteRead):
        wire.call("POST", "/api/qris", QRIS)
    assert wire.get("/check/FAULT-1")[0] == status


def test_the_server_survives_broken_connections(wire):
    """After many resets and cut bodies the next request is served."""
    wire.simulator.world.set_fault("reset", at=(1, 3, 5))
    wire.simulator.world.set_fault("truncated", at=(2, 4, 6))
    for _ in range(6):
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            wire.get(PAGE)
    assert wire.get(PAGE)[0] == 200


def test_latency(wire):
    """Each answer waits for the latency."""
    wire.simulator.world.configure(latency_ms=60)
    started_s = time.monotonic()
    wire.get(PAGE)
    assert time.monotonic() - started_s >= 0.06


def test_rate_limit(wire):
    """Beyond the burst the token bucket answers 429 with Retry-After, and log counts it."""
    wire.simulator.world.configure(requests_per_second=0.001, burst=2, retry_after_s=3)
    replies = [wire.get(PAGE) for _ in range(4)]
    assert [status for status, _, _ in replies] == [200, 200, 429, 429]
    assert replies[-1][1]["retry-after"] == "3"
    assert wire.simulator.world.requests().by_status == {200: 2, 429: 2}


def strikes(fault: Fault, targets: list[str], seed: int = 1) -> list[bool]:
    return [fault.strikes(seed, "GET /transactions", target) for target in targets]


def test_choice_is_seeded_by_request_number():
    """The same seed gives the same choice, another seed another; the rate is kept roughly."""
    targets = [f"/transactions?page={number}" for number in range(2_000)]
    first = strikes(Fault("html", 0.1), targets)
    assert first == strikes(Fault("html", 0.1), targets)
    assert first != strikes(Fault("html", 0.1), targets, seed=2)
    assert 140 < sum(first) < 260


def test_filters():
    """Endpoint, piece of target, exact numbers and first tries limit a fault."""
    assert strikes(Fault("html", 1, endpoint="GET /check"), ["/a"]) == [False]
    assert strikes(Fault("html", 1, match="page=2"), ["?page=1", "?page=2"]) == [False, True]
    assert strikes(Fault("html", 0, at=(2,)), ["/a", "/a", "/a"]) == [False, True, False]
    assert strikes(Fault("html", 1, first_try_only=True), ["/a", "/b", "/a"]) == [True, True, False]


def test_max_times(client):
    """A fault with a limit strikes so often and no more."""
    client.world.set_fault("html", max_times=2)
    chosen = [client.world.choose_fault("GET /balance", "/balance") for _ in range(4)]
    assert [fault is not None for fault in chosen] == [True, True, False, False]
    assert client.world.faults.report()[0]["struck"] == 2


@pytest.mark.parametrize(
    "wrong", [{"name": "none"}, {"name": "html", "rate": 2}, {"name": "html", "color": 1}]
)
def test_wrong_faults_are_refused(client, wrong):
    """An unknown fault, rate or detail is a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        client.world.set_fault(**wrong)


def test_every_fault_is_met_above():
    """Each kind of fault has a test in this file."""
    assert {f"test_{name}" for name in DETAILS} <= set(globals())
