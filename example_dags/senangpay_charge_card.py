# SPDX-License-Identifier: Apache-2.0
"""Charge a stored card once a person has said yes, under "Required Actions" in Airflow's web UI.

Needs the connection ``senangpay_default``, and for each customer the Variables
``senangpay_card_token_<customer>`` and ``senangpay_buyer_<customer>`` (JSON: ``name``, ``email``, ``phone``).
After a no, or four hours, nothing is charged. To charge an order once, trigger it with its number as run id.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param, task

from airflow_provider_sengo.operators.senangpay import (
    SenangPayChargeTokenOperator,
    SenangPayValidateTokenOperator,
)

# What is shown, what is charged: one value, fixed when the run was triggered.
AMOUNT_SEN = "{{ params.amount_sen }}"
RINGGIT = "RM {{ params.amount_sen // 100 }}.{{ '%02d' % (params.amount_sen % 100) }}"
CARD = "{{ var.value.get('senangpay_card_token_' ~ params.customer) }}"
NAME = "{{ var.json.get('senangpay_buyer_' ~ params.customer).name }}"
EMAIL = "{{ var.json.get('senangpay_buyer_' ~ params.customer).email }}"
PHONE = "{{ var.json.get('senangpay_buyer_' ~ params.customer).phone }}"


@task
def record(payment: Any) -> None:
    """Replace this with your books; the order's id is what to find it by."""
    logging.getLogger(__name__).info(
        "Order %s: %s sen, %s", payment["order_id"], payment["amount_sen"], payment["transaction_id"]
    )


with DAG(
    dag_id="senangpay_charge_card",
    schedule=None,
    params={
        "order": Param(type="string", pattern="^[A-Za-z0-9]{1,100}$", title="Order number"),
        "customer": Param(type="string", pattern="^[a-z0-9]{1,50}$", title="Customer"),
        "amount_sen": Param(type="integer", minimum=1, title="Amount in sen (RM 24.50 is 2450)"),
    },
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["senangpay", "card"],
) as dag:
    validate = SenangPayValidateTokenOperator(task_id="validate", token=CARD)
    approve = ApprovalOperator(
        task_id="approve",
        subject="Charge " + RINGGIT + " for order {{ params.order }}?",
        body="Customer {{ params.customer }}, {{ params.amount_sen }} sen. The card was valid just now.",
        response_timeout=timedelta(hours=4),  # from apache-airflow-providers-standard 1.12.2 on
        retries=0,  # no answer in time is a no, and is not asked for again
    )
    charge = SenangPayChargeTokenOperator(
        task_id="charge",
        order_id="{{ params.order }}",
        amount_sen=AMOUNT_SEN,
        token=CARD,
        name=NAME,
        email=EMAIL,
        phone=PHONE,
        detail="Order {{ params.order }}",
        max_active_tis_per_dag=1,  # so that an order's second run can find the first's charge, if it shows
    )
    validate >> approve >> charge
    record(charge.output)
