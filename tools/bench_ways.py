# SPDX-License-Identifier: Apache-2.0
"""The ways that ``bench`` compares, each run as a process of its own: ``bench_ways.py WAY URL DAY TARGET``.

``archive``: the engine behind the command line, without Airflow. ``loop``: what most people write, a
``requests`` loop into one Parquet file. Both read the successes of one day; at the end each prints how
much memory its imports took and its peak, in KiB.
"""

from __future__ import annotations

import resource
import sys
from typing import Any

KEY, TOKEN = "SC-SIMULATOR", "simulator-token-0001"


def peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def archive(url: str, day: str, target: str) -> int:
    """All four listings, checked, compared, committed; returns the peak after the imports."""
    import asyncio
    from datetime import date

    from airflow_provider_sengo.archive.run import DayJob, archive_day
    from airflow_provider_sengo.archive.store import Archive
    from airflow_provider_sengo.protocol import sengo
    from airflow_provider_sengo.transport.aio import AsyncTransport
    from airflow_provider_sengo.transport.options import TransportOptions

    imported = peak_kib()
    credentials = sengo.Credentials(base_url=url, client_key=KEY, client_token=TOKEN)

    class Gateway:
        def __init__(self, transport: AsyncTransport) -> None:
            self.transport = transport

        async def fetch_page(self, *, day: date, type: str, status: str, page: int) -> sengo.ListingPage:
            call = sengo.list_rows(credentials, day=day, type=type, status=status, page=page)
            return await self.transport.run(call)

        async def fetch_row(self, id: str) -> bytes | None:
            return await self.transport.run(sengo.get_row(credentials, id))

    async def run() -> None:
        job = DayJob(project=credentials.project, day=date.fromisoformat(day), type="cashIn")
        async with AsyncTransport(TransportOptions(), in_flight=job.concurrency) as transport:
            result = await archive_day(job, Gateway(transport), Archive(target))
        print(f"rows {result.rows} requests {result.requests} new {result.new} changed {result.changed}")

    asyncio.run(run())
    return imported


def loop(url: str, day: str, target: str) -> int:
    """Page after page until there is no more, then one file; nothing is checked."""
    import hashlib
    import hmac

    import pyarrow as pa
    import pyarrow.parquet as pq
    import requests

    imported = peak_kib()
    signature = hmac.new(TOKEN.encode(), KEY.encode(), hashlib.sha512).hexdigest()
    session = requests.Session()
    session.headers.update({"X-Client-Key": KEY, "X-Client-Token": TOKEN, "X-Signature": signature})
    rows: list[dict[str, Any]] = []
    page = pages = 1
    while page <= pages:
        answer = session.get(
            f"{url}/transactions",
            params={"page": str(page), "status": "success", "date": day, "type": "cashIn"},
            timeout=30,
        )
        answer.raise_for_status()
        body = answer.json()
        rows += body["responseData"]
        pages = body["responseExtra"]["totalPages"]
        page += 1
    pq.write_table(pa.Table.from_pylist(rows), f"{target}.parquet")
    print(f"rows {len(rows)} requests {page - 1}")
    return imported


if __name__ == "__main__":
    imports_kib = {"archive": archive, "loop": loop}[sys.argv[1]](*sys.argv[2:])
    print(f"imports {imports_kib} peak {peak_kib()}")
