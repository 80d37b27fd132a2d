# SPDX-License-Identifier: Apache-2.0
"""Archive SenGo's transactions every morning, before the gateway forgets them after seven days.

Needs the connection ``sengo_default`` and the setting ``[sengo] archive_uri``. A run reads every day of the
window that is not sealed yet, so a DAG that stood still heals itself: no catch-up, no logical date. The
check runs whatever happened before it, and fails the run while a person can still act.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG

from airflow_provider_sengo.operators.archive import (
    SenGoArchiveDayOperator,
    SenGoCheckArchiveOperator,
    SenGoPlanArchiveOperator,
)


def tell_someone(context: Any) -> None:
    """Replace this with your pager or chat: at most six days are left to act."""
    logging.getLogger(__name__).error("The archive needs a person: %s", context.get("exception"))


with DAG(
    dag_id="sengo_daily_archive",
    schedule="30 8 * * *",  # a day counts as over eight hours after its end in Jakarta
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Jakarta")),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 3,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(hours=1),
    },
    doc_md=__doc__,
    tags=["sengo", "archive"],
) as dag:
    plan = SenGoPlanArchiveOperator(task_id="plan")
    archive = SenGoArchiveDayOperator.partial(
        task_id="archive_day", map_index_template="{{ task.day }} {{ task.type }}"
    ).expand_kwargs(plan.output)
    check = SenGoCheckArchiveOperator(
        task_id="check", trigger_rule="all_done", on_failure_callback=tell_someone
    )
    plan >> archive >> check
