# SPDX-License-Identifier: Apache-2.0
"""Look after the archive's tables once a week: small files folded, checkpoints written, old files deleted.

Needs the setting ``[sengo] archive_uri``, and ``[sengo] archive_conn_id`` if that is not on local disk.
No row is changed or dropped, and days may be archived meanwhile. Files that nothing refers to any more are
deleted after thirty days; until then the tables can be read as they were.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG

from airflow_provider_sengo.operators.upkeep import SenGoArchiveUpkeepOperator

with DAG(
    dag_id="sengo_archive_upkeep",
    schedule="0 14 * * 0",  # Sundays, well away from the daily archive
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Jakarta")),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["sengo", "archive"],
) as dag:
    SenGoArchiveUpkeepOperator(task_id="upkeep", keep_days=30)
