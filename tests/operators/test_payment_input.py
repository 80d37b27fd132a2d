# SPDX-License-Identifier: Apache-2.0
"""Wrong input is a ValueError before anything is sent: field, rule and origin are named, no value is."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from airflow_provider_sengo.operators.senangpay import (
    SenangPayChargeTokenOperator,
    SenangPayQueryOrderOperator,
    SenangPaySetTokenStatusOperator,
    SenangPayValidateTokenOperator,
)
from airflow_provider_sengo.operators.sengo import SenGoCreateProjectOperator, SenGoCreateQrisOperator

CALLBACK = "https://shop.example/paid"
TOKEN = "c4rd-t0ken-of-the-buyer"
QRIS = {"amount": 10000, "view_name": "Shop", "reference": "INV-1"}
CHARGE = {
    "name": "Siti",
    "email": "siti@example.my",
    "detail": "Order",
    "phone": "0123456789",
    "amount_sen": 2450,
    "token": TOKEN,
    "order_id": "ORD1",
}
AMOUNTS = [0, -1, 10000.0, 0.5, "10000.0", "", "0", "-5", "1,000", " 5", "1e3", "٣", True, False, None, 2**63]


@pytest.fixture(autouse=True)
def define(simulator, monkeypatch):
    """Connections to a gateway; called, it sets the callback URL of SenGo's."""

    def define(callback_url=CALLBACK):
        connection = simulator.sengo_connection(callback_url=callback_url)
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)

    define()
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", simulator.senangpay_connection())
    simulator.world.requests().clear()
    return define


@pytest.fixture
def refused(simulator, has_task_store):
    """Run an operator that must be refused before it sends anything; the text of the refusal."""

    def refused(operator, match):
        store = {}
        ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1)

        def keep(key, value, *, retention):
            store[key] = value

        accessor = SimpleNamespace(get=store.get, set=keep)
        with pytest.raises(ValueError, match=match) as caught:
            operator.execute({"ti": ti} | ({"task_state_store": accessor} if has_task_store else {}))
        assert simulator.world.requests().total == 0
        assert [store[key] for key in store if key.startswith("sent:")] in ([], ["0"])
        text = str(caught.value)
        for secret in (TOKEN, simulator.client_token, simulator.secret_key):
            assert secret not in text
        return text

    return refused


@pytest.mark.parametrize("amount", AMOUNTS, ids=repr)
def test_an_amount_is_whole_and_above_zero(amount, refused):
    """Nothing is rounded, trimmed or read as another number, in either currency."""
    operator = SenGoCreateQrisOperator(task_id="t", **QRIS | {"amount": amount})
    refused(operator, "^amount: must be whole rupiah above zero")
    operator = SenangPayChargeTokenOperator(task_id="t", **CHARGE | {"amount_sen": amount})
    refused(operator, "^amount_sen: must be whole sen above zero")


@pytest.mark.parametrize("amount", [10000, "10000"])
def test_an_amount_may_be_an_integer_or_its_digits(amount, simulator):
    """As a template renders it."""
    pushed = SenGoCreateQrisOperator(task_id="t", **QRIS | {"amount": amount}).execute({})
    assert pushed["amount"] == 10000
    assert type(pushed["amount"]) is int


@pytest.mark.parametrize("reference", ["a/b", "x" * 65, "", "a b", "a_b", "é", " INV", "INV\n", "../x", 17])
def test_a_reference_is_letters_digits_and_hyphens(reference, refused):
    """At most 64, so that it is safe in a path."""
    operator = SenGoCreateQrisOperator(task_id="t", **QRIS | {"reference": reference})
    refused(operator, "^reference: must be 1 to 64 ASCII letters, digits and hyphens")


