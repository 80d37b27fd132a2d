# SPDX-License-Identifier: Apache-2.0
"""``/_control`` over HTTP: what the Python interface does, other processes can do."""

import json

import pytest

from airflow_provider_sengo.simulator import Simulator

DAY = "2026-11-19"
PAGE = f"/transactions?page=1&status=success&date={DAY}&type=cashIn"


def test_ledger_and_sums(wire):
    """The truth over HTTP is the truth in Python."""
    world = wire.simulator.world
    assert wire.control("GET", f"/ledger?day={DAY}&type=cashIn") == world.ledger(day=DAY, type="cashIn")
    assert wire.control("GET", "/sums") == world.sums()


def test_settings_are_merged_and_tokens_hidden(wire):
    """PATCH merges switches; an extra credential works at once and its token is not told again."""
    answer = wire.control("PATCH", "/settings", {"page_size": 3, "extra_credentials": {"SC-B": "token-b"}})
    assert (answer["page_size"], answer["extra_credentials"]) == (3, {"SC-B": "[redacted]"})
    assert len(json.loads(wire.get(PAGE)[2])["responseData"]) == 3
    ours, theirs = wire.control("GET", "/ledger"), wire.control("GET", "/ledger?key=SC-B")
    assert ours != theirs
    assert {row["project"] for row in theirs} == {"SC-B"}
    assert wire.control("GET", "/settings") == answer


def test_clock(wire):
    """The clock is set, moved, stopped and started."""
    wire.control("POST", "/clock", {"now": "2026-11-20T21:00:00+07:00", "freeze": True})
    moved = wire.control("POST", "/clock", {"advance_s": 90})
    assert moved == {"now": "2026-11-20T21:01:30+07:00", "frozen": True}
    assert wire.control("POST", "/clock", {"freeze": False})["frozen"] is False
    assert wire.control("GET", "/clock")["now"] >= moved["now"]


def test_requests_are_counted_and_secrets_redacted(wire):
    """Counts per endpoint and status; neither token nor signature nor an unknown header is kept."""
    from airflow_provider_sengo.simulator.signature import sign

    wire.get(PAGE)
    wire.get("/check/unknown?resendCallback=false")
    text = json.dumps(report := wire.control("GET", "/requests"))
    assert report["by_endpoint"] == {"GET /transactions": 1, "GET /check": 1}
    assert report["by_status"] == {"200": 1, "404": 1}
    assert report["entries"][0]["target"] == PAGE
    assert report["entries"][0]["headers"]["x-client-token"] == "[redacted]"
    assert wire.simulator.client_token not in text
    assert sign(wire.simulator.client_key, wire.simulator.client_token) not in text
    wire.control("DELETE", "/requests")
    assert wire.control("GET", "/requests")["total"] == 0


def test_edits(wire):
    """Insert, pay, expire, fail, settle, vanish, hide, show, mutate, odd and fill work over HTTP."""
    id = wire.control("POST", "/insert", {"reference": "C-1", "callback": None})["id"]
    for edit, status in (
        ("expire", "expired"),
        ("settle", "success"),
        ("fail", "failed"),
        ("pay", "success"),
    ):
        wire.control("POST", f"/{edit}/C-1")
        assert json.loads(wire.get(f"/check/{id}")[2])["responseData"]["status"] == status
    wire.control("POST", f"/mutate/{id}", {"amount": 999})
    wire.control("POST", f"/vanish/{id}")
    assert wire.get(f"/check/{id}")[0] == 200
    wire.control("POST", f"/hide/{id}")
    assert wire.get(f"/check/{id}")[0] == 404
    wire.control("POST", f"/show/{id}")
    assert json.loads(wire.get(f"/check/{id}")[2])["responseData"]["amount"] == 999
    odd = wire.control("POST", "/odd", {"day": DAY, "type": "cashIn", "kinds": ["amount_huge"]})["ids"]
    assert len(odd) == 1
    assert wire.control("POST", "/fill", {"day": DAY, "type": "cashIn", "rows": 5})["rows"] == 5


