# SPDX-License-Identifier: Apache-2.0
"""The URL that stores a card is signed, and only what senangPay signed comes back as a card."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.exceptions import (
    Rejected,
    SenGoProviderError,
    SignatureMismatch,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.senangpay import CardToken, SenangPayCredentials
from airflow_provider_sengo.protocol.signing import senangpay_tokenization_return_signature

SECRET = "53-784"
CREDENTIALS = SenangPayCredentials(
    base_url=senangpay.BASE_URLS["sandbox"], merchant_id="543160464805574", secret_key=SECRET
)
TOKEN = "6bcc32c3cf4c6de03f4b3c967a36606d965d54cd51eb6cb7507555e2ad7b4521"
BUYER = {"name": "Abu Bin Ali", "email": "ahmad@google.com", "phone": "+60123456789"}
STORED = {
    "status_id": "1",
    "order_id": "abc654321",
    "token": TOKEN,
    "cc_num": "1118",
    "cc_type": "mc",
    "msg": "Card validate",
    "hash": "36390e19af2c8e751c17d1a10b075f68a418672adb015aab7c9714703d67f0e9",
}
FAILED = STORED | {
    "status_id": "0",
    "token": "0",
    "cc_num": "0000",
    "cc_type": "xx",
    "msg": "Card validation failed",
    "hash": "9b77867294fd93c11305bda4ded50c50f3786984f346dabad47b59d713b6934f",
}
CARD = CardToken(token=TOKEN, order_id="abc654321", last_four="1118", card_type="mc", message="Card validate")


def signed(**changes: str) -> dict[str, str]:
    """A return with other values, signed as senangPay would."""
    fields = STORED | changes
    names = {name: fields[name] for name in ("order_id", "status_id", "token", "cc_num", "cc_type")}
    signature = senangpay_tokenization_return_signature(
        CREDENTIALS.merchant_id, SECRET, **names, message=fields["msg"]
    )
    return fields | {"hash": signature}


def test_the_url_is_signed_and_percent_encoded():
    """To the byte; blanks are %20, so that no second decoding can make a plus of anything."""
    url = senangpay.tokenization_url(CREDENTIALS, order_id="56", **BUYER)
    assert url == (
        "https://sandbox.senangpay.my/tokenization/543160464805574?order_id=56&name=Abu%20Bin%20Ali"
        "&email=ahmad%40google.com&phone=%2B60123456789"
        "&hash=151bf4a479ed166d6b211528d0a0b452625c8fe83656489c82286fcb975889b5"
    )
    assert SECRET not in url
    assert dict(parse_qsl(urlsplit(url).query)).items() >= BUYER.items()


@pytest.mark.parametrize("name", ["order_id", "name", "email", "phone"])
@pytest.mark.parametrize("value", ["", " s3cret", "x" * 300, None, 1])
def test_the_urls_arguments_are_checked(name, value):
    """All are mandatory; the refusal names the one and quotes none."""
    with pytest.raises(ValueError, match=f"^{name}: ") as error:
        senangpay.tokenization_url(CREDENTIALS, **{"order_id": "56", **BUYER, name: value})
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    "params",
    [
        STORED,
        STORED | {"hash": STORED["hash"].upper()},
        STORED | {"utm_source": ["mail"]},
        STORED | {"status": "0"},
        {"status" if name == "status_id" else name: value for name, value in STORED.items()},
        urlencode(STORED),
        urlencode(STORED, quote_via=quote),
    ],
)
def test_a_verified_return_is_a_card(params):
    """Decoded fields or the query string itself; unknown fields do no harm."""
    assert senangpay.verify_tokenization_return(CREDENTIALS, params) == CARD
    assert senangpay.verify_tokenization_return(CREDENTIALS, params, order_id="abc654321") == CARD


@pytest.mark.parametrize(
    ("changes", "last_four", "card_type"),
    [
        ({"cc_num": "XXXXXXXXXXXX1118"}, "1118", "mc"),
        ({"cc_num": "************0042"}, "0042", "mc"),
        ({"cc_type": "vs"}, "1118", "vs"),
        ({"cc_type": "VISA"}, "1118", "VISA"),
    ],
)
def test_the_last_four_of_whatever_comes(changes, last_four, card_type):
    """The number may come masked, and the card type as a draft has it."""
    card = senangpay.verify_tokenization_return(CREDENTIALS, signed(**changes))
    assert (card.last_four, card.card_type) == (last_four, card_type)


def test_percent_signs_are_decoded_once():
    """A plus or a percent sign inside a value survives, so its hash verifies."""
    params = signed(order_id="a+b%20c", msg="100%25 + ok")
    card = senangpay.verify_tokenization_return(CREDENTIALS, urlencode(params))
    assert (card.order_id, card.message) == ("a+b%20c", "100%25 + ok")


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("value", ["", "0", "1", " ", "x"])
def test_any_tampering_is_a_mismatch(name, value):
    """Every field is signed, the hash itself included."""
    for changed in (value, STORED[name] + value, value + STORED[name]):
        if changed != STORED[name]:
            with pytest.raises(SignatureMismatch):
                senangpay.verify_tokenization_return(CREDENTIALS, STORED | {name: changed})


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("value", [None, 1, ["1"], b"1"])
def test_a_missing_or_odd_field_is_a_mismatch(name, value):
    """It is named; a list means that the field came twice."""
    for params in (STORED | {name: value}, {key: STORED[key] for key in STORED if key != name}):
        with pytest.raises(SignatureMismatch, match=f"lacks {name}, or has it"):
            senangpay.verify_tokenization_return(CREDENTIALS, params)


@pytest.mark.parametrize(
    "query", ["", "x", urlencode(STORED) + "&status_id=0", "a=1&" * 60 + urlencode(STORED)]
)
def test_an_odd_query_string_is_a_mismatch(query):
    """A repeated field, none, or too many."""
    with pytest.raises(SignatureMismatch):
        senangpay.verify_tokenization_return(CREDENTIALS, query)


def test_the_return_of_another_order_is_a_mismatch():
    """Signed, but not what this order's buyer was sent out for."""
    with pytest.raises(SignatureMismatch, match="for another order"):
        senangpay.verify_tokenization_return(CREDENTIALS, STORED, order_id="abc654322")


