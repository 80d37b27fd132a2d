# SPDX-License-Identifier: Apache-2.0
"""When an answer to a charge proves that money moved, when that none did, and when it proves nothing.

Only a hash that verifies settles the fate of a charge, whatever the HTTP status of the answer. No request is
built here; ``senangpay.charge_token`` has the table of all outcomes.
Source: guide.senangpay.com, Tokenization API, section 1.3 and 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_sengo.exceptions import Rejected, SignatureMismatch
from airflow_provider_sengo.protocol.envelope import one_line
from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.protocol.money import Sen
from airflow_provider_sengo.protocol.senangpay_answers import LOOK_UP, Asked, read_object, status_of
from airflow_provider_sengo.protocol.senangpay_records import CardPayment
from airflow_provider_sengo.protocol.signing import (
    senangpay_charge_answer_signature,
    verify_senangpay_signature,
)

# Codes of Rejected, in our words: the gateway has none.
DECLINED = "DECLINED"  # proved by the answer's hash: no money moved
UNVERIFIED = "UNVERIFIED"  # a refusal without a hash: no proof of anything


@dataclass(frozen=True, slots=True, repr=False)
class Charge:
    """The part of a charge that its answer must repeat."""

    order_id: str
    amount_sen: Sen


def read_charge(response: Response, asked: Asked, charge: Charge) -> CardPayment:
    """The payment, if the answer proves it; see ``senangpay.charge_token`` for what each error means."""
    fields = read_object(response, asked)
    status = status_of(fields)
    if status is None:
        raise asked.unexpected("does not say whether it went through", "$.status")
    names = ("status", "order_id", "transaction_id", "amount_paid", "msg", "hash")
    texts = {name: _wire_text(fields, name, asked) for name in names}
    if status == 0 and not texts["hash"]:
        advice = "No hash proves this refusal, so look the order up before anything else."
        text = asked.refusal(fields, response.status, advice)
        raise Rejected(text, http_status=response.status, code=UNVERIFIED)
    _verify(asked, texts)
    if texts["order_id"] != charge.order_id:
        raise _mismatch(asked, "order_id")
    if status == 0:
        advice = "The card was not charged; a new charge needs another order id."
        text = asked.refusal(fields, response.status, advice)
        raise Rejected(text, http_status=response.status, code=DECLINED)
    if texts["amount_paid"] != str(charge.amount_sen):
        raise _mismatch(asked, "amount_paid")
    if not texts["transaction_id"]:
        raise asked.unexpected("lacks the transaction id", "$.transaction_id")
    return CardPayment(
        status=status,
        transaction_id=texts["transaction_id"],
        order_id=texts["order_id"],
        amount_sen=charge.amount_sen,
        message=asked.redact(texts["msg"]),
    )


def _wire_text(fields: Mapping[str, Any], name: str, asked: Asked) -> str:
    """A value as it stands in the hashed text: a whole number by its digits, null and absent as nothing."""
    value = fields.get(name)
    if value is None or type(value) is int:
        return "" if value is None else str(value)
    if not isinstance(value, str):
        raise asked.unexpected("has a part that is neither text nor a whole number", f"$.{name}")
    return value


def _verify(asked: Asked, texts: Mapping[str, str]) -> None:
    credentials = asked.credentials
    expected = senangpay_charge_answer_signature(
        credentials.merchant_id,
        credentials.secret_key,
        status=texts["status"],
        order_id=texts["order_id"],
        transaction_id=texts["transaction_id"],
        amount_paid=texts["amount_paid"],
        message=texts["msg"],
    )
    try:
        verify_senangpay_signature(expected, texts["hash"], what=f"senangPay's answer to {asked.call_name}")
    except SignatureMismatch as error:
        said = one_line(texts["msg"], asked.redact)
        spoken = f" It says{said}." if said else ""
        raise SignatureMismatch(f"{error}{spoken} {LOOK_UP['charge_token']}") from None


def _mismatch(asked: Asked, name: str) -> SignatureMismatch:
    return SignatureMismatch(
        f"senangPay's answer to {asked.call_name} is signed, but its {name} is not the one that was sent. "
        + LOOK_UP["charge_token"]
    )
