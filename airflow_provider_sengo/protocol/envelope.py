# SPDX-License-Identifier: Apache-2.0
"""SenGo's envelope: what counts as success, which error the rest is, and the pages of a listing.

Success is HTTP 2xx *and* responseCode 200 *and* responseMessage "success". Nothing else is taken for one,
and nothing but the gateway's own word is taken for "not found": payments rely on it. Rows of a listing are
not looked into here. No error text may hold a secret or a value of the answer, except the gateway's message,
redacted. Source: docs.sengo.id/extras/errors, /extras/transactions; no error body is published, so
everything about one is lenient.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, Any, NoReturn

import msgspec

from airflow_provider_sengo.exceptions import (
    DuplicateReference,
    NotAuthorized,
    NotFound,
    Rejected,
    Unavailable,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.protocol.odd_page import split_page
from airflow_provider_sengo.protocol.retry import retry_after_s

MESSAGE_CHARACTERS_MAX = 200  # of the gateway's own text in an error
STRINGS_SEARCHED_MAX = 1_000  # of an error body, for a known code
DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_UNAUTHORIZED, _DUPLICATE, _NOT_FOUND = "UNAUTHORIZED", "DUPLICATE_REFERENCE", "TRANSACTION_NOT_FOUND"
_NO_ACCESS, _INACTIVE = "PRODUCT_ACCESS_ERROR", "PAYMENT_INACTIVE_ERROR"
_INTERNAL, _BALANCE = "PAYMENT_INTERNAL_ERROR", "INSUFFICIENT_BALANCE"
_CREATE_FAILED, _INVALID = "CREATE_FAILED", "REQUEST_INVALID"
_CODE = re.compile(
    rf"(?<![A-Z_])(?:{_UNAUTHORIZED}|{_DUPLICATE}|{_NOT_FOUND}|{_NO_ACCESS}|{_INACTIVE}|{_INTERNAL}"
    rf"|{_BALANCE}|{_CREATE_FAILED}|{_INVALID})(?![A-Z_])"
)
_ADVICE_BY_KIND: dict[type[Exception], str] = {
    Unavailable: "Try again later.",
    NotAuthorized: "Check the connection's key (field 'login'), token ('password') and environment, and that "
    "this machine's address is on the project's list of allowed addresses.",
    DuplicateReference: "Look the reference up: if the payment is not yours, use another reference.",
    NotFound: "It is unknown to this project, or older than the seven days that SenGo remembers.",
    Rejected: "Mend what the message says; the same request will be refused again.",
}
_ADVICE = {
    _NO_ACCESS: "Ask SenGo to enable this product for the project.",
    _INACTIVE: "Ask SenGo to switch this payment channel on for the project.",
    _CREATE_FAILED: "Nothing proves that nothing was created: look the reference up, then try again.",
    _BALANCE: "Top the balance up, then run the task again.",
}

Redact = Callable[[str], str]
Count = Annotated[int, msgspec.Meta(ge=0)]


class _Envelope(msgspec.Struct, rename="camel"):
    response_code: Any = None
    response_message: Any = None
    message: Any = None  # where frameworks put the text of an error
    response_data: msgspec.Raw = msgspec.Raw()
    response_extra: msgspec.Raw = msgspec.Raw()

    @property
    def is_success(self) -> bool:
        # type(): True and 200.0 are equal to ints in Python.
        code_is_200 = type(self.response_code) is int and self.response_code == 200
        message = self.response_message
        return code_is_200 and isinstance(message, str) and message.lower() == "success"


class _Extra(msgspec.Struct, rename="camel"):
    current_page: Count
    total_pages: Count
    total_records: Count


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One page of a listing as bytes: ``rows`` are the records exactly as they came, unread."""

    current_page: int
    total_pages: int
    total_records: int
    rows: tuple[bytes, ...]


_envelope_decoder = msgspec.json.Decoder(_Envelope)
_rows_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_extra_decoder = msgspec.json.Decoder(_Extra)


def success_data(response: Response, *, call_name: str, redact: Redact) -> bytes:
    """The bytes of ``responseData`` of a success.

    Raises: Rejected and its kinds, UnexpectedResponse.
    """
    return bytes(_success(response, call_name, redact).response_data)


