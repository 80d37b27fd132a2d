# SPDX-License-Identifier: Apache-2.0
"""senangPay's endpoints, one function for each, that returns a ``Call``; the module to import from.

Functions here check their arguments, build and sign the request, and name the reader of its answer;
``senangpay_answers`` judges answers, ``senangpay_records`` holds the shapes. The secret key is never sent:
HTTP Basic is the merchant id with an empty password. No I/O, and no secret, card token or buyer's data in a
repr or an error. Source: guide.senangpay.com, Tokenization API and Query APIs.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

from airflow_provider_sengo.protocol.http import Call, Request, Response
from airflow_provider_sengo.protocol.money import parse_sen
from airflow_provider_sengo.protocol.senangpay_answers import (
    Asked,
    read_rows,
    read_toggle,
    read_validation,
)
from airflow_provider_sengo.protocol.senangpay_arguments import (
    NAME_CHARACTERS_MAX,
    PHONE_CHARACTERS_MAX,
    checked_email,
    checked_id,
    checked_order_id,
    checked_text,
    checked_token,
    checked_window,
)
from airflow_provider_sengo.protocol.senangpay_charge import DECLINED, UNVERIFIED, Charge, read_charge
from airflow_provider_sengo.protocol.senangpay_credentials import BASE_URLS, HASH_TYPES, SenangPayCredentials
from airflow_provider_sengo.protocol.senangpay_records import (
    FAILED,
    PAID,
    CardPayment,
    CardToken,
    OrderPayment,
    TokenStatus,
    TokenValidation,
    as_plain_dict,
)
from airflow_provider_sengo.protocol.senangpay_tokenization import (
    tokenization_url,
    verify_tokenization_return,
)
from airflow_provider_sengo.protocol.signing import senangpay_charge_signature, senangpay_query_signature

__all__ = [
    "BASE_URLS",
    "DECLINED",
    "FAILED",
    "HASH_TYPES",
    "PAID",
    "UNVERIFIED",
    "CardPayment",
    "CardToken",
    "OrderPayment",
    "SenangPayCredentials",
    "TokenStatus",
    "TokenValidation",
    "as_plain_dict",
    "charge_token",
    "list_transactions",
    "query_order",
    "query_transaction",
    "toggle_token",
    "tokenization_url",
    "validate_token",
    "verify_tokenization_return",
]

T = TypeVar("T")


def charge_token(
    credentials: SenangPayCredentials,
    *,
    name: str,
    email: str,
    detail: str,
    phone: str,
    order_id: str,
    amount_sen: int | str,
    token: str,
) -> Call[CardPayment]:
    """Take money from a stored card, at once and without the buyer.

    ``amount_sen``: whole sen (RM 2.00 = 200). ``order_id``: new for every charge, at most 100 of
    ``[A-Za-z0-9]``; the gateway accepts a used one and charges again. The hash does not cover ``token``.
    Repeatable: no; query the order first.
    Raises: ValueError at once for an argument that cannot be sent. What an answer proves:

    ==============================================  ==================================  ====================
    answer                                          error                               the card was charged
    ==============================================  ==================================  ====================
    2xx, status 1, hash, order and amount agree     none                                yes
    below 500, status 0, hash and order agree       Rejected, code ``DECLINED``         no
    below 500, status 0, without a hash             Rejected, code ``UNVERIFIED``       not known
    401, 403                                        NotAuthorized                       no, says HTTP alone
    a wrong hash, another order or amount           SignatureMismatch                   not known
    429, 5xx                                        Unavailable                         not known
    anything else: HTML, a redirect, cut, odd       UnexpectedResponse                  not known
    no whole answer                                 OutcomeUnknown (the transport's)    not known
    ==============================================  ==================================  ====================

    Whoever pays only once treats every "not known" as a lost answer, never as a failed payment.
    Source: guide.senangpay.com, Tokenization API, section 1.
    """
    charge = Charge(checked_order_id(order_id), parse_sen(amount_sen, field="amount_sen"))
    signed = {
        "name": checked_text(name, "name", NAME_CHARACTERS_MAX),
        "email": checked_email(email),
        "detail": checked_text(detail, "detail", NAME_CHARACTERS_MAX),
        "phone": checked_text(phone, "phone", PHONE_CHARACTERS_MAX),
        "order_id": charge.order_id,
        "amount": str(charge.amount_sen),
    }
    body = signed | {
        "token": checked_token(token),
        "hash": senangpay_charge_signature(credentials.merchant_id, credentials.secret_key, **signed),
    }
    asked = Asked("charge_token", credentials, (token, email, phone))
    return _post(asked, "pay_cc", body, lambda response: read_charge(response, asked, charge))


def validate_token(credentials: SenangPayCredentials, token: str) -> Call[TokenValidation]:
    """Ask whether a card token can be charged.

    Repeatable: no. Unconfirmed: that it moves no money, and that a disabled card is not valid.
    Raises: ValueError at once. Raises (when parsed): NotAuthorized, Rejected and its other kinds,
    UnexpectedResponse. Nothing signs request or answer.
    Source: guide.senangpay.com, Tokenization API, section 3.
    """
    body = {"token": checked_token(token)}
    asked = Asked("validate_token", credentials, (token,))
    return _post(asked, "validate_token", body, lambda response: read_validation(response, asked, token))


def toggle_token(credentials: SenangPayCredentials, token: str) -> Call[TokenStatus]:
    """Enable a disabled card, or disable an enabled one: there is no way to say which.

    Repeatable: no; a second toggle undoes the first.
    Raises: ValueError at once. Raises (when parsed): NotAuthorized; Rejected if the answer says status 0;
    UnexpectedResponse if it does not tell the new state; Unavailable. Nothing signs request or answer.
    Source: guide.senangpay.com, Tokenization API, section 2.
    """
    body = {"token": checked_token(token)}
    asked = Asked("toggle_token", credentials, (token,))
    return _post(asked, "update_token_status", body, lambda response: read_toggle(response, asked, token))


def query_order(credentials: SenangPayCredentials, order_id: str) -> Call[tuple[OrderPayment, ...]]:
    """Ask for all attempts to pay an order, paid and failed ones, in any order; none = no such order.

    Unconfirmed: that charges of card tokens appear here, so an empty answer is no proof that there is none.
    Repeatable: yes. Raises: ValueError at once. Raises (when parsed): NotAuthorized for a wrong secret key
    or hash type; Rejected and its other kinds, UnexpectedResponse. Nothing signs the answer.
    Source: guide.senangpay.com, Query APIs.
    """
    return _query(credentials, "query_order", "query_order_status", order_id=checked_id(order_id, "order_id"))


def query_transaction(credentials: SenangPayCredentials, reference: str) -> Call[tuple[OrderPayment, ...]]:
    """Ask for one transaction by its reference (the ``transaction_id`` of a charge); none = unknown.

    Repeatable: yes. Raises: as ``query_order``; UnexpectedResponse for a row of another reference as well.
    Source: guide.senangpay.com, Query APIs.
    """
    checked_id(reference, "reference")
    call = _query(
        credentials, "query_transaction", "query_transaction_status", transaction_reference=reference
    )

    def read(response: Response) -> tuple[OrderPayment, ...]:
        found = call.parse(response)
        for index, payment in enumerate(found):
            if payment.transaction_reference != reference:
                path = f"$.data[{index}].payment_info.transaction_reference"
                asked = Asked("query_transaction", credentials)
                raise asked.unexpected("is about another transaction than the one asked for", path)
        return found

    return Call(call.name, call.request, read, call.repeatable, call.gate_key)


def list_transactions(
    credentials: SenangPayCredentials, start: datetime, end: datetime
) -> Call[tuple[OrderPayment, ...]]:
    """Ask for all transactions of a window of time, cut to the whole seconds around it.

    ``start``, ``end``: aware; the longest window is not published (one client asks for 30 days).
    Repeatable: yes. Raises: as ``query_order``.
    Source: guide.senangpay.com, Query APIs.
    """
    start_s, end_s = checked_window(start, end)
    return _query(
        credentials,
        "list_transactions",
        "get_transaction_list",
        timestamp_start=start_s,
        timestamp_end=end_s,
    )


def _query(
    credentials: SenangPayCredentials, name: str, endpoint: str, **fields: str
) -> Call[tuple[OrderPayment, ...]]:
    """A GET without Basic; its hash stands in the query string and covers ``fields`` in their order."""
    merchant_id = credentials.merchant_id
    signature = senangpay_query_signature(
        merchant_id, credentials.secret_key, *fields.values(), hash_type=credentials.hash_type
    )
    query = urlencode({"merchant_id": merchant_id, **fields, "hash": signature}, quote_via=quote)
    request = Request("GET", f"{_url(credentials, endpoint)}?{query}", {"Accept": "application/json"})
    asked = Asked(name, credentials)
    return Call(
        name,
        request,
        lambda response: read_rows(response, asked),
        repeatable=True,
        gate_key=credentials.gate_key,
    )


def _post(asked: Asked, endpoint: str, body: Mapping[str, str], parse: Callable[[Response], T]) -> Call[T]:
    credentials = asked.credentials
    login = b64encode(f"{credentials.merchant_id}:".encode()).decode()  # the password is empty, always
    headers = {
        "Authorization": f"Basic {login}",
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Accept": "application/json",
    }
    request = Request("POST", _url(credentials, endpoint), headers, urlencode(body).encode("ascii"))
    return Call(asked.call_name, request, parse, repeatable=False, gate_key=credentials.gate_key)


def _url(credentials: SenangPayCredentials, endpoint: str) -> str:
    return f"{credentials.base_url.rstrip('/')}/apiv1/{endpoint}"
