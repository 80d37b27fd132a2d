# SPDX-License-Identifier: Apache-2.0
"""What an answer means to someone who waits."""

from __future__ import annotations

from collections import UserList
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_sengo.exceptions import (
    NotAuthorized,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PaymentFailed,
    Rejected,
    SenGoProviderError,
    SignatureMismatch,
    Unavailable,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol import waiting
from airflow_provider_sengo.protocol.senangpay import OrderPayment
from airflow_provider_sengo.protocol.sengo import Disbursement, Transaction
from airflow_provider_sengo.protocol.waiting import Settled, Statuses

USUAL = Statuses()
NOON = datetime(2026, 11, 22, 5, tzinfo=UTC)
PASSING = [NotSent("x"), OutcomeUnknown("x"), Unavailable("x", http_status=503), UnexpectedResponse("x")]
HOPELESS = [
    NotAuthorized("x", http_status=401),
    NotAuthorized("x", http_status=403),
    Rejected("x", http_status=422),
    SignatureMismatch("x"),
    OutcomeUnknown("x", curable=False),
]


def seen(status: str) -> Transaction:
    return Transaction(id="01J", merchant_ref="INV-1", status=status, amount=10000)


def row(status: str, reference: str = "T1", amount_sen: int = 2450) -> OrderPayment:
    fields: dict[str, Any] = dict.fromkeys(OrderPayment.__dataclass_fields__)
    return OrderPayment(
        **fields | {"transaction_reference": reference, "status": status, "amount_sen": amount_sen}
    )


@pytest.mark.parametrize("status", ["success", "expired", "failed"])
def test_a_final_status_settles(status: str) -> None:
    """With the gateway's own word and the whole record."""
    settled = waiting.settled_transaction("INV-1", seen(status), USUAL, may_appear=False)
    assert settled is not None
    assert (settled.status, settled.record["merchant_ref"], settled.record["amount"]) == (
        status,
        "INV-1",
        10000,
    )


@pytest.mark.parametrize("status", ["pending", "Success", "SUCCESS", "paid", "on hold", "success "])
def test_any_other_word_settles_nothing(status: str) -> None:
    """Words are compared as they stand: a near miss is no payment."""
    assert waiting.settled_transaction("INV-1", seen(status), USUAL, may_appear=False) is None


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_trouble_that_passes_is_waited_out(error: SenGoProviderError) -> None:
    """For both gateways, whether the id may appear or not."""
    assert waiting.settled_transaction("INV-1", error, USUAL, may_appear=False) is None
    assert waiting.settled_order("A1", 2450, error, may_appear=False) is None


@pytest.mark.parametrize("error", HOPELESS, ids=repr)
def test_what_no_waiting_cures_is_raised_as_it_is(error: SenGoProviderError) -> None:
    """A refused key fails at once, also while an unknown id may still appear."""
    with pytest.raises(SenGoProviderError) as raised:
        waiting.settled_transaction("INV-1", error, USUAL, may_appear=True)
    assert raised.value is error
    with pytest.raises(SenGoProviderError):
        waiting.settled_order("A1", 2450, error, may_appear=True)


def test_an_unknown_id_may_appear_for_a_while() -> None:
    """After that the error says what it can be."""
    error = NotFound("no", http_status=404, code="NOT_FOUND")
    assert waiting.settled_transaction("INV-1", error, USUAL, may_appear=True) is None
    with pytest.raises(
        NotFound, match=r"INV-1: unknown to the gateway, or older than the seven days"
    ) as raised:
        waiting.settled_transaction("INV-1", error, USUAL, may_appear=False)
    assert (raised.value.http_status, raised.value.code) == (404, "NOT_FOUND")


def test_an_order_is_settled_by_one_paid_row_over_the_sen() -> None:
    """Failed attempts beside it change nothing; none, failed or pending rows settle nothing."""
    settled = waiting.settled_order("A1", 2450, [row("failed", "T0"), row("paid")], may_appear=False)
    assert settled is not None
    assert (settled.status, settled.record["transaction_id"], settled.record["amount_sen"]) == (
        "paid",
        "T1",
        2450,
    )
    for rows in ([], [row("failed")], [row("pending")], [row("paid"), row("pending", "T2")]):
        assert waiting.settled_order("A1", 2450, rows, may_appear=False) is None


@pytest.mark.parametrize(
    "rows", [[row("paid"), row("paid", "T2")], [row("paid", amount_sen=2451)], [row("paid", "")]]
)
def test_an_order_that_proves_another_thing_stops_the_wait(rows: list[OrderPayment]) -> None:
    """Paid twice, another amount, or a row without a reference: a person must look."""
    with pytest.raises(OutcomeUnknown) as raised:
        waiting.settled_order("A1", 2450, rows, may_appear=True)
    assert not raised.value.curable


def test_failures_are_named() -> None:
    """One alone, some of many, and at most twenty by name."""
    waiting.raise_failed({"A": "success", "B": "success"}, USUAL)
    with pytest.raises(PaymentFailed, match=r"^the transaction ended unpaid: A \(expired\)\."):
        waiting.raise_failed({"A": "expired"}, USUAL)
    with pytest.raises(
        PaymentFailed, match=r"^2 of 3 transactions ended unpaid: A \(expired\), C \(failed\)\."
    ):
        waiting.raise_failed({"A": "expired", "B": "success", "C": "failed"}, USUAL)
    with pytest.raises(PaymentFailed, match=r"19 \(failed\) and 5 more\."):
        waiting.raise_failed({str(number): "failed" for number in range(25)}, USUAL)


def test_too_late_names_who_is_waited_for_and_the_last_trouble() -> None:
    """And says that nothing was cancelled."""
    text = waiting.too_late(["A", "B"], "timeout (60 s)", "")
    assert text.startswith("A, B: not settled within timeout (60 s). Nothing was cancelled")
    assert "The last look failed: no answer" in waiting.too_late(["A"], "timeout (60 s)", "no answer")


@pytest.mark.parametrize(
    ("success", "failure", "says"),
    [
        ("success", ("failed",), "success_statuses: must be a list"),
        (("success",), "failed", "failure_statuses: must be a list"),
        (("success", ""), (), "success_statuses: must be a list"),
        ((), ("failed",), "success_statuses: must name at least one"),
        (("success", "failed"), ["failed"], r"failure_statuses: \['failed'\] stands in success_statuses too"),
    ],
)
def test_wrong_statuses_are_named(success: Any, failure: Any, says: str) -> None:
    """Field, rule and fix."""
    with pytest.raises(ValueError, match=says):
        waiting.checked_statuses(success, failure)


def test_statuses_may_be_lists() -> None:
    """As they come back from JSON."""
    assert waiting.checked_statuses(["success"], ["expired", "failed"]) == USUAL


def test_ids_are_one_or_many_each_once() -> None:
    """In their order."""
    assert waiting.checked_ids("INV-1") == ("INV-1",)
    assert waiting.checked_ids(["B", "A", "B"]) == ("B", "A")
    assert waiting.checked_ids([]) == ()
    assert waiting.checked_ids(UserList(["A"])) == ("A",)  # what an upstream task's output may be


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (None, "transaction_id: must be an id"),
        (7, "transaction_id: must be an id"),
        ("", "id or reference: must be"),
        (["A", ""], r"transaction_id\[1\]: id or reference"),
        (["A", None], r"transaction_id\[1\]: id or reference"),
        ("['PAY-1', 'PAY-2']", "a template turned into text.*render_template_as_native_obj"),
        ("('PAY-1',)", "a template turned into text"),
    ],
)
def test_wrong_ids_are_named(ids: Any, says: str) -> None:
    """With their place in the list."""
    with pytest.raises(ValueError, match=says):
        waiting.checked_ids(ids)


