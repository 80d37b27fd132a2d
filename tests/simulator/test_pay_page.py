# SPDX-License-Identifier: Apache-2.0
"""The pages on which a person plays the customer: what they show, what their buttons do, who may use them."""

import http.client
import json
from urllib.parse import quote, urlsplit

import page_browser
import pytest
from page_browser import Browser, Page

from airflow_provider_sengo.simulator import Simulator, World, pay_page
from airflow_provider_sengo.simulator.wire import qris_text

browser = page_browser.browser

NOW = "2026-11-20T20:00:00+07:00"


def test_what_a_payment_shows(browser):
    """Code, amounts, reference, view name, time left and status; three buttons while it is pending."""
    made = browser.create()
    page = browser.open(f"/pay/{made['id']}")
    for words in (
        "QRIS payment of IDR 10,085",
        "Waiting for payment (status: pending)",
        "Amount IDR 10,000",
        "Fee, paid by the customer IDR 85",
        "Reference ORDER-7",
        "View name Kopi Kita",
        "Time left 30 minutes, by the simulator's clock",
        "Expires at 2026-11-20 20:30:00 Asia/Jakarta",
    ):
        assert words in page.text
    assert page.buttons == [f"/pay/{made['id']}/{action}" for action in ("pay", "expire", "fail")]
    assert [form["method"] for form in page.all("form")] == ["post"] * 3
    assert made["qris"]["content"] in page.text
    assert made["qris"]["content"] == qris_text(made["id"], 10085)


def test_the_code_is_the_text_that_the_merchant_got(browser):
    """The drawn modules are segno's for that very text, black on white whatever the page's colours."""
    import segno

    made = browser.create()
    page = browser.open(f"/pay/{made['id']}")
    code = segno.make_qr(made["qris"]["content"], error="m", boost_error=False)
    drawn = code.svg_inline(border=4, dark="#000", light="#fff", svgclass=None, lineclass=None, omitsize=True)
    assert drawn in page.raw
    assert {"class": "qr", "role": "img", "aria-label": "QR code of this payment"} in page.all("div")


@pytest.mark.parametrize(
    ("action", "status", "shown", "left"),
    [
        ("pay", "success", "Paid (status: success)", []),
        ("expire", "expired", "Expired, not paid (status: expired)", ["pay"]),
        ("fail", "failed", "Failed, not paid (status: failed)", ["pay"]),
    ],
)
def test_a_click_shows_the_new_state(browser, action, status, shown, left):
    """Each button does what the world's function of its name does, and leads back to the payment."""
    made = browser.create()
    page = browser.click(f"/pay/{made['id']}/{action}")
    assert shown in page.text
    assert page.buttons == [f"/pay/{made['id']}/{one}" for one in left]
    assert browser.status() == status
    checked = json.loads(browser.client.get("/check/ORDER-7").body)["responseData"]
    assert checked["status"] == status
    assert browser.world.callbacks.entries[-1]["status"] == status
    assert not page.all("svg")
    assert "Time left" not in page.text


def test_a_payment_made_late(browser):
    """What has expired can still be paid, as late settlements happen; then it is final."""
    made = browser.create()
    browser.world.advance(31 * 60)
    page = browser.open(f"/pay/{made['id']}")
    assert "Expired, not paid" in page.text
    assert "Paid at 2026-11-20 20:31:00" in browser.click(page.buttons[0]).text


def test_an_old_page_takes_no_payment_back(browser):
    """A button of a page that is no longer true changes nothing and says so; the same one twice is fine."""
    made = browser.create()
    browser.click(f"/pay/{made['id']}/pay")
    for action in ("fail", "expire"):
        reply = browser.ask("POST", f"/pay/{made['id']}/{action}")
        assert reply.status == 409
        assert "Nothing was changed" in Page(reply.body).text
        assert "Paid (status: success)" in Page(reply.body).text
    paid_at = browser.world.payments("ORDER-7")[0]["paid_at"]
    browser.world.advance(60)
    assert f"Paid at {paid_at[:19].replace('T', ' ')}" in browser.click(f"/pay/{made['id']}/pay").text


def test_looking_changes_nothing(browser):
    """A link or a prefetching browser must not pay: only POST does."""
    made = browser.create()
    for action in ("pay", "expire", "fail"):
        reply = browser.ask("GET", f"/pay/{made['id']}/{action}")
        assert (reply.status, dict(reply.headers)["allow"]) == (405, "POST")
    assert browser.ask("POST", f"/pay/{made['id']}").status == 405
    assert browser.ask("POST", "/").status == 405
    assert browser.ask("HEAD", f"/pay/{made['id']}").status == 200
    assert browser.status() == "pending"


@pytest.mark.parametrize(
    "path", ["/pay/unknown", "/pay", "/pay/", "/pay/x/pay", "/pay/x/other", "/pay/x/y/z"]
)
def test_an_unknown_page_is_friendly(browser, path):
    """404 with a way back, whatever the address."""
    reply = browser.ask("POST" if path.endswith("/pay") and path != "/pay" else "GET", path)
    assert reply.status == 404
    page = Page(reply.body)
    assert page.text.startswith("Not found Not found")
    assert {"href": "/"} in page.all("a")


