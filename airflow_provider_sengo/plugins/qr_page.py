# SPDX-License-Identifier: Apache-2.0
"""The QR page: the code of a task's payment to scan, what it costs, how long it can be paid.

Whoever may not read the DAG's XComs and task instances does not see the payment. The page loads itself
again while something can still change; no script is needed for that.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from airflow_provider_sengo.plugins.page import show
from airflow_provider_sengo.plugins.payment import Payment, TaskRun, find_payment, task_state
from airflow_provider_sengo.qr_image import qr_svg

RELOAD_S = 5
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
Name = Annotated[str, Query(min_length=1, max_length=250)]  # as long as Airflow's own ids can be

router = APIRouter(
    dependencies=[
        Depends(requires_access_dag("GET", DagAccessEntity.XCOM)),
        Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE)),
    ]
)


@router.get("/qr")
def qr_page(
    request: Request,
    session: SessionDep,
    dag_id: Name,
    run_id: Name,
    task_id: Name,
    map_index: Annotated[int, Query(ge=-1)] = -1,
    reload: str = "on",
) -> HTMLResponse:
    """The payment of one task instance. Dag rights are asked for the ``dag_id`` of this very address."""
    now: datetime = request.app.state.clock()
    run = TaskRun(dag_id, run_id, task_id, map_index)
    exists, state = task_state(session, run)
    payment = find_payment(session, run) if exists else None
    left_s = (payment.expires_at - now).total_seconds() if payment and payment.expires_at else None
    expired = left_s is not None and left_s <= 0
    # What the task saw last may be long ago: that the time is over does not tell whether it was paid.
    closed = payment is not None and payment.status in ("expired", "failed")
    may_change = exists and (
        state not in ENDED or (payment is not None and not (payment.paid or expired or closed))
    )
    image, fault = _image(payment) if payment and not (payment.paid or expired or closed) else (None, None)
    return show(
        "qr.html",
        run=run,
        task_path=_task_path(run),
        exists=exists,
        state=state or "not scheduled yet",
        payment=payment,
        left_s=left_s,
        expired=expired,
        closed=closed,
        gave_up=state == "failed",
        image=image,
        fault=fault,
        may_change=may_change,
        reload_s=RELOAD_S if may_change and reload == "on" else None,
        query=request.url.remove_query_params("reload").query,
        now=now,
    )


def _image(payment: Payment) -> tuple[str | None, str | None]:
    """The code as an image inside the page, or why there is none."""
    if payment.content is None:
        return None, "The payment came without the text of a QR code."
    try:
        drawn = qr_svg(payment.content)
    except ValueError as error:
        return None, str(error)
    return f"data:image/svg+xml;base64,{b64encode(drawn.encode()).decode()}", None


def _task_path(run: TaskRun) -> str:
    """The task's own page in Airflow's UI, from this page's folder."""
    dag, dag_run, task = (quote(name, safe="") for name in (run.dag_id, run.run_id, run.task_id))
    mapped = f"/mapped/{run.map_index}" if run.map_index >= 0 else ""
    return f"../dags/{dag}/runs/{dag_run}/tasks/{task}{mapped}"
