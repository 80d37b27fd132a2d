# SPDX-License-Identifier: Apache-2.0
"""Bodies are PHP's own text, and signatures are the documented ones.

senangPay's are held against the vendor's printed samples, and our own of its examples.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from senangpay_samples import ANSWER, BUYER, CARD_TOKEN, MERCHANT, ORDER, QUERY_SECRET, SECRET

from airflow_provider_sengo.exceptions import SignatureMismatch
from airflow_provider_sengo.protocol.signing import (
    php_json,
    senangpay_charge_answer_signature,
    senangpay_charge_signature,
    senangpay_query_signature,
    senangpay_signature,
    senangpay_tokenization_return_signature,
    senangpay_tokenization_signature,
    sengo_signature,
    verify_senangpay_signature,
    verify_sengo_signature,
)

KEY = "SC-EXAMPLE000000001"
TOKEN = "example-token-not-a-real-secret-0001"
BODY = {
    "reference": "REFF012",
    "amount": 10000,
    "expiryMinutes": 30,
    "viewName": "Merchant Name",
    "additionalInfo": {"callback": "http://your-site-callback.com/notify"},
}
VECTORS = json.loads((Path(__file__).parent / "php_json_vectors.json").read_text())


def test_the_signature_of_a_get_covers_the_key_alone():
    """Without a body the signature is the HMAC-SHA512 of the key."""
    assert sengo_signature(KEY, TOKEN) == (
        "6add4f2e5d95160dba31a7b429ad38429a820621ffe67f556d711c25459093ab"
        "1c1ea16f8d7ab2bb1ae42c76e8a90a2c4ae4752e9310d13463d796a80de7c7b6"
    )


def test_the_signature_of_the_documented_body():
    """The page's own sample body gives PHP's bytes and PHP's signature."""
    body = php_json(BODY)
    assert body == (
        b'{"reference":"REFF012","amount":10000,"expiryMinutes":30,"viewName":"Merchant Name",'
        b'"additionalInfo":{"callback":"http:\\/\\/your-site-callback.com\\/notify"}}'
    )
    assert sengo_signature(KEY, TOKEN, body) == (
        "7d11116d2417be0264961843abc2834499f3fa1f0e043d55e1e63955ffddb501"
        "3e2002e6887c5b2ba692f25cab4e7b711622583445ec847fc4298917e2dd8085"
    )


def test_the_signature_of_a_name_beyond_ascii():
    """Accents, quotes, slashes and emoji are escaped as PHP escapes them."""
    body = php_json(BODY | {"viewName": 'Café/Bar "Senja" 😀'})
    assert rb'"viewName":"Caf\u00e9\/Bar \"Senja\" \ud83d\ude00"' in body
    assert sengo_signature(KEY, TOKEN, body) == (
        "63b96bffdc2ceb0458a7a2fa2206c7b0d4b20c34d1b8a63f051b7c59372c2667"
        "3ef29f85ba28539f29b35fff9cf341338a336108155b95edeb6aaa75294ee1a4"
    )


def test_the_vectors_made_by_php():
    """Several hundred random bodies have the bytes and signatures that PHP gave them."""
    assert len(VECTORS["vectors"]) >= 300
    for vector in VECTORS["vectors"]:
        body = php_json(vector["body"])
        assert body.decode("ascii") == vector["json_encode"]
        assert sengo_signature(VECTORS["client_key"], VECTORS["client_token"], body) == vector["hash_hmac"]


@pytest.mark.parametrize(
    ("body", "place", "rule"),
    [
        ({"amount": 1.0}, "amount", "float is not allowed"),
        ({"amount": float("nan")}, "amount", "float is not allowed"),
        ({"amount": 2**63}, "amount", "64 bits"),
        ({"amount": -(2**63) - 1}, "amount", "64 bits"),
        ({"additionalInfo": {}}, "additionalInfo", "empty object"),
        ({}, "the body", "empty object"),
        ({"additionalInfo": {"callback": ""}}, "additionalInfo.callback", "empty string"),
        ({"a": [1, {"b": ["x", "x\x7fy"]}]}, r"a\[1\].b\[1\]", "DEL"),
        ({"name": "a\ud800z"}, "name", "surrogate"),
        (["a\udfffz"], r"\[0\]", "surrogate"),
        ({"a": b"bytes"}, "a", "bytes is not allowed"),
        ({"a": (1, 2)}, "a", "tuple is not allowed"),
        ({"a": {1: 2}}, "a", "a key must be a str, not int"),
        ({"a": {None: 2}}, "a", "a key must be a str, not NoneType"),
        ({"a": {"\0b": 2}}, "a", "NUL"),
        ({"a": {"b\x7f": 2}}, "a", "in a key: .*DEL"),
        ({"a": {"b\ud83d": 2}}, "a", "in a key: .*surrogate"),
        ({"a": {"0": 1}}, "a", "read as a list"),
        ({"a": {"0": 1, "1": 2}}, "a", "read as a list"),
        (1.5, "the body", "float is not allowed"),
    ],
)
def test_what_php_would_change_is_refused(body, place, rule):
    """Each thing that PHP decodes and encodes to other bytes is refused with its place and the rule."""
    with pytest.raises(ValueError, match=f"^{place}: .*{rule}"):
        php_json(body)