def test_a_hint_names_the_days_that_a_transaction_may_be_listed_under() -> None:
    """In Jakarta, each once; the latest expiry is when all should have settled."""
    expires = NOON + timedelta(days=1)
    late = Transaction(id="A", status="pending", expired_date=expires, settle_date=NOON - timedelta(days=2))
    payout = Transaction(id="B", status="pending", disbursement=Disbursement())
    assert waiting.listing_hint({"INV-1": late}, NOON) == {
        "days": ["2026-11-20", "2026-11-22", "2026-11-23"],
        "type": "cashIn",
        "gateway_ids": {"INV-1": "A"},
        "by_id_from": expires.isoformat(),
    }
    assert waiting.listing_hint({"B": payout}, NOON)["type"] == "cashOut"
    assert waiting.listing_hint({"A": late, "B": payout}, NOON)["type"] == ""
    before_midnight = datetime(2026, 11, 22, 16, 59, tzinfo=UTC)
    assert waiting.listing_hint({}, before_midnight)["days"] == ["2026-11-22"]
    assert waiting.listing_hint({"INV-1": seen("pending")}, before_midnight + timedelta(minutes=1)) == {
        "days": ["2026-11-23"],
        "type": "cashIn",
        "gateway_ids": {"INV-1": "01J"},
        "by_id_from": None,
    }


def test_what_has_settled_is_a_value() -> None:
    """Frozen, with a record that JSON carries."""
    assert Settled("success", {"id": "1"}) == Settled("success", {"id": "1"})
