# SPDX-License-Identifier: Apache-2.0
"""Every verb of the senangPay hook, over real sockets, judged by the simulated gateway."""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from airflow_provider_sengo.exceptions import NotAuthorized, Rejected
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.simulator import MERCHANT_ID, SECRET_KEY, Simulator

CHARGE: dict[str, Any] = {
    "name": "Siti Nurhaliza Özil",
    "email": "ahmad+1@google.com",
    "detail": "Order for 100% of #4 & more",
    "phone": "+60123456789",
    "amount_sen": 2450,
}


@pytest.fixture
def gateway() -> Iterator[Simulator]:
    """A gateway whose clock stands still and that reads forms only."""
    with Simulator(per_day=1, now="2026-11-20T10:00:00+07:00", frozen=True) as simulator:
        simulator.world.senangpay.configure(accept_json=False)
        yield simulator


@pytest.fixture
def hook(gateway: Simulator, monkeypatch: pytest.MonkeyPatch) -> SenangPayHook:
    """A hook over a connection to the simulator, as a URI."""
    login = f"{MERCHANT_ID}:{SECRET_KEY}@{gateway.senangpay_base_url.removeprefix('http://')}"
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", f"senangpay://{login}/?max_attempts=1")
    return SenangPayHook()


@pytest.mark.parametrize(
    "switches", [{}, {"status_type": "text", "amount_type": "text", "row_order": "newest"}]
)
def test_a_charge_is_verified_and_found(
    switches: dict[str, Any], hook: SenangPayHook, gateway: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Signed both ways, seen by all three queries to the sen; no log has token, hash or buyer."""
    caplog.set_level(logging.DEBUG)
    gateway.world.senangpay.configure(**switches)
    token = gateway.world.senangpay.issue_token()
    with hook:
        payment = hook.charge_token(order_id="ORD7", token=token, **CHARGE)
        (found,) = hook.query_order("ORD7")
        assert hook.query_transaction(payment.transaction_id) == [found]
        now = found.paid_at
        assert now is not None
        assert found in hook.list_transactions(now - timedelta(hours=1), now + timedelta(hours=1))
        assert hook.query_order("ORD8") == []
    assert (payment.amount_sen, payment.order_id) == (2450, "ORD7")
    assert (found.status, found.amount_sen, found.detail) == (senangpay.PAID, 2450, CHARGE["detail"])
    assert now == datetime(2026, 11, 20, 3, tzinfo=UTC)
    for hidden in (token, SECRET_KEY, "hash=", CHARGE["email"], CHARGE["phone"]):
        assert hidden not in caplog.text


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"declines_have_transaction_id": False},
        {"decline_amount_paid": "amount"},
        {"declines_have_hash": False},
    ],
)
def test_a_decline_is_verified_where_it_is_signed(
    switches: dict[str, Any], hook: SenangPayHook, gateway: Simulator
) -> None:
    """In every shape that a decline may have; without a hash it proves nothing."""
    gateway.world.senangpay.configure(**switches)
    token = gateway.world.senangpay.issue_token(decline="5")
    with hook, pytest.raises(Rejected, match="Insufficient funds") as caught:
        hook.charge_token(order_id="ORD7", token=token, **CHARGE)
    signed = switches.get("declines_have_hash", True)
    assert caught.value.code == (senangpay.DECLINED if signed else senangpay.UNVERIFIED)


def test_tokens_are_validated_and_toggled(hook: SenangPayHook, gateway: Simulator) -> None:
    """A toggle is there and back; an unknown token is not valid, and cannot be toggled or charged."""
    token = gateway.world.senangpay.issue_token()
    with hook:
        assert hook.validate_token(token).valid
        assert [hook.toggle_token(token).enabled for _ in range(3)] == [False, True, False]
        assert not hook.validate_token(token).valid
        assert not hook.validate_token("unknown").valid
        with pytest.raises(Rejected):
            hook.toggle_token("unknown")
        for odd in (token, "unknown"):
            with pytest.raises(Rejected) as caught:
                hook.charge_token(order_id="ORD7", token=odd, **CHARGE)
            assert caught.value.code == senangpay.UNVERIFIED


@pytest.mark.parametrize("hash_type", ["md5", "sha256"])
def test_the_connection_is_tested_by_a_query(hash_type: str, hook: SenangPayHook, gateway: Simulator) -> None:
    """The hash type must be the dashboard's, and the test says so; nothing but the query is asked."""
    gateway.world.senangpay.configure(hash_type=hash_type)
    works, message = hook.test_connection()
    assert works is (hash_type == "sha256")
    assert ("hash type" in message) is (hash_type == "md5")
    assert list(gateway.world.requests().by_endpoint) == ["GET /apiv1/query_order_status"]


def test_a_wrong_secret_key_is_never_an_unknown_order(
    gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a query nor in the test."""
    wrong = {"conn_type": "senangpay", "login": MERCHANT_ID, "password": "wrong-key"}
    wrong["host"] = gateway.senangpay_base_url
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", json.dumps(wrong))
    with SenangPayHook() as hook:
        with pytest.raises(NotAuthorized):
            hook.query_order("ORD7")
        assert not hook.test_connection()[0]


@pytest.mark.parametrize("switches", [{}, {"return_status_name": "status", "card_number_style": "masked"}])
@pytest.mark.parametrize(("card", "stored"), [("5111111111111118", True), ("4111111111111111", False)])
def test_a_card_is_stored_through_the_browser(
    card: str, stored: bool, switches: dict[str, Any], hook: SenangPayHook, gateway: Simulator
) -> None:
    """The signed URL is taken; what comes back verifies as a card that can be charged, or as refused."""
    gateway.world.senangpay.configure(return_url=f"{gateway.senangpay_base_url}/back", **switches)
    buyer = {name: CHARGE[name] for name in ("name", "email", "phone")}
    url = hook.tokenization_url(order_id="card_1+x%20", **buyer)
    typed = {"card_number": card, "expiry": "05/30", "cvv": "100"}
    form = f"{urlsplit(url).query}&{urlencode(typed)}".encode()
    query = urlsplit(location_of(url.partition("?")[0] + "/card", form)).query
    if not stored:
        with pytest.raises(Rejected, match="not stored"):
            hook.verify_tokenization_return(query, order_id="card_1+x%20")
        return
    stored_card = hook.verify_tokenization_return(query, order_id="card_1+x%20")
    assert (stored_card.last_four, stored_card.card_type) == ("1118", "mc")
    with hook:
        assert hook.charge_token(order_id="ORD7", token=stored_card.token, **CHARGE).amount_sen == 2450


class _Stay(urllib.request.HTTPRedirectHandler):
    """A browser that does not follow."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def location_of(url: str, form: bytes) -> str:
    """Where the buyer's browser is sent after the card form."""
    opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(url, form)
    return str(caught.value.headers["Location"])
