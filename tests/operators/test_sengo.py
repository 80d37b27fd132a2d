# SPDX-License-Identifier: Apache-2.0
"""The operators push plain dicts, and end a task at once where another try can't help."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests_mock
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_sengo import exceptions
from airflow_provider_sengo.operators.failure import fail_at_once_if_hopeless
from airflow_provider_sengo.operators.sengo import SenGoGetBalanceOperator, SenGoGetTransactionOperator
from airflow_provider_sengo.protocol.sengo import BASE_URLS

SANDBOX = BASE_URLS["sandbox"]
TRANSACTION = {"id": "01J9", "status": "success", "merchantRef": "INV-1", "amount": 10000, "brandNew": 1}
BALANCE = {"active": 1500, "pending": 25, "total": 1525}


def success(data: Any) -> dict[str, Any]:
    """SenGo's envelope around an answer."""
    return {"responseCode": 200, "responseMessage": "success", "responseData": data}


@pytest.fixture(autouse=True)
def _connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox connection that sends every call once."""
    fields = {
        "conn_type": "sengo",
        "login": "SC-KEY-0001",
        "password": "token-0001",
        "extra": {"max_attempts": 1},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(fields))
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps(fields | {"host": "http://127.0.0.1:8800/api"}))


@pytest.fixture
def gateway() -> Iterator[requests_mock.Mocker]:
    """The vendor's host name, answered in this process."""
    with requests_mock.Mocker() as mocker:
        yield mocker


def test_get_transaction_pushes_a_plain_dict(gateway: requests_mock.Mocker) -> None:
    """Keys in snake_case, and an empty context is enough."""
    gateway.get(f"{SANDBOX}/check/INV-1", json=success(TRANSACTION))
    pushed = SenGoGetTransactionOperator(task_id="t", transaction_id="INV-1").execute({})
    assert type(pushed) is dict
    assert (pushed["id"], pushed["merchant_ref"], pushed["amount"]) == ("01J9", "INV-1", 10000)
    assert json.loads(json.dumps(pushed)) == pushed


def test_get_balance_pushes_a_plain_dict(gateway: requests_mock.Mocker) -> None:
    """Whole rupiah."""
    gateway.get(f"{SANDBOX}/balance", json=success(BALANCE))
    assert SenGoGetBalanceOperator(task_id="t").execute({}).items() >= BALANCE.items()


def test_resend_callback_is_sent_once(gateway: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GET with a side effect is never repeated, however many attempts the connection allows."""
    fields = {"conn_type": "sengo", "login": "SC-KEY-0001", "password": "token-0001"}
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", json.dumps(fields))
    gateway.get(f"{SANDBOX}/check/INV-1", status_code=503)
    operator = SenGoGetTransactionOperator(task_id="t", transaction_id="INV-1", resend_callback=True)
    with pytest.raises(exceptions.Unavailable):
        operator.execute({})
    assert [sent.query for sent in gateway.request_history] == ["resendcallback=true"]


def test_templates(gateway: requests_mock.Mocker) -> None:
    """Connection ids and transaction ids are rendered before the hook is made."""
    gateway.get("http://127.0.0.1:8800/api/check/INV-1", json=success(TRANSACTION))
    assert SenGoGetBalanceOperator.template_fields == ("sengo_conn_id",)
    operator = SenGoGetTransactionOperator(
        task_id="t", transaction_id="{{ ref }}", sengo_conn_id="{{ conn }}"
    )
    values: Any = {"ref": "INV-1", "conn": "other"}
    operator.render_template_fields(values)
    assert operator.execute({})["id"] == "01J9"


@pytest.mark.parametrize(
    ("http_status", "body", "error"),
    [
        (401, {"responseCode": 401, "responseMessage": "UNAUTHORIZED"}, exceptions.NotAuthorized),
        (404, {"responseCode": 404, "responseMessage": "NOT_FOUND"}, exceptions.NotFound),
        (422, {"responseCode": 422, "responseMessage": "no"}, exceptions.Rejected),
    ],
)
def test_hopeless_answers_fail_the_task(
    http_status: int, body: Any, error: type[Exception], gateway: requests_mock.Mocker
) -> None:
    """No retry of the task is spent on what can't get better; the cause stays visible."""
    gateway.get(f"{SANDBOX}/check/INV-1", status_code=http_status, json=body)
    with pytest.raises(AirflowFailException) as caught:
        SenGoGetTransactionOperator(task_id="t", transaction_id="INV-1").execute({})
    assert isinstance(caught.value.__cause__, error)
    assert str(caught.value) == str(caught.value.__cause__)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.NotSent("x"),
        exceptions.OutcomeUnknown("x"),
        exceptions.Unavailable("x"),
        exceptions.UnexpectedResponse("x"),
        exceptions.ArchiveIncomplete("x"),
        ValueError("x"),
        RuntimeError("x"),
    ],
)
def test_what_a_retry_may_cure_passes(error: Exception) -> None:
    """Airflow's retries, and its retry policies, see the error itself."""
    with pytest.raises(type(error)) as caught, fail_at_once_if_hopeless():
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    "error",
    [exceptions.SignatureMismatch("x"), exceptions.PaymentFailed("x"), exceptions.DuplicateReference("x")],
)
def test_other_final_errors_fail_the_task(error: Exception) -> None:
    """A payment that failed, or an answer that does not verify, is not asked for again."""
    with pytest.raises(AirflowFailException, match="x"), fail_at_once_if_hopeless():
        raise error


def test_in_a_dag(run_dag: Callable[..., Any], gateway: requests_mock.Mocker) -> None:
    """Airflow renders, runs and stores both tasks."""
    gateway.get(f"{SANDBOX}/check/INV-1", json=success(TRANSACTION))
    gateway.get(f"{SANDBOX}/balance", json=success(BALANCE))
    with DAG("sengo_reads", schedule=None, start_date=datetime(2026, 11, 1, tzinfo=UTC)) as dag:
        found = SenGoGetTransactionOperator(task_id="transaction", transaction_id="{{ 'INV' }}-1")
        found >> SenGoGetBalanceOperator(task_id="balance")
    run = run_dag(dag)
    assert run.state == "success"
    tasks = {task.task_id: task for task in run.get_task_instances()}
    assert tasks["transaction"].xcom_pull(task_ids="transaction")["merchant_ref"] == "INV-1"
    assert tasks["balance"].xcom_pull(task_ids="balance")["total"] == 1525
