# SPDX-License-Identifier: Apache-2.0
"""senangPay's hashes are the documented ones: the vendor's printed samples, and our own of its examples."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_sengo.exceptions import SignatureMismatch
from airflow_provider_sengo.protocol.signing import (
    senangpay_charge_answer_signature,
    senangpay_charge_signature,
    senangpay_query_signature,
    senangpay_signature,
    senangpay_tokenization_return_signature,
    senangpay_tokenization_signature,
    verify_senangpay_signature,
)

MERCHANT, SECRET, QUERY_SECRET = "543160464805574", "53-784", "21245-957"
BUYER = {"name": "Abu Bin Ali", "email": "ahmad@google.com", "phone": "0109876543"}
ORDER = {"detail": "Order for product id #4", "order_id": "123", "amount": "200"}
ANSWER = {
    "status": "1",
    "order_id": "1234",
    "transaction_id": "14951544812820",
    "amount_paid": "1000",
    "message": "Payment was successful",
}
TOKEN = "6bcc32c3cf4c6de03f4b3c967a36606d965d54cd51eb6cb7507555e2ad7b4521"


@pytest.mark.parametrize(
    ("fields", "hash_type", "printed"),
    [
        (("123",), "md5", "368c7a62e622a553107dc5b30849a5f2"),
        # The page's own value for this one fits no published secret; this is what its formula gives.
        (("123",), "sha256", "4bcdce4419809c98b10c198473421a4e5cc9656f76d865cefb096321f19c1f87"),
        (("160499101311679101",), "md5", "640a0a2f9bbf2a1e78b64f8849bfbf71"),
        (
            ("160499101311679101",),
            "sha256",
            "5685bce1a5c462c4a3f9d40440cab606f02886fbe246ae094f16c492754a2f6b",
        ),
        (("1577808000", "1577894399"), "md5", "5606f217f05896ae0937c7f96437327b"),
        (
            ("1577808000", "1577894399"),
            "sha256",
            "58e13aadcac0070a32c504949e2b2da6b0b4341828461eac5fbd101f5a481616",
        ),
    ],
)
def test_queries_sign_what_the_vendor_prints(fields, hash_type, printed):
    """Order, transaction and list, by both of the dashboard's hash types; the secret is in the message."""
    assert senangpay_query_signature(MERCHANT, QUERY_SECRET, *fields, hash_type=hash_type) == printed


def test_the_vendors_tokenization_request():
    """The printed sample, cut short on the page and whole in the OpenAPI description."""
    signature = senangpay_tokenization_signature(MERCHANT, SECRET, order_id="56")
    assert signature == "151bf4a479ed166d6b211528d0a0b452625c8fe83656489c82286fcb975889b5"
    other = senangpay_tokenization_signature("123456789", "34-9887", order_id="abc654321")
    assert other == "b1c011da15a64e5486c24c4b4e7f44099a82c180e85554b603533b6d4a7a4a3f"


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


def test_a_charge_signs_the_pages_example_values():
    """Name, email, phone, detail, order id and amount, in this order, which is not the form's."""
    signature = senangpay_charge_signature(MERCHANT, SECRET, **BUYER, **ORDER)
    assert signature == "ee11b1799bdd41d838a673e22f07fb3f5b63cd9ef0b1f197e63b541c133450f2"


def test_a_name_beyond_ascii_is_signed_as_utf8():
    """The bytes are those of the unencoded value."""
    buyer = BUYER | {"name": "Siti Nurhaliza Özil"}
    signature = senangpay_charge_signature(MERCHANT, SECRET, **buyer, **ORDER)
    assert signature == "b6ddb8c1783870b271e5b926950caab93d3d3fc77265a501fd8d8c38bbe21547"


def test_an_answer_signs_the_pages_sample_values():
    """A success and a decline; the status is first, and no blank stands after the order id."""
    signature = senangpay_charge_answer_signature(MERCHANT, SECRET, **ANSWER)
    assert signature == "8ecd59add2c02cf249d98e1d9e2e6dbf6efdfeac7e81db588ab4eb1f1ae97ac6"
    declined = ANSWER | {"status": "0", "amount_paid": "0", "transaction_id": "14951544812820"}
    declined |= {"message": "Insufficient funds", "amount_paid": "0"}
    signature = senangpay_charge_answer_signature(MERCHANT, SECRET, **declined)
    assert signature == "d2354c1cde1c1836ab91c55bcd1128b4c5def7b34284a0527e9522381fcf08cf"


def test_the_printed_blank_does_not_verify():
    """An answer signed with the blank that the page prints after the order id is a mismatch."""
    with_blank = "2e89a07dc3e1fe39a9236a37edea17fda91e76c04c27d1c89c577c5603b4c6d4"
    assert senangpay_charge_answer_signature(MERCHANT, SECRET, **ANSWER | {"order_id": "1234 "}) == with_blank
    with pytest.raises(SignatureMismatch):
        verify_senangpay_signature(
            senangpay_charge_answer_signature(MERCHANT, SECRET, **ANSWER), with_blank, what="the answer"
        )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"status_id": "1", "token": TOKEN, "cc_num": "1118", "cc_type": "mc", "message": "Card validate"},
            "36390e19af2c8e751c17d1a10b075f68a418672adb015aab7c9714703d67f0e9",
        ),
        (
            {"status_id": "0", "token": "0", "cc_num": "0000", "cc_type": "xx"}
            | {"message": "Card validation failed"},
            "9b77867294fd93c11305bda4ded50c50f3786984f346dabad47b59d713b6934f",
        ),
    ],
)
def test_a_tokenization_return_has_the_order_id_first(fields, expected):
    """Success and failure, in the opposite order of a charge's answer."""
    signature = senangpay_tokenization_return_signature(MERCHANT, SECRET, order_id="abc654321", **fields)
    assert signature == expected


def test_the_primitive_joins_without_separator():
    """A pre-authorisation's formula, which needs no function of its own; shifted fields sign alike."""
    signature = senangpay_signature(SECRET, MERCHANT, "Booking ID_4", "200")
    assert signature == "3b56d67ee786a172016f51f3b5d99d334b31c2b220089167c7608041c9d92c23"
    assert senangpay_signature(SECRET, MERCHANT, "Booking ID_42", "00") == signature


def test_a_hash_verifies_in_either_case_of_letters():
    """One client has seen capitals."""
    expected = senangpay_signature(SECRET, "x")
    verify_senangpay_signature(expected, expected, what="it")
    verify_senangpay_signature(expected, expected.upper(), what="it")


@pytest.mark.parametrize(
    "change", [lambda s: "", lambda s: s[:-1], lambda s: s + "0", lambda s: f" {s}", lambda s: "é\ud800" + s]
)
def test_any_other_hash_is_a_mismatch(change):
    """However odd the text, it is SignatureMismatch, which shows neither hash."""
    expected = senangpay_signature(SECRET, "x")
    with pytest.raises(SignatureMismatch, match="The hash of it does not verify") as error:
        verify_senangpay_signature(expected, change(expected), what="it")
    assert expected not in str(error.value)


@given(st.text(), st.text())
def test_other_text_signs_otherwise(one, other):
    """Lone surrogates, as a query string can bring them, included."""
    assume(one != other)
    assert senangpay_signature(SECRET, one) != senangpay_signature(SECRET, other)
    md5 = hashlib.md5(f"{MERCHANT}{SECRET}{one}".encode("utf-8", "surrogatepass")).hexdigest()
    assert senangpay_query_signature(MERCHANT, SECRET, one, hash_type="md5") == md5
