# SPDX-License-Identifier: Apache-2.0
"""``/_control/senangpay``: ``world.senangpay`` over HTTP; bodies are JSON objects of the parameter names."""

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from .world import World

EDITS = ("settle", "fail", "hide", "show")


def senangpay_router(world: World) -> APIRouter:
    """Card tokens and payments; its switches are ``senangpay`` of ``/_control/settings``."""
    router = APIRouter(prefix="/senangpay")
    _add_tokens(router, world)
    _add_payments(router, world)
    return router


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _add_tokens(router: APIRouter, world: World) -> None:
    @router.get("/tokens")
    def tokens() -> Response:
        return _json(world.senangpay.tokens())

    @router.post("/tokens")
    def issue_token(wanted: dict[str, Any]) -> Response:
        return _json({"token": world.senangpay.issue_token(**wanted)})

    @router.patch("/tokens/{token}")
    def set_token(token: str, changes: dict[str, Any]) -> Response:
        return _json(world.senangpay.set_token(token, **changes))


def _add_payments(router: APIRouter, world: World) -> None:
    @router.get("/attempts")
    def attempts(order_id: str | None = None) -> Response:
        return _json(world.senangpay.attempts(order_id))

    @router.get("/charges")
    def charges(order_id: str | None = None) -> Response:
        return _json(world.charges(order_id))

    @router.post("/payments")
    def add_payment(payment: dict[str, Any]) -> Response:
        return _json({"transaction_id": world.senangpay.add_payment(**payment)})

    @router.post("/mutate/{transaction_id}")
    def mutate(transaction_id: str, fields: dict[str, Any]) -> Response:
        world.senangpay.mutate(transaction_id, **fields)
        return _json({"transaction_id": transaction_id})

    for name in EDITS:
        _add_edit(router, name, getattr(world.senangpay, name))


def _add_edit(router: APIRouter, name: str, edit: Callable[[str], None]) -> None:
    def handle(transaction_id: str) -> Response:
        edit(transaction_id)
        return _json({"transaction_id": transaction_id})

    router.add_api_route(f"/{name}/{{transaction_id}}", handle, methods=["POST"], name=name)
