# SPDX-License-Identifier: Apache-2.0
"""Ask for a QRIS payment under the order's own number, show the code, and look the payment up.

Needs the connection ``sengo_default`` with ``callback_url`` among its extras. Trigger it with the order's
number and its amount in whole rupiah: one number has one payment, triggered again within seven days or, with
``[sengo] archive_uri``, ever. The last task pushes a status mostly still ``pending``: to wait, use the sensor.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, XComArg, task

from airflow_provider_sengo.operators.sengo import SenGoCreateQrisOperator, SenGoGetTransactionOperator


@task
def show_code(qris: Any) -> None:
    """Replace this with your shop's page or message: ``content`` is what the code holds."""
    logging.getLogger(__name__).info(
        "Order %s: IDR %s until %s: %s", qris["reference"], qris["total"], qris["expires_at"], qris["content"]
    )


with DAG(
    dag_id="sengo_qris_payment",
    schedule=None,
    params={
        "order": Param(type="string", pattern="^[A-Za-z0-9-]{1,64}$", title="Order number"),
        "amount": Param(type="integer", minimum=1, title="Amount in whole rupiah"),
    },
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["sengo", "qris"],
) as dag:
    create = SenGoCreateQrisOperator(
        task_id="create_qris",
        reference="{{ params.order }}",
        amount="{{ params.amount }}",
        view_name="Toko Contoh",
        expiry_minutes=60,
    )
    look_up = SenGoGetTransactionOperator(task_id="look_up", transaction_id="{{ params.order }}")
    show_code(XComArg(create, "qris")) >> look_up
