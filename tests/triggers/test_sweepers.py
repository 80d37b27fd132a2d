# SPDX-License-Identifier: Apache-2.0
"""A sweeper that asks for each by its id: who is asked for, and when it gives up. In virtual time."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from virtual_time import run_virtual

from airflow_provider_sengo.exceptions import NotAuthorized, Unavailable, UnexpectedResponse
from airflow_provider_sengo.triggers.sweepers import look_one_by_one


def test_one_by_one_asks_for_each_and_stops_when_the_gateway_is_down() -> None:
    """After so many troubles in a row the rest is told of the trouble without being asked for."""

    async def main() -> None:
        told: dict[str, Any] = {}
        asked: list[str] = []

        async def look(id: str) -> str:
            asked.append(id)
            await asyncio.sleep(0.1)
            if len(asked) > 30:
                raise Unavailable("down", http_status=503)
            return "fine"

        ids = [str(number) for number in range(200)]
        assert await look_one_by_one(ids, look, told.__setitem__, at_a_time=10)
        assert set(told) == set(ids)
        assert len(asked) < 60
        assert sum(isinstance(seen, Unavailable) for seen in told.values()) > 140

        async def refused(id: str) -> str:
            raise NotAuthorized("no", http_status=401)

        told.clear()
        assert await look_one_by_one(ids[:5], refused, told.__setitem__, at_a_time=2)
        assert all(isinstance(seen, NotAuthorized) for seen in told.values())

        async def down(id: str) -> str:
            raise Unavailable("down", http_status=503)

        assert not await look_one_by_one(ids[:5], down, told.__setitem__, at_a_time=2)

    run_virtual(main())


def test_odd_ones_do_not_shut_the_others_out() -> None:
    """Forty records that no one can read stand before one that can be: it is asked for within a few sweeps."""

    async def main() -> None:
        good: list[str] = []

        async def look(id: str) -> str:
            if id != "good":
                raise UnexpectedResponse("odd")
            return "fine"

        def found(id: str, seen: Any) -> None:
            if seen == "fine":
                good.append(id)

        ids = [*(f"odd {number}" for number in range(40)), "good"]
        for _ in range(50):
            await look_one_by_one(ids, look, found, at_a_time=16)
        assert len(good) > 5

    run_virtual(main())
