# SPDX-License-Identifier: Apache-2.0
"""A user's mistakes. Each line marked ``wrong`` must be told by the type checker, with the error it names.

So no parameter and no result that is named here is ``Any``. The file is read by the type checker alone.
"""
# ruff: noqa: B015, B018, F841  # what nobody uses is enough to be checked

from __future__ import annotations

from datetime import date

from airflow.sdk import DAG

from airflow_provider_sengo.archive.coverage import State
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.exceptions import OutcomeUnknown, Rejected, SenGoProviderError
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.operators.archive import (
    SenGoArchiveDayOperator,
    SenGoCheckArchiveOperator,
    SenGoPlanArchiveOperator,
)
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
from airflow_provider_sengo.operators.upkeep import SenGoArchiveUpkeepOperator
from airflow_provider_sengo.qr_image import qr_png, qr_svg
from airflow_provider_sengo.sensors.senangpay import SenangPayOrderSensor
from airflow_provider_sengo.sensors.sengo import SenGoTransactionSensor
from airflow_provider_sengo.simulator import Simulator, SimulatorSettings
from airflow_provider_sengo.triggers.senangpay import SenangPayOrderTrigger
from airflow_provider_sengo.triggers.sengo import SenGoPaymentsEventTrigger, SenGoTransactionTrigger

DAY = date(2026, 11, 21)

