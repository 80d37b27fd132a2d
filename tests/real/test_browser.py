# SPDX-License-Identifier: Apache-2.0
"""A real Airflow as people use it, in a browser: forms, pages, a payment by hand, and what nobody may see.

One Airflow with roles and a login, and one simulator, for all of them.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from browser import DESK, PHONE, WAIT_MS, chromium, photograph, watched_page
from browser_airflow import (
    EXTRAS,
    PASSWORDS,
    WAITING,
    AirflowWithLogin,
    expect_form,
    fill_form,
    open_archive,
    routes,
    state_of,
    trigger,
)
from playwright.sync_api import expect

from airflow_provider_sengo.connection_fields import CONNECTION_TYPES
from airflow_provider_sengo.links import URL_PREFIX
from airflow_provider_sengo.simulator import Simulator

EXAMPLES = Path(__file__).parents[2] / "example_dags"
ELSEWHERE = "http://elsewhere.invalid/"
MARKUP = f'<img src="{ELSEWHERE}image" onerror="alert(1)"><script src="{ELSEWHERE}script">alert(2)</script>'


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def shop():
    with Simulator(per_day=40, page_size=50) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def marked_up(shop):
    """Ids of payments whose name is markup: one paid, one that waits."""
    yesterday = (shop.world.now() - timedelta(days=1)).isoformat()
    times = {"created_at": yesterday, "paid_at": yesterday}
    paid = shop.world.insert(channel="virtualAccount", view_name=MARKUP, **times)
    return [paid, shop.world.insert(status="pending", channel="qris", view_name=MARKUP)]


@pytest.fixture(scope="module")
def airflow(browser, shop, marked_up, tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow-with-login")
    started = AirflowWithLogin(
        home,
        {
            "AIRFLOW__SENGO__ARCHIVE_URI": str(home / "archive"),
            "AIRFLOW_CONN_SENGO_DEFAULT": shop.sengo_connection(),
        },
    )
    daily = (EXAMPLES / "sengo_daily_archive.py").read_text()
    scheduled = 'schedule="30 8 * * *"'
    assert scheduled in daily
    (started.dags / "daily.py").write_text(daily.replace(scheduled, "schedule=None"))  # by hand only
    (started.dags / "waiting.py").write_text(WAITING)
    try:
        started.start()
        for dag_id in ("sengo_daily_archive", "wait_for_order"):
            started.wait_for_dag(dag_id)
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def logged_in(browser, airflow):
    """What the browser keeps of anna's login, by Airflow's own form."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(airflow.url)
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill(PASSWORDS["anna"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Dags")).to_be_visible(timeout=WAIT_MS)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(browser, airflow, shop, logged_in):
    with watched_page(browser, airflow.url, shop.origin, state=logged_in) as (page, _):
        yield page


@pytest.fixture(scope="module")
def archived(browser, airflow, shop, logged_in):
    """The archive page before and after the daily DAG was run by its button, as texts."""
    with watched_page(browser, airflow.url, shop.origin, state=logged_in) as (page, _):
        frame = open_archive(page, airflow)
        before = frame.get_by_role("heading", level=1).inner_text()
        photograph(page, "archive-empty")
        run_id = trigger(page, airflow, "sengo_daily_archive")
        assert airflow.wait_for_run("sengo_daily_archive", run_id)["state"] == "success"
        frame = open_archive(page, airflow)
        expect(frame.get_by_role("heading", name="Needs action")).to_be_visible()
        days = frame.locator("table.month a")
        photograph(page, "archive-in-airflow")
        return before, [days.nth(place).get_attribute("aria-label") for place in range(days.count())]


@pytest.mark.parametrize("kind", ["sengo", "senangpay"])
def test_a_connection_is_made_tested_and_opened_again(page, airflow, shop, kind):
    """Each field of the table is there with its label, help and choices, is stored, and comes back."""
    table = CONNECTION_TYPES[kind]
    shop.world.configure(senangpay={"hash_type": "md5"})
    host, login, password = {
        "sengo": (shop.base_url, shop.client_key, shop.client_token),
        "senangpay": (shop.senangpay_base_url, shop.merchant_id, shop.secret_key),
    }[kind]
    conn_id, port = f"shop_{kind}", int(host.split(":")[2].partition("/")[0])
    extras = {name: EXTRAS.get(name, shop.origin) for name in table.extras}
    standard = {"host": host, "login": login, "password": password, "port": port}
    dialog = fill_form(page, airflow, table, conn_id, standard, extras)
    photograph(page, f"form-{kind}")
    dialog.get_by_role("button", name="Save").click()

    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name=conn_id, exact=True))
    row.get_by_role("button", name="Test Connection").click()
    expect(page.get_by_text("Test Connection Successful")).to_be_visible()
    expect(page.get_by_text(f"{table.hook_name} accepts").filter(has_text=host)).to_be_visible()

    stored = airflow.api("GET", f"connections/{conn_id}")
    assert (stored["conn_type"], stored["host"], stored["port"]) == (kind, host, port)
    assert (stored["login"], stored["password"]) == (login, "***")
    assert json.loads(stored["extra"]) == extras | {"proxy": "***"}

    row.get_by_role("button", name="Edit Connection").click()
    expect_form(page, table, standard | {"password": "***"}, extras | {"proxy": "***"})


