# SPDX-License-Identifier: Apache-2.0
"""The ways that ``bench`` compares, each run as a process: ``bench_ways.py WAY URL DAY TARGET OPTIONS``.

``archive``: the engine behind the command line, without Airflow; OPTIONS is JSON, ``requests_per_second`` or
nothing. ``loop``: what most people write, a ``requests`` loop into one Parquet file. ``operator``: Airflow's
``HttpOperator`` with a pagination function, into one Parquet file. All read the successes of one day; at the end
each prints JSON: its rows, and how much memory its imports took, in KiB.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import resource
import sys
from typing import Any

KEY, TOKEN = "SC-SIMULATOR", "simulator-token-0001"
PROJECT = "bench"  # the same from whichever port the simulator listens on


def peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def headers() -> dict[str, str]:
    """What a GET needs; its body, and so what is signed, is empty."""
    signature = hmac.new(TOKEN.encode(), KEY.encode(), hashlib.sha512).hexdigest()
    return {"X-Client-Key": KEY, "X-Client-Token": TOKEN, "X-Signature": signature}


def archive(url: str, day: str, target: str, options: dict[str, Any]) -> dict[str, Any]:
    """All four listings, checked, compared, committed."""
    import asyncio
    from datetime import date

    from airflow_provider_sengo.archive.run import DayJob, archive_day
    from airflow_provider_sengo.archive.store import Archive
    from airflow_provider_sengo.hooks.listing import Listing
    from airflow_provider_sengo.protocol import sengo
    from airflow_provider_sengo.transport.aio import AsyncTransport
    from airflow_provider_sengo.transport.options import TransportOptions

    imports_kib = peak_kib()
    credentials = sengo.Credentials(base_url=url, client_key=KEY, client_token=TOKEN)

    async def run() -> dict[str, Any]:
        job = DayJob(project=PROJECT, day=date.fromisoformat(day), type="cashIn")
        async with AsyncTransport(TransportOptions(**options), in_flight=job.concurrency) as transport:
            result = await archive_day(job, Listing(transport, credentials), Archive(target))
        return {
            "rows": result.rows,
            "new": result.new,
            "changed": result.changed,
            "complete": result.complete,
        }

    return asyncio.run(run()) | {"imports_kib": imports_kib}


def loop(url: str, day: str, target: str, options: dict[str, Any]) -> dict[str, Any]:
    """Page after page until there is no more, then one file; nothing is checked."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import requests

    imports_kib = peak_kib()
    session = requests.Session()
    session.headers.update(headers())
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
    return {"rows": len(rows), "imports_kib": imports_kib}


def operator(url: str, day: str, target: str, options: dict[str, Any]) -> dict[str, Any]:
    """The documented use of ``pagination_function``; ``execute`` as a task calls it, in a plain process."""
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": "http", "host": url})
    import pyarrow as pa
    import pyarrow.parquet as pq
    from airflow.providers.http.operators.http import HttpOperator

    imports_kib = peak_kib()
    query = {"page": "1", "status": "success", "date": day, "type": "cashIn"}

    def next_page(answer: Any) -> dict[str, Any] | None:
        extra = answer.json()["responseExtra"]
        if extra["currentPage"] >= extra["totalPages"]:
            return None
        return {"data": query | {"page": str(extra["currentPage"] + 1)}}

    export = HttpOperator(
        task_id="export",
        http_conn_id="bench",
        method="GET",
        endpoint="transactions",
        data=query,
        headers=headers(),
        pagination_function=next_page,
        response_filter=lambda answers: [row for each in answers for row in each.json()["responseData"]],
    )
    rows = export.execute({})
    pq.write_table(pa.Table.from_pylist(rows), f"{target}.parquet")
    return {"rows": len(rows), "imports_kib": imports_kib}


if __name__ == "__main__":
    _, way, url, day, target, options = sys.argv
    run_way = {"archive": archive, "loop": loop, "operator": operator}[way]
    print(json.dumps(run_way(url, day, target, json.loads(options))))
