# SPDX-License-Identifier: Apache-2.0
"""Answers of the gateway: the envelope, the errors in each style, and what a fault makes of them. Pure.

Sources: docs.sengo.id/extras/transactions (envelope, pager), /extras/errors (codes). No error body is
published: the styles are assumptions, all switchable.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from .faults import Fault

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
    """One HTTP answer; ``ending`` says how the connection ends: whole, truncated or reset."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    ending: str = "whole"
    sent_bytes: int | None = None  # of a truncated body
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


def spoil(answer: Answer | None, fault: Fault, *, style: str) -> Answer:
    """What the fault sends instead of (or of) the gateway's answer; None: the gateway did nothing."""
    details = fault.details
    whole = answer or refusal(500, "PAYMENT_INTERNAL_ERROR", style=style)
    if fault.name in ("http_500", "refuse"):
        return refusal(details["status"], details["code"], style=style)
    if fault.name == "rate_429":
        headers = retry_after(details["retry_after_s"], written_as=details["retry_after_as"])
        return refusal(429, "PAYMENT_INTERNAL_ERROR", style=style, headers=headers)
    if fault.name == "soft_error":
        return refusal(details["status"], details["code"], style="http200")
    if fault.name == "redirect":
        return Answer(details["status"], b"", HTML, (("location", details["location"]),))
    if fault.name == "html":
        return Answer(details["status"], _html("Under maintenance"), HTML)
    if fault.name == "reset":
        return replace(whole, ending="reset")
    if fault.name == "truncated":
        return replace(whole, ending="truncated", sent_bytes=int(len(whole.body) * details["share"]))
    if fault.name == "cut_json":
        return replace(whole, body=whole.body[: int(len(whole.body) * details["share"])])
    if fault.name == "empty_page":
        return replace(whole, body=whole.body if whole.empty_body is None else whole.empty_body)
    if fault.name == "oversize":
        padding = max(0, details["body_bytes"] - len(whole.body))
        return replace(whole, body=whole.body[:-1] + b" " * padding + whole.body[-1:])
    return whole


def _html(title: str) -> bytes:
    return _HTML_PAGE.format(title=title).encode()
