# SPDX-License-Identifier: Apache-2.0
"""Where senangPay's pages say more or less than they should: a stray blank, a neighbouring API, no word on UTF-8."""

from __future__ import annotations

import pytest
from senangpay_samples import ANSWER, BUYER, MERCHANT, ORDER, SECRET

from airflow_provider_sengo.exceptions import SignatureMismatch
from airflow_provider_sengo.protocol.signing import (
    senangpay_charge_answer_signature,
    senangpay_charge_signature,
    senangpay_query_signature,
    verify_senangpay_signature,
)


@pytest.mark.parametrize(
    ("fields", "md5", "sha256"),
    [
        (
            ("Shopping_cart_id_30", "24.50", "56"),
            "0bde51ff340f110ab7331a902aa969e7",
            "74422328b44d30bf150fffbae89bbb42b885f9ac0960e2a3ddccc0cf9aa48e39",
        ),
        (
            ("1", "56", "14363538840", "Payment_was_successful"),
            "69686562c29ad3f7955b1843a5c275ca",
            "4ca7837c6c4ddb5f6ba573ea701235b2d04bc6400d32787539e07aaf319eb70f",
        ),
    ],
)
def test_the_neighbouring_manual_api_agrees(fields, md5, sha256):
    """Its formula is a query's without the merchant id, so its printed samples prove both digests."""
    assert senangpay_query_signature("", SECRET, *fields, hash_type="md5") == md5
    assert senangpay_query_signature("", SECRET, *fields, hash_type="sha256") == sha256


def test_a_name_beyond_ascii_is_signed_as_utf8():
    """The bytes are those of the unencoded value."""
    buyer = BUYER | {"name": "Siti Nurhaliza Özil"}
    signature = senangpay_charge_signature(MERCHANT, SECRET, **buyer, **ORDER)
    assert signature == "b6ddb8c1783870b271e5b926950caab93d3d3fc77265a501fd8d8c38bbe21547"


def test_the_printed_blank_does_not_verify():
    """An answer signed with the blank that the page prints after the order id is a mismatch."""
    with_blank = "2e89a07dc3e1fe39a9236a37edea17fda91e76c04c27d1c89c577c5603b4c6d4"
    assert senangpay_charge_answer_signature(MERCHANT, SECRET, **ANSWER | {"order_id": "1234 "}) == with_blank
    with pytest.raises(SignatureMismatch):
        verify_senangpay_signature(
            senangpay_charge_answer_signature(MERCHANT, SECRET, **ANSWER), with_blank, what="the answer"
        )