@pytest.mark.parametrize(
    "blank", list("\0\t\n\v\f\r \x85\xa0\xad\u180e\u2003\u200b\u200d\u2028\u2029\u202f\u2060\u3000\ufeff")
)
def test_blanks_at_the_ends_are_refused_and_inside_are_kept(blank):
    """A string whose end a gateway may trim is refused at either end; inside it stays as it is."""
    for text in (f"{blank}x", f"x{blank}", blank, f"x\n{blank}"):
        with pytest.raises(ValueError, match=r"^viewName: must not begin or end with a blank"):
            php_json({"viewName": text})
    assert json.loads(php_json({"viewName": f"x{blank}x"})) == {"viewName": f"x{blank}x"}


@pytest.mark.parametrize(
    "body", [{"1": 1}, {"0": 1, "2": 2}, {"1": 1, "0": 2}, {"0": 1, "a": 2}, {"00": 1}, {"": 1}, {"a": []}]
)
def test_keys_that_only_resemble_a_list_pass(body):
    """Digits as keys are refused only where PHP takes the whole for a list."""
    assert json.loads(php_json(body)) == body


def test_errors_never_quote_the_value():
    """A secret in a wrong place does not reach the log through the error."""
    with pytest.raises(ValueError, match="token") as error:
        php_json({"token": "s3cret "})
    assert "s3cret" not in str(error.value)


def _nested(levels: int, *, in_dicts: bool) -> object:
    body: object = 1
    for _ in range(levels):
        body = {"a": body} if in_dicts else [body]
    return body


@pytest.mark.parametrize("in_dicts", [True, False])
def test_nesting_ends_where_php_gives_up(in_dicts):
    """511 levels are encoded and 512 are refused, without running out of stack."""
    assert php_json(_nested(511, in_dicts=in_dicts))
    with pytest.raises(ValueError, match="nested 512 levels"):
        php_json(_nested(512, in_dicts=in_dicts))
    with pytest.raises(ValueError, match="nested 512 levels"):
        php_json(_nested(100_000, in_dicts=in_dicts))


def test_a_body_within_itself_is_refused():
    """A circular body ends at the nesting limit instead of running for ever."""
    body: dict[str, object] = {}
    body["a"] = body
    with pytest.raises(ValueError, match="nested 512 levels"):
        php_json(body)


def test_a_callback_verifies_in_either_case():
    """The right signature passes, also in capitals and with blanks around."""
    body = b'{"responseCode":200}'
    signature = sengo_signature(KEY, TOKEN, body)
    verify_sengo_signature(KEY, TOKEN, body, signature)
    verify_sengo_signature(KEY, TOKEN, body, f" {signature.upper()} ")


@pytest.mark.parametrize(
    "change", [lambda s: "", lambda s: s[:-1], lambda s: s + "0", lambda s: "é\ud800" + s]
)
def test_a_wrong_signature_is_a_mismatch(change):
    """Any other text, however odd, is SignatureMismatch and shows neither signature nor token."""
    body = b'{"responseCode":200}'
    signature = sengo_signature(KEY, TOKEN, body)
    with pytest.raises(SignatureMismatch) as error:
        verify_sengo_signature(KEY, TOKEN, body, change(signature))
    assert signature not in str(error.value)
    assert TOKEN not in str(error.value)


@given(st.binary(), st.binary())
def test_a_changed_body_does_not_verify(body, other):
    """A signature is good for its own body only."""
    assume(body != other)
    with pytest.raises(SignatureMismatch):
        verify_sengo_signature(KEY, TOKEN, other, sengo_signature(KEY, TOKEN, body))


# senangPay, from here on.


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


def test_a_charge_signs_the_pages_example_values():
    """Name, email, phone, detail, order id and amount, in this order, which is not the form's."""
    signature = senangpay_charge_signature(MERCHANT, SECRET, **BUYER, **ORDER)
    assert signature == "ee11b1799bdd41d838a673e22f07fb3f5b63cd9ef0b1f197e63b541c133450f2"


def test_an_answer_signs_the_pages_sample_values():
    """A success and a decline; the status is first, and no blank stands after the order id."""
    signature = senangpay_charge_answer_signature(MERCHANT, SECRET, **ANSWER)
    assert signature == "8ecd59add2c02cf249d98e1d9e2e6dbf6efdfeac7e81db588ab4eb1f1ae97ac6"
    declined = ANSWER | {"status": "0", "amount_paid": "0", "transaction_id": "14951544812820"}
    declined |= {"message": "Insufficient funds", "amount_paid": "0"}
    signature = senangpay_charge_answer_signature(MERCHANT, SECRET, **declined)
    assert signature == "d2354c1cde1c1836ab91c55bcd1128b4c5def7b34284a0527e9522381fcf08cf"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {
                "status_id": "1",
                "token": CARD_TOKEN,
                "cc_num": "1118",
                "cc_type": "mc",
                "message": "Card validate",
            },
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
