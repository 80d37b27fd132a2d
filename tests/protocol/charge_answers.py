# SPDX-License-Identifier: Apache-2.0
"""A call that charges a card, and the answers to it: paid, declined, signed with other values."""

from __future__ import annotations

import pytest

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.senangpay import SenangPayCredentials
from airflow_provider_sengo.protocol.signing import senangpay_charge_answer_signature

MERCHANT, SECRET = "543160464805574", "53-784"
TOKEN = "6bcc32c3cf4c6de03f4b3c967a36606d965d54cd51eb6cb7507555e2ad7b4521"
EMAIL, PHONE = "ahmad@google.com", "0109876543"
CALL = senangpay.charge_token(
    SenangPayCredentials(base_url=senangpay.BASE_URLS["sandbox"], merchant_id=MERCHANT, secret_key=SECRET),
    name="Abu Bin Ali",
    email=EMAIL,
    detail="Order for product id #4",
    phone=PHONE,
    order_id="1234",
    amount_sen=1000,
    token=TOKEN,
)
# The page's sample with the hash of our merchant, and the same declined.
PAID = {
    "status": 1,
    "transaction_id": "14951544812820",
    "order_id": "1234",
    "amount_paid": 1000,
    "msg": "Payment was successful",
    "hash": "8ecd59add2c02cf249d98e1d9e2e6dbf6efdfeac7e81db588ab4eb1f1ae97ac6",
}
DECLINED = PAID | {
    "status": 0,
    "amount_paid": 0,
    "msg": "Insufficient funds",
    "hash": "d2354c1cde1c1836ab91c55bcd1128b4c5def7b34284a0527e9522381fcf08cf",
}
WITH_BLANK = "2e89a07dc3e1fe39a9236a37edea17fda91e76c04c27d1c89c577c5603b4c6d4"


def signed(**changes: object) -> dict[str, object]:
    """The sample with other values, signed as senangPay would; None leaves a field out."""
    fields = {name: value for name, value in (PAID | changes).items() if value is not None}
    names = {"status": "status", "order_id": "order_id", "transaction_id": "transaction_id"}
    names |= {"amount_paid": "amount_paid", "message": "msg"}
    texts = {name: str(fields.get(wire, "")) for name, wire in names.items()}
    return fields | {"hash": senangpay_charge_answer_signature(MERCHANT, SECRET, **texts)}


def refused(answer, body, status=200, headers=None) -> SenGoProviderError:
    """The error that this answer is read as."""
    with pytest.raises(SenGoProviderError) as caught:
        CALL.parse(answer(body, status, headers))
    return caught.value