with DAG(dag_id="payments", schedule=None):
    SenGoCreateQrisOperator(task_id="create", view_name="Toko")  # wrong: call-arg
    create = SenGoCreateQrisOperator(
        task_id="create",
        amount=25000.0,  # wrong: arg-type
        view_name=None,  # wrong: arg-type
        reference=1234,  # wrong: arg-type
        attempt=2,  # wrong: arg-type
        expiry_minutes=1.5,  # wrong: arg-type
        wait_for_payment="no",  # wrong: arg-type
        poll_interval="30",  # wrong: arg-type
        deferrable="yes",  # wrong: arg-type
        timeout="3600",  # wrong: arg-type
        archive_uri=DAY,  # wrong: arg-type
        archive_conn_id=7,  # wrong: arg-type
        sengo_conn_id=SenGoHook(),  # wrong: arg-type
    )
    create.refrence  # wrong: attr-defined
    SenGoCreateQrisOperator.partial(task_id="many").expnd(amount=[1])  # wrong: attr-defined
    SenGoGetTransactionOperator(task_id="look", transaction_id=["A1"])  # wrong: arg-type
    SenGoGetTransactionOperator(task_id="look", transaction_id="A1", resend_callback="no")  # wrong: arg-type
    SenGoGetTransactionOperator(task_id="look", transaction_id="A1", sengo_conn_id=7)  # wrong: arg-type
    balance = SenGoGetBalanceOperator(task_id="balance", sengo_conn_id=None)  # wrong: arg-type
    amount: int = balance.execute({})  # wrong: assignment
    SenGoCreateProjectOperator(task_id="new", name="Shop", domain="", ip=1)  # wrong: arg-type
    SenGoCreateProjectOperator(task_id="new", name="S", domain="", ip=[], sengo_conn_id=7)  # wrong: arg-type
    SenangPayChargeTokenOperator(
        task_id="charge",
        name=b"Siti",  # wrong: arg-type
        email=["siti@example.com"],  # wrong: arg-type
        detail=None,  # wrong: arg-type
        phone=60123456789,  # wrong: arg-type
        amount_sen=24.50,  # wrong: arg-type
        token=SenangPayHook(),  # wrong: arg-type
        order_id=1,  # wrong: arg-type
        reconcile_timeout_s="60",  # wrong: arg-type
        senangpay_conn_id=None,  # wrong: arg-type
    )
    SenangPayChargeTokenOperator.partial(task_id="many").expnd(order_id=["A1"])  # wrong: attr-defined
    SenangPayValidateTokenOperator(task_id="valid", token="T", fail_if_invalid="no")  # wrong: arg-type
    SenangPayValidateTokenOperator(task_id="valid", token="T", senangpay_conn_id=7)  # wrong: arg-type
    SenangPaySetTokenStatusOperator(task_id="off", token="T")  # wrong: call-arg
    SenangPaySetTokenStatusOperator(task_id="off", token="T", enabled="no")  # wrong: arg-type
    SenangPaySetTokenStatusOperator(
        task_id="off",
        token="T",
        enabled=True,
        senangpay_conn_id=7,  # wrong: arg-type
    )
    SenangPayQueryOrderOperator(task_id="rows", order_id=1).hook.list_rows()  # wrong: arg-type attr-defined
    SenangPayQueryOrderOperator(task_id="rows", order_id="A1", senangpay_conn_id=None)  # wrong: arg-type
    SenGoTransactionSensor(task_id="wait", transaction_id=1)  # wrong: arg-type
    SenGoTransactionSensor(task_id="wait", transaction_id="A1", failure_statuses=None)  # wrong: arg-type
    SenGoTransactionSensor(
        task_id="wait",
        transaction_id="A1",
        success_statuses=7,  # wrong: arg-type
        poke_interval="30",  # wrong: arg-type
        timeout="3600",  # wrong: arg-type
        mode=None,  # wrong: arg-type
        soft_fail="no",  # wrong: arg-type
        exponential_backoff="no",  # wrong: arg-type
        max_wait="600",  # wrong: arg-type
        deferrable="yes",  # wrong: arg-type
        sengo_conn_id=None,  # wrong: arg-type
    )
    SenangPayOrderSensor(task_id="paid", order_id="A1")  # wrong: call-arg
    SenangPayOrderSensor(task_id="paid", order_id="A1", amount_sen=2.0)  # wrong: arg-type
    SenangPayOrderSensor(
        task_id="paid",
        order_id="A1",
        amount_sen=200,
        poke_interval="30",  # wrong: arg-type
        timeout="3600",  # wrong: arg-type
        mode=None,  # wrong: arg-type
        soft_fail="no",  # wrong: arg-type
        exponential_backoff="no",  # wrong: arg-type
        max_wait="600",  # wrong: arg-type
        deferrable="yes",  # wrong: arg-type
        senangpay_conn_id=None,  # wrong: arg-type
    )
    SenGoTransactionTrigger(
        transaction_id={"A1": 1},  # wrong: arg-type
        sengo_conn_id=None,  # wrong: arg-type
        success_statuses=7,  # wrong: arg-type
        failure_statuses=None,  # wrong: arg-type
        poke_interval="30",  # wrong: arg-type
        deadline=DAY,  # wrong: arg-type
        may_appear_until=120,  # wrong: arg-type
        days=[DAY],  # wrong: list-item
        type=None,  # wrong: arg-type
        gateway_ids=["T1"],  # wrong: arg-type
        by_id_from=DAY,  # wrong: arg-type
    )
    SenGoTransactionTrigger(transaction_id="A1", dedline="soon")  # wrong: arg-type
    SenangPayOrderTrigger(
        order_id=1,  # wrong: arg-type
        amount_sen="200",  # wrong: arg-type
        senangpay_conn_id=None,  # wrong: arg-type
        poke_interval="30",  # wrong: arg-type
        deadline=DAY,  # wrong: arg-type
        may_appear_until=120,  # wrong: arg-type
    )
    SenangPayOrderTrigger(order_id="A1", amount_sen=200, dedline="soon")  # wrong: arg-type
    SenGoPaymentsEventTrigger(60)  # wrong: arg-type
    SenGoPaymentsEventTrigger(
        poll_interval="60",  # wrong: arg-type
        types=7,  # wrong: arg-type
        lookback="3600",  # wrong: arg-type
        pages_max="60",  # wrong: arg-type
        errors_max=None,  # wrong: arg-type
    )
    SenGoPaymentsEventTrigger(pages_min=60)  # wrong: arg-type

with DAG(dag_id="archive", schedule=None):
    plan = SenGoPlanArchiveOperator(
        task_id="plan",
        archive_uri=7,  # wrong: arg-type
        archive_conn_id=7,  # wrong: arg-type
        as_of=DAY,  # wrong: arg-type
        include_today="no",  # wrong: arg-type
        types=7,  # wrong: arg-type
        retention_days="7",  # wrong: arg-type
        sengo_conn_id=None,  # wrong: arg-type
    )
    plan.hook.list_transactions(day=DAY, type="cashIn", status="success").total  # wrong: attr-defined
    plan.archive.coverage(DAY)[0].state.name.sealed  # wrong: attr-defined
    SenGoArchiveDayOperator(
        task_id="day",
        day=DAY,  # wrong: arg-type
        type=None,  # wrong: arg-type
        statuses=7,  # wrong: arg-type
        concurrency="16",  # wrong: arg-type
        max_passes="5",  # wrong: arg-type
        archive_uri=7,  # wrong: arg-type
        archive_conn_id=7,  # wrong: arg-type
        retention_days="7",  # wrong: arg-type
        sengo_conn_id=None,  # wrong: arg-type
    )
    SenGoCheckArchiveOperator(
        task_id="check",
        as_of=DAY,  # wrong: arg-type
        types=7,  # wrong: arg-type
        warn_days_left="2",  # wrong: arg-type
        archive_uri=7,  # wrong: arg-type
        archive_conn_id=7,  # wrong: arg-type
        retention_days="7",  # wrong: arg-type
        sengo_conn_id=None,  # wrong: arg-type
    )
    SenGoCheckArchiveOperator(task_id="check", accept_lost=[DAY])  # wrong: list-item
    SenGoArchiveUpkeepOperator(task_id="upkeep", keep_days="30")  # wrong: arg-type
    SenGoArchiveUpkeepOperator(task_id="upkeep", archive_conn_id=7)  # wrong: arg-type
    SenGoArchiveUpkeepOperator(task_id="upkeep", archive_uri=DAY)  # wrong: arg-type