def test_a_wrong_secret_is_told(page, airflow, shop):
    """The gateway's refusal and what to do, in the message of the button; never the secret."""
    secret = "made-up-secret-that-nobody-may-read"
    airflow.api(
        "POST",
        "connections",
        {
            "connection_id": "wrong",
            "conn_type": "sengo",
            "host": shop.base_url,
            "port": int(shop.origin.rpartition(":")[2]),
            "login": shop.client_key,
            "password": secret,
        },
    )
    page.goto(f"{airflow.url}/connections")
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name="wrong", exact=True))
    row.get_by_role("button", name="Test Connection").click()
    expect(page.get_by_text("Check client key, client token and environment")).to_be_visible()
    assert secret not in page.content()


def test_the_daily_run_fills_the_calendar(archived, shop):
    """The page told that nothing was read; after the run each day has its state and its successes."""
    before, days = archived
    assert before == "The archive is empty"
    assert len(days) == 7
    assert sum("cashIn complete" in day and "cashOut complete" in day for day in days) >= 5
    paid = {row["paid_rows"] for row in shop.world.sums() if row["type"] == "cashIn"}
    assert any(f"cashIn complete, {rows} successful" in day for rows in paid for day in days)


def test_a_payment_is_found_in_the_archive(page, airflow, shop, archived):
    """By its reference, in the frame; what is personal shows only when it is asked for."""
    row = next(
        row
        for row in shop.world.ledger(type="cashIn")
        if row["status"] == "success" and row["channel"] == "virtualAccount"
    )
    frame = open_archive(page, airflow)
    frame.get_by_role("searchbox", name="Transaction id or reference").fill(row["reference"])
    frame.get_by_role("button", name="Search").click()
    expect(frame.get_by_role("heading", name=row["id"])).to_be_visible()
    expect(frame.get_by_text(f"Rp\N{NO-BREAK SPACE}{row['amount']:,}").first).to_be_visible()
    expect(frame.get_by_text("Personal data is masked.")).to_be_visible()
    photograph(page, "search")
    frame.get_by_role("link", name="Show it").click()
    expect(frame.get_by_text("As the gateway sent it")).to_be_visible()


def test_a_payment_by_hand_ends_the_waiting_task(page, airflow, shop):
    """From the task's link to the code, from the simulator's page to the paid code and the green task."""
    run_id = trigger(page, airflow, "wait_for_order")
    airflow.until(lambda: state_of(airflow, run_id) == "deferred", 240, "the task does not wait")
    details = f"{airflow.url}/dags/wait_for_order/runs/{quote(run_id)}/tasks/pay/details"
    page.goto(details)
    expect(page.get_by_role("row", name="State deferred")).to_be_visible()
    page.get_by_role("link", name="QR code").click()
    expect(page.get_by_role("img", name="QR code of the payment ORDER-2041")).to_be_visible()
    photograph(page, "qr")

    customer = page.context.new_page()
    customer.goto(shop.origin)
    customer.get_by_role("link", name="ORDER-2041").click()
    photograph(customer, "pay-page")
    customer.get_by_role("button", name="Pay").click()
    expect(customer.get_by_role("status")).to_contain_text("Paid")

    expect(page.get_by_text("Paid", exact=True)).to_be_visible()  # the page loads itself again
    photograph(page, "qr-paid")
    page.get_by_role("link", name="wait_for_order / pay").click()
    page.goto(details)
    expect(page.get_by_role("row", name="State success")).to_be_visible()
    (payment,) = shop.world.payments("ORDER-2041")
    assert payment["status"] == "success"


