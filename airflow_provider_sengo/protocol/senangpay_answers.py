# SPDX-License-Identifier: Apache-2.0
"""What an answer of senangPay means: which HTTP status and body is a record, and which is which error.

The vendor publishes no error table: 200 and 401, "status 0" and "an error message" is all. So nothing but the
gateway's own words is taken for "no such order". Charges are judged in ``senangpay_charge``.
No error text may hold a secret or a value of the answer, except the gateway's message, redacted.
Source: guide.senangpay.com, Tokenization API, sections 1.3, 2.3, 3.3; queries: as clients' code reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from airflow_provider_sengo.exceptions import (
    NotAuthorized,
    Rejected,
    Unavailable,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol.envelope import DECODE_ERRORS, one_line
from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.protocol.retry import retry_after_s
from airflow_provider_sengo.protocol.senangpay_credentials import SenangPayCredentials
from airflow_provider_sengo.protocol.senangpay_records import (
    OrderPayment,
    TokenStatus,
    TokenValidation,
    read_order_payment,
)

# What to do where a lost answer matters.
LOOK_UP = {
    "charge_token": "Whether the card was charged is not known: look the order up before anything else.",
    "toggle_token": "Whether the card was switched is not known: validate the token before anything else.",
}
_BAD_CREDENTIALS = re.compile(
    r"\bhash\b|signature|credential|unauthori[sz]ed|not authori[sz]ed|unauthenticated"
    r"|\b(?:invalid|unknown|wrong|inactive|no such) merchant\b"
    r"|\bmerchant\b[^.]{0,40}\b(?:not found|not exist|invalid|inactive|unknown)\b",
    re.IGNORECASE,
)
_THING = r"(?:transaction|order|record|data|payment|result)s?"
_NOTHING_FOUND = re.compile(
    rf"\bno {_THING}\b[^.]{{0,20}}\bfound\b|\b{_THING} (?:was |were |is )?not found\b|\b{_THING} does not exist\b",
    re.IGNORECASE,
)
_STATE = re.compile(r"\b(enabled|disabled)\b", re.IGNORECASE)
_DENIAL = re.compile(r"\b(?:not|cannot|can't|unable|fail\w*|error|invalid)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What an answer is judged against: the call's name, who asked, and what no error may show."""

    call_name: str
    credentials: SenangPayCredentials
    secrets: tuple[str, ...] = ()

    def redact(self, text: str) -> str:
        return self.credentials.redact(text, *self.secrets)

    def refusal(self, fields: Mapping[str, Any] | None, http_status: int, advice: str) -> str:
        """The text of an error: the gateway's message on one line, and what to do."""
        message = one_line(_said(fields or {}), self.redact)
        return f"senangPay answered {self.call_name} with {http_status}{message}. {advice}"

    def unexpected(self, what: str, json_path: str = "$") -> UnexpectedResponse:
        advice = LOOK_UP.get(self.call_name) or (
            "Nothing of it was used; if it stays so, ask senangPay, or look for a newer release of this provider."
        )
        return UnexpectedResponse(
            f"senangPay's answer to {self.call_name} {what} (at {json_path}). {advice}", json_path=json_path
        )


def read_object(response: Response, asked: Asked) -> dict[str, Any]:
    """The JSON object of an answer that is neither a failure of the gateway nor refuses the merchant.

    Raises: Unavailable (429, 5xx), NotAuthorized (401, 403), UnexpectedResponse (a redirect, no JSON object,
    or a success inside an HTTP error, which contradicts itself).
    """
    fields, http = _json_object(response.body), response.status
    if fields is not None and http >= 300 and status_of(fields) == 1:
        raise asked.unexpected(f"is HTTP {http}, but says success inside", "$.status")
    if http == 429 or http >= 500:
        text = asked.refusal(fields, http, LOOK_UP.get(asked.call_name) or "Try again later.")
        wait_s = retry_after_s(response.headers, response.received_at)
        raise Unavailable(text, http_status=http, retry_after_s=wait_s)
    if http in (401, 403):
        raise _not_authorized(asked, fields, http)
    if 300 <= http < 400:
        what = f"is a redirect (HTTP {http}), which is never followed"
        raise asked.unexpected(f"{what}; put the final address into the connection's host")
    if fields is None:
        what = f"is HTTP {http} with a body that is not a JSON object (an HTML page, or cut short)"
        if http == 404:
            what += "; the connection's base URL is probably wrong (senangPay's ends before /apiv1)"
        raise asked.unexpected(what)
    return fields


