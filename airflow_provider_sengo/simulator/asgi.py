# SPDX-License-Identifier: Apache-2.0
"""The ASGI application: ``/api`` by hand with raw bytes (speed, and faults on the wire), the rest by FastAPI.

A fault that breaks HTTP itself (reset, truncated) needs the connection: ``Connections`` remembers the
transports that uvicorn opened, by peer address.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from . import sengo_api
from .answers import Answer, refusal, retry_after, spoil
from .clock import iso_jakarta
from .faults import Fault
from .request_log import NO_ANSWER
from .world import World

if TYPE_CHECKING:
    from fastapi import FastAPI

API_PREFIX = "/api"
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
    """``/api`` here; everything else goes to the FastAPI application."""

    def __init__(self, world: World, connections: Connections, rest: "FastAPI") -> None:
        self.world, self._connections, self._rest = world, connections, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if scope["type"] == "http" and path.startswith(API_PREFIX + "/"):
            await self._serve(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        world = self.world
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        request = sengo_api.Request(
            method=scope["method"],
            path=raw_path.decode("latin-1")[len(API_PREFIX) :],
            query=scope["query_string"].decode("latin-1"),
            headers=dict(scope["headers"]),
        )
        endpoint = sengo_api.endpoint_of(request.method, request.path)
        target = f"{request.path}?{request.query}" if request.query else request.path
        request.body = await _body(receive) if request.method != "GET" else b""
        if world.settings.latency_ms:
            await asyncio.sleep(world.settings.latency_ms / 1000)
        fault, reply = None, self._rate_limit()
        if reply is None:
            fault = world.choose_fault(endpoint, target)
            if fault is not None and fault.name == "slow":
                await asyncio.sleep(fault.details["delay_s"])
            reply = self._reply(request, fault)
        world.log.add(
            at=iso_jakarta(world.now_s()),
            endpoint=endpoint,
            target=target,
            status=NO_ANSWER if reply.ending == "reset" else reply.status,
            fault=fault.name if fault else None,
            client_key=request.key,
            headers=scope["headers"],
            notes=request.notes,
        )
        await self._send(reply, scope, receive, send)

    def _rate_limit(self) -> Answer | None:
        settings = self.world.settings
        if not self.world.rate_limited():
            return None
        headers = retry_after(settings.retry_after_s)
        return refusal(429, "PAYMENT_INTERNAL_ERROR", style=settings.error_style, headers=headers)

    def _reply(self, request: sengo_api.Request, fault: Fault | None) -> Answer:
        """The gateway's answer, and what the fault makes of it; some faults strike before any work."""
        if fault is None:
            return sengo_api.answer(self.world, request)
        reply = sengo_api.answer(self.world, request) if fault.processed else None
        return spoil(reply, fault, style=self.world.settings.error_style)

    async def _send(self, reply: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        transport = self._connections.of(scope) if reply.ending != "whole" else None
        if transport is not None:
            _break(transport, reply)
            while (await receive())["type"] != "http.disconnect":  # until uvicorn knows that it is gone
                pass
            return
        headers = [
            (b"content-type", reply.content_type.encode()),
            (b"content-length", str(len(reply.body)).encode()),
            *((name.encode(), value.encode()) for name, value in reply.headers),
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})


def _break(transport: asyncio.Transport, reply: Answer) -> None:
    """End the connection as the answer says: reset without a byte, or closed within the body."""
    if reply.ending == "reset":
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
