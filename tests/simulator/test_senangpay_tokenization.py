# SPDX-License-Identifier: Apache-2.0
"""The tokenization page: a browser's way from the signed request to the signed return and callback."""

import html
import http.server
import json
import re
import threading
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

PAGE = "/tokenization/543160464805574"
RETURN_URL = "http://127.0.0.1:8123/return?shop=1"
CARD = {"card_number": "5111 1111 1111 1118", "expiry": "05/27", "cvv": "100"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def pay(merchant):
    """The fields of a signed request, and what filling in the form with them answers."""

    class Pay:
        def __init__(self):
            self.world = merchant.world
            self.fields = {
                "order_id": "abc654321",
                "name": "Abu Bin Ali",
                "email": "ahmad@google.com",
                "phone": "+60123456789",
                "hash": merchant.hash(merchant.merchant_id, "abc654321"),
            }

        def open(self, **changes):
            return self.world.handle("GET", f"{PAGE}?{urlencode(self.fields | changes)}")

        def store(self, **changes):
            body = urlencode(self.fields | CARD | changes).encode()
            return self.world.handle("POST", f"{PAGE}/card", FORM, body)

        def is_signed(self, told):
            names = ("order_id", "status_id", "token", "cc_num", "cc_type", "msg")
            return told["hash"] == merchant.hash(merchant.merchant_id, *(told[name] for name in names))

    return Pay()


def test_the_form(pay):
    """A signed GET or POST is answered with a form that carries the signed fields on."""
    status, headers, body = pay.open()
    page = body.decode()
    assert (status, headers["content-type"]) == (200, "text/html; charset=UTF-8")
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert {name: html.unescape(value) for name, value in hidden.items()} == pay.fields
    assert f'action="{PAGE}/card"' in page
    posted = pay.world.handle("POST", PAGE, FORM, urlencode(pay.fields).encode())
    assert posted[2] == body


def test_the_page_is_accessible_and_alone(pay):
    """Language, title, one label an input, no script, no address elsewhere; the policy allows only its style."""
    _, headers, body = pay.open()
    page = body.decode()
    assert '<html lang="en">' in page
    assert "<title>" in page
    inputs = re.findall(r'<input id="(\w+)"', page)
    assert re.findall(r'<label for="(\w+)"', page) == inputs
    assert len(inputs) == 3
    assert not re.search(r"<script|https?://|\bon\w+=", page)
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self';" in policy


def test_the_policy_lets_the_return_through(pay):
    """Browsers hold a form's redirect against form-action, so the return URL's origin stands there."""
    pay.world.senangpay.configure(return_url=RETURN_URL)
    assert "form-action 'self' http://127.0.0.1:8123;" in pay.open()[1]["content-security-policy"]
    pay.world.senangpay.configure(return_url="http://[::1]/x")
    assert "form-action 'self' http://[::1]:80;" in pay.open()[1]["content-security-policy"]


def test_everything_is_escaped(pay):
    """Markup in a field is text on the page."""
    page = pay.open(name='"><script>alert(1)</script>')[2].decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"hash": "0" * 64}, 400, "Invalid hash"),
        ({"order_id": "other"}, 400, "Invalid hash"),
        ({"email": " "}, 400, "email is required"),
        ({"name": "N" * 101}, 400, "name is longer"),
    ],
)
def test_wrong_requests(pay, changes, status, text):
    """An unsigned or incomplete request gets no form, before the card nor after it."""
    for answer in (pay.open(**changes), pay.store(**changes)):
        assert answer[0] == status
        assert text in answer[2].decode()
    assert pay.world.senangpay.tokens() == []


def test_wrong_places(pay):
    """Another merchant, path, method or body is refused."""
    assert pay.world.handle("GET", f"/tokenization/1?{urlencode(pay.fields)}")[0] == 404
    assert pay.world.handle("GET", f"{PAGE}/other")[0] == 404
    assert pay.world.handle("PUT", PAGE)[0] == 404
    assert pay.world.handle("POST", PAGE, {"Content-Type": "text/plain"}, b"x")[0] == 400


