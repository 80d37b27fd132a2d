# SPDX-License-Identifier: Apache-2.0
"""Every answer that is documented: the vendor's printed samples, and what the simulator says in each situation.

Each stands beside the call that reads it, so that it can be bent and read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol import senangpay, sengo
from airflow_provider_sengo.protocol.http import Call, Response
from airflow_provider_sengo.simulator import World

SAMPLES = Path(__file__).parents[1] / "protocol" / "samples"
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
DAY = date(2026, 11, 19)
KEY, TOKEN = "SC-ODD+KEY/1", "t0ken/with+odd%41chars@here:=&?"
SECRET_KEY = "53-k3y/with+odd%41chars@here:=&?"
BUYER = {"name": "Siti Nurhaliza", "email": "siti@example.my", "detail": "Order", "phone": "0123456789"}
QRIS = {"view_name": "Shop", "callback_url": "https://shop.example/paid"}

SENGO = sengo.Credentials(base_url="http://127.0.0.1:9/api", client_key=KEY, client_token=TOKEN)
SENANGPAY = senangpay.SenangPayCredentials(
    base_url="http://127.0.0.1:9", merchant_id="543160464805574", secret_key=SECRET_KEY
)


@dataclass(frozen=True)
class Documented:
    """An answer and its reader. ``hidden``: what no error may show, whatever the answer says."""

    name: str
    call: Call[Any]
    response: Response
    hidden: tuple[str, ...]

    def read(self, body: bytes, status: int | None = None, headers: dict[str, str] | None = None) -> Any:
        """What ``body`` means, or the error of this package that it is."""
        changed = replace(
            self.response, body=body, headers=headers or {}, status=status or self.response.status
        )
        try:
            return self.call.parse(changed)
        except SenGoProviderError as error:
            return error

    @property
    def document(self) -> Any:
        return json.loads(self.response.body)


@cache
def documented() -> tuple[Documented, ...]:
    return (*_samples(), *_sengo(), *_senangpay())


def _samples() -> Iterator[Documented]:
    check = json.loads((SAMPLES / "check.json").read_text())["responseData"]
    qris = json.loads((SAMPLES / "qris.json").read_text())["responseData"]
    reference, amount = qris["merchantRef"], qris["amount"]
    calls = {
        "balance": [sengo.get_balance(SENGO)],
        "check": [sengo.get_transaction(SENGO, check["id"]), sengo.get_row(SENGO, check["id"])],
        "projects": [
            sengo.create_project(SENGO, name="Shop", domain="https://a.example", ip=["203.0.113.7"])
        ],
        "qris": [sengo.create_qris(SENGO, reference=reference, amount=amount, **QRIS)],
        "transactions": [
            sengo.list_transactions(SENGO, day=DAY, type="cashIn", status="success"),
            sengo.list_rows(SENGO, day=DAY, type="cashIn", status="success", page=1),
        ],
    }
    for name, readers in calls.items():
        body = (SAMPLES / f"{name}.json").read_bytes()
        for call in readers:
            yield Documented(f"sample {name}, {call.name}", call, Response(200, {}, body, NOW), (TOKEN, KEY))


def _sengo() -> Iterator[Documented]:
    world = World(
        per_day=8, days=2, now=NOW.isoformat(), frozen=True, extra_credentials={KEY: TOKEN}, page_size=3
    )
    new = {"reference": "INV-1", "amount": 10_000, **QRIS}
    listed = {"day": DAY, "type": "cashIn", "status": "success"}
    paid = world.ledger(key=KEY, day=str(DAY), type="cashIn")[0]["id"]
    wrong = replace(SENGO, client_token="another-token")
    calls = {
        "balance": sengo.get_balance(SENGO),
        "refused": sengo.get_balance(wrong),
        "a page": sengo.list_rows(SENGO, page=1, **listed),
        "a page of records": sengo.list_transactions(SENGO, page=1, **listed),
        "an empty listing": sengo.list_rows(SENGO, page=1, **listed | {"day": date(2026, 11, 1)}),
        "invalid": sengo.list_rows(SENGO, page=1, **listed | {"status": "refunded"}),
        "a payment": sengo.get_transaction(SENGO, paid),
        "unknown": sengo.get_transaction(SENGO, "unknown"),
        "created": sengo.create_qris(SENGO, **new),
        "used before": sengo.create_qris(SENGO, **new),
        "project": sengo.create_project(SENGO, name="Shop", domain="https://a.example", ip=["203.0.113.7"]),
    }
    for name, call in calls.items():
        yield _asked(world, name, call, (KEY, call.request.headers["X-Client-Token"]))


def _senangpay() -> Iterator[Documented]:
    world = World(now=NOW.isoformat(), frozen=True, days=1, per_day=0)
    world.senangpay.configure(secret_key=SECRET_KEY, merchant_id=SENANGPAY.merchant_id)
    token, declined, unknown = (
        world.senangpay.issue_token(),
        world.senangpay.issue_token(decline="5"),
        "t-1f2e3d",
    )
    end, day = NOW.replace(hour=23), NOW.replace(hour=0)
    wrong = replace(SENANGPAY, secret_key="another-key-1")
    charge = {"amount_sen": 2450, "order_id": "ORD1", "token": token, **BUYER}
    calls = {
        "charged": senangpay.charge_token(SENANGPAY, **charge),
        "declined": senangpay.charge_token(SENANGPAY, **charge | {"token": declined}),
        "unverified": senangpay.charge_token(SENANGPAY, **charge | {"token": unknown}),
        "order": senangpay.query_order(SENANGPAY, "ORD1"),
        "unknown order": senangpay.query_order(SENANGPAY, "ORD2"),
        "wrong hash": senangpay.query_order(wrong, "ORD1"),
        "list": senangpay.list_transactions(SENANGPAY, day, end),
        "validated": senangpay.validate_token(SENANGPAY, token),
        "toggled": senangpay.toggle_token(SENANGPAY, token),
        "unknown card": senangpay.toggle_token(SENANGPAY, unknown),
    }
    for name, call in calls.items():
        key = wrong.secret_key if name == "wrong hash" else SECRET_KEY
        body = (call.request.body or b"").decode()
        yield _asked(world, name, call, (key, *(card for card in (token, declined, unknown) if card in body)))
    reference = world.charges("ORD1")[0]["transaction_id"]
    transaction = senangpay.query_transaction(SENANGPAY, reference)
    yield _asked(world, "transaction", transaction, (SECRET_KEY,))


def _asked(world: World, name: str, call: Call[Any], hidden: tuple[str, ...]) -> Documented:
    request = call.request
    status, headers, body = world.handle(request.method, request.url, request.headers, request.body)
    return Documented(f"{name}, {call.name}", call, Response(status, headers, body, NOW), hidden)
