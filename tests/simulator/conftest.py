# SPDX-License-Identifier: Apache-2.0
"""A client of this file's own: standard library only, so that it proves the bytes and not the provider."""

import base64
import hashlib
import hmac
import http.client
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package

from airflow_provider_sengo.simulator import CLIENT_KEY, CLIENT_TOKEN, Simulator, World
from airflow_provider_sengo.simulator.answers import Answer
from airflow_provider_sengo.simulator.sengo_api import Request, answer

NOW = "2026-11-20T20:00:00+07:00"
TODAY = "2026-11-20"
TIMEOUT_S = 10


def headers(body: bytes = b"", key: str = CLIENT_KEY, token: str = CLIENT_TOKEN) -> dict[str, str]:
    signature = hmac.new(token.encode(), key.encode() + body, hashlib.sha512).hexdigest()
    return {
        "X-Client-Key": key,
        "X-Client-Token": token,
        "X-Signature": signature,
        "Content-Type": "application/json",
    }


def php(value: Any) -> bytes:
    """Canonical PHP JSON of a harmless value, as the fact sheet's one-liner makes it."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


QRIS = {
    "reference": "REFF012",
    "amount": 10000,
    "expiryMinutes": 30,
    "viewName": "Merchant Name",
    "additionalInfo": {"callback": "http://127.0.0.1:9/notify"},
}


@dataclass
class Client:
    """Calls the endpoints without HTTP."""

    world: World
    key: str = CLIENT_KEY
    token: str = CLIENT_TOKEN

    def get(self, path: str, **query: Any) -> Answer:
        return self._ask("GET", path, urlencode(query), b"")

    def post(self, path: str, value: Any) -> Answer:
        return self._ask("POST", path, "", value if isinstance(value, bytes) else php(value))

    def page(self, **query: Any) -> dict[str, Any]:
        defaults = {"type": "cashIn", "status": "success", "page": 1, "date": TODAY}
        reply = self.get("/transactions", **(defaults | query))
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def listing(self, **query: Any) -> list[dict[str, Any]]:
        """All rows of a listing, page after page."""
        first = self.page(**query)
        rows = first["responseData"]
        for number in range(2, first["responseExtra"]["totalPages"] + 1):
            rows = rows + self.page(**query, page=number)["responseData"]
        return rows

    def _ask(self, method: str, path: str, query: str, body: bytes) -> Answer:
        sent = headers(body, self.key, self.token)
        raw = {name.lower().encode(): value.encode() for name, value in sent.items()}
        return answer(self.world, Request(method, path, query, raw, body))


CHARGE = {
    "name": "Abu Bin Ali",
    "email": "ahmad@google.com",
    "phone": "0109876543",
    "detail": "Order for product id #4",
    "order_id": "123",
    "amount": "200",
}
FORM = "application/x-www-form-urlencoded"


@dataclass
class Merchant:
    """A senangPay merchant without HTTP, with hash code of this file's own."""

    world: World
    merchant_id: str = "543160464805574"
    secret: str = "53-784"

    def hash(self, *parts: str) -> str:
        return hmac.new(self.secret.encode(), "".join(parts).encode(), hashlib.sha256).hexdigest()

    def basic(self, password: str = "") -> dict[str, str]:
        user = base64.b64encode(f"{self.merchant_id}:{password}".encode()).decode()
        return {"Authorization": f"Basic {user}", "Content-Type": FORM}

    def post(self, path: str, fields: dict[str, str], sent: dict[str, str] | None = None) -> Any:
        body = urlencode(fields).encode()
        return self.world.handle("POST", f"/apiv1/{path}", sent or self.basic(), body)

    def signed(self, token: str, **changes: str) -> dict[str, str]:
        fields = CHARGE | changes
        names = ("name", "email", "phone", "detail", "order_id", "amount")
        return fields | {
            "token": token,
            "hash": self.hash(self.merchant_id, *(fields[name] for name in names)),
        }

    def charge(self, token: str, **changes: str) -> dict[str, Any]:
        status, _, body = self.post("pay_cc", self.signed(token, **changes))
        assert status == 200, body
        return json.loads(body)

    def is_signed(self, reply: dict[str, Any]) -> bool:
        names = ("status", "order_id", "transaction_id", "amount_paid", "msg")
        return reply["hash"] == self.hash(self.merchant_id, *(str(reply.get(name, "")) for name in names))

    def query(self, name: str, **asked: str) -> dict[str, Any]:
        sign = self.hash(self.merchant_id, self.secret, *asked.values())
        target = urlencode({"merchant_id": self.merchant_id, **asked, "hash": sign})
        return json.loads(self.world.handle("GET", f"/apiv1/{name}?{target}")[2])

    def statuses(self, order_id: str = "123") -> list[str]:
        """The statuses that the order query shows."""
        rows = self.query("query_order_status", order_id=order_id)["data"]
        return [row["payment_info"]["status"] for row in rows]


@dataclass
class Wire:
    """Calls over a socket."""

    simulator: Simulator

    def call(
        self, method: str, path: str, body: bytes = b"", sent: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(self.simulator.origin[7:], timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body or None, headers(body) if sent is None else sent)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        return self.call("GET", f"/api{path}")

    def control(self, method: str, path: str, value: Any = None) -> Any:
        body = b"" if value is None else json.dumps(value).encode()
        status, _, text = self.call(method, f"/_control{path}", body, {"Content-Type": "application/json"})
        assert status == 200, text
        return json.loads(text)


@pytest.fixture
def make_client() -> Any:
    """A world at a frozen time, and a client of it."""

    def make(**settings: Any) -> Client:
        return Client(World(**({"per_day": 20, "now": NOW, "frozen": True} | settings)))

    return make


@pytest.fixture
def client(make_client: Any) -> Client:
    return make_client()


@pytest.fixture
def wire_headers() -> Any:
    """The signed SenGo headers of a body."""
    return headers


@pytest.fixture
def merchant() -> Merchant:
    """A world at a frozen time with nothing in it, and a senangPay merchant of it."""
    return Merchant(World(per_day=0, now=NOW, frozen=True))


@pytest.fixture(scope="module")
def shared_simulator() -> Iterator[Simulator]:
    with Simulator(per_day=40, now=NOW, frozen=True) as simulator:
        yield simulator


@pytest.fixture
def wire(shared_simulator: Simulator) -> Wire:
    shared_simulator.world.reset()
    return Wire(shared_simulator)
