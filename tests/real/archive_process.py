# SPDX-License-Identifier: Apache-2.0
"""A worker as a process of its own: archives days without Airflow, and says when it begins.

Storage options of the archive come as JSON in ``STORAGE_OPTIONS``. A day that could not be read, or written,
is tried again as often as ``TRIES`` says, as Airflow tries a task again.
"""

import asyncio
import json
import os
import sys
from datetime import date

from deltalake.exceptions import DeltaError

from airflow_provider_sengo.archive.run import DayJob, archive_day
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.exceptions import ArchiveIncomplete
from airflow_provider_sengo.hooks.listing import Listing
from airflow_provider_sengo.protocol import sengo
from airflow_provider_sengo.transport.aio import AsyncTransport
from airflow_provider_sengo.transport.options import TransportOptions


async def main(base_url, key, token, uri, *targets):
    credentials = sengo.Credentials(base_url=base_url, client_key=key, client_token=token)
    archive = Archive(uri, json.loads(os.environ.get("STORAGE_OPTIONS", "{}")))
    tries = int(os.environ.get("TRIES", "1"))
    async with AsyncTransport(TransportOptions(), in_flight=8) as transport:
        print("begin", flush=True)
        for day, type_ in zip(targets[::2], targets[1::2], strict=True):
            job = DayJob(project=credentials.project, day=date.fromisoformat(day), type=type_)
            for left in range(tries - 1, -1, -1):
                try:
                    result = await archive_day(job, Listing(transport, credentials), archive)
                    break
                except (OSError, DeltaError, ArchiveIncomplete) as error:
                    print(type(error).__name__, flush=True)
                    if not left:
                        raise
            print(json.dumps(result.complete), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
