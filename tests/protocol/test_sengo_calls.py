# SPDX-License-Identifier: Apache-2.0
"""What holds for the calls of every endpoint: address, signature, errors, and that no bytes break them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sengo_calls import BASE, CALLS

from airflow_provider_sengo.exceptions import Rejected, SenGoProviderError
from airflow_provider_sengo.protocol import sengo
from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.protocol.sengo import Credentials
from airflow_provider_sengo.protocol.signing import sengo_signature


@pytest.mark.parametrize(
    ("name", "method", "url", "repeatable"),
    [
        ("get_balance", "GET", "/balance", True),
        ("list_transactions", "GET", "/transactions?page=1&status=success&date=2025-03-05&type=cashIn", True),
        ("list_rows", "GET", "/transactions?page=1&status=success&date=2025-03-05&type=cashIn", True),
        ("get_transaction", "GET", "/check/REF12", True),
        ("get_row", "GET", "/check/REF12", True),
        ("create_qris", "POST", "/qris", False),
        ("create_project", "POST", "/projects", False),
    ],
)
def test_every_call_says_where_it_goes_and_whether_it_may_be_repeated(
    credentials, name, method, url, repeatable
):
    """Method, URL, name, gate and repeatability are the documented ones; what creates is never repeatable."""
    call = CALLS[name](credentials)
    assert (call.name, call.request.method, call.request.url) == (name, method, BASE + url)
    assert call.repeatable is repeatable
    assert call.gate_key == credentials.project
    assert credentials.client_token not in repr(call)


@pytest.mark.parametrize("name", CALLS)
def test_every_request_is_signed_over_the_bytes_it_sends(credentials, name):
    """Key, token and signature travel in headers; a GET signs the key alone and has no body."""
    request = CALLS[name](credentials).request
    expected = {
        "X-Client-Key": credentials.client_key,
        "X-Client-Token": credentials.client_token,
        "X-Signature": sengo_signature(credentials.client_key, credentials.client_token, request.body or b""),
        "Accept": "application/json",
    }
    if request.method == "POST":
        expected["Content-Type"] = "application/json"
    assert dict(request.headers) == expected
    assert (request.body is None) is (request.method == "GET")


def test_a_base_url_may_end_in_a_slash(credentials):
    """One slash more in the connection makes no other URL."""
    other = Credentials(
        base_url=BASE + "/", client_key=credentials.client_key, client_token=credentials.client_token
    )
    assert sengo.get_balance(other).request.url == f"{BASE}/balance"


@pytest.mark.parametrize("name", CALLS)
def test_every_call_maps_errors_under_its_own_name(credentials, answer, name):
    """A refusal names the call, and the gateway's message loses what is secret."""
    signature = sengo_signature(credentials.client_key, credentials.client_token)
    message = f"REQUEST_INVALID {credentials.client_token} {credentials.client_key} {signature}"
    with pytest.raises(Rejected, match=f"answered {name} with 422") as error:
        CALLS[name](credentials).parse(answer({"responseCode": 422, "responseMessage": message}, 422))
    text = str(error.value)
    assert "<client_token> <client_key> <signature>" in text
    for secret in (credentials.client_token, credentials.client_key, signature):
        assert secret not in text


@given(
    st.binary() | st.binary().map(lambda data: b'{"responseCode":200,"responseMessage":"success",' + data),
    st.integers(min_value=200, max_value=599),
    st.sampled_from(sorted(CALLS)),
)
def test_no_bytes_break_a_call(body, status, name):
    """Whatever bytes come back, a call returns or raises one of this package's errors."""
    mine = Credentials(base_url=BASE, client_key="SC-1", client_token="t0ken")
    said = ""
    try:
        CALLS[name](mine).parse(Response(status, {}, body, datetime(2025, 3, 23, tzinfo=UTC)))
    except SenGoProviderError as error:
        said = str(error)
    assert "t0ken" not in said
