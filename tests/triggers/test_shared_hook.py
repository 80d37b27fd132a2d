# SPDX-License-Identifier: Apache-2.0
"""One reading of a connection for all who ask at about the same time, and no older one than was asked for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from virtual_time import run_virtual

from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.triggers.shared_hook import SHARED_S, shared_hook

READING_S = 0.5


class SlowHook(SenGoHook):
    """Takes its time to read, and counts how often it is asked to."""

    began: list[str]
    error: Exception | None = None

    async def read_connection_async(self) -> Any:
        self.began.append(self._conn_id)
        await asyncio.sleep(READING_S)
        if self.error:
            raise self.error
        return await super().read_connection_async()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[SlowHook]:
    for name in ("ONE", "TWO"):
        connection = {"conn_type": "sengo", "login": f"KEY-{name}", "password": "TOKEN"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    monkeypatch.setattr(SlowHook, "began", [], raising=False)
    monkeypatch.setattr(SlowHook, "error", None)
    return SlowHook


async def ask(hook_class: type[SlowHook], conn_id: str = "one", *, age_s: float = SHARED_S) -> SlowHook:
    """A hook that was read at most so long ago."""
    not_before_s = asyncio.get_running_loop().time() - age_s
    return await shared_hook(hook_class, conn_id, not_before_s=not_before_s)


def test_thousands_at_once_are_one_reading(slow: type[SlowHook]) -> None:
    """Also for those who come while it is read, and shortly after."""

    async def main() -> set[int]:
        together = await asyncio.gather(*(ask(slow) for _ in range(2_000)))
        await asyncio.sleep(SHARED_S - READING_S - 0.1)
        return {id(hook) for hook in (*together, await ask(slow))}

    assert len(run_virtual(main())) == 1
    assert slow.began == ["one"]


def test_an_older_reading_serves_nobody(slow: type[SlowHook]) -> None:
    """Connections change: after a while, or where a newer one is asked for, it is read again."""

    async def main() -> None:
        first = await ask(slow)
        await asyncio.sleep(SHARED_S)
        second = await ask(slow)
        assert second is not first
        assert await ask(slow, age_s=0) is not second

    run_virtual(main())
    assert slow.began == ["one"] * 3


def test_connections_and_gateways_are_kept_apart(slow: type[SlowHook]) -> None:
    class Other(slow):  # type: ignore[valid-type, misc]
        """Another gateway's hook."""

    async def main() -> list[str]:
        hooks = await asyncio.gather(ask(slow), ask(slow, "two"), ask(Other))
        assert len({id(hook) for hook in hooks}) == 3
        return [hook.credentials.client_key for hook in hooks]

    assert run_virtual(main()) == ["KEY-ONE", "KEY-TWO", "KEY-ONE"]


def test_who_leaves_takes_nothing_from_the_others(slow: type[SlowHook]) -> None:
    """The one whose asking began the reading is cancelled."""

    async def main() -> str:
        first = asyncio.create_task(ask(slow))
        others = asyncio.create_task(ask(slow))
        await asyncio.sleep(READING_S / 2)
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        return (await others).credentials.client_key

    assert run_virtual(main()) == "KEY-ONE"
    assert slow.began == ["one"]


def test_an_error_is_told_to_all_who_asked_and_not_kept(slow: type[SlowHook]) -> None:
    """Airflow's server was away for a moment: whoever asks next reads anew."""

    async def main() -> SlowHook:
        slow.error = ValueError("away")
        told = await asyncio.gather(ask(slow), ask(slow), return_exceptions=True)
        assert [str(each) for each in told] == ["away", "away"]
        slow.error = None
        return await ask(slow)

    assert run_virtual(main()).credentials.client_key == "KEY-ONE"
    assert slow.began == ["one", "one"]