def success_page(response: Response, *, page: int, call_name: str, redact: Redact) -> ListingPage:
    """A page of a listing, strict about everything but its rows.

    An empty page where rows must be is an error, never the end of the listing.
    Raises: Rejected and its kinds, UnexpectedResponse.
    """
    envelope, rows = _split_success(response, call_name, redact)
    if rows is None:
        rows = _decoded(_rows_decoder, envelope.response_data, "$.responseData", call_name)
    extra = _decoded(_extra_decoder, envelope.response_extra, "$.responseExtra", call_name)
    if extra.current_page != page:
        raise unexpected(call_name, "is another page than the one asked for", "$.responseExtra.currentPage")
    if not rows and extra.total_records > 0 and page <= extra.total_pages:
        raise unexpected(call_name, "is an empty page where rows must be", "$.responseData")
    return ListingPage(extra.current_page, extra.total_pages, extra.total_records, tuple(map(bytes, rows)))


def _split_success(
    response: Response, call_name: str, redact: Redact
) -> tuple[_Envelope, list[bytes] | None]:
    """The envelope of a success; its rows beside it where they had to be taken from unsound JSON."""
    try:
        return _success(response, call_name, redact), None
    except UnexpectedResponse:
        split = split_page(response.body)
        if split is None:
            raise
    envelope, rows = split
    names = ("responseCode", "responseMessage", "responseExtra")
    try:
        body = json.dumps({name: envelope.get(name) for name in names} | {"responseData": []})
    except RecursionError:  # nested too deeply to be written, though not to be read
        raise unexpected(call_name, "is nested too deeply", "$.responseExtra") from None
    return _success(replace(response, body=body.encode()), call_name, redact), rows


def _success(response: Response, call_name: str, redact: Redact) -> _Envelope:
    try:
        response.body.decode()  # msgspec does not look inside what it leaves raw
        envelope = _envelope_decoder.decode(response.body)
    except DECODE_ERRORS:
        _raise_for(response, None, call_name, redact)
    if not (200 <= response.status < 300 and envelope.is_success):
        _raise_for(response, envelope, call_name, redact)
    return envelope


def _decoded(decoder: msgspec.json.Decoder[Any], raw: msgspec.Raw, json_path: str, call_name: str) -> Any:
    try:
        return decoder.decode(raw)
    except DECODE_ERRORS as error:
        rule, _, at = str(error).partition(" - at `$")
        missing = re.fullmatch(r"Object missing required field `(\w+)`", rule)
        path = json_path + (f".{missing[1]}" if missing else at.removesuffix("`"))
        raise unexpected(call_name, "lacks a part, or has it in a wrong type", path) from None


def _raise_for(response: Response, envelope: _Envelope | None, call_name: str, redact: Redact) -> NoReturn:
    """Raise what this answer means; see ``_kind``."""
    answer = _Answer(response.status, envelope, _known_code(_strings(response.body)) if envelope else "")
    kind = _kind(answer)
    if kind is None and answer.http in (404, 405):
        raise UnexpectedResponse(
            f"The answer was HTTP {answer.http} without SenGo's envelope, which is not SenGo's 'not found': the path "
            "of the connection's base URL is probably wrong. SenGo's ends in /api; see the connection's field 'host'.",
            http_status=answer.http,
        )
    if kind is None:
        raise unexpected(call_name, *_oddity(answer))
    advice = _ADVICE.get(answer.code) or _ADVICE_BY_KIND[kind]
    word = f" {answer.code}" if answer.code else ""
    message = "" if answer.message == answer.code else one_line(answer.message, redact)
    text = f"SenGo answered {call_name} with {answer.http_status}{word}{message}. {advice}"
    if kind is Unavailable:
        wait_s = retry_after_s(response.headers, response.received_at)
        raise Unavailable(text, http_status=answer.http_status, code=answer.code, retry_after_s=wait_s)
    raise kind(text, http_status=answer.http_status, code=answer.code)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an unsuccessful answer says: ``http`` as received, ``inner`` = responseCode, 0 if it is no status."""

    http: int
    envelope: _Envelope | None
    code: str

    @property
    def inner(self) -> int:
        value = self.envelope.response_code if self.envelope else None
        return value if type(value) is int and 0 < value < 1000 else 0  # error texts repeat it

    @property
    def statuses(self) -> set[int]:
        return {self.http, self.inner}

    @property
    def http_status(self) -> int:
        """The status that refuses: HTTP's, or the responseCode that an HTTP success hides."""
        return self.http if self.http >= 300 or self.inner < 300 else self.inner

    @property
    def message(self) -> str:
        spoken = (self.envelope.response_message, self.envelope.message) if self.envelope else ()
        return next((text for text in spoken if isinstance(text, str)), "")

    @property
    def says_not_found(self) -> bool:
        """By the gateway's own envelope: a framework's bare 404 is about the path, not the payment."""
        if self.envelope is None or self.inner == 200 or self.message.lower() == "success":
            return False
        return bool(self.code or self.inner or isinstance(self.envelope.response_message, str))