def test_faults_and_drift(wire):
    """Faults and drift are set, told and cleared over HTTP."""
    wire.control("POST", "/faults", {"name": "html", "max_times": 1, "endpoint": "GET /balance"})
    assert wire.get("/balance")[2].startswith(b"<!DOCTYPE")
    assert wire.control("GET", "/faults")[0]["struck"] == 1
    assert wire.control("DELETE", "/faults") == []
    wire.control("POST", "/drift", {"mode": "leave", "day": DAY, "type": "cashIn", "every_requests": 1})
    totals = [json.loads(wire.get(PAGE)[2])["responseExtra"]["totalRecords"] for _ in range(2)]
    (drift,) = wire.control("GET", "/drift")
    assert totals[0] - totals[1] == len(drift["left_ids"]) == 1
    assert (drift["day"], drift["type"]) == (DAY, "cashIn")
    assert wire.control("DELETE", "/drift") == []


@pytest.mark.parametrize(
    ("method", "path", "value", "status"),
    [
        ("PATCH", "/settings", {"nonsense": 1}, 422),
        ("PATCH", "/settings", [], 422),
        ("POST", "/clock", {"speed": 2}, 422),
        ("POST", "/clock", {"now": "soon"}, 422),
        ("POST", "/faults", {"rate": 1}, 422),
        ("POST", "/faults", {"name": "none"}, 422),
        ("POST", "/drift", {"mode": "leave"}, 422),
        ("POST", "/insert", {"colour": "red"}, 422),
        ("POST", "/pay/unknown", {}, 404),
        ("GET", "/ledger?key=SC-NOBODY", None, 404),
        ("GET", "/ledger?day=yesterday", None, 422),
    ],
)
def test_mistakes_are_told(wire, method, path, value, status):
    """A wrong name or value is 422, an unknown id or credential 404; the simulator goes on."""
    body = b"" if value is None else json.dumps(value).encode()
    answer = wire.call(method, f"/_control{path}", body, {"Content-Type": "application/json"})
    assert answer[0] == status, answer[2]
    assert wire.get("/balance")[0] == 200


def test_reset_over_http(wire):
    """POST /reset is the start again, the log included."""
    before = wire.control("GET", "/ledger")
    wire.control("POST", "/insert", {})
    wire.control("PATCH", "/settings", {"page_size": 99})
    wire.get("/balance")
    wire.control("POST", "/reset")
    assert wire.control("GET", "/ledger") == before
    assert wire.control("GET", "/settings")["page_size"] == 10
    assert wire.control("GET", "/requests")["total"] == 0


def test_a_body_that_is_not_sent_as_json_is_noted(wire):
    """The answer is the same, but the log warns."""
    from airflow_provider_sengo.simulator.signature import sign

    body = b'{"name":"SenGo"}'
    sent = {
        "X-Client-Key": wire.simulator.client_key,
        "X-Client-Token": wire.simulator.client_token,
        "X-Signature": sign(wire.simulator.client_key, wire.simulator.client_token, body),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert wire.call("POST", "/api/projects", body, sent)[0] == 422
    assert "application/json" in wire.simulator.world.requests().entries[-1]["notes"][0]


def test_two_simulators_in_one_process():
    """Each has its own port and world."""
    with Simulator(per_day=1) as one, Simulator(per_day=1) as other:
        assert one.base_url != other.base_url
        one.world.insert(reference="ONE")
        assert "ONE" not in [row["reference"] for row in other.world.ledger()]


def test_the_fixture_for_users():
    """The documented fixture serves a small ledger."""
    from airflow_provider_sengo.simulator import pytest_plugin

    serving = pytest_plugin.sengo_simulator.__wrapped__()
    simulator = next(serving)
    assert simulator.base_url.startswith("http://127.0.0.1:")
    assert len(simulator.world.ledger()) == 7 * 2 * pytest_plugin.PER_DAY
    with pytest.raises(StopIteration):
        next(serving)
