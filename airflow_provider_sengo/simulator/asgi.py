# SPDX-License-Identifier: Apache-2.0
"""The ASGI application: both gateways by hand with raw bytes (speed, faults on the wire), the pages for people
(without faults and log), the rest by FastAPI.

A fault that breaks HTTP itself (reset, truncated) needs the connection: ``Connections`` remembers the
transports that uvicorn opened, by peer address.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from . import pay_page
from .answers import WITHOUT_A_BYTE, Answer
from .exchange import Exchange, Gateway, gateway_of, headers_of
from .request import Request
from .world import World

if TYPE_CHECKING:
    from fastapi import FastAPI

BODY_BYTES_MAX = 1_048_576  # a signed body is a few hundred bytes
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with zero seconds: closing sends RST
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Connections:
    """The open transports, by (client, server) address as ASGI tells them."""

    def __init__(self) -> None:
        self._open: dict[tuple[Any, ...], asyncio.Transport] = {}

    def protocol_class(self) -> type:
        """uvicorn's HTTP protocol, noting each connection here."""
        from uvicorn.protocols.http.auto import AutoHTTPProtocol

        opened = self._open

        class NotedProtocol(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
            def connection_made(self, transport: asyncio.Transport) -> None:
                self.noted_as = address_of(transport)
                opened[self.noted_as] = transport
                super().connection_made(transport)

            def connection_lost(self, error: Exception | None) -> None:
                opened.pop(self.noted_as, None)
                super().connection_lost(error)

        return NotedProtocol

    def of(self, scope: Scope) -> asyncio.Transport | None:
        """The transport of a request; None under another server or a test client."""
        client, server = scope.get("client"), scope.get("server")
        return self._open.get((*client[:2], *server[:2])) if client and server else None


def address_of(transport: asyncio.Transport) -> tuple[Any, ...]:
    """Client host and port, server host and port."""
    peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    return (*peer[:2], *own[:2])


class SimulatorApp:
    """The gateways' paths and the pages here; everything else goes to the FastAPI application."""

    def __init__(self, world: World, connections: Connections, rest: "FastAPI") -> None:
        self.world, self._connections, self._rest = world, connections, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway = gateway_of(scope["path"]) if scope["type"] == "http" else None
        if gateway is not None:
            await self._serve(gateway, scope, receive, send)
        elif scope["type"] == "http" and pay_page.is_page(scope["path"]):
            reply = pay_page.answer(self.world, await _request(scope, receive))
            await self._send(reply, scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    async def _serve(self, gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _request(scope, receive, strip=gateway.strip)
        if self.world.settings.latency_ms:
            await asyncio.sleep(self.world.settings.latency_ms / 1000)
        exchange = Exchange(self.world, gateway, request)
        if exchange.delay_s:
            await asyncio.sleep(exchange.delay_s)
        await self._send(exchange.finish(scope["headers"]), scope, receive, send)

    async def _send(self, reply: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        transport = self._connections.of(scope) if reply.ending != "whole" else None
        if transport is not None:
            if reply.ending == "timeout":
                with suppress(TimeoutError):
                    await asyncio.wait_for(_until_gone(receive), reply.hold_s)
            _break(transport, reply)
            await _until_gone(receive)
            return
        headers = [(name.encode(), value.encode()) for name, value in headers_of(reply).items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})


async def _request(scope: Scope, receive: Receive, strip: str = "") -> Request:
    """What was asked, body included; ``strip`` is taken off the path."""
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    request = Request(
        method=scope["method"],
        path=raw_path.decode("latin-1")[len(strip) :],
        query=scope["query_string"].decode("latin-1"),
        headers=dict(scope["headers"]),
    )
    request.body = await _body(receive) if request.method != "GET" else b""
    return request


async def _until_gone(receive: Receive) -> None:
    """Wait until uvicorn knows that the connection is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _break(transport: asyncio.Transport, reply: Answer) -> None:
    """End the connection as the answer says: reset without a byte, or closed within the body."""
    if transport.is_closing():
        return
    if reply.ending in WITHOUT_A_BYTE:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        return
    head = (
        f"HTTP/1.1 {reply.status} OK\r\n"
        f"content-type: {reply.content_type}\r\n"
        f"content-length: {len(reply.body)}\r\n\r\n"
    )
    transport.write(head.encode() + reply.body[: reply.sent_bytes])
    transport.close()


async def _body(receive: Receive) -> bytes:
    """The request's body; what exceeds the limit is read and dropped, so it will not decode."""
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= BODY_BYTES_MAX:
            parts.append(part)
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)
