# SPDX-License-Identifier: Apache-2.0
"""A user's DAG about the archive: its four operators, and what a report reads of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

from airflow.sdk import DAG, AssetAlias, task

from airflow_provider_sengo.archive.coverage import DayCoverage, State
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.operators.archive import (
    SenGoArchiveDayOperator,
    SenGoCheckArchiveOperator,
    SenGoPlanArchiveOperator,
)
from airflow_provider_sengo.operators.upkeep import SenGoArchiveUpkeepOperator

BOOKS = "s3://books/sengo"


def urgent(archive: Archive, now: datetime) -> list[DayCoverage]:
    """Days that a person should look at, the most urgent first."""
    found = [item for item in archive.coverage(now, retention_days=7) if item.state is State.MISSING]
    return sorted(found, key=lambda item: (item.days_left, item.day, item.type))


def rupiah_of(archive: Archive, day: date) -> int:
    """What was paid on a day, in rupiah."""
    return sum(item.amount_sum or 0 for item in archive.coverage(day) if item.day == day)


@task
def report() -> dict[str, int]:
    """Rows of a day, versions of a payment, pages of a listing."""
    archive = Archive(BOOKS, storage_options={"AWS_REGION": "ap-southeast-1"})
    transactions = archive.transactions(day="2026-11-21", type="cashIn")
    hook = SenGoHook()
    page = hook.list_transactions(day=date(2026, 11, 21), type="cashIn", status="success", page=2)
    return {
        "rows": int(transactions.num_rows),
        "versions": int(archive.history("T1").num_rows),
        "reads": sum(read.requests for read in archive.reads(hook.project)),
        "listed": sum(transaction.amount or 0 for transaction in page.transactions),
        "pages": page.total_pages,
        "urgent": len(urgent(archive, datetime.now(UTC))),
    }


with DAG(
    dag_id="books", schedule="30 8 * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False
) as books:
    plan = SenGoPlanArchiveOperator(
        task_id="plan", archive_uri=BOOKS, archive_conn_id="books", types=["cashIn"], include_today=True
    )
    read = SenGoArchiveDayOperator.partial(task_id="read", concurrency=8).expand_kwargs(plan.output)
    one = SenGoArchiveDayOperator(
        task_id="one", day="2026-11-21", type="cashOut", statuses=("failed", "success"), max_passes=3
    )
    check = SenGoCheckArchiveOperator(
        task_id="check",
        trigger_rule="all_done",
        warn_days_left=3,
        accept_lost=["2026-11-03"],
        as_of="{{ ts }}",
    )
    plan >> read >> one >> check >> report()

with DAG(dag_id="upkeep", schedule=[AssetAlias("sengo_transactions")]) as upkeep:
    SenGoArchiveUpkeepOperator(task_id="upkeep", archive_uri=BOOKS, keep_days=14)
