# SPDX-License-Identifier: Apache-2.0
"""What the hooks of both gateways share: reading the connection once, one session, and the form on 3.1.

No endpoint and no rule stands here.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_sengo import connection_fields
from airflow_provider_sengo.hooks.connection import SenangPayConnection, SenGoConnection
from airflow_provider_sengo.hooks.masking import mask, mask_async
from airflow_provider_sengo.hooks.signals import WatchedSession, prepare, watch

if TYPE_CHECKING:
    from types import TracebackType

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_sengo.protocol.http import Call
    from airflow_provider_sengo.transport.options import TransportOptions
    from airflow_provider_sengo.transport.sync import Transport

C = TypeVar("C", SenGoConnection, SenangPayConnection)
T = TypeVar("T")


class GatewayHook(BaseHook, Generic[C]):
    """A hook that reads its connection at first use and keeps one session; a context manager."""

    conn_name_attr: str
    conn_type: str
    _limits: tuple[int, float] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Airflow 3.1 draws no inherited form, so a class with a connection type has both methods as its own."""
        super().__init_subclass__(**kwargs)
        if "conn_type" in vars(cls):
            for name in ("get_connection_form_widgets", "get_ui_field_behaviour"):
                if name not in vars(cls):
                    setattr(cls, name, vars(GatewayHook)[name])

    @property
    def _conn_id(self) -> str:
        return str(getattr(self, self.conn_name_attr))

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The form's extras on Airflow 3.1; later ones read the provider info."""
        return connection_fields.form_widgets(cls.conn_type)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The form's standard fields on Airflow 3.1; later ones read the provider info."""
        return connection_fields.field_behaviour(cls.conn_type)

    @staticmethod
    @abstractmethod
    def _read(connection: Connection) -> C:
        """What the gateway's connection means; raises ValueError naming a wrong field."""

    @cached_property
    def connection(self) -> C:
        """The connection as read; its secrets are masked in the logs from here on."""
        connection = self._read(self.get_connection(self._conn_id))
        mask(connection.secrets())
        return connection

    async def read_connection_async(self) -> C:
        """``connection`` for code in an event loop, which must not wait for Airflow synchronously."""
        if "connection" not in self.__dict__:
            from airflow.providers.common.compat.connection import get_async_connection

            connection = self._read(await get_async_connection(self._conn_id, hook=self))
            await mask_async(connection.secrets())
            self.__dict__["connection"] = connection
        return self.connection

    @asynccontextmanager
    async def open_session(self, *, in_flight: int) -> AsyncIterator[WatchedSession]:
        """Open one session in this event loop, whose ``run(call)`` makes one call.

        ``in_flight``: how many calls may wait for their answer at a time.
        """
        options = self._limited((await self.read_connection_async()).options)
        # Importing aiohttp takes half a second, too long for a triggerer's event loop.
        aio = await asyncio.to_thread(import_module, "airflow_provider_sengo.transport.aio")
        await asyncio.to_thread(prepare)
        async with aio.AsyncTransport(options, in_flight=in_flight) as transport:
            yield WatchedSession(transport, self.conn_type)

    @cached_property
    def _transport(self) -> Transport:
        from airflow_provider_sengo.transport.sync import Transport

        return Transport(self._limited(self.connection.options))

    def with_limits(self, *, max_attempts: int, deadline_s: float) -> Self:
        """Give a call up sooner than the connection would: for those who ask again anyway."""
        self._limits = (max_attempts, deadline_s)
        return self

    def _limited(self, options: TransportOptions) -> TransportOptions:
        attempts, deadline_s = self._limits or (options.max_attempts, options.deadline_s)
        return replace(
            options,
            max_attempts=min(attempts, options.max_attempts),
            deadline_s=min(deadline_s, options.deadline_s),
        )

    def get_conn(self) -> Self:
        """The hook itself: its methods are the gateway's calls."""
        return self

    def run(self, call: Call[T]) -> T:
        """Make one call and return its record."""
        with watch(self.conn_type, call):
            return self._transport.run(call)

    def close(self) -> None:
        """Give the session back; the next call opens another."""
        transport: Transport | None = self.__dict__.pop("_transport", None)
        if transport is not None:
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
