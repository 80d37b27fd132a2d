# SPDX-License-Identifier: Apache-2.0
"""Check a stored card, take it out of service, and bring it back: the way of a paused subscription.

Needs the connection ``senangpay_default``, and each customer's card token in the Variable
``senangpay_card_token_<customer>`` (Airflow masks it: ``token`` is in its name). The gateway can only flip a
card, so one run goes at a time. The pause goes before ``enable``; clear a run that broke off, start no other.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from airflow_provider_sengo.operators.senangpay import (
    SenangPaySetTokenStatusOperator,
    SenangPayValidateTokenOperator,
)

CARD = "{{ var.value.get('senangpay_card_token_' ~ params.customer) }}"

with DAG(
    dag_id="senangpay_card_lifecycle",
    schedule=None,
    max_active_runs=1,
    params={"customer": Param(type="string", pattern="^[a-z0-9]{1,50}$", title="Customer")},
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["senangpay", "card"],
) as dag:
    validate = SenangPayValidateTokenOperator(task_id="validate", token=CARD)
    disable = SenangPaySetTokenStatusOperator(task_id="disable", token=CARD, enabled=False)
    enable = SenangPaySetTokenStatusOperator(task_id="enable", token=CARD, enabled=True)
    validate >> disable >> enable