def test_a_verified_failure_is_rejected():
    """With the gateway's message."""
    with pytest.raises(Rejected, match=r"not stored: Card validation failed\. Have") as error:
        senangpay.verify_tokenization_return(CREDENTIALS, FAILED)
    assert error.value.code == senangpay.DECLINED


@pytest.mark.parametrize("status_id", ["2", "", "01"])
def test_another_status_is_unexpected(status_id):
    """Neither stored nor not."""
    with pytest.raises(UnexpectedResponse) as error:
        senangpay.verify_tokenization_return(CREDENTIALS, signed(status_id=status_id))
    assert error.value.json_path == "$.status_id"


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "0"},
        {"token": "000"},
        {"token": ""},
        {"token": "a b"},
        {"cc_num": "111"},
        {"cc_num": "51111118"},
        {"cc_num": ""},
        {"cc_type": "xx"},
        {"cc_type": ""},
        {"cc_type": "mcC"},
    ],
)
def test_a_card_without_its_documented_shape_is_a_mismatch(changes):
    """The hash has no separators, so shape is part of what proves a return."""
    with pytest.raises(SignatureMismatch, match="documented shape"):
        senangpay.verify_tokenization_return(CREDENTIALS, signed(**changes))


@given(st.lists(st.integers(0, 60), min_size=5, max_size=5).map(sorted))
def test_a_failure_cannot_be_cut_anew_into_a_card(cuts):
    """The signed text of a failure, divided in any other way, is never a stored card."""
    failure = signed(**{name: FAILED[name] for name in FAILED if name != "hash"} | {"order_id": "abc1"})
    text = "".join(failure[name] for name in ("order_id", "status_id", "token", "cc_num", "cc_type", "msg"))
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    names = ("order_id", "status_id", "token", "cc_num", "cc_type", "msg")
    with pytest.raises(SenGoProviderError):
        senangpay.verify_tokenization_return(
            CREDENTIALS, dict(zip(names, parts, strict=True)) | {"hash": failure["hash"]}
        )


def test_no_error_shows_a_token_or_a_hash():
    """Nor does the card itself when it is logged."""
    texts = [repr(CARD), str(CARD)]
    for params in (
        STORED | {"msg": "x"},
        STORED | {"cc_num": "1"},
        signed(cc_num="1"),
        signed(status_id="2"),
        signed(status_id="0", msg=f"{TOKEN} {SECRET}"),
        signed(msg=f"{TOKEN} {SECRET}"),
    ):
        try:
            texts.append(repr(senangpay.verify_tokenization_return(CREDENTIALS, params)))
        except SenGoProviderError as error:
            texts.append(repr(error))
    for secret in (TOKEN, SECRET, STORED["hash"]):
        assert secret not in " ".join(texts)


@given(st.dictionaries(st.sampled_from(list(STORED)), st.text() | st.none() | st.integers()) | st.text())
def test_any_params_are_one_of_our_errors(params):
    """Without the secret nobody makes a card."""
    with pytest.raises(SignatureMismatch):
        senangpay.verify_tokenization_return(CREDENTIALS, params)
