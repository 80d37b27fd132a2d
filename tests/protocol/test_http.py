# SPDX-License-Identifier: Apache-2.0
"""Exchanges as values show no secret."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from airflow_provider_sengo.protocol.http import Call, Request, Response, without_query


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.sengo.id/api/check/1?resendCallback=true", "https://api.sengo.id/api/check/1"),
        ("http://127.0.0.1:8800/api/balance", "http://127.0.0.1:8800/api/balance"),
        ("https://user:password@host/path?hash=1#part", "https://host/path"),
        ("path?secret=1", ":///path"),
    ],
)
def test_without_query_keeps_scheme_host_port_and_path(url, shown):
    """Query, fragment and user information are cut, for they may hold a secret."""
    assert without_query(url).lstrip(":/") == shown.lstrip(":/")


def test_no_repr_shows_headers_query_or_body():
    """A request, a response and a call name themselves without what is secret in them."""
    request = Request("POST", "https://h/qris?hash=s3cret", {"X-Client-Token": "s3cret"}, b"s3cret")
    response = Response(200, {"x": "s3cret"}, b"s3cret", datetime(2025, 1, 1, tzinfo=UTC))
    call = Call("create_qris", request, lambda response: response.status, False, "h-1a2b3c4d")
    assert repr(request) == "<Request POST https://h/qris>"
    assert repr(response) == "<Response 200, 6 bytes>"
    assert repr(call) == "<Call create_qris: <Request POST https://h/qris>>"
    assert call.parse(response) == 200


def test_values_are_frozen():
    """What was signed cannot be changed before it is sent."""
    request = Request("GET", "https://h/", {})
    assert request.body is None
    with pytest.raises(FrozenInstanceError):
        request.body = b"other"  # type: ignore[misc]


def test_a_call_has_no_default_for_repeatable():
    """Whoever builds a call says whether it may be sent twice."""
    with pytest.raises(TypeError):
        Call("x", Request("GET", "https://h/", {}), lambda response: None, gate_key="h")  # type: ignore[call-arg]