def read_validation(response: Response, asked: Asked, token: str) -> TokenValidation:
    """Whether the token is valid; an HTTP error is no verdict on it.

    Raises: Rejected and its kinds, UnexpectedResponse.
    """
    fields = _read_verdict(response, asked)
    status, echoed = status_of(fields), _echoed_state(fields, asked, token)
    if status is None:
        raise asked.unexpected("does not say whether the token is valid", "$.status")
    if response.status >= 300:
        text = asked.refusal(
            fields, response.status, "It does not say in so many words that the token is bad."
        )
        raise Rejected(text, http_status=response.status)
    return TokenValidation(valid=status == 1 and echoed != "disabled", message=asked.redact(_said(fields)))


def read_toggle(response: Response, asked: Asked, token: str) -> TokenStatus:
    """The state after the toggle, from the words of ``msg``: there is no field for it.

    Raises: Rejected and its kinds; UnexpectedResponse unless exactly one of "enabled" and "disabled" stands
    there and nothing denies it. Unconfirmed: that the one for an enabled card says "enabled"; only
    "Credit card successfully disabled" is printed.
    """
    fields = _read_verdict(response, asked)
    if status_of(fields) == 0:
        raise Rejected(
            asked.refusal(fields, response.status, "Check the token."), http_status=response.status
        )
    _echoed_state(fields, asked, token)
    said = _said(fields)
    words = {word.lower() for word in _STATE.findall(said)}
    if len(words) != 1 or _DENIAL.search(said):
        raise asked.unexpected("does not say whether the card is enabled or disabled now", "$.msg")
    return TokenStatus(enabled=words == {"enabled"}, message=asked.redact(said))


def read_rows(response: Response, asked: Asked) -> tuple[OrderPayment, ...]:
    """All rows of a query in the gateway's order; none means that it knows no such order or transaction.

    A row that cannot be read whole is kept, for it may be a payment; one that is no object is an error.
    Raises: NotAuthorized for a hash that was refused; Rejected and its other kinds, UnexpectedResponse.
    """
    fields = _read_verdict(response, asked)
    status = status_of(fields)
    if status == 0:
        if response.status < 300 and _NOTHING_FOUND.search(_said(fields)):
            return ()
        text = asked.refusal(fields, response.status, "Mend what the message says.")
        raise Rejected(text, http_status=response.status)
    if status is None:
        raise asked.unexpected("does not say whether the query worked", "$.status")
    if "data" not in fields:
        raise asked.unexpected("lacks its rows", "$.data")
    data = fields["data"]
    if data is None or data in ("", {}):  # what PHP and its databases make of "nothing"
        return ()
    rows = [data] if isinstance(data, dict) and "payment_info" in data else data
    if not isinstance(rows, list):
        raise asked.unexpected("has rows that are no list", "$.data")
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise asked.unexpected("has a row that is no object", f"$.data[{index}]")
    return tuple(read_order_payment(row) for row in rows)


def _read_verdict(response: Response, asked: Asked) -> dict[str, Any]:
    """An object that refuses neither hash nor merchant. Raises: NotAuthorized; as ``read_object``."""
    fields = read_object(response, asked)
    if status_of(fields) == 0 and _BAD_CREDENTIALS.search(_said(fields)):
        raise _not_authorized(asked, fields, response.status)
    if response.status >= 300 and status_of(fields) != 0:
        raise asked.unexpected(f"is HTTP {response.status}, but no refusal inside", "$.status")
    return fields


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        decoded = msgspec.json.decode(body)
    except DECODE_ERRORS:
        return None
    return decoded if isinstance(decoded, dict) else None


def status_of(fields: Mapping[str, Any]) -> int | None:
    """0 or 1 from a number or its text; True and 1.0 are equal to 1 in Python, but nothing the page knows."""
    value = fields.get("status")
    if type(value) is int:
        value = str(value)
    return {"0": 0, "1": 1}.get(value) if isinstance(value, str) else None


def _said(fields: Mapping[str, Any]) -> str:
    """The gateway's message as it came: to be decided on, and never shown unredacted."""
    message = fields.get("msg")
    return message if isinstance(message, str) else ""


def _echoed_state(fields: Mapping[str, Any], asked: Asked, token: str) -> str:
    """The echoed token, checked, or the state that stands in its place.

    The page says of it "unchanged, showing whether it's enabled or disabled", which may mean either.
    """
    echoed = fields.get("token")
    if echoed is None or echoed == token:
        return ""
    if isinstance(echoed, str) and _STATE.fullmatch(echoed):
        return echoed.lower()
    raise asked.unexpected("is about another token than the one sent", "$.token")


def _not_authorized(asked: Asked, fields: Mapping[str, Any] | None, http: int) -> NotAuthorized:
    advice = (
        "Check the connection's merchant id, secret key, hash type and environment, and that senangPay has "
        "enabled this API for the merchant."
    )
    return NotAuthorized(asked.refusal(fields, http, advice), http_status=http)