def _kind(answer: _Answer) -> type[Rejected] | None:
    """Which refusal it is, or None for an unexpected answer: the known code and both statuses decide.

    Where they disagree, the first row that fits. Without a JSON object only the statuses of the first two
    rows count, which proxies send with pages of their own. "Not found" needs the gateway's own words, for
    payments build on it.
    """
    statuses, code = answer.statuses, answer.code
    if 300 <= answer.http < 400:
        return None
    if code == _INTERNAL or any(status == 429 or status >= 500 for status in statuses):
        return Unavailable
    if code in (_UNAUTHORIZED, _NO_ACCESS, _INACTIVE) or statuses & {401, 403}:
        return NotAuthorized
    if answer.envelope is None:
        return None
    if code == _DUPLICATE or 409 in statuses:
        return DuplicateReference
    if code == _NOT_FOUND or (404 in statuses and not code):
        return NotFound if answer.says_not_found else None
    if answer.http == 405 and not answer.says_not_found:
        return None
    return Rejected if code or any(400 <= status < 500 for status in statuses) else None


def _oddity(answer: _Answer) -> tuple[str, str]:
    """What is odd about an answer that is no documented refusal either, and where (JSON path)."""
    if 300 <= answer.http < 400:
        return (
            f"is a redirect (HTTP {answer.http}), which is never followed because the secret travels in a "
            "header; put the final address into the connection's host"
        ), "$"
    if answer.envelope is None:
        what = "a body that is not a JSON object (an HTML page, or cut short)"
        return f"is HTTP {answer.http} with {what}", "$"
    place = "$.responseCode" if answer.inner != 200 else "$.responseMessage"
    return f"is HTTP {answer.http}, but neither a success nor a documented refusal", place


def unexpected(call_name: str, what: str, json_path: str) -> UnexpectedResponse:
    """The error for an answer that ``what`` describes, for its reader to raise."""
    return UnexpectedResponse(
        f"SenGo's answer to {call_name} {what} (at {json_path}). Nothing of it was used; if it stays so, ask "
        "SenGo, or look for a newer release of this provider.",
        json_path=json_path,
    )


def _strings(body: bytes) -> Iterator[str]:
    """All string values of a JSON body, outermost first and responseMessage before all others."""
    try:
        waiting = deque([msgspec.json.decode(body)])
    except DECODE_ERRORS:  # a part that the envelope left unread
        return
    while waiting:
        value = waiting.popleft()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value[name] for name in sorted(value, key=lambda name: name != "responseMessage"))
        elif isinstance(value, list):
            waiting.extend(value)


def _known_code(strings: Iterable[str]) -> str:
    found = (match[0] for text in islice(strings, STRINGS_SEARCHED_MAX) if (match := _CODE.search(text)))
    return next(found, "")


def one_line(message: str, redact: Redact) -> str:
    """The gateway's message as ": text" for an error: printable, one line, redacted, bounded."""
    line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    line = redact(line)
    if len(line) > MESSAGE_CHARACTERS_MAX:
        line = line[: MESSAGE_CHARACTERS_MAX - 3] + "..."
    return f": {line.rstrip('.')}" if line else ""
