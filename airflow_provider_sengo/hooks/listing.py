# SPDX-License-Identifier: Apache-2.0
"""SenGo's listings as the archive reads them: pages and rows with their own bytes, in one open session.

Which pages are asked for, and what they prove, is the archive's to say. Nothing of Airflow is needed here.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from airflow_provider_sengo.exceptions import NotFound
from airflow_provider_sengo.protocol import sengo

if TYPE_CHECKING:
    from airflow_provider_sengo.hooks.signals import WatchedSession
    from airflow_provider_sengo.transport.aio import AsyncTransport


class Listing:
    """Pages and rows of a project's transactions, many at a time; one open session."""

    def __init__(self, session: WatchedSession | AsyncTransport, credentials: sengo.Credentials) -> None:
        self._session = session
        self._credentials = credentials

    async def fetch_page(self, *, day: date, type: str, status: str, page: int) -> sengo.ListingPage:
        """One page of the listing of a day, with each row's bytes as received."""
        call = sengo.list_rows(self._credentials, day=day, type=type, status=status, page=page)
        return await self._session.run(call)

    async def fetch_row(self, id: str) -> bytes | None:
        """One transaction's bytes as received, or None if the gateway does not know it (any more)."""
        try:
            return await self._session.run(sengo.get_row(self._credentials, id))
        except NotFound:
            return None
