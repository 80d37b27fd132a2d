# SPDX-License-Identifier: Apache-2.0
"""Charge a stored card after a person has said yes: validate, approve, charge, record.

Needs the connection ``senangpay_default``, and for each customer two Variables: ``senangpay_card_token_<customer>``
(the card token; ``token`` in its name lets Airflow mask it) and ``senangpay_buyer_<customer>`` (JSON with
``name``, ``email`` and ``phone``). The request waits under "Required Actions" in Airflow's web interface;
after a no, or after four hours, nothing is charged. A run charges once, whatever is retried; a second run of
an order relies on senangPay's order query showing the first, so give such a run the order's number as its id.
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
BUYER = "var.json.get('senangpay_buyer_' ~ params.customer)"


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
        subject=f"Charge {RINGGIT} for order {{{{ params.order }}}}?",
        body=f"Customer {{{{ params.customer }}}}, {AMOUNT_SEN} sen. The card was valid just now.",
        response_timeout=timedelta(hours=4),  # from apache-airflow-providers-standard 1.12.2 on
        retries=0,  # no answer in time is a no, and is not asked for again
    )
    charge = SenangPayChargeTokenOperator(
        task_id="charge",
        order_id="{{ params.order }}",
        amount_sen=AMOUNT_SEN,
        token=CARD,
        name=f"{{{{ {BUYER}.name }}}}",
        email=f"{{{{ {BUYER}.email }}}}",
        phone=f"{{{{ {BUYER}.phone }}}}",
        detail="Order {{ params.order }}",
        max_active_tis_per_dag=1,  # one at a time, so that a second run of an order finds the first's charge
    )
    validate >> approve >> charge
    record(charge.output)
