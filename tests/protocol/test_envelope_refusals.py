# SPDX-License-Identifier: Apache-2.0
"""Which error a refusal is, with its code, status and advice, wherever they stand in it."""

from __future__ import annotations

import pytest
from envelope_answers import read, refused

from airflow_provider_sengo.exceptions import (
    DuplicateReference,
    NotAuthorized,
    NotFound,
    Rejected,
    Unavailable,
)

# The documented rows (docs.sengo.id/extras/errors), and the classes they are.
ROWS = [
    (400, "CREATE_FAILED", Rejected, "look the reference up"),
    (401, "UNAUTHORIZED", NotAuthorized, "Check the connection's key"),
    (401, "PRODUCT_ACCESS_ERROR", NotAuthorized, "enable this product"),
    (402, "INSUFFICIENT_BALANCE", Rejected, "Top the balance up"),
    (403, "UNAUTHORIZED", NotAuthorized, "this machine's address"),
    (403, "PAYMENT_INACTIVE_ERROR", NotAuthorized, "switch this payment channel on"),
    (404, "TRANSACTION_NOT_FOUND", NotFound, "seven days"),
    (409, "DUPLICATE_REFERENCE", DuplicateReference, "Look the reference up"),
    (422, "REQUEST_INVALID", Rejected, "will be refused again"),
    (429, "PAYMENT_INTERNAL_ERROR", Unavailable, "Try again later"),
    (500, "", Unavailable, "Try again later"),
    (503, "", Unavailable, "Try again later"),
]


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(
    ("http_of", "body_of"),
    [
        (lambda status: status, lambda status, code: refused(status, code or "Server Error")),
        (lambda status: status, lambda status, code: refused(status, f"Sorry: {code}. Bye")),
        (lambda status: status, lambda status, code: refused(status, "Maaf", error={"list": [code]})),
        (
            lambda status: status,
            lambda status, code: {"error": {"code": code, "text": "Maaf"}, "responseCode": 0},
        ),
        (lambda status: 200, lambda status, code: refused(status, code or "Server Error")),
        (lambda status: 200, lambda status, code: refused(status, "Maaf", errors=[{"code": code}])),
    ],
    ids=["code", "code in text", "code deep", "no responseCode", "inside a 200", "deep inside a 200"],
)
def test_every_documented_error(answer, row, http_of, body_of):
    """Each row is its class with status, code and advice, wherever the code stands, also inside a 200."""
    status, code, kind, advice = row
    with pytest.raises(Rejected) as error:
        read(answer(body_of(status, code), http_of(status)))
    assert type(error.value) is kind
    assert (error.value.http_status, error.value.code) == (status, code)
    assert advice in str(error.value)
    assert str(error.value).startswith(f"SenGo answered get_balance with {status}")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (401, NotAuthorized), (402, Rejected), (403, NotAuthorized), (404, NotFound),
     (405, Rejected), (409, DuplicateReference), (418, Rejected), (422, Rejected), (429, Unavailable),
     (500, Unavailable), (502, Unavailable), (599, Unavailable)],
)  # fmt: skip
@pytest.mark.parametrize("inside_a_200", [False, True])
def test_without_a_known_code_the_status_decides(answer, status, kind, inside_a_200):
    """Human text instead of a code falls back on the HTTP status, or on the responseCode inside a 200."""
    with pytest.raises(Rejected) as error:
        read(answer(refused(status, "Maaf, ada kesalahan"), 200 if inside_a_200 else status))
    assert type(error.value) is kind
    assert (error.value.http_status, error.value.code) == (status, "")
    assert ": Maaf, ada kesalahan. " in str(error.value)


def test_unavailable_carries_the_gateways_wish(answer):
    """Retry-After reaches the retry policy in seconds, also from an error inside a 200."""
    for status in (429, 200):
        with pytest.raises(Unavailable) as error:
            read(answer(refused(429, "PAYMENT_INTERNAL_ERROR"), status, {"retry-after": "7"}))
        assert error.value.retry_after_s == 7.0
    with pytest.raises(Unavailable) as error:
        read(answer("", 503))
    assert error.value.retry_after_s is None


def test_a_framework_message_is_quoted_too(answer):
    """Where responseMessage is missing, the text of ``message`` tells the reason."""
    with pytest.raises(Rejected, match=r"with 422: The amount field is required. Mend"):
        read(answer({"message": "The amount field is required."}, 422))


def test_codes_are_whole_words(answer):
    """A longer word that contains a known code is not that code."""
    with pytest.raises(Rejected) as error:
        read(answer(refused(422, "NOT_UNAUTHORIZED REQUEST_INVALID_X"), 422))
    assert error.value.code == ""


def test_the_message_outranks_other_fields(answer):
    """A code in responseMessage decides, wherever else another one stands."""
    body = {"viewName": "UNAUTHORIZED", **refused(422, "REQUEST_INVALID")}
    with pytest.raises(Rejected) as error:
        read(answer(body, 422))
    assert error.value.code == "REQUEST_INVALID"