@pytest.mark.parametrize("order_id", ["a-b", "a_b", "a/b", "a b", "x" * 101, "", "é", "ORD1\n", 17])
def test_an_order_id_is_letters_and_digits(order_id, refused):
    """At most 100, and nothing is taken out on the quiet."""
    operator = SenangPayChargeTokenOperator(task_id="t", **CHARGE | {"order_id": order_id})
    refused(operator, "^order_id: must be text of 1 to 100 ASCII letters and digits")


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("detail", "x" * 101, "must have at most 100 characters"),
        ("detail", "", "must not be empty"),
        ("name", "x" * 101, "must have at most 100 characters"),
        ("name", "  ", "must not be empty or blank"),
        ("name", None, "must be text"),
        ("email", "siti", "must be one address"),
        ("email", ["siti@example.my"], "must be the buyer's email address"),
        ("phone", 123456789, "must be text"),
        ("token", "", "must not be empty"),
        ("token", "0", "0 means that no card was stored"),
        ("token", 0, "must be text"),
        ("token", f"{TOKEN} ", "must not begin or end with a blank"),
        ("token", f"{TOKEN}\n", "must not hold control characters"),
    ],
)
def test_the_other_fields_of_a_charge(field, value, rule, refused):
    """What the page asks for is checked here, and a token that is refused is not shown."""
    operator = SenangPayChargeTokenOperator(task_id="t", **CHARGE | {field: value})
    refused(operator, f"^{field}: {re.escape(rule)}")


@pytest.mark.parametrize("token", ["", "0", f" {TOKEN}", None])
def test_the_token_of_the_other_tasks(token, refused):
    """To validate and to switch a card as well."""
    refused(SenangPayValidateTokenOperator(task_id="t", token=token), "^token: ")
    refused(SenangPaySetTokenStatusOperator(task_id="t", token=token, enabled=True), "^token: ")


@pytest.mark.parametrize("order_id", ["", " ", "x" * 101, None])
def test_an_order_to_look_up(order_id, refused):
    """Other products' ids have other characters, yet not none."""
    refused(SenangPayQueryOrderOperator(task_id="t", order_id=order_id), "^order_id: ")


@pytest.mark.parametrize("minutes", [0, -1, 1.5, "30.0", "", True])
def test_expiry_minutes_are_a_count(minutes, refused):
    """By the same rule as money."""
    operator = SenGoCreateQrisOperator(task_id="t", **QRIS | {"expiry_minutes": minutes})
    refused(operator, "^expiry_minutes: must be whole minutes above zero")


@pytest.mark.parametrize("name", ["", "  ", None, 5])
def test_a_view_name_is_text(name, refused):
    """A customer must see something."""
    refused(SenGoCreateQrisOperator(task_id="t", **QRIS | {"view_name": name}), "^view_name: must be text")


ODD_URLS = ["/paid", "shop.example/paid", "ftp://shop.example/paid", "https://", "javascript:alert(1)"]


@pytest.mark.parametrize("missing", [None, ""])
def test_a_callback_url_that_is_nowhere(missing, define, refused):
    """Both places where it can be given are named."""
    define(callback_url=missing)
    text = refused(
        SenGoCreateQrisOperator(task_id="t", **QRIS, callback_url=missing), "^callback_url is missing"
    )
    assert "give it" in text
    assert "extra of connection 'sengo_default'" in text


@pytest.mark.parametrize("url", [*ODD_URLS, "https://shop.example/a b", "https://shop.example/é"])
def test_a_callback_url_of_the_task(url, refused):
    """It is the task's argument that is named, and no connection."""
    text = refused(
        SenGoCreateQrisOperator(task_id="t", **QRIS, callback_url=url), "^callback_url: must be an absolute"
    )
    assert "onnection" not in text
    assert url not in text


@pytest.mark.parametrize("url", ODD_URLS)
def test_a_callback_url_of_the_connection(url, define, refused):
    """It is the connection that is named, with its field."""
    define(callback_url=url)
    text = refused(
        SenGoCreateQrisOperator(task_id="t", **QRIS),
        "^Connection 'sengo_default', field 'callback_url': must be",
    )
    assert url == "https://" or url not in text


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("domain", "shop.example"), ("ip", "203.0.113.7"), ("ip", []), ("ip", ["x"])],
)
def test_the_fields_of_a_project(field, value, refused):
    """A project is made once, so its fields are checked before."""
    fields = {"name": "Shop", "domain": "https://shop.example", "ip": ["203.0.113.0/24"]} | {field: value}
    refused(SenGoCreateProjectOperator(task_id="t", **fields), rf"^{field}(\[0\])?: ")
