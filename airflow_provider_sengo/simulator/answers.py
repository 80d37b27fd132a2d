# SPDX-License-Identifier: Apache-2.0
"""Answers of the gateway: the envelope, the errors in each style, and what a fault makes of them. Pure.

Sources: docs.sengo.id/extras/transactions (envelope, pager), /extras/errors (codes). No error body is
published: the styles are assumptions, all switchable.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from .faults import Fault
from .tamper import read_json, remove_field, set_field, write_json

WITHOUT_A_BYTE = ("reset", "timeout", "no_connection")  # not one byte comes back
WITHOUT_BODY = (204, 205, 304)
JSON = "application/json"
HTML = "text/html; charset=UTF-8"
_HTML_PAGE = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
MESSAGES = {
    "CREATE_FAILED": "Failed to create transaction, please try again.",
    "UNAUTHORIZED": "You are not authorized.",
    "PRODUCT_ACCESS_ERROR": "Your project has no access to this product.",
    "INSUFFICIENT_BALANCE": "Your balance is not enough.",
    "PAYMENT_INACTIVE_ERROR": "This payment channel is not active.",
    "TRANSACTION_NOT_FOUND": "The transaction was not found.",
    "DUPLICATE_REFERENCE": "The reference has been used before.",
    "REQUEST_INVALID": "The given data was invalid.",
    "PAYMENT_INTERNAL_ERROR": "Something went wrong.",
}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; ``ending`` says how the connection ends: ``whole``, ``truncated`` or ``WITHOUT_A_BYTE``."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    ending: str = "whole"
    sent_bytes: int | None = None  # of a truncated body
    hold_s: float = 0.0  # of a timeout
    empty_body: bytes | None = field(default=None, repr=False)  # a listing's page without its rows


def success(data: bytes) -> Answer:
    """The envelope around one object."""
    return Answer(200, b'{"responseCode":200,"responseMessage":"success","responseData":' + data + b"}")


def listing_page(rows: bytes, *, page: int, total_pages: int, total_records: int) -> Answer:
    """The envelope around a page of rows, with the pager."""
    head = b'{"responseCode":200,"responseMessage":"success","responseData":['
    tail = b'],"responseExtra":{"currentPage":%d,"totalPages":%d,"totalRecords":%d}}' % (
        page,
        total_pages,
        total_records,
    )
    return Answer(200, head + rows + tail, empty_body=head + tail)


def refusal(
    status: int, code: str, *, style: str = "code", headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """An error in the style asked for."""
    if style == "html":
        return Answer(status, _html(MESSAGES.get(code, code)), HTML, headers)
    message = MESSAGES.get(code, code) if style == "text" else code
    body = b'{"responseCode":%d,"responseMessage":"%s"}' % (status, message.encode())
    return Answer(200 if style == "http200" else status, body, JSON, headers)


def retry_after(seconds: float, *, written_as: str = "seconds") -> tuple[tuple[str, str], ...]:
    """The header, as seconds or as an HTTP date (which only real time can give); none for ``none``."""
    if written_as == "none":
        return ()
    if written_as == "date":
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        return (("retry-after", format_datetime(at, usegmt=True)),)
    return (("retry-after", str(int(seconds))),)


def spoil(
    answer: Answer | None,
    fault: Fault,
    *,
    refuse: Callable[..., Answer],
    sign: Callable[[dict[str, Any], str], str] | None = None,
) -> Answer:
    """What the fault sends instead of (or of) the gateway's answer; None: the gateway did nothing.

    ``refuse(status, code, soft=, headers=)`` makes the gateway's kind of error, ``sign(fields, blank)`` the
    hash of an answer if it has one.
    """
    details = fault.details
    if fault.name in ("http_500", "refuse"):
        return refuse(details["status"], details["code"])
    if fault.name == "rate_429":
        headers = retry_after(details["retry_after_s"], written_as=details["retry_after_as"])
        return refuse(429, "PAYMENT_INTERNAL_ERROR", headers=headers)
    if fault.name == "soft_error":
        return refuse(details["status"], details["code"], soft=True)
    if fault.name == "redirect":
        return Answer(details["status"], b"", HTML, (("location", details["location"]),))
    if fault.name == "html":
        return Answer(details["status"], _html("Under maintenance"), HTML)
    return _changed(answer or refuse(500, "PAYMENT_INTERNAL_ERROR"), fault, sign)


def _changed(whole: Answer, fault: Fault, sign: Callable[[dict[str, Any], str], str] | None) -> Answer:
    """The gateway's own answer, cut, padded or falsified."""
    details, body = fault.details, whole.body
    if fault.name in WITHOUT_A_BYTE:
        return replace(whole, ending=fault.name, hold_s=details.get("hold_s", 0.0))
    if fault.name == "truncated":
        return replace(whole, ending="truncated", sent_bytes=int(len(body) * details["share"]))
    if fault.name == "cut_json":
        return replace(whole, body=body[: int(len(body) * details["share"])])
    if fault.name == "empty_page":
        return replace(whole, body=body if whole.empty_body is None else whole.empty_body)
    if fault.name == "oversize":
        padding = max(0, details["body_bytes"] - len(body))
        return replace(whole, body=body[:-1] + b" " * padding + body[-1:])
    if fault.name == "http_status":
        is_empty = details["empty"] or details["status"] in WITHOUT_BODY
        return replace(whole, status=details["status"], body=b"" if is_empty else body)
    if fault.name == "tamper":
        return replace(whole, body=_tampered(body, details, sign))
    return whole


def _tampered(
    body: bytes, details: dict[str, Any], sign: Callable[[dict[str, Any], str], str] | None
) -> bytes:
    """An answer that lacks a named place (a refusal has no data) goes out as it is."""
    value = read_json(body)
    if not isinstance(value, dict):
        return body
    try:
        for path, wanted in details["fields"].items():
            set_field(value, path, wanted)
        for path in details["remove"]:
            remove_field(value, path)
    except (LookupError, TypeError, ValueError):
        return body
    if sign is not None and details["sign"] != "keep" and "hash" in value:
        value["hash"] = sign(value, " " if details["sign"] == "blank" else "")
    return write_json(value)


def _html(title: str) -> bytes:
    return _HTML_PAGE.format(title=title).encode()
