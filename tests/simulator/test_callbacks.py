# SPDX-License-Identifier: Apache-2.0
"""Callbacks: off by default, to loopback only, signed like a body, once a final status."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from airflow_provider_sengo.simulator.callbacks import is_loopback
from airflow_provider_sengo.simulator.signature import sign


@pytest.fixture
def listener() -> Iterator[tuple[str, list]]:
    """A merchant's callback URL and what arrived there."""
    arrived = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.append((self.path, dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/notify?a=1", arrived
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8000/x", True),
        ("http://127.9.9.9/x", True),
        ("http://localhost/x", True),
        ("http://[::1]:1/x", True),
        ("https://127.0.0.1/x", False),
        ("http://example.com/x", False),
        ("http://127.0.0.1.example.com/x", False),
        ("http://10.0.0.1/x", False),
        ("http://0.0.0.0/x", False),
        ("http://user@example.com:80/127.0.0.1", False),
        ("http://[/x", False),
    ],
)
def test_loopback_only(url, allowed):
    """Only plain http to localhost or a literal loopback address is ever called."""
    assert is_loopback(url) is allowed


def test_off_by_default(client):
    """Without the switch nothing is sent, and that is recorded."""
    client.world.insert(reference="C-1", callback="http://127.0.0.1:9/x")
    client.world.pay("C-1")
    assert [entry["outcome"] for entry in client.world.callbacks.entries] == ["callbacks are off"]


def test_a_final_status_is_told_once_and_signed(make_client, listener):
    """The clock makes a payment final: one POST with the check answer's envelope and a right signature."""
    url, arrived = listener
    client = make_client(callbacks=True)
    id = client.world.insert(reference="C-2", callback=url, paid_at="2026-11-20T20:05:00+07:00")
    client.world.tick()
    client.world.advance(300)
    client.world.tick()
    client.world.tick()
    client.world.mutate(id, view_name="Other")
    client.world.callbacks.wait_until_sent()
    ((path, headers, body),) = arrived
    assert path == "/notify?a=1"
    assert headers["X-Signature"] == sign(client.key, client.token, body)
    data = json.loads(body)["responseData"]
    assert (data["id"], data["merchantRef"], data["status"]) == (id, "C-2", "success")
    assert client.world.callbacks.entries[-1]["http_status"] == 200


def test_a_change_over_midnight_is_told(make_client, listener):
    """Listings are made anew at midnight; a payment within the leap is told all the same."""
    url, arrived = listener
    client = make_client(callbacks=True)
    client.world.insert(callback=url, expires_at="2026-11-20T21:00:00+07:00")
    client.world.advance(86_400)
    client.world.tick()
    client.world.callbacks.wait_until_sent()
    assert [json.loads(body)["responseData"]["status"] for _, _, body in arrived] == ["expired"]


def test_resend(make_client, listener):
    """resendCallback=true sends again, pending or not; false and none do not."""
    url, arrived = listener
    client = make_client(callbacks=True)
    client.world.insert(reference="C-3", callback=url)
    client.get("/check/C-3")
    client.get("/check/C-3", resendCallback="false")
    client.get("/check/C-3", resendCallback="0")
    client.get("/check/C-3", resendCallback="true")
    client.world.callbacks.wait_until_sent()
    assert len(arrived) == 1
    assert client.world.callbacks.entries[-1]["why"] == "resend"


def test_other_targets_are_refused_and_recorded(make_client):
    """A callback URL elsewhere is never called; the record says so."""
    client = make_client(callbacks=True)
    client.world.insert(reference="C-4", callback="https://merchant.example/notify")
    client.world.pay("C-4")
    assert client.world.callbacks.entries[-1]["outcome"] == "refused: not a loopback address"


def test_a_dead_listener_is_recorded(make_client):
    """A refused connection is no error of the simulator's."""
    client = make_client(callbacks=True)
    client.world.insert(reference="C-5", callback="http://127.0.0.1:1/notify")
    client.world.fail("C-5")
    client.world.callbacks.wait_until_sent()
    assert client.world.callbacks.entries[-1]["outcome"] == "failed: ConnectionRefusedError"
