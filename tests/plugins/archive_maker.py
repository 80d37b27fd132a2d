# SPDX-License-Identifier: Apache-2.0
"""Makes an archive of any size at once: rows and reads as the archive's own code would have left them.

``python archive_maker.py URI --days 365 --per-day 1370`` makes a year with a million transactions.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from deltalake import write_deltalake

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import Outcome, ReadRecord
from airflow_provider_sengo.archive.rows import RANKS, hash63
from airflow_provider_sengo.archive.schema import TRANSACTIONS
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.archive.tables import WRITER

PROJECT = "api.sengo.id-0a1b2c3d"
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 7, 10, tzinfo=UTC)  # 14:10 in Jakarta
READS_AT_HOURS = 9  # of the Jakarta day, each day of the window
PARTITIONS_A_COMMIT = 60
STATUSES = {"success": 80, "expired": 15, "failed": 4, "pending": 1}
CHANNELS = {
    "cashIn": {"qris": 70, "virtual_account": 15, "e_wallet": 10, "retail": 5},
    "cashOut": {"disbursement": 1},
}


def make_archive(
    uri: str, *, number_of_days: int, per_day: int, unread: Collection[tuple[date, str]] = (), seed: int = 1
) -> Archive:
    """An archive up to ``TODAY``; ``per_day`` rows of each type, and no read of the days in ``unread``."""
    archive = Archive(uri)
    chance = random.Random(seed)
    archive.tables.make("transactions")
    parts: list[pa.Table] = []
    for back in range(number_of_days):
        day = TODAY - timedelta(days=back)
        parts += [day_table(day, type, per_day, chance) for type in days.TYPES if (day, type) not in unread]
        if len(parts) >= PARTITIONS_A_COMMIT:
            _append(archive, parts)
            parts = []
    _append(archive, parts)
    archive.record_reads([*reads(number_of_days, per_day, unread)])
    return archive


def _append(archive: Archive, parts: list[pa.Table]) -> None:
    if parts:
        rows = pa.concat_tables(parts)
        write_deltalake(archive.tables.address("transactions"), rows, mode="append", writer_properties=WRITER)


def day_table(day: date, type_: str, count: int, chance: random.Random) -> pa.Table:
    """The rows of one partition."""
    busy = round(
        count * (1 + 0.3 * (day.weekday() >= 5) - 0.2 * (day.day % 5 == 0))
    )  # not all days are alike
    statuses = chance.choices([*STATUSES], [*STATUSES.values()], k=busy)
    channels = CHANNELS[type_]
    at = days.starts_at(day) + timedelta(hours=12)
    ids = [f"{chance.getrandbits(128):032x}" for _ in range(busy)]
    raw = [f'{{"id": "{id}", "note": "{chance.getrandbits(600):x}"}}'.encode() for id in ids]
    amounts = [chance.randrange(10_000, 2_000_000) for _ in range(busy)]
    columns = {
        "id": ids,
        "merchant_ref": [f"INV-{day}-{type_}-{place:06}" for place in range(busy)],
        "status": statuses,
        "rank": [RANKS[status] for status in statuses],
        "amount": amounts,
        "total_amount": [amount - 700 for amount in amounts],
        "channel": chance.choices([*channels], [*channels.values()], k=busy),
        "account_number": [f"08123456{chance.randrange(10_000):04}" for _ in range(busy)],
        "raw": raw,
        "digest": [hash63(each) for each in raw],
    }
    same = {
        "project": PROJECT,
        "type": type_,
        "day": day.isoformat(),
        "fee_payer": "merchant",
        "fee": 700,
        "expired_at": at + timedelta(hours=1),
        "paid_at": at,
        "settle_at": at,
        "callback": "https://shop.example/callback?customer=17",
        "channel_code": "BCA",
        "account_name": "Budi Santoso",
        "odd_fields": "",
        "first_seen_at": at,
        "last_changed_at": at,
        "last_listed_day": day.isoformat(),
    }
    return (
        pa.table(columns | {name: [value] * busy for name, value in same.items()})
        .select(TRANSACTIONS.names)
        .cast(TRANSACTIONS)
    )


def reads(
    number_of_days: int, per_day: int, unread: Collection[tuple[date, str]] = ()
) -> Iterator[ReadRecord]:
    """Quiet reads of every listing on each day of its window, as far as ``NOW`` has come."""
    for back in range(number_of_days):
        day = TODAY - timedelta(days=back)
        for age in range(1, days.RETENTION_DAYS):
            run_at = days.starts_at(day + timedelta(days=age)) + timedelta(hours=READS_AT_HOURS)
            for type_ in days.TYPES:
                if run_at > NOW or (day, type_) in unread:
                    continue
                for place, status in enumerate(("pending", "expired", "failed", "success")):
                    started_at = run_at + timedelta(seconds=40 * place)
                    yield ReadRecord(
                        read_id=f"{day}-{type_}-{age}-{status}",
                        project=PROJECT,
                        day=day,
                        type=type_,
                        status=status,
                        run=f"{day}-{type_}-{age}",
                        started_at=started_at,
                        finished_at=started_at + timedelta(seconds=35),
                        pages=per_day // 100 + 1,
                        passes=1,
                        requests=per_day // 100 + 3,
                        rows=per_day * STATUSES[status] // 100,
                        distinct_ids=per_day * STATUSES[status] // 100,
                        ids_digest=str(day),
                        claimed_total=per_day * STATUSES[status] // 100,
                        amount_sum=per_day * 8_000 if status == "success" else 0,
                        outcome=Outcome.QUIET,
                        lost_after=days.lost_after(day),
                    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("uri")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--per-day", type=int, default=1370)
    options = parser.parse_args()
    make_archive(options.uri, number_of_days=options.days, per_day=options.per_day)
