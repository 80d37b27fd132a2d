# SPDX-License-Identifier: Apache-2.0
"""Credentials name their gate and hide their secrets."""

from __future__ import annotations

import hashlib
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.senangpay import BASE_URLS, HASH_TYPES, SenangPayCredentials

MERCHANT, SECRET = "543160464805574", "SK-s3cret/+key"


def made(**changes: object) -> SenangPayCredentials:
    given = {"base_url": BASE_URLS["sandbox"], "merchant_id": MERCHANT, "secret_key": SECRET}
    return SenangPayCredentials(**(given | changes))  # type: ignore[arg-type]


def test_the_hosts_are_the_vendors():
    """The sandbox is another host, whatever the page's table says."""
    assert BASE_URLS == {"sandbox": "https://sandbox.senangpay.my", "production": "https://app.senangpay.my"}
    assert HASH_TYPES == ("sha256", "md5")
    assert made().hash_type == "sha256"


def test_no_repr_shows_merchant_id_or_secret_key():
    """What a log may print of credentials is where they belong."""
    assert repr(made()) == (
        "SenangPayCredentials(base_url='https://sandbox.senangpay.my', hash_type='sha256')"
    )


def test_a_gate_is_host_and_fingerprint():
    """Calls of one merchant at one host share a pace; the key holds no secret."""
    fingerprint = hashlib.sha256(MERCHANT.encode()).hexdigest()[:8]
    assert made().gate_key == f"sandbox.senangpay.my-{fingerprint}"
    keys = {made().gate_key, made(merchant_id="1").gate_key, made(base_url="http://127.0.0.1:1").gate_key}
    assert len(keys) == 3
    assert made(secret_key="another").gate_key == made().gate_key


@pytest.mark.parametrize("value", ["", " ", "1:2", "1/2", "1 ", "1\n", "é", "1" * 65, None, 543160464805574])
def test_odd_merchant_ids_are_refused(value):
    """A colon would become a Basic password, a slash another path, and an int would lose a leading zero."""
    with pytest.raises(ValueError, match=r"^merchant_id: must be 1 to 64 ASCII digits"):
        made(merchant_id=value)


@pytest.mark.parametrize("value", ["", " ", "s3cret key", "s3cret\n", "é", None, 1, b"s3cret"])
def test_odd_secret_keys_are_refused(value):
    """The refusal does not quote it."""
    with pytest.raises(ValueError, match=r"^secret_key: must be printable ASCII") as error:
        made(secret_key=value)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("value", ["", "SHA256", "sha1", None])
def test_odd_hash_types_are_refused(value):
    """The dashboard offers two."""
    with pytest.raises(ValueError, match=r"^hash_type: must be one of sha256, md5"):
        made(hash_type=value)


@pytest.mark.parametrize(
    "base_url", ["", "http://sandbox.senangpay.my", "https://u:s3cret@x", "https://x?a=1"]
)
def test_odd_base_urls_are_refused(base_url):
    """Plain http goes to loopback only; the rule is SenGo's."""
    with pytest.raises(ValueError, match=r"^base_url: ") as error:
        made(base_url=base_url)
    assert "s3cret" not in str(error.value)


def test_redaction_removes_every_spelling():
    """Secret key, hashes of either kind, and whatever else is named: plain, encoded, in capitals."""
    token, email = "tok/en+1", "ahmad@google.com"
    md5, sha256 = hashlib.md5(b"").hexdigest(), hashlib.sha256(b"").hexdigest()
    secrets = [SECRET, token, email]
    spellings = [f(s) for s in secrets for f in (str, quote, quote_plus, str.upper)]
    spellings += [s.replace("/", "\\/") for s in secrets] + [md5, sha256, sha256.upper()]
    text = made().redact(" | ".join(spellings), token, email, "")
    for spelling in spellings:
        assert spelling.lower() not in text.lower()
    assert text.count("<secret_key>") == 5
    assert text.count("<hash>") == 3


def test_redaction_leaves_other_text_alone():
    """Transaction ids, order ids and amounts stay readable."""
    text = "Payment was successful: 15899864888614642, order 3432D4, RM 24.50"
    assert made().redact(text) == text


@given(st.text(), st.text(), st.text(st.characters(exclude_categories=["Cs"]), min_size=4).map("t0k".__add__))
def test_no_token_survives_redaction(before, after, token):
    """Whatever surrounds it."""
    text = made(secret_key="~~~~~~").redact(before + token + after, token)
    assert token not in text
