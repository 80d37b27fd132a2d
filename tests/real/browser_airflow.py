# SPDX-License-Identifier: Apache-2.0
"""An Airflow with a login and roles, and what people do in its pages: open, trigger, fill a form."""

from __future__ import annotations

import json
import urllib.request
from contextlib import suppress
from urllib.error import HTTPError

import certifi
from airflow_process import RealAirflow
from playwright.sync_api import expect

PASSWORDS = {"anna": "made-up-password-1", "vera": "made-up-password-2"}
EXTRAS = {
    "environment": "production",
    "timeout_s": 12.5,
    "deadline_s": 90,
    "max_attempts": 3,
    "requests_per_second": 25,
    "callback_url": "https://merchant.example/sengo",
    "hash_type": "md5",
    "ca_bundle": certifi.where(),
}
WAITING = """
from datetime import timedelta

from airflow.sdk import DAG
from airflow_provider_sengo.operators.sengo import SenGoCreateQrisOperator

with DAG(dag_id="wait_for_order", schedule=None, default_args={"retries": 5, "retry_delay": timedelta(seconds=1)}):
    SenGoCreateQrisOperator(
        task_id="pay",
        reference="ORDER-2041",
        amount=184_500,
        view_name="Toko Contoh",
        callback_url="https://merchant.example/sengo",
        expiry_minutes=60,
        wait_for_payment=True,
        poll_interval=2,
        timeout=600,
        deferrable=True,
    )
"""


class AirflowWithLogin(RealAirflow):
    """Users with roles: anna may do everything, vera may look."""

    def __init__(self, home, environment):
        passwords = home / "passwords.json"
        users = {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "anna:admin,vera:viewer",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        }
        super().__init__(home, users | environment)
        passwords.write_text(json.dumps(PASSWORDS))

    def start(self):
        with suppress(HTTPError):  # the token that everybody gets where all are admins
            super().start()
        self._token = self.token_of("anna")

    def token_of(self, user):
        body = json.dumps({"username": user, "password": PASSWORDS[user]}).encode()
        request = urllib.request.Request(f"{self.url}/auth/token", body, {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request, timeout=60))["access_token"]

    def status_of(self, method, path, token=None):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"{self.url}{path}", method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()


def open_archive(page, airflow):
    """By Airflow's own navigation; the page stands in a frame."""
    page.goto(airflow.url)
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="SenGo archive").click()
    return page.frame_locator("iframe[title='SenGo archive']")


def trigger(page, airflow, dag_id):
    """By the button and its dialog; returns the run's id."""
    page.goto(f"{airflow.url}/dags/{dag_id}")
    page.get_by_role("button", name="Trigger Dag").click()
    page.get_by_role("dialog").get_by_role("button", name="Trigger", exact=True).click()
    runs = airflow.until(lambda: airflow.runs(dag_id), 60, f"{dag_id} was not triggered")
    return runs[0]["dag_run_id"]


def field(dialog, name, table):
    """The input of an extra; Airflow gives those of text no label."""
    extra = table.extras[name]
    if extra.choices:
        return dialog.get_by_role("combobox", name=extra.label)
    if extra.kind == "string":
        return dialog.locator(f"input[name=element_{name}]")
    return dialog.get_by_role("spinbutton", name=extra.label)


def open_extras(dialog):
    dialog.get_by_role("button", name="Extra Fields", exact=True).click()


def fill_form(page, airflow, table, conn_id, standard, extras):
    """Add a connection as far as Save; label, placeholder, help and default of each field are as in the table."""
    page.goto(f"{airflow.url}/connections")
    page.get_by_role("button", name="Add Connection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Connection Type").click()
    page.get_by_role("option", name=table.hook_name, exact=True).click()
    dialog.get_by_label("Connection ID").fill(conn_id)
    for name in ("host", "login", "password"):
        box = dialog.get_by_role("textbox", name=table.relabeling[name])
        expect(box).to_have_attribute("placeholder", table.placeholders.get(name, ""))
        box.fill(standard[name])
    # Without a port Airflow 3.3.1 and 3.3.2 refuse to test what is stored.
    dialog.get_by_role("spinbutton", name="Port").fill(str(standard["port"]))
    expect(dialog.get_by_label("Schema")).to_have_count(0)
    open_extras(dialog)
    for name, extra in table.extras.items():
        expect(dialog.get_by_text(extra.label, exact=True).first).to_be_visible()
        expect(dialog.get_by_text(extra.description, exact=True)).to_be_visible()
        box = field(dialog, name, table)
        if extra.choices:
            box.click()
            options = page.get_by_role("option")
            assert set(extra.choices) <= set(options.all_inner_texts())
            options.get_by_text(extras[name], exact=True).click()
        else:
            expect(box).to_have_value("" if extra.default is None else str(extra.default))
            box.fill(str(extras[name]))
    return dialog


def expect_form(page, table, standard, extras):
    """The open form holds these values."""
    dialog = page.get_by_role("dialog")
    for name in ("host", "login", "password"):
        expect(dialog.get_by_role("textbox", name=table.relabeling[name])).to_have_value(standard[name])
    expect(dialog.get_by_role("spinbutton", name="Port")).to_have_value(str(standard["port"]))
    open_extras(dialog)
    for name, extra in table.extras.items():
        if extra.choices:
            chosen = page.get_by_role("combobox", name=extra.label)
            expect(dialog.get_by_role("group").filter(has=chosen).last).to_contain_text(extras[name])
        else:
            expect(field(dialog, name, table)).to_have_value(str(extras[name]))


def state_of(airflow, run_id):
    return airflow.task_instances("wait_for_order", run_id)[0]["state"]


def routes():
    """Every route of the pages with its methods, from the application itself."""
    from airflow_provider_sengo.plugins.app import build_application

    return [(route.path, sorted(route.methods)) for route in build_application().routes]
