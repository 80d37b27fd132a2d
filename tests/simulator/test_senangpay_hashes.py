# SPDX-License-Identifier: Apache-2.0
"""The simulator's own senangPay hashes against the vendor's printed vectors and recomputed ones."""

import pytest

from airflow_provider_sengo.simulator import senangpay_hashes as hashes

MERCHANT, SECRET, OLDER_SECRET = "543160464805574", "53-784", "21245-957"
CHARGE = {
    "name": "Abu Bin Ali",
    "email": "ahmad@google.com",
    "phone": "0109876543",
    "detail": "Order for product id #4",
    "order_id": "123",
    "amount": "200",
}
PAID = {
    "status": 1,
    "order_id": "1234",
    "transaction_id": "14951544812820",
    "amount_paid": 1000,
    "msg": "Payment was successful",
}
RETURNED = {
    "order_id": "abc654321",
    "status_id": "1",
    "token": "6bcc32c3cf4c6de03f4b3c967a36606d965d54cd51eb6cb7507555e2ad7b4521",
    "cc_num": "1118",
    "cc_type": "mc",
    "msg": "Card validate",
}
FAILED_RETURN = RETURNED | {
    "status_id": "0",
    "token": "0",
    "cc_num": "0000",
    "cc_type": "xx",
    "msg": "Card validation failed",
}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "ee11b1799bdd41d838a673e22f07fb3f5b63cd9ef0b1f197e63b541c133450f2"),
        (
            {"name": "Siti Nurhaliza Özil"},
            "b6ddb8c1783870b271e5b926950caab93d3d3fc77265a501fd8d8c38bbe21547",
        ),
    ],
    ids=["U1", "U7"],
)
def test_charge_request(changes, wanted):
    """U1 and U7: a charge request's hash, UTF-8 included."""
    assert hashes.charge_request(SECRET, MERCHANT, CHARGE | changes) == wanted


def test_charge_answer():
    """U2: a paid answer's hash. U4: a declined one's."""
    declined = PAID | {"status": 0, "amount_paid": 0, "msg": "Insufficient funds"}
    paid_hash = "8ecd59add2c02cf249d98e1d9e2e6dbf6efdfeac7e81db588ab4eb1f1ae97ac6"
    declined_hash = "d2354c1cde1c1836ab91c55bcd1128b4c5def7b34284a0527e9522381fcf08cf"
    assert hashes.charge_answer(SECRET, MERCHANT, PAID) == paid_hash
    assert hashes.charge_answer(SECRET, MERCHANT, declined) == declined_hash


def test_charge_answer_with_the_stray_blank():
    """U3: the documents' blank makes another hash, which a fault can send."""
    stray = "2e89a07dc3e1fe39a9236a37edea17fda91e76c04c27d1c89c577c5603b4c6d4"
    assert hashes.charge_answer(SECRET, MERCHANT, PAID, blank=" ") == stray


def test_token_return():
    """U5 and U6: the hash of a tokenization's return, success and failure."""
    good = "36390e19af2c8e751c17d1a10b075f68a418672adb015aab7c9714703d67f0e9"
    bad = "9b77867294fd93c11305bda4ded50c50f3786984f346dabad47b59d713b6934f"
    assert hashes.token_return(SECRET, MERCHANT, **RETURNED) == good
    assert hashes.token_return(SECRET, MERCHANT, **FAILED_RETURN) == bad


def test_token_request():
    """V13: the vendor's own request hash, with the key that its page does not print."""
    wanted = "151bf4a479ed166d6b211528d0a0b452625c8fe83656489c82286fcb975889b5"
    assert hashes.token_request(SECRET, MERCHANT, "56") == wanted


@pytest.mark.parametrize(
    ("asked", "hash_type", "wanted"),
    [
        (["123"], "md5", "368c7a62e622a553107dc5b30849a5f2"),
        (["123"], "sha256", "4bcdce4419809c98b10c198473421a4e5cc9656f76d865cefb096321f19c1f87"),
        (["160499101311679101"], "md5", "640a0a2f9bbf2a1e78b64f8849bfbf71"),
        (
            ["160499101311679101"],
            "sha256",
            "5685bce1a5c462c4a3f9d40440cab606f02886fbe246ae094f16c492754a2f6b",
        ),
        (["1577808000", "1577894399"], "md5", "5606f217f05896ae0937c7f96437327b"),
        (
            ["1577808000", "1577894399"],
            "sha256",
            "58e13aadcac0070a32c504949e2b2da6b0b4341828461eac5fbd101f5a481616",
        ),
    ],
    ids=["V7", "V8 as it should be", "V9", "V10", "V11", "V12"],
)
def test_query(asked, hash_type, wanted):
    """The vendor's query hashes; of V8 the right value, not the misprint."""
    assert hashes.query(OLDER_SECRET, MERCHANT, *asked, hash_type=hash_type) == wanted


def test_capitals_do_not_matter():
    """Hex in capitals is the same hash; anything else is not."""
    assert hashes.same_hash("ABCDEF", "abcdef")
    assert not hashes.same_hash("abcdee", "abcdef")
    assert not hashes.same_hash("ab\ud800", "abcdef")
