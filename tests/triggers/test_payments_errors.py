# SPDX-License-Identifier: Apache-2.0
"""What trouble does to the events of payments: it delays them, and too much of it is raised."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from payments_world import CONNECTION, START, SWEEP_S, Gateway, running
from virtual_time import run_virtual

from airflow_provider_sengo.exceptions import NotAuthorized, SenGoProviderError, Unavailable
from airflow_provider_sengo.simulator import CLIENT_TOKEN


def test_it_goes_on_after_errors(gateway: Gateway, said: Callable[[], str]) -> None:
    """Eight sweeps in vain and one that works, over and over: nothing is lost, no line names a secret."""

    async def main() -> None:
        async with running() as run:
            for _ in range(3):
                gateway.world.set_fault("http_500", rate=1.0)
                paid = gateway.pay()
                await asyncio.sleep(8 * 60)
                assert paid not in run.ids
                gateway.world.clear_faults()
                await asyncio.sleep(2 * SWEEP_S)
                assert run.ids[-1] == paid
            assert len(run.ids) == 3

    run_virtual(main())
    text = said()
    assert "7 of 7 pages failed, the next sweep tries again: Unavailable" in text
    assert CLIENT_TOKEN not in text


def test_one_broken_day_does_not_keep_the_others_from_being_told(gateway: Gateway) -> None:
    """Its payments are told when it works again, however many sweeps it failed."""

    async def main() -> None:
        async with running(errors_max=2) as run:
            gateway.world.set_fault("cut_json", match="date=2026-11-18")
            broken = gateway.pay(created_at=START - timedelta(days=2))
            fine = gateway.pay()
            await asyncio.sleep(10 * SWEEP_S)
            assert run.ids == [fine]
            gateway.world.clear_faults()
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [fine, broken]

    run_virtual(main())


def test_a_page_that_fails_in_the_middle_is_asked_for_again(gateway: Gateway) -> None:
    """Every third page of a long day fails; each row is told once."""

    async def main() -> None:
        gateway.now()
        gateway.world.fill(day="2026-11-20", type="cashIn", rows=100)
        gateway.world.set_fault("reset", rate=0.3)
        async with running(lookback=86_400) as run:
            await asyncio.sleep(60 * SWEEP_S)
            assert len(set(run.ids)) == len(run.ids) == 100

    run_virtual(main())


@pytest.mark.parametrize(
    ("fault", "error"), [("http_500", Unavailable), ("html", SenGoProviderError), ("refuse", None)]
)
def test_after_too_many_sweeps_in_vain_the_last_error_is_raised(
    gateway: Gateway, fault: str, error: type[Exception] | None
) -> None:
    """So that Airflow shows it; the session is closed."""
    if fault == "refuse":
        gateway.connect(password="another-token-of-the-tests")
        error = NotAuthorized
    else:
        gateway.world.set_fault(fault, rate=1.0)

    async def main() -> float:
        async with running(errors_max=3) as run:
            assert error is not None
            with pytest.raises(error):
                await run.task
            return asyncio.get_running_loop().time()

    assert 3 * 54 <= run_virtual(main()) <= 3 * 67
    assert not any(session.is_open for session in gateway.sessions)


def test_rotated_keys_are_read_again(gateway: Gateway) -> None:
    """After a refusal the connection is read anew; what was paid meanwhile is told."""

    async def main() -> None:
        gateway.connect(password="a-token-that-is-not-valid-any-more")
        async with running() as run:
            paid = gateway.pay()
            await asyncio.sleep(3 * SWEEP_S)
            assert run.ids == []
            gateway.connect()
            await asyncio.sleep(2 * SWEEP_S)
            assert run.ids == [paid]
            opened = len(gateway.sessions)
            await asyncio.sleep(10 * SWEEP_S)
            assert len(gateway.sessions) == opened

    run_virtual(main())
    assert not any(session.is_open for session in gateway.sessions)


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        (None, "isn't defined"),
        (json.dumps(CONNECTION | {"extra": {"timeout_s": "soon"}}), "timeout_s"),
        ('{"password": "secret-of-the-tests"', "could not be used"),
    ],
)
def test_a_connection_that_cannot_be_used_counts_as_an_error(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, connection: str | None, says: str
) -> None:
    """It is looked for again each time, and the error says what is wrong without a secret."""
    if connection is None:
        monkeypatch.delenv("AIRFLOW_CONN_SENGO_DEFAULT")
    else:
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)

    async def main() -> None:
        async with running(errors_max=5) as run:
            await asyncio.sleep(3 * SWEEP_S)
            gateway.connect()
            paid = gateway.pay()
            await asyncio.sleep(SWEEP_S)
            assert run.ids == [paid]
        if connection is None:
            monkeypatch.delenv("AIRFLOW_CONN_SENGO_DEFAULT")
        else:
            monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)
        async with running(errors_max=2) as run:
            with pytest.raises(SenGoProviderError, match=says) as raised:
                await run.task
            assert "secret-of-the-tests" not in str(raised.value)

    run_virtual(main())
