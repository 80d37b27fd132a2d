# SPDX-License-Identifier: Apache-2.0
"""The async page fetcher that the archive reads with."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Any, Self

import pytest

from airflow_provider_sengo.exceptions import NotFound, SenGoProviderError
from airflow_provider_sengo.hooks.sengo import SenGoHook

CONNECTION = {"conn_type": "sengo", "login": "SC-KEY-0001", "password": "token-of-the-tests-0001"}


class Answers:
    """An AsyncTransport that parses prepared answers."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.calls: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.answers.append("closed")

    async def run(self, call: Any) -> Any:
        """The next answer, or its exception."""
        self.calls.append(call)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_open_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and rows come from one session, which is closed at the end; an unknown row is None."""
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(CONNECTION))
    transport = Answers(["page", b"row", NotFound("gone"), SenGoProviderError("other")])
    in_flights: list[int] = []

    def opened(options: object, *, in_flight: int) -> Answers:
        in_flights.append(in_flight)
        return transport

    monkeypatch.setattr("airflow_provider_sengo.transport.aio.AsyncTransport", opened)

    async def read() -> list[Any]:
        async with SenGoHook().open_listing(4) as listing:
            found = [
                await listing.fetch_page(day=date(2026, 11, 20), type="cashIn", status="success", page=2),
                await listing.fetch_row("a"),
                await listing.fetch_row("b"),
            ]
            with pytest.raises(SenGoProviderError, match="other"):
                await listing.fetch_row("c")
        return found

    assert asyncio.run(read()) == ["page", b"row", None]
    assert (in_flights, transport.answers) == ([4], ["closed"])
    assert [call.name for call in transport.calls] == ["list_rows", "get_row", "get_row", "get_row"]
