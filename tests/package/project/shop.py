# SPDX-License-Identifier: Apache-2.0
"""A user's DAGs about payments: every operator, sensor and trigger for them, as types see it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, XComArg, task

from airflow_provider_sengo.exceptions import OutcomeUnknown, Rejected, Unavailable
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.operators.senangpay import (
    SenangPayChargeTokenOperator,
    SenangPayQueryOrderOperator,
    SenangPaySetTokenStatusOperator,
    SenangPayValidateTokenOperator,
)
from airflow_provider_sengo.operators.sengo import (
    SenGoCreateProjectOperator,
    SenGoCreateQrisOperator,
    SenGoGetBalanceOperator,
    SenGoGetTransactionOperator,
)
from airflow_provider_sengo.qr_image import qr_png, qr_svg
from airflow_provider_sengo.sensors.senangpay import SenangPayOrderSensor
from airflow_provider_sengo.sensors.sengo import SenGoTransactionSensor
from airflow_provider_sengo.triggers.senangpay import SenangPayOrderTrigger
from airflow_provider_sengo.triggers.sengo import SenGoPaymentsEventTrigger, SenGoTransactionTrigger

CARD = "{{ var.value.get('card_token_' ~ params.customer) }}"
paid = Asset(
    "paid", watchers=[AssetWatcher(name="paid", trigger=SenGoPaymentsEventTrigger(types=["cashIn"]))]
)


def code_for(order: str, amount: int) -> tuple[bytes, str]:
    """A code as PNG and SVG; one payment, however often this is called."""
    with SenGoHook("shop_sengo") as hook:
        try:
            payment = hook.create_qris_once(reference=order, amount=amount, view_name="Toko Contoh")
        except Unavailable as error:
            raise TimeoutError(f"again in {error.retry_after_s or 60.0:g} s") from error
        except (Rejected, OutcomeUnknown) as error:
            raise RuntimeError(f"not paid: {error}, curable: {error.curable}") from error
    content: str = payment.qris.content
    return qr_png(content, scale=4), qr_svg(content)


def look_up(order: str) -> tuple[str, int]:
    """Status and amount in rupiah of a payment."""
    transaction = SenGoHook().get_transaction(order, resend_callback=False)
    until = transaction.expired_date
    if until is not None and transaction.qris is not None:
        return f"{transaction.status} until {until.isoformat()}: {transaction.qris.url}", 0
    return transaction.status, transaction.amount or 0


def page_to_store_a_card(order_id: str, buyer: dict[str, str]) -> str:
    """Where the buyer stores a card."""
    return SenangPayHook().tokenization_url(order_id=order_id, **buyer)


def charge(token: str, order_id: str) -> str:
    """Charge a card without a task; the transaction's id."""
    hook = SenangPayHook(senangpay_conn_id="shop_cards")
    if not hook.validate_token(token).valid:
        hook.set_token_status(token, enabled=False)
    payment = hook.charge_token_once(
        name="Siti",
        email="siti@example.com",
        detail="An order",
        phone="0123456789",
        order_id=order_id,
        amount_sen=200,
        token=token,
        may_have_been_sent=False,
    )
    rows = hook.query_order(order_id)
    sen: int = sum(row.amount_sen or 0 for row in rows if row.paid_at is not None)
    return f"{payment.transaction_id}: {payment.amount_sen} of {sen} sen"


def stored(query_string: str) -> str:
    """The token of a card that was just stored."""
    return SenangPayHook().verify_tokenization_return(query_string, order_id="A1").token


def triggers() -> list[tuple[str, dict[str, Any]]]:
    """What a user's own deferrable operator would defer to."""
    return [
        SenGoTransactionTrigger(transaction_id=["A1", "A2"], poke_interval=30).serialize(),
        SenangPayOrderTrigger(
            order_id="A1", amount_sen=200, deadline="2026-11-22T09:00:00+07:00"
        ).serialize(),
    ]


@task
def send_code(qris: Any) -> None:
    """Send the code to the customer."""
    code_for(str(qris["reference"]), int(qris["amount"]))


with DAG(dag_id="shop", schedule=[paid], default_args={"retries": 3}, params={"customer": "siti"}) as shop:
    create = SenGoCreateQrisOperator(
        task_id="create",
        amount="{{ params.amount }}",
        view_name="Toko Contoh",
        reference="{{ params.order }}",
        expiry_minutes=60,
        wait_for_payment=True,
        poll_interval=timedelta(seconds=20),
        timeout=timedelta(hours=2),
        deferrable=True,
        sengo_conn_id="shop_sengo",
        retries=5,
    )
    many = SenGoCreateQrisOperator.partial(task_id="many", view_name="Toko Contoh").expand(
        amount=[1000, 2000]
    )
    wait = SenGoTransactionSensor(
        task_id="wait",
        transaction_id=["A1", "A2"],
        success_statuses=("success", "expired"),
        failure_statuses=["failed"],
        poke_interval=30,
        mode="reschedule",
        deferrable=False,
    )
    look = SenGoGetTransactionOperator(task_id="look", transaction_id="A1", resend_callback=True)
    balance = SenGoGetBalanceOperator(task_id="balance", sengo_conn_id="{{ var.value.which }}")
    project = SenGoCreateProjectOperator(
        task_id="project", name="Shop", domain="https://shop.example.com", ip=["203.0.113.0/24"]
    )
    create >> send_code(XComArg(create, "qris")) >> [many, wait] >> look >> balance >> project

with DAG(dag_id="cards", schedule=None) as cards:
    validate = SenangPayValidateTokenOperator(task_id="validate", token=CARD, fail_if_invalid=True)
    pay = SenangPayChargeTokenOperator(
        task_id="pay",
        name="{{ params.name }}",
        email="{{ params.email }}",
        detail="Order {{ params.order }}",
        phone="{{ params.phone }}",
        amount_sen=2450,
        token=CARD,
        order_id="{{ params.order }}",
        reconcile_timeout_s=30.0,
    )
    settled = SenangPayOrderSensor(
        task_id="settled", order_id="{{ params.order }}", amount_sen="2450", timeout=3600, soft_fail=True
    )
    rows = SenangPayQueryOrderOperator(task_id="rows", order_id="{{ params.order }}")
    off = SenangPaySetTokenStatusOperator(task_id="off", token=CARD, enabled=False)
    validate >> pay >> settled >> rows >> off
