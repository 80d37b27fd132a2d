# SPDX-License-Identifier: Apache-2.0
"""SenGo's endpoints, one function for each, that returns a ``Call``; the module to import from.

Functions here check their arguments, build and sign the request, and name the reader of its answer;
``envelope`` judges answers, ``sengo_records`` holds the shapes. No I/O, and no secret in a repr or an error.
Source: docs.sengo.id/authentication, /extras/project, /extras/transactions, /fund-acceptance/qris.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

import msgspec

from airflow_provider_sengo.exceptions import UnexpectedResponse
from airflow_provider_sengo.protocol.envelope import (
    DECODE_ERRORS,
    ListingPage,
    success_data,
    success_page,
    unexpected,
)
from airflow_provider_sengo.protocol.http import Call, Request, Response
from airflow_provider_sengo.protocol.money import parse_positive, parse_rupiah
from airflow_provider_sengo.protocol.sengo_arguments import (
    check_path,
    checked_networks,
    checked_reference,
    checked_text,
    checked_url,
    listing_query,
)
from airflow_provider_sengo.protocol.sengo_credentials import BASE_URLS, Credentials
from airflow_provider_sengo.protocol.sengo_records import (
    Balance,
    Disbursement,
    EWallet,
    Project,
    Qris,
    QrisPayment,
    Record,
    Retail,
    Transaction,
    TransactionPage,
    VirtualAccount,
    as_plain_dict,
    as_qris_payment,
    read_record,
)
from airflow_provider_sengo.protocol.signing import php_json, sengo_signature

__all__ = [
    "BASE_URLS",
    "FINAL_STATUSES",
    "STATUSES",
    "TYPES",
    "Balance",
    "Credentials",
    "Disbursement",
    "EWallet",
    "ListingPage",
    "Project",
    "Qris",
    "QrisPayment",
    "Record",
    "Retail",
    "Transaction",
    "TransactionPage",
    "VirtualAccount",
    "as_plain_dict",
    "as_qris_payment",
    "create_project",
    "create_qris",
    "get_balance",
    "get_row",
    "get_transaction",
    "list_rows",
    "list_transactions",
    "read_row",
]

TYPES = ("cashIn", "cashOut")
STATUSES = ("pending", "success", "expired", "failed")
FINAL_STATUSES = ("success", "expired", "failed")  # Unconfirmed: no transition table is published.

T = TypeVar("T")
R = TypeVar("R", bound=Record)


def get_balance(credentials: Credentials) -> Call[Balance]:
    """Ask for the project's money in whole rupiah.

    Repeatable: yes. Raises (when parsed): Rejected and its kinds, UnexpectedResponse.
    Source: docs.sengo.id/extras/project.
    """
    read = _record_reader(credentials, "get_balance", Balance)
    return _get(credentials, "get_balance", "/balance", read)


def list_transactions(
    credentials: Credentials, *, day: date, type: str, status: str, page: int = 1
) -> Call[TransactionPage]:
    """Ask for one page of one day's transactions of one type and status; SenGo keeps seven days.

    ``type``: see ``TYPES``; ``status``: see ``STATUSES``; both are the gateway's to refuse. ``page`` counts
    from 1, its size is the gateway's.
    Repeatable: yes. Raises (when parsed): Rejected and its kinds, UnexpectedResponse (of any row, too).
    Source: docs.sengo.id/extras/transactions.
    """

    def read(response: Response) -> TransactionPage:
        found = success_page(response, page=page, call_name="list_transactions", redact=credentials.redact)
        return TransactionPage(
            transactions=tuple(
                _read_bytes(Transaction, row, "list_transactions", f"$.responseData[{index}]")
                for index, row in enumerate(found.rows)
            ),
            current_page=found.current_page,
            total_pages=found.total_pages,
            total_records=found.total_records,
        )

    query = listing_query(day, type, status, page)
    return _get(credentials, "list_transactions", f"/transactions?{query}", read)


def list_rows(credentials: Credentials, *, day: date, type: str, status: str, page: int) -> Call[ListingPage]:
    """The same page with its rows as bytes, for the archive: strict about the envelope, not the rows.

    Repeatable: yes. Raises (when parsed): Rejected and its kinds, UnexpectedResponse, which an empty page
    where rows must be is as well.
    Source: docs.sengo.id/extras/transactions.
    """

    def read(response: Response) -> ListingPage:
        return success_page(response, page=page, call_name="list_rows", redact=credentials.redact)

    return _get(credentials, "list_rows", f"/transactions?{listing_query(day, type, status, page)}", read)


def read_row(row: bytes) -> Transaction:
    """A row of ``list_rows`` as a record; raises UnexpectedResponse if a documented field does not fit."""
    return _read_bytes(Transaction, row, "list_rows", "$")


def get_transaction(
    credentials: Credentials, id_or_reference: str, *, resend_callback: bool = False
) -> Call[Transaction]:
    """Ask for one transaction by SenGo's id or by the merchant's reference.

    Repeatable: yes, unless ``resend_callback``, which makes SenGo send the callback again.
    Raises (when parsed): NotFound if unknown or older than seven days; UnexpectedResponse, which a
    transaction of another id and reference is as well; Rejected and its other kinds.
    Source: docs.sengo.id/extras/transactions.
    """
    path = check_path(id_or_reference)

    def read(response: Response) -> Transaction:
        found = _record_reader(credentials, "get_transaction", Transaction)(response)
        if id_or_reference not in (found.id, found.merchant_ref):
            what = "is about another transaction than the one asked for"
            raise unexpected("get_transaction", what, "$.responseData.id")
        return found

    if resend_callback:
        path += "?resendCallback=true"
    return _get(credentials, "get_transaction", path, read, repeatable=not resend_callback)


def get_row(credentials: Credentials, id_or_reference: str) -> Call[bytes]:
    """The same record as bytes, for the archive.

    Repeatable: yes. Raises (when parsed): as ``get_transaction``, but for what is inside the record.
    Source: docs.sengo.id/extras/transactions.
    """

    def read(response: Response) -> bytes:
        row = success_data(response, call_name="get_row", redact=credentials.redact)
        if not row.startswith(b"{"):
            raise unexpected("get_row", "holds no record", "$.responseData")
        return row

    return _get(credentials, "get_row", check_path(id_or_reference), read)


def create_qris(
    credentials: Credentials,
    *,
    reference: str,
    amount: int | str,
    view_name: str,
    callback_url: str,
    expiry_minutes: int | str | None = None,
) -> Call[QrisPayment]:
    """Ask for a QR code that a customer can pay until it expires.

    ``amount``: whole rupiah. ``reference``: new for every payment, at most 64 of ``[A-Za-z0-9-]``.
    ``expiry_minutes``: None leaves it to the gateway, whose default is not published.
    Repeatable: no; ask ``get_transaction(reference)`` first.
    Raises: ValueError at once for an argument that cannot be sent. Raises (when parsed):
    DuplicateReference if the reference was used before; UnexpectedResponse, which an answer with another
    reference or amount, or without a code, is as well; Rejected and its other kinds.
    Source: docs.sengo.id/fund-acceptance/qris.
    """
    amount_rupiah = parse_rupiah(amount, field="amount")
    body: dict[str, object] = {"reference": checked_reference(reference), "amount": amount_rupiah}
    if expiry_minutes is not None:
        body["expiryMinutes"] = parse_positive(expiry_minutes, field="expiry_minutes", unit="minutes")
    body["viewName"] = checked_text(view_name, "view_name")
    body["additionalInfo"] = {"callback": checked_url(callback_url, "callback_url")}

    def read(response: Response) -> QrisPayment:
        payment = _record_reader(credentials, "create_qris", QrisPayment)(response)
        for agrees, name in (
            (payment.merchant_ref == reference, "merchantRef"),
            (payment.amount == amount_rupiah, "amount"),
            (payment.qris.content != "", "qris.content"),
        ):
            if not agrees:
                raise UnexpectedResponse(
                    f"SenGo's answer to create_qris does not agree with the request, or lacks a part: {name}. "
                    "Look the reference up before anything else.",
                    json_path=f"$.responseData.{name}",
                )
        return payment

    return _post(credentials, "create_qris", "/qris", body, read)


def create_project(credentials: Credentials, *, name: str, domain: str, ip: Sequence[str]) -> Call[Project]:
    """Ask for a new project; for merchants for whom SenGo has switched this on.

    ``domain``: an absolute URL, unique. ``ip``: addresses or networks (``203.0.113.0/24``) that may call.
    Repeatable: no, and there is no reference to look it up by.
    Raises: ValueError at once. Raises (when parsed): Rejected and its kinds, UnexpectedResponse.
    Source: docs.sengo.id/extras/project.
    """
    body: dict[str, object] = {
        "name": checked_text(name, "name"),
        "domain": checked_url(domain, "domain"),
        "ip": checked_networks(ip),
    }
    read = _record_reader(credentials, "create_project", Project)
    return _post(credentials, "create_project", "/projects", body, read)


def _get(
    credentials: Credentials,
    name: str,
    path: str,
    parse: Callable[[Response], T],
    *,
    repeatable: bool = True,
) -> Call[T]:
    request = Request("GET", credentials.base_url.rstrip("/") + path, _headers(credentials))
    return Call(name, request, parse, repeatable, credentials.project)


def _post(
    credentials: Credentials, name: str, path: str, body: dict[str, object], parse: Callable[[Response], T]
) -> Call[T]:
    content = php_json(body)
    headers = _headers(credentials, content) | {"Content-Type": "application/json"}
    request = Request("POST", credentials.base_url.rstrip("/") + path, headers, content)

    def read(response: Response) -> T:
        made = parse(response)
        if response.status != 200:  # nothing says what another 2xx would mean for money
            raise unexpected(name, f"came with HTTP {response.status}", "$")
        return made

    return Call(name, request, read, repeatable=False, gate_key=credentials.project)


def _headers(credentials: Credentials, body: bytes = b"") -> dict[str, str]:
    return {
        "X-Client-Key": credentials.client_key,
        "X-Client-Token": credentials.client_token,
        "X-Signature": sengo_signature(credentials.client_key, credentials.client_token, body),
        "Accept": "application/json",
    }


def _record_reader(credentials: Credentials, name: str, record_type: type[R]) -> Callable[[Response], R]:
    def read(response: Response) -> R:
        data = success_data(response, call_name=name, redact=credentials.redact)
        return _read_bytes(record_type, data, name, "$.responseData")

    return read


def _read_bytes(record_type: type[R], data: bytes, call_name: str, json_path: str) -> R:
    try:
        wire = msgspec.json.decode(data)
    except DECODE_ERRORS:
        raise unexpected(call_name, "holds no readable record", json_path) from None
    return read_record(record_type, wire, call_name=call_name, json_path=json_path)
