# SPDX-License-Identifier: Apache-2.0
"""A worker as a process of its own: archives one day without Airflow, and says when it begins."""

import asyncio
import json
import sys
from datetime import date

from airflow_provider_sengo.archive.run import DayJob, archive_day
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.exceptions import NotFound
from airflow_provider_sengo.protocol import sengo
from airflow_provider_sengo.transport.aio import AsyncTransport
from airflow_provider_sengo.transport.options import TransportOptions


class Gateway:
    def __init__(self, transport, credentials):
        self.transport, self.credentials = transport, credentials

    async def fetch_page(self, *, day, type, status, page):
        call = sengo.list_rows(self.credentials, day=day, type=type, status=status, page=page)
        return await self.transport.run(call)

    async def fetch_row(self, id):
        try:
            return await self.transport.run(sengo.get_row(self.credentials, id))
        except NotFound:
            return None


async def main(base_url, key, token, uri, day, type_):
    credentials = sengo.Credentials(base_url=base_url, client_key=key, client_token=token)
    job = DayJob(project=credentials.project, day=date.fromisoformat(day), type=type_)
    async with AsyncTransport(TransportOptions(), in_flight=8) as transport:
        print("begin", flush=True)
        result = await archive_day(job, Gateway(transport, credentials), Archive(uri))
    print(json.dumps(result.complete), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
