# SPDX-License-Identifier: Apache-2.0
"""The payment that a task made, read from Airflow's database: the XComs it pushed, and the task's state.

Values that a custom XCom backend keeps elsewhere are not fetched: what is not a plain value here counts as
absent. No gateway is asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select
from sqlalchemy.orm import Session

QRIS = "qris"  # the XCom that SenGoCreateQrisOperator pushes
RETURN_VALUE = "return_value"
PAID = "success"


class TaskRun(NamedTuple):
    """Which task instance."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int


class Payment(NamedTuple):
    """A payment as its task told it. Amounts: whole rupiah; ``expires_at`` aware; None for what it did not tell.

    ``status``: the gateway's word when the task last looked, if the task has ended.
    """

    id: str | None
    reference: str | None
    content: str | None
    amount: int | None
    total: int | None
    expires_at: datetime | None
    status: str | None

    @property
    def paid(self) -> bool:
        """Whether the task saw it paid; nothing else counts."""
        return self.status == PAID


def task_state(session: Session, run: TaskRun) -> tuple[bool, str | None]:
    """Whether there is such a task instance, and its state (None: not scheduled yet)."""
    states = session.scalars(
        select(TaskInstance.state).where(
            TaskInstance.dag_id == run.dag_id,
            TaskInstance.run_id == run.run_id,
            TaskInstance.task_id == run.task_id,
            TaskInstance.map_index == run.map_index,
        )
    ).all()
    return bool(states), str(states[0]) if states and states[0] is not None else None


def find_payment(session: Session, run: TaskRun) -> Payment | None:
    """The payment that a task instance told of, or None."""
    told = _xcom(session, run, QRIS)
    if told is None:
        return None
    ended = _xcom(session, run, RETURN_VALUE) or {}
    same = told.get("id") is not None and ended.get("id") == told.get("id")
    return Payment(
        id=_text(told, "id"),
        reference=_text(told, "reference"),
        content=_text(told, "content"),
        amount=_whole(told, "amount"),
        total=_whole(told, "total"),
        expires_at=_instant(told, "expires_at"),
        status=_text(ended, "status") if same else None,
    )


def _xcom(session: Session, run: TaskRun, key: str) -> Mapping[str, Any] | None:
    """A dict that the task pushed, as it stands in the database; None for anything else."""
    value = session.scalars(
        select(XComModel.value)
        .where(
            XComModel.dag_id == run.dag_id,
            XComModel.run_id == run.run_id,
            XComModel.task_id == run.task_id,
            XComModel.map_index == run.map_index,
            XComModel.key == key,
        )
        .limit(1)
    ).first()
    if isinstance(value, str):  # Airflow keeps JSON inside JSON, or the value itself
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _text(told: Mapping[str, Any], name: str) -> str | None:
    value = told.get(name)
    return value if isinstance(value, str) and value else None


def _whole(told: Mapping[str, Any], name: str) -> int | None:
    value = told.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _instant(told: Mapping[str, Any], name: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(told.get(name) or "")
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None
