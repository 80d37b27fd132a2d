# SPDX-License-Identifier: Apache-2.0
"""Limits are checked when they are given, requests before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_sengo.protocol.http import Request
from airflow_provider_sengo.transport.options import (
    RESPONSE_BYTES_MAX,
    TransportOptions,
    check_request,
    check_url,
)
from airflow_provider_sengo.transport.sync import Transport
from airflow_provider_sengo.transport.tls import tls_context


@pytest.mark.parametrize(
    "url",
    [
        "https://api.sengo.id/api/v1/check/R-1",
        "https://api.sengo.id:8443/a?b=c%20d",
        "https://[2001:db8::1]/a",
        "http://127.0.0.1:8080/a",
        "http://127.9.9.9/a",
        "http://[::1]:1/a",
        "http://localhost:8080",
    ],
)
def test_url_that_may_be_asked(url):
    """https anywhere and plain http to this machine are fine."""
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.sengo.id/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://localhost.evil.example/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "https://user:secret@api.sengo.id/",
        "https://api.sengo.id/a b",
        "https://api.sengo.id/a\r\nX: y",
        "https://api.sengo.id/a#b",
        "https://api.sengo.id\\@evil.example/",
        "https://api.sengo.id:99999/",
        "https://api.sengo.id:0/",
        "https:///a",
        "https://a..b/",
        "https://" + "a" * 64 + ".id/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "HTTPS://api.sengo.id/",
        "",
    ],
)
def test_url_that_may_not_be_asked(url):
    """Everything else is a ValueError that repeats no secret."""
    with pytest.raises(ValueError, match=r"must|allowed|not send|no body") as caught:
        check_url(url)
    assert "secret" not in str(caught.value)


def test_the_refusal_of_plain_http_names_the_rule():
    """Who gets it wrong reads where plain http may go."""
    with pytest.raises(ValueError, match=r"127\.0\.0\.0/8, ::1, localhost"):
        check_url("http://api.sengo.id/")


@pytest.mark.parametrize(
    "request_",
    [
        Request("get", "https://a.id/", {}),
        Request("GET /x HTTP/1.1\r\nA: b\r\n\r\nGET", "https://a.id/", {}),
        Request("GET", "https://a.id/", {}, b""),
        Request("POST", "https://a.id/", {"Content-Length": "1"}, b"{}"),
        Request("POST", "https://a.id/", {"Host": "b.id"}, b"{}"),
        Request("POST", "https://a.id/", {"transfer-encoding": "chunked"}, b"{}"),
        Request("POST", "https://a.id/", {"X-Key": "secret\r\nX: y"}, b"{}"),
        Request("POST", "https://a.id/", {"X-Key": "secr\u00e9t"}, b"{}"),
        Request("POST", "https://a.id/", {"X-Key": " secret"}, b"{}"),
        Request("POST", "https://a.id/", {"X Key": "secret"}, b"{}"),
    ],
)
def test_request_that_could_be_read_as_another(request_):
    """A request that a library would change, or a server read as two, is refused without its secret."""
    with pytest.raises(ValueError, match=r"must|allowed|not send|no body") as caught:
        check_request(request_)
    assert "secr" not in str(caught.value)


@pytest.mark.parametrize(
    "limits",
    [
        {"timeout_s": 0},
        {"timeout_s": float("nan")},
        {"deadline_s": float("inf")},
        {"max_attempts": 0},
        {"response_bytes_max": 0},
        {"requests_per_second": 0.0},
        {"proxy": "socks5://user:secret@127.0.0.1:1"},
        {"proxy": "https://user:secret@proxy.example"},
        {"proxy": "proxy.example:3128"},
        {"proxy": "http://proxy.example:99999"},
        {"proxy": "http://proxy.example/path"},
    ],
)
def test_senseless_limits_are_refused(limits):
    """A limit that is none, or a proxy that only one library could use, is a ValueError."""
    with pytest.raises(ValueError, match=r"must|allowed|not send|no body") as caught:
        TransportOptions(**limits)
    assert "secret" not in str(caught.value)


def test_repr_shows_no_proxy_password():
    """The options may be logged."""
    options = TransportOptions(proxy="http://user:secret@proxy.example:3128")
    assert "secret" not in repr(options)
    assert "user" not in repr(options)
    assert "http://proxy.example:3128" in repr(options)
    assert options.response_bytes_max == RESPONSE_BYTES_MAX == 64 * 1024 * 1024


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_bundle_that_cannot_be_read(tmp_path, content):
    """A missing or senseless CA bundle is a ValueError before anything is sent."""
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(ValueError, match="ca_bundle"):
        Transport(TransportOptions(ca_bundle=str(path)))


def test_no_session_keys_are_written_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python obeys SSLKEYLOGFILE by itself; whoever can set it would read what is sent."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert tls_context(None).keylog_filename is None