def test_the_return(pay):
    """The test card is stored, and the return URL told so in signed fields."""
    pay.world.senangpay.configure(return_url=RETURN_URL)
    status, headers, _ = pay.store()
    assert status == 302
    assert headers["location"].startswith(f"{RETURN_URL}&")
    told = dict(parse_qsl(urlsplit(headers["location"]).query))
    assert (told["status_id"], told["cc_num"], told["cc_type"], told["msg"]) == (
        "1",
        "1118",
        "mc",
        "Card validate",
    )
    assert pay.is_signed(told)
    assert pay.world.senangpay.token(told["token"])["enabled"]


@pytest.mark.parametrize(
    "changes", [{"card_number": "4111111111111111"}, {"cvv": "101"}, {"expiry": "13/27"}, {"expiry": ""}]
)
def test_any_other_card_fails(pay, changes):
    """A failure is a signed return, too, with zeros for token and number."""
    pay.world.senangpay.configure(return_url="http://127.0.0.1:8123/return")
    told = dict(parse_qsl(urlsplit(pay.store(**changes)[1]["location"]).query))
    assert (told["status_id"], told["token"], told["cc_num"], told["cc_type"]) == ("0", "0", "0000", "xx")
    assert pay.is_signed(told)
    assert pay.world.senangpay.tokens() == []


def test_without_a_return_url_the_result_is_a_page(pay):
    """Nobody to return to: the fields are shown."""
    status, _, body = pay.store()
    assert status == 200
    assert pay.world.senangpay.tokens()[0]["token"] in body.decode()


def test_names_and_numbers_of_the_return_have_switches(pay):
    """The table's field name and its masked number are possible, too."""
    switches = {"return_status_name": "status", "card_number_style": "masked"}
    pay.world.senangpay.configure(return_url="http://127.0.0.1:8123/", **switches)
    told = parse_qs(urlsplit(pay.store()[1]["location"]).query)
    assert (told["status"], told["cc_num"]) == (["1"], ["XXXXXXXXXXXX1118"])


def test_the_log_keeps_no_person(pay):
    """Name, email, phone and hash of the request are not kept; the order is."""
    pay.open()
    pay.store()
    text = json.dumps(list(pay.world.requests().entries))
    assert "abc654321" in text
    assert not any(pay.fields[name] in text for name in ("name", "email", "phone", "hash"))
    assert "5111" not in text
    endpoints = pay.world.requests().by_endpoint
    assert endpoints == {"GET /tokenization": 1, "POST /tokenization/card": 1}


@pytest.fixture
def listener():
    """A merchant's callback URL that answers what it is told to, and what arrived there."""
    arrived, answers = [], [b"OK"]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            arrived.append(dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode())))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers[0])

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/callback", arrived, answers
    server.shutdown()
    server.server_close()


def test_the_callback(pay, listener):
    """A minute after the return the same signed fields are posted; anything but OK is recorded."""
    url, arrived, answers = listener
    pay.world.configure(callbacks=True, senangpay={"callback_url": url})
    pay.store()
    pay.world.advance(59)
    pay.world.tick()
    pay.world.callbacks.wait_until_sent()
    assert arrived == []
    pay.world.advance(1)
    pay.world.tick()
    pay.world.callbacks.wait_until_sent()
    (told,) = arrived
    assert pay.is_signed(told)
    assert pay.world.callbacks.entries[-1]["outcome"] == "sent"
    answers[0] = b"<html>OK</html>"
    pay.store()
    pay.world.advance(60)
    pay.world.tick()
    pay.world.callbacks.wait_until_sent()
    assert pay.world.callbacks.entries[-1]["outcome"] == "sent, but the answer is not OK"


def test_callbacks_are_off_by_default(pay):
    """Without the switch the callback is recorded and not sent."""
    pay.world.senangpay.configure(callback_url="http://127.0.0.1:9/x")
    pay.store()
    assert pay.world.callbacks.entries[-1]["outcome"] == "callbacks are off"
