# SPDX-License-Identifier: Apache-2.0
"""Ask for many payments at once, wait for all of them with one sensor, and part the paid from the expired.

Needs the connection ``sengo_default`` with ``callback_url`` among its extras, and a triggerer. Trigger it with
orders: number, and amount in whole rupiah; one number has one payment. If one is neither paid nor expired
after two hours, the run fails and names it, and books nothing yet: clear ``wait`` to go on.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider_sengo.operators.sengo import SenGoCreateQrisOperator
from airflow_provider_sengo.sensors.sengo import SenGoTransactionSensor

log = logging.getLogger(__name__)


@task
def payments_of(params: Any = None) -> list[dict[str, Any]]:
    """What differs from payment to payment; the order's own number is its reference."""
    return [{"reference": order["number"], "amount": order["amount"]} for order in params["orders"]]


@task
def references_of(payments: Any) -> list[str]:
    """What to wait for."""
    return [payment["reference"] for payment in payments]


@task.branch
def what_is_there(statuses: Any) -> list[str]:
    """Only the branches that have something to do."""
    names = {"success": "book_the_paid", "expired": "remind_the_others", "failed": "remind_the_others"}
    return sorted({names[status] for status in statuses.values()})


@task
def book_the_paid(statuses: Any) -> list[str]:
    """Replace this with your books."""
    paid = [reference for reference, status in statuses.items() if status == "success"]
    log.info("Paid: %s", ", ".join(paid))
    return paid


@task
def remind_the_others(statuses: Any) -> list[str]:
    """Replace this with a message to the customer; a new payment needs a new order number."""
    unpaid = [reference for reference, status in statuses.items() if status != "success"]
    log.info("Not paid: %s", ", ".join(unpaid))
    return unpaid


with DAG(
    dag_id="sengo_collect_many",
    schedule=None,
    params={
        "orders": Param(
            type="array",
            title="Orders: number and amount in whole rupiah",
            items={
                "type": "object",
                "required": ["number", "amount"],
                "properties": {
                    "number": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
                    "amount": {"type": "integer", "minimum": 1},
                },
            },
        ),
    },
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["sengo", "qris"],
) as dag:
    payments = payments_of()
    create = SenGoCreateQrisOperator.partial(
        task_id="create_qris", view_name="Toko Contoh", expiry_minutes=60
    ).expand_kwargs(payments)
    references: Any = references_of(payments)
    wait = SenGoTransactionSensor(
        task_id="wait",
        transaction_id=references,
        success_statuses=("success", "expired", "failed"),  # all are fine here: the branch tells them apart
        failure_statuses=(),
        poke_interval=30,
        timeout=timedelta(hours=2),
        deferrable=True,
    )
    create >> wait
    what_is_there(wait.output) >> [book_the_paid(wait.output), remind_the_others(wait.output)]
