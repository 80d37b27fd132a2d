# SPDX-License-Identifier: Apache-2.0
"""senangPay's answers as PHP would write them: charges, queries, refusals. Pure.

Source: guide.senangpay.com, tokenization page. No error body is published; 200 with ``status`` 0 is assumed,
and 401 for a wrong Basic user (the page's OpenAPI).
"""

from typing import Any

from . import senangpay_hashes as hashes
from .answers import Answer
from .php_json import PhpJsonError, php_encode
from .senangpay_attempt import Attempt, status_at
from .senangpay_settings import SenangPaySettings

SUCCESS = "Payment was successful"
VERIFIED = "Card has been successfully verified"
MESSAGES = {  # SenGo's codes, which are the faults' defaults
    "PAYMENT_INTERNAL_ERROR": "Payment Server System Error",
    "UNAUTHORIZED": "Invalid Merchant",
}
CHALLENGE = ("www-authenticate", 'Basic realm="senangPay"')


def plain(settings: SenangPaySettings, fields: dict[str, Any], *, http_status: int = 200) -> Answer:
    """A JSON object under whatever content type is switched on."""
    try:
        body = php_encode(fields).encode()
    except PhpJsonError:
        body = b"false"  # what PHP's json_encode makes of text that is no UTF-8
    return Answer(http_status, body, settings.content_type)


def status_of(settings: SenangPaySettings, status: int) -> int | str:
    """``status`` as an int or as text."""
    return status if settings.status_type == "int" else str(status)


def refusal(
    settings: SenangPaySettings,
    msg: str,
    *,
    http_status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """``status`` 0 and a text; 401 challenges as HTTP wants it."""
    body = php_encode({"status": status_of(settings, 0), "msg": MESSAGES.get(msg, msg)}).encode()
    challenge = (CHALLENGE,) if http_status == 401 else ()
    return Answer(http_status, body, settings.content_type, (*challenge, *headers))


def charge_answer(
    settings: SenangPaySettings,
    *,
    is_paid: bool,
    order_id: str,
    amount_sen: int,
    msg: str,
    transaction_id: str,
) -> Answer:
    """The answer to a charge that reached the bank, signed; a decline may lack id and hash (switches)."""
    amount = amount_sen if is_paid or settings.decline_amount_paid == "amount" else 0
    fields: dict[str, Any] = {"status": status_of(settings, int(is_paid))}
    if is_paid or settings.declines_have_transaction_id:
        fields["transaction_id"] = transaction_id
    fields["order_id"] = order_id
    fields["amount_paid"] = amount if settings.amount_type == "int" else str(amount)
    fields["msg"] = msg
    if is_paid or settings.declines_have_hash:
        fields["hash"] = hashes.charge_answer(settings.secret_key, settings.merchant_id, fields)
    return plain(settings, fields)


def answer_to(attempt: Attempt, now_s: float, settings: SenangPaySettings) -> Answer:
    """What ``pay_cc`` answers for an attempt."""
    return charge_answer(
        settings,
        is_paid=status_at(attempt, now_s) == "paid",
        order_id=attempt.order_id,
        amount_sen=attempt.amount_sen,
        msg=attempt.msg,
        transaction_id=attempt.transaction_id,
    )


def rows_answer(settings: SenangPaySettings, rows: list[dict[str, Any]]) -> Answer:
    """A query's answer: the outer status says that the query worked, no more."""
    if not rows and settings.unknown_order == "error":
        return refusal(settings, "No transaction found")
    return plain(settings, {"status": status_of(settings, 1), "msg": "Query successful", "data": rows})