QUESTIONS = "?project=p&day=2026-01-01&type=cashIn&q=x&dag_id=d&run_id=r&task_id=t"


def test_no_page_is_open_without_a_login(airflow):
    """Nobody, somebody with a made-up token: refused on each route; whoever may look at plugins: not."""
    found = routes()
    assert len(found) >= 6
    for path, methods in found:
        for method in methods:
            for token in (None, "made-up-token"):
                status, body = airflow.status_of(method, f"{URL_PREFIX}{path}{QUESTIONS}", token)
                assert status == (403 if token else 401), (method, path)
                assert (b"Not allowed" if token else b"Not logged in") in body
    for path in ("/openapi.json", "/docs", "/redoc", "/nothing", "/archive/", "//archive", "/"):
        assert airflow.status_of("GET", f"{URL_PREFIX}{path}")[0] in (401, 404), path
    assert airflow.status_of("GET", f"{URL_PREFIX}/archive", airflow.token_of("vera"))[0] == 200


def test_who_is_not_logged_in_sees_no_page(browser, airflow):
    """In a browser without a login: the page says so, and Airflow's way to it ends at the login."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    assert page.goto(f"{airflow.url}{URL_PREFIX}/archive").status == 401
    expect(page.get_by_role("heading", name="Not logged in")).to_be_visible()
    photograph(page, "not-logged-in")
    page.goto(f"{airflow.url}/plugin/sengo-archive")
    expect(page.get_by_label("Username")).to_be_visible(timeout=WAIT_MS)
    context.close()


def test_markup_in_a_name_is_text(page, airflow, shop, marked_up, archived):
    """On each page that shows it; ``page`` then says that no dialog, error or request came of it."""
    paid, waiting = marked_up
    frame = open_archive(page, airflow)
    frame.get_by_role("searchbox", name="Transaction id or reference").fill(paid)
    frame.get_by_role("button", name="Search").click()
    frame.get_by_role("link", name="Show it").click()
    expect(frame.get_by_role("definition").filter(has_text=MARKUP)).to_be_visible()
    photograph(page, "markup")
    frame.get_by_text("As the gateway sent it").click()
    expect(frame.locator("pre")).to_contain_text("elsewhere.invalid")
    frame.get_by_role("searchbox", name="Transaction id or reference").fill(MARKUP)
    frame.get_by_role("button", name="Search").click()
    expect(frame.locator("code").filter(has_text=MARKUP)).to_be_visible()
    page.goto(f"{shop.origin}/pay/{waiting}")
    expect(page.get_by_role("definition").filter(has_text=MARKUP)).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_is_wider_than_a_phone(browser, airflow, shop, logged_in, marked_up, archived, dark):
    """Each page, as photographs for people and by its width for this test."""
    with watched_page(browser, airflow.url, shop.origin, state=logged_in, dark=dark) as (page, _):
        page.goto(f"{airflow.url}{URL_PREFIX}/archive")
        link = page.locator("table.month a").first.get_attribute("href")
        for name, address in {
            "archive": f"{airflow.url}{URL_PREFIX}/archive",
            "day": f"{airflow.url}{URL_PREFIX}/{link}",
            "found": f"{airflow.url}{URL_PREFIX}/search?q={marked_up[0]}&show=personal",
            "simulator": shop.origin,
            "pay": f"{shop.origin}/pay/{marked_up[1]}",
        }.items():
            for size in (DESK, PHONE):
                page.set_viewport_size(size)
                page.goto(address)
                expect(page.get_by_role("heading", level=1)).to_be_visible()
                photograph(page, f"{name}-{'dark' if dark else 'light'}-{size['width']}", whole=True)
                assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
