# SPDX-License-Identifier: Apache-2.0
"""Credentials name their project and hide their secrets."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.sengo import BASE_URLS, Credentials
from airflow_provider_sengo.protocol.signing import sengo_signature

FINGERPRINT = hashlib.sha256(b"SC-1").hexdigest()[:8]


def made(**changes: object) -> Credentials:
    given = {"base_url": "https://api.sengo.id/api", "client_key": "SC-1", "client_token": "s3cret"}
    return Credentials(**(given | changes))  # type: ignore[arg-type]


def test_no_repr_shows_key_or_token():
    """What a log may print of credentials is where they belong, not what they are."""
    assert repr(made()) == "Credentials(base_url='https://api.sengo.id/api')"


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        (BASE_URLS["sandbox"], "api.sandbox.sengo.id"),
        (BASE_URLS["production"], "api.sengo.id"),
        ("HTTPS://API.Sengo.ID:443/api/", "api.sengo.id"),
        ("https://api.sengo.id./other", "api.sengo.id"),
        ("https://api.sengo.id:8443/api", "api.sengo.id:8443"),
        ("http://127.0.0.1:8800/api", "127.0.0.1:8800"),
        ("http://localhost:80/api", "localhost"),
        ("http://[::1]:8800/api", "::1:8800"),
        ("https://a_b.example/%7E", "a_b.example"),
    ],
)
def test_a_project_is_host_port_and_fingerprint(base_url, host):
    """One gateway and key are one project however the URL is spelled; another key is another project."""
    assert made(base_url=base_url).project == f"{host}-{FINGERPRINT}"
    assert made(base_url=base_url, client_key="SC-2").project != made(base_url=base_url).project


def test_a_project_is_safe_as_a_partitions_value():
    """No character of a project can leave a path or needs a rule of its own."""
    for base_url in ("https://host%2f..%2f/api", "https://ho!st$(x)/api", "https://h*st/api"):
        assert re.fullmatch(r"[a-z0-9._:-]+", made(base_url=base_url).project)


@pytest.mark.parametrize("name", ["client_key", "client_token"])
@pytest.mark.parametrize("value", ["", " ", "a b", "a\r\nX-Evil: 1", "a\0", "é", None, 1, b"a"])
def test_keys_that_no_header_can_carry_are_refused(name, value):
    """A key or token with blanks, line ends or non-ASCII is a ValueError that does not quote it."""
    with pytest.raises(ValueError, match=f"^{name}: must be printable ASCII") as error:
        made(**{name: value})
    assert "Evil" not in str(error.value)


@pytest.mark.parametrize(
    ("base_url", "rule"),
    [
        ("", "printable"),
        (None, "printable"),
        ("https://a b/api", "printable"),
        ("api.sengo.id/api", "begin with https://"),
        ("ftp://api.sengo.id", "begin with https://"),
        ("https:///api", "begin with https://"),
        ("https://api.sengo.id:0/api", "begin with https://"),
        ("https://api.sengo.id:port/api", "not a URL"),
        ("https://api.sengo.id:99999/api", "not a URL"),
        ("https://[::1/api", "not a URL"),
        ("http://api.sengo.id/api", "loopback only"),
        ("http://127.0.0.1.example/api", "loopback only"),
        ("http://10.0.0.1/api", "loopback only"),
        ("https://user:s3cret@api.sengo.id/api", "no user"),
        ("https://api.sengo.id/api?x=s3cret", "no user"),
        ("https://api.sengo.id/api?", "no user"),
        ("https://api.sengo.id/api#s3cret", "no user"),
    ],
)
def test_base_urls_that_would_leak_or_miss_are_refused(base_url, rule):
    """Plain http beyond loopback, user information, queries and non-URLs are named, never quoted."""
    with pytest.raises(ValueError, match=f"^base_url: .*{rule}") as error:
        made(base_url=base_url)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_plain_http_goes_to_loopback(host):
    """The simulator is reached without TLS on every spelling of loopback."""
    assert made(base_url=f"http://{host}:8800/api").base_url == f"http://{host}:8800/api"


def test_redaction_removes_key_token_and_signatures_in_every_spelling():
    """Plain, percent-encoded, JSON-escaped, in capitals: none of the secrets is left in a text."""
    token, key = "t/k+n=%1", "SC-1/a"
    mine = made(client_key=key, client_token=token)
    signature = sengo_signature(key, token, b"{}")
    spellings = [token, key, signature, signature.upper(), quote(token, safe=""), quote(key, safe="")]
    spellings += [token.replace("/", "\\/"), key.replace("/", "\\/"), token.upper(), key.lower()]
    text = mine.redact(" | ".join(f"x{spelling}y" for spelling in spellings if spelling))
    for spelling in spellings[:2] + spellings[4:]:
        assert spelling.lower() not in text.lower()
    assert text.count("<client_token>") == text.count("<client_key>") == 4
    assert mine.redact(f"sig={signature}.") == "sig=<signature>."


def test_redaction_leaves_other_text_alone():
    """Ids, amounts and short digests stay readable."""
    text = "66e934f6-f5d6-4f1c-bb3d-450ec2873782 costs 10000, digest 0123456789abcdef"
    assert made().redact(text) == text


@given(st.text(), st.text(), st.from_regex(r"[!-~]{6,40}", fullmatch=True))
def test_no_token_survives_redaction(before, after, token):
    """Whatever surrounds it, a token of any printable characters is gone."""
    mine = made(client_key="<client_token>", client_token=token)
    assert (
        token.lower() not in mine.redact(before + token + after).lower() or token.lower() in "<client_token>"
    )