def test_only_qris_payments_have_a_page(make_client):
    """A payout, a virtual account and a payment of the future are not for scanning."""
    browser = Browser(make_client(per_day=20))
    browser.world.insert(reference="LATER", type="cashIn", channel="qris", created_at="2026-11-21T10:00:00")
    rows = [row for row in browser.world.ledger() if (row["channel"], row["type"]) != ("qris", "cashIn")]
    assert {"virtualAccount", "disbursement"} <= {row["channel"] for row in rows}
    for identity in {row["channel"]: row["id"] for row in rows}.values():
        browser.open(f"/pay/{identity}", status=404)
    browser.open("/pay/LATER", status=404)


def test_references_and_other_projects(make_client):
    """A reference is as good as an id, also an odd one, and every credential's payments are found."""
    browser = Browser(make_client(per_day=0, extra_credentials={"SC-OTHER": "other-token-0002"}))
    browser.client.key, browser.client.token = "SC-OTHER", "other-token-0002"
    made = browser.create(reference="odd ref?#&%")
    page = browser.open(f"/pay/{quote('odd ref?#&%', safe='')}")
    assert "Reference odd ref?#&%" in page.text
    browser.click(page.buttons[0])
    assert browser.world.payments("odd ref?#&%", key="SC-OTHER")[0]["status"] == "success"
    assert browser.open("/").all("a")[0] == {"href": f"/pay/{made['id']}"}


def test_everything_is_escaped(browser):
    """Markup in what a client or an address gives is text."""
    evil = '"><script>alert(1)</script>&'
    browser.create(reference="EVIL" + evil.replace("/", "|"), viewName=evil)
    page = browser.open(f"/pay/{browser.world.ledger()[0]['id']}")
    assert f"View name {evil}" in page.text
    for raw in (page.raw, browser.open("/").raw, browser.open(f"/pay/{quote(evil, safe='')}", 404).raw):
        assert "<script" not in raw
        assert "&lt;script&gt;" in raw


def test_a_spoilt_row_has_no_code(browser):
    """A mutated QR text that nothing can draw is told in words."""
    made = browser.create()
    for content in (None, {"content": 5}, {"content": ""}, {"content": "x" * 5000}):
        browser.world.mutate(made["id"], qris=content)
        page = browser.open(f"/pay/{made['id']}")
        assert "no text that a QR code can show" in page.text
        assert not page.all("svg")


def test_the_index(browser):
    """It says what this is and where, lists the newest first with a link each, and has an empty state."""
    page = browser.open("/")
    assert "stands in for two payment gateways" in page.text
    assert "There is no payment yet. Create one with POST /api/qris" in page.text
    made = []
    for number in range(pay_page.LATEST_MAX + 2):
        browser.world.advance(1)
        made.append(browser.create(reference=f"R-{number}")["id"])
    page = browser.open("/")
    links = [link["href"] for link in page.all("a")]
    assert links == [f"/pay/{identity}" for identity in reversed(made[2:])] + ["/"]
    assert "R-21, IDR 10,085 Waiting for payment; created 2026-11-20 20:00:22 Asia/Jakarta" in page.text
    browser.click(f"/pay/{made[-1]}/pay")
    assert "R-21, IDR 10,085 Paid; created" in browser.open("/").text


def test_over_http():
    """Served beside the gateways: a newcomer pays at the address that the simulator prints, faults or not."""
    with Simulator(per_day=0, now=NOW, frozen=True, latency_ms=60_000) as simulator:
        simulator.world.set_fault("http_500")
        identity = simulator.world.insert(
            reference="BY-HAND", type="cashIn", channel="qris", status="pending"
        )
        connection = http.client.HTTPConnection(urlsplit(simulator.origin).netloc, timeout=10)

        def ask(method, path):
            connection.request(method, path, b"", {"Content-Type": "application/x-www-form-urlencoded"})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()

        status, headers, body = ask("GET", "/")
        assert (status, headers["content-type"]) == (200, "text/html; charset=UTF-8")
        assert f"/pay/{identity}" in body.decode()
        status, headers, _ = ask("POST", f"/pay/{identity}/pay")
        assert (status, headers["location"]) == (303, f"/pay/{identity}")
        assert b"Paid (status: success)" not in ask("GET", "/pay/unknown")[2]
        assert "Paid (status: success)" in Page(ask("GET", headers["location"])[2]).text
        assert ask("GET", "/payments")[0] == 404
        assert simulator.world.payments("BY-HAND")[0]["status"] == "success"
        assert simulator.world.requests().total == 0


def test_a_world_needs_no_pages():
    """The pages are no gateway: they are not in what ``World.handle`` serves."""
    assert World(per_day=0).handle("GET", "/")[0] == 404