def wrong_calls(hook: SenGoHook, cards: SenangPayHook) -> None:
    """Of both hooks; what they return is no Any either."""
    hook.create_qris(amount=1, view_name="Toko", callback_url="https://a.example")  # wrong: call-arg
    hook.create_qris_once("A1", 1, "Toko")  # wrong: call-arg
    hook.create_qris_once(reference="A1", amount=1.0, view_name="Toko")  # wrong: arg-type
    hook.list_transactions(day="2026-11-21", type="cashIn", status="success")  # wrong: arg-type
    hook.get_transaction("A1").qris.content  # wrong: union-attr
    hook.get_transaction("A1").paid_date.isoformat()  # wrong: union-attr
    hook.get_transaction("A1").paid_at  # wrong: attr-defined
    status: int = hook.get_transaction("A1").status  # wrong: assignment
    total: str = hook.get_balance().total  # wrong: assignment
    project: str = hook.create_project(name="Shop", domain="https://a.example", ip=[])  # wrong: assignment
    works: bool = hook.test_connection()  # wrong: assignment
    hook.credentials.client_tokn  # wrong: attr-defined
    cards.charge_token(name="", email="", detail="", phone="", order_id="A1", token="T")  # wrong: call-arg
    payment = cards.charge_token_once(  # wrong: call-arg
        name="Siti", email="", detail="", phone="", order_id="A1", amount_sen=200, token="T"
    )
    payment.amount  # wrong: attr-defined
    cards.set_token_status("T", False)  # wrong: call-arg
    valid: str = cards.validate_token("T").valid  # wrong: assignment
    cards.query_order("A1").status  # wrong: attr-defined
    cards.query_order("A1")[0].paid_at.isoformat()  # wrong: union-attr
    cards.query_transaction("T1")[0].amount_sen + 1  # wrong: operator
    cards.tokenization_url(order_id="A1", name="", email="", phone=60)  # wrong: arg-type
    cards.verify_tokenization_return("a=b").tokn  # wrong: attr-defined
    cards.credentials.merchant  # wrong: attr-defined


def wrong_reading(archive: Archive) -> int:
    """Of the archive."""
    Archive("books", storage_options={"AWS_REGION": 1})  # wrong: dict-item
    archive.transactions(day=20261121)  # wrong: arg-type
    archive.history(1)  # wrong: arg-type
    archive.coverage()  # wrong: call-arg
    archive.coverage(DAY)[0].day + 1  # wrong: operator
    archive.coverage(DAY)[0].state is State.GONE  # wrong: attr-defined
    archive.reads()[0].rows.count  # wrong: attr-defined
    return archive.coverage(DAY)[0].amount_sum  # wrong: return-value


def wrong_error(error: SenGoProviderError) -> str:
    """Of errors."""
    if isinstance(error, Rejected):
        return error.http_status  # wrong: return-value
    OutcomeUnknown(curable=False)  # wrong: call-arg
    return str(error.retry_after_s)  # wrong: attr-defined


def wrong_picture() -> bytes:
    """Of the drawn code."""
    qr_png("code", 8)  # wrong: call-arg
    return qr_svg("code")  # wrong: return-value


def test_wrong(sengo_simulator: Simulator) -> None:
    """Of the simulator that the pytest fixture gives."""
    Simulator(SimulatorSettings(per_dya=3))  # wrong: call-arg
    sengo_simulator.base_url.host  # wrong: attr-defined
    sengo_simulator.world.advance("60")  # wrong: arg-type
    sengo_simulator.world.requests().totl  # wrong: attr-defined
