# SPDX-License-Identifier: Apache-2.0
"""Run as soon as somebody has paid, without polling in a DAG: an asset with a watcher at the gateway.

Needs the connection ``sengo_default`` and a triggerer. Several payments may start one run, and one payment
may be told twice (after a restart of the triggerer), so each is booked under its ``id``. On Airflow 3.3 the
watcher goes on where it stopped; before, it goes back an hour.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_sengo.triggers.sengo import SenGoPaymentsEventTrigger

paid = Asset(
    "sengo_paid",
    watchers=[AssetWatcher(name="sengo_paid", trigger=SenGoPaymentsEventTrigger(poll_interval=60))],
)


@task
def book(triggering_asset_events: Any = None) -> list[str]:
    """Replace the line with your books': a row whose key is the payment's ``id``, put in if it is not there."""
    payments: dict[str, dict[str, Any]] = {}
    for events in triggering_asset_events.values():
        for event in events:
            payment = event.extra.get("payload") or {}  # an asset may be updated by hand, too
            if payment.get("id"):
                payments[payment["id"]] = payment
    for payment in payments.values():
        logging.getLogger(__name__).info("Order %(reference)s: IDR %(amount)s, paid at %(paid_at)s", payment)
    return sorted(payments)


with DAG(
    dag_id="sengo_on_payment",
    schedule=[paid],
    default_args={"retries": 3},
    doc_md=__doc__,
    tags=["sengo"],
) as dag:
    book()
