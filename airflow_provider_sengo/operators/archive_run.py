# SPDX-License-Identifier: Apache-2.0
"""What the check task asks of its DAG run, and tells to others: failed tasks, and one asset event.

Works with an empty context: without a running task nothing is known and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset, AssetAlias

from airflow_provider_sengo.archive.check import plain

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_sengo.archive.coverage import DayCoverage

# What the check's asset event hangs on; the event's asset is ``sengo://<project>/transactions``.
TRANSACTIONS_ALIAS = AssetAlias("sengo_transactions")
FAILED_STATES = ("failed", "upstream_failed")


def send_event(context: Context, project: str, recent: Sequence[DayCoverage]) -> None:
    """One asset event with the counts and sums (whole rupiah) of the window."""
    if not (events := context.get("outlet_events")):
        return
    window = [item for item in recent if item.days_left >= 0]
    extra: dict[str, Any] = {
        "project": project,
        "rows": sum(item.rows or 0 for item in window),
        "amount_sum": sum(item.amount_sum or 0 for item in window),
        "days": [plain(item) for item in window],
    }
    asset = Asset(name=f"sengo_transactions_{project}", uri=f"sengo://{project}/transactions")
    events[TRANSACTIONS_ALIAS].add(asset, extra=extra)


def run_name(context: Context) -> str:
    """The DAG run's id, for the history; of no meaning outside a run."""
    return str(context.get("run_id") or "by-hand")


def failed_tasks(context: Context) -> list[str]:
    """Tasks of this run that failed, mapped ones with their index."""
    ti, run_id = context.get("ti"), context.get("run_id")
    if ti is None or run_id is None or not hasattr(ti, "get_task_states"):
        return []
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[run_id]).get(run_id, {})
    return sorted(task for task, state in states.items() if state in FAILED_STATES and task != ti.task_id)
