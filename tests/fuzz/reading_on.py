# SPDX-License-Identifier: Apache-2.0
"""What an answer is used for after it was read, and what must hold of it whatever the gateway sent."""

from __future__ import annotations

from typing import Any

from documented_answers import NOW, Documented
from mutations import CANARY

from airflow_provider_sengo.archive.rows import read_rows
from airflow_provider_sengo.exceptions import OutcomeUnknown, SenGoProviderError, UnexpectedResponse
from airflow_provider_sengo.protocol import paid_rows, qris, senangpay, sengo
from airflow_provider_sengo.protocol.senangpay_records import (
    CardPayment,
    OrderPayment,
    TokenStatus,
    TokenValidation,
)
from airflow_provider_sengo.protocol.waiting import Statuses, listing_hint, settled_order, settled_transaction


def use(answer: Documented, meaning: Any) -> None:
    """Go on with what an answer means as the hooks' callers do; only errors of this package may come out."""
    if isinstance(meaning, SenGoProviderError):
        check_error(answer, meaning)
    elif isinstance(meaning, CardPayment):
        assert meaning == answer.call.parse(answer.response), "a hash that verifies, but another payment"
    elif isinstance(meaning, TokenValidation | TokenStatus):
        assert senangpay.as_plain_dict(meaning)
    elif isinstance(meaning, tuple):
        use_orders(meaning)
    elif isinstance(meaning, sengo.Transaction):
        use_transaction(answer, meaning)
    elif isinstance(meaning, sengo.TransactionPage):
        assert meaning.current_page == 1
        assert len(sengo.as_plain_dict(meaning)["transactions"]) == len(meaning.transactions)
        listing_hint({each.id: each for each in meaning.transactions}, NOW)
    elif isinstance(meaning, sengo.ListingPage | bytes):
        use_rows([meaning] if isinstance(meaning, bytes) else meaning.rows)
    else:
        assert isinstance(meaning, sengo.Record)
        assert sengo.as_plain_dict(meaning)


def check_error(answer: Documented, error: SenGoProviderError) -> None:
    """No secret in its text; no value but the gateway's own message; a place for what is odd."""
    text = f"{error} {error!r} {error.args} {vars(error)}"
    for secret in answer.hidden:
        assert secret not in text
    assert len(str(error)) < 1_000, "bounded, whatever the gateway says"
    assert str(error).isprintable(), "one line, in any log and terminal"
    if isinstance(error, UnexpectedResponse):
        assert error.json_path.startswith("$")
        assert CANARY not in text
        assert error.__cause__ is None


def use_transaction(answer: Documented, found: sengo.Transaction) -> None:
    """The one that was asked for, which then goes to an XCom and to those who wait."""
    asked = answer.call.parse(answer.response)
    assert {found.id, found.merchant_ref} & {asked.id, asked.merchant_ref}
    if answer.call.name == "create_qris":
        assert (found.merchant_ref, found.amount) == (asked.merchant_ref, asked.amount)
        assert found.qris
    assert sengo.as_plain_dict(found)["id"] == found.id
    settled = settled_transaction(found.id, found, Statuses(), may_appear=True)
    assert (settled is None) is (found.status not in ("success", "expired", "failed"))
    listing_hint({found.id: found}, NOW)
    qris.parse_qris_content(found.qris.content if found.qris else "")


def use_orders(found: tuple[OrderPayment, ...]) -> None:
    """Rows of a query: they decide whether a charge was made, and never by what cannot be read."""
    try:
        settled = settled_order("ORD1", 2450, found, may_appear=True)
    except OutcomeUnknown:
        return
    if settled is not None:
        paid = [row for row in found if row.status == senangpay.PAID]
        assert [row.amount_sen for row in paid] == [2450]


def use_rows(rows: Any) -> None:
    """Records of a listing, read by the archive and by the event trigger; one odd row stops neither."""
    read, unreadable = read_rows(rows)
    assert len(read) <= len(rows)
    assert (len(read) == len(rows)) is (unreadable is None)
    for row in rows:
        told = paid_rows.read_row(row, type="cashIn", project="p")
        assert not told.is_paid or told.event["id"]
