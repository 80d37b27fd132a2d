# SPDX-License-Identifier: Apache-2.0
"""Where a trigger's cursor outlives it: Airflow's asset state store (3.3), or nowhere.

The cursor is written some seconds after its events were handed over. Airflow stores an event about a second
after it took it, and drops what a trigger fired right before it was stopped (observed on 3.3.2, when a DAG
was parsed with other arguments): a cursor that got there first would lose these payments.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from airflow_provider_sengo.exceptions import SenGoProviderError

SETTLE_S = 10.0  # ten times what Airflow needs


class StateStore(Protocol):
    """What of Airflow's accessor is used."""

    async def aget(self, key: str, default: Any = None) -> Any: ...
    async def aset(self, key: str, value: Any) -> None: ...


class Log(Protocol):
    """What of a logger is used."""

    def warning(self, message: str, /, *args: Any, **named: Any) -> Any: ...


class CursorStore:
    """One cursor under one key; without a store it is kept nowhere."""

    def __init__(self, store: StateStore | None, key: str, log: Log) -> None:
        self._store = store
        self._key = key
        self._log = log
        self._written: Any = None
        self._waiting: tuple[float, Any] | None = None

    async def read(self) -> Any:
        """What was written; None if nothing was. Raises: SenGoProviderError if that cannot be known."""
        if self._store is None:
            return None
        failed: Exception | None = None
        try:
            self._written = await self._store.aget(self._key)
        except Exception as error:  # noqa: BLE001 - what Airflow raises differs from release to release
            failed = error
        if failed is None:
            return self._written
        if type(failed) is not ValueError:  # many errors are kinds of it; Airflow means this very one
            raise SenGoProviderError(
                f"The asset state store could not be read: {type(failed).__name__}."
            ) from failed
        self._store = None
        self._log.warning(
            "Several assets share this trigger, so its cursor is kept in memory only: give each asset a "
            "watcher with arguments of its own to keep it over a restart."
        )
        return None

    def hand_over(self, cursor: Any) -> None:
        """Write this cursor when its events have settled, unless an earlier one still waits."""
        if self._waiting is None and cursor != self._written:
            self._waiting = (asyncio.get_running_loop().time(), cursor)

    async def write_settled(self) -> None:
        """Write the cursor that waits, if it waited long enough; never fails."""
        if self._waiting and asyncio.get_running_loop().time() - self._waiting[0] >= SETTLE_S:
            await self.write(self._waiting[1])

    async def write(self, cursor: Any) -> None:
        """Write a cursor that no event stands before; never fails: the next sweep hands it over again."""
        try:
            if self._store is not None:
                await self._store.aset(self._key, cursor)
        except Exception as error:  # noqa: BLE001 - payments are told all the same, whatever broke
            self._log.warning("The cursor could not be written, and will be: %s", type(error).__name__)
        else:
            self._written, self._waiting = cursor, None
