# SPDX-License-Identifier: Apache-2.0
"""One request through a gateway: rate limit, fault, answer, log. No sockets and no waiting.

``asgi`` puts it on the wire; ``World.handle`` calls it in the same process.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from . import senangpay_api, senangpay_hashes, senangpay_tokenize, sengo_api
from .answers import WITHOUT_A_BYTE, Answer, refusal, retry_after, spoil
from .clock import iso_jakarta
from .faults import SHOWS_ANSWER, Fault
from .request import Request
from .request_log import NO_ANSWER, REDACTED
from .senangpay_answers import refusal as senangpay_refusal
from .state import WorldState

API_PREFIX = "/api"
QUERY_KEPT = frozenset(
    {"merchant_id", "order_id", "transaction_reference", "timestamp_start", "timestamp_end"}
)


class ConnectionCut(Exception):
    """A connection that ended without a whole answer, as ``World.handle`` tells it.

    ``sent``: whether the request went out at all (False only for ``no_connection``). ``processed``: whether
    the gateway did its work. ``why``: ``reset truncated timeout no_connection``. ``received``: the part of
    the body that came before the end.
    """

    def __init__(self, *, sent: bool, processed: bool, why: str, received: bytes = b"") -> None:
        super().__init__(f"{why}: {'sent' if sent else 'not sent'}, {'' if processed else 'not '}processed")
        self.sent, self.processed, self.why, self.received = sent, processed, why, received


@dataclass(frozen=True)
class Gateway:
    """What a request needs of the gateway that it goes to."""

    strip: str  # of the path, before the endpoints see it
    endpoint_of: Callable[[str, str], str]
    answer: Callable[[WorldState, Request], Answer]
    refuse: Callable[..., Answer]  # (world, status, code, *, soft=False, headers=())
    sign: Callable[[WorldState, dict[str, Any], str], str] | None
    shown: Callable[[Request], str]  # the target as the log may keep it


def _sengo_refuse(
    world: WorldState,
    status: int,
    code: str,
    *,
    soft: bool = False,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    style = "http200" if soft else world.settings.error_style
    return refusal(status, code, style=style, headers=headers)


def _senangpay_refuse(
    world: WorldState,
    status: int,
    code: str,
    *,
    soft: bool = False,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    http_status = 200 if soft else status
    return senangpay_refusal(world.settings.senangpay, code, http_status=http_status, headers=headers)


def _senangpay_sign(world: WorldState, fields: dict[str, Any], blank: str) -> str:
    settings = world.settings.senangpay
    return senangpay_hashes.charge_answer(settings.secret_key, settings.merchant_id, fields, blank=blank)


def _without_secrets(request: Request) -> str:
    """The path, and of the query only what identifies an order."""
    pairs = [pair.partition("=") for pair in request.query.split("&") if pair]
    shown = [f"{name}={value if name in QUERY_KEPT else REDACTED}" for name, _, value in pairs]
    return f"{request.path}?{'&'.join(shown)}" if shown else request.path


SENGO = Gateway(
    API_PREFIX,
    sengo_api.endpoint_of,
    sengo_api.answer,
    _sengo_refuse,
    None,
    lambda request: request.target,
)
SENANGPAY = Gateway(
    "",
    senangpay_api.endpoint_of,
    senangpay_api.answer,
    _senangpay_refuse,
    _senangpay_sign,
    _without_secrets,
)
GATEWAYS = (
    (API_PREFIX + "/", SENGO),
    (senangpay_api.PREFIX, SENANGPAY),
    (senangpay_tokenize.PREFIX, replace(SENANGPAY, answer=senangpay_tokenize.answer)),
)


def gateway_of(path: str) -> Gateway | None:
    """The gateway that a path belongs to."""
    return next((gateway for prefix, gateway in GATEWAYS if path.startswith(prefix)), None)


class Exchange:
    """A request on its way: the fault is chosen when this is made, the work is done by ``finish``."""

    def __init__(self, world: WorldState, gateway: Gateway, request: Request) -> None:
        self._world, self._gateway, self._request = world, gateway, request
        self._endpoint = gateway.endpoint_of(request.method, request.path)
        self._is_limited = world.rate_limited()
        self.fault: Fault | None = None
        if not self._is_limited:
            self.fault = world.choose_fault(self._endpoint, request.target)

    @property
    def delay_s(self) -> float:
        """How long a ``slow`` gateway waits before it does anything."""
        is_slow = self.fault is not None and self.fault.name == "slow"
        return self.fault.details["delay_s"] if self.fault is not None and is_slow else 0.0

    def finish(self, headers: Iterable[tuple[bytes, bytes]]) -> Answer:
        """Do the work, spoil the answer, log the request."""
        world = self._world
        with world.lock:
            reply = self._limit() if self._is_limited else self._reply()
            world.log.add(
                at=iso_jakarta(world.now_s()),
                endpoint=self._endpoint,
                target=self._gateway.shown(self._request),
                status=NO_ANSWER if reply.ending in WITHOUT_A_BYTE else reply.status,
                fault=self.fault.name if self.fault else None,
                client_key=self._request.key,
                headers=headers,
                notes=self._request.notes,
            )
        return reply

    def _limit(self) -> Answer:
        headers = retry_after(self._world.settings.retry_after_s)
        return self._gateway.refuse(self._world, 429, "PAYMENT_INTERNAL_ERROR", headers=headers)

    def _reply(self) -> Answer:
        """The gateway's answer, and what the fault makes of it; some faults strike before any work."""
        world, fault, gateway = self._world, self.fault, self._gateway
        if fault is None:
            return gateway.answer(world, self._request)
        whole = None
        if fault.processed or fault.name in SHOWS_ANSWER:
            whole = gateway.answer(world, self._request)
        if not fault.processed:
            for undo in reversed(self._request.undo):
                undo()
        sign = None if gateway.sign is None else partial(gateway.sign, world)
        return spoil(whole, fault, refuse=partial(gateway.refuse, world), sign=sign)


def handle(
    world: WorldState, method: str, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float
) -> tuple[int, dict[str, str], bytes]:
    """One request without sockets; see ``World.handle``."""
    parts = urlsplit(url)
    gateway = gateway_of(unquote(parts.path))
    if gateway is None:
        return 404, {"content-type": "application/json"}, b'{"detail":"Not Found"}'
    raw = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
    path = parts.path[len(gateway.strip) :]
    exchange = Exchange(world, gateway, Request(method, path, parts.query, raw, body))
    delay_s = exchange.delay_s
    reply = exchange.finish(raw.items())
    fault = exchange.fault
    if reply.ending == "whole" and delay_s < timeout_s:
        return reply.status, headers_of(reply), reply.body
    raise ConnectionCut(
        sent=reply.ending != "no_connection",
        processed=fault is not None and bool(fault.processed),
        why="timeout" if reply.ending == "whole" else reply.ending,
        received=reply.body[: reply.sent_bytes] if reply.ending == "truncated" else b"",
    )


def headers_of(reply: Answer) -> dict[str, str]:
    """The headers of a whole answer; each stands once."""
    headers = {"content-type": reply.content_type, **dict(reply.headers)}
    if reply.status != 204:
        headers["content-length"] = str(len(reply.body))
    return headers
