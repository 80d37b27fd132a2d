# SPDX-License-Identifier: Apache-2.0
"""``/_control``: the world's methods over HTTP, for tests in other processes and for people.

Bodies are JSON objects whose names are the Python parameters. No authentication: it listens on loopback only.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from .clock import day_text, iso_jakarta
from .request_log import REDACTED
from .senangpay_control import senangpay_router
from .world import World

CONTROL_PREFIX = "/_control"
EDITS = ("pay", "settle", "expire", "fail", "vanish", "hide", "show")


def control_app(world: World) -> FastAPI:
    """FastAPI without its documentation pages, which would load scripts from elsewhere."""
    app = FastAPI(title="SenGo simulator", docs_url=None, redoc_url=None)
    app.include_router(_reading(world), prefix=CONTROL_PREFIX)
    app.include_router(_steering(world), prefix=CONTROL_PREFIX)
    app.include_router(_disturbing(world), prefix=CONTROL_PREFIX)
    app.include_router(_editing(world), prefix=CONTROL_PREFIX)
    app.include_router(senangpay_router(world), prefix=CONTROL_PREFIX)
    app.add_exception_handler(ValueError, _bad_request)
    app.add_exception_handler(TypeError, _bad_request)
    app.add_exception_handler(KeyError, _not_found)
    return app


def _json(value: Any, status: int = 200) -> Response:
    """msgspec instead of FastAPI's encoder: a ledger may have 100,000 rows."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


async def _bad_request(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=422)


async def _not_found(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"unknown: {error}"}, status_code=404)


def _reading(world: World) -> APIRouter:
    router = APIRouter()

    @router.get("/requests")
    def requests(last: int = 100) -> Response:
        with world.lock:
            return _json(world.log.report(last))

    @router.delete("/requests")
    def forget_requests() -> Response:
        with world.lock:
            world.log.clear()
        return _json({})

    @router.get("/ledger")
    def ledger(key: str | None = None, day: str | None = None, type: str | None = None) -> Response:
        return _json(world.ledger(key=key, day=day, type=type))

    @router.get("/sums")
    def sums(key: str | None = None) -> Response:
        return _json(world.sums(key=key))

    @router.get("/payments/{reference}")
    def payments(reference: str, key: str | None = None) -> Response:
        return _json(world.payments(reference, key=key))

    @router.get("/callbacks")
    def callbacks() -> Response:
        return _json(list(world.callbacks.entries))

    return router


def _steering(world: World) -> APIRouter:
    router = APIRouter()

    @router.get("/settings")
    def settings() -> Response:
        return _json(_public_settings(world))

    @router.patch("/settings")
    def configure(changes: dict[str, Any]) -> Response:
        world.configure(**changes)
        return _json(_public_settings(world))

    @router.post("/reset")
    def reset() -> Response:
        world.reset()
        return _json({})

    @router.get("/clock")
    def clock() -> Response:
        return _json(_clock(world))

    @router.post("/clock")
    def set_clock(wanted: dict[str, Any]) -> Response:
        return _json(_steer_clock(world, wanted))

    return router


def _disturbing(world: World) -> APIRouter:
    router = APIRouter()

    @router.get("/faults")
    def faults() -> Response:
        return _json(world.faults.report())

    @router.post("/faults")
    def set_fault(fault: dict[str, Any]) -> Response:
        world.set_fault(**fault)
        return _json(world.faults.report())

    @router.delete("/faults")
    def clear_faults(name: str | None = None) -> Response:
        world.clear_faults(name)
        return _json(world.faults.report())

    @router.get("/drift")
    def drift() -> Response:
        return _json(_drifts(world))

    @router.post("/drift")
    def set_drift(drift: dict[str, Any]) -> Response:
        world.set_drift(**drift)
        return _json(_drifts(world))

    @router.delete("/drift")
    def clear_drift() -> Response:
        world.clear_drift()
        return _json([])

    return router


def _editing(world: World) -> APIRouter:
    router = APIRouter()

    def add_edit(name: str, edit: Callable[..., None]) -> None:
        def handle(id: str, key: str | None = None) -> Response:
            edit(id, key=key)
            return _json({"id": id})

        router.add_api_route(f"/{name}/{{id}}", handle, methods=["POST"], name=name)

    for name in EDITS:
        add_edit(name, getattr(world, name))

    @router.post("/mutate/{id}")
    def mutate(id: str, fields: dict[str, Any], key: str | None = None) -> Response:
        world.mutate(id, key=key, **fields)
        return _json({"id": id})

    @router.post("/insert")
    def insert(plan: dict[str, Any], key: str | None = None) -> Response:
        return _json({"id": world.insert(key=key, **plan)})

    @router.post("/odd")
    def odd(wanted: dict[str, Any], key: str | None = None) -> Response:
        return _json({"ids": world.add_odd_rows(key=key, **wanted)})

    @router.post("/fill")
    def fill(wanted: dict[str, Any], key: str | None = None) -> Response:
        return _json({"rows": world.fill(key=key, **wanted)})

    return router


def _public_settings(world: World) -> dict[str, Any]:
    """The switches, without the tokens of extra credentials and senangPay's secret."""
    settings: dict[str, Any] = msgspec.to_builtins(world.settings)
    settings["extra_credentials"] = dict.fromkeys(settings["extra_credentials"], REDACTED)
    settings["senangpay"]["secret_key"] = REDACTED
    return settings


def _clock(world: World) -> dict[str, Any]:
    return {"now": iso_jakarta(world.now_s()), "frozen": world.is_frozen}


def _steer_clock(world: World, wanted: dict[str, Any]) -> dict[str, Any]:
    """``now`` sets, ``advance_s`` moves on from there, ``freeze`` stops (true) or starts (false) it."""
    unknown = set(wanted) - {"now", "advance_s", "freeze"}
    if unknown:
        raise ValueError(f"a clock has no {', '.join(sorted(unknown))}")
    frozen = bool(wanted.get("freeze", True if "now" in wanted else world.is_frozen))
    with world.lock:
        world.set_clock(wanted.get("now") or world.now(), frozen=frozen)
        world.advance(float(wanted.get("advance_s", 0)))
    return _clock(world)


def _drifts(world: World) -> list[dict[str, Any]]:
    return [asdict(one) | {"day": day_text(one.day)} for one in world.drifts()]
