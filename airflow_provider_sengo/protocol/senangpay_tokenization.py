# SPDX-License-Identifier: Apache-2.0
"""The one flow that needs a browser: the URL that a buyer opens to store a card, and what comes back.

A card token cannot be made unattended. senangPay takes up to two RM 1 payments for it and gives them back.
What comes back has no separators inside its hash, so values are held against their documented shape as well,
and the order id against the one that was given out. Source: guide.senangpay.com, 3D get token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from airflow_provider_sengo.exceptions import Rejected, SignatureMismatch, UnexpectedResponse
from airflow_provider_sengo.protocol.envelope import one_line
from airflow_provider_sengo.protocol.senangpay_arguments import (
    NAME_CHARACTERS_MAX,
    PHONE_CHARACTERS_MAX,
    checked_email,
    checked_id,
    checked_text,
)
from airflow_provider_sengo.protocol.senangpay_charge import DECLINED
from airflow_provider_sengo.protocol.senangpay_credentials import SenangPayCredentials
from airflow_provider_sengo.protocol.senangpay_records import CardToken
from airflow_provider_sengo.protocol.signing import (
    senangpay_tokenization_return_signature,
    senangpay_tokenization_signature,
    verify_senangpay_signature,
)

FIELDS_MAX = 50  # of a query string; the gateway sends seven
_RETURNED = ("status_id", "order_id", "token", "cc_num", "cc_type", "msg", "hash")
_CARD_TOKEN = re.compile(r"(?!0+\Z)[!-~]+", re.ASCII)  # 0 marks a failure
_CARD_NUMBER = re.compile(r"[Xx*]*([0-9]{4})", re.ASCII)
_CARD_TYPE = re.compile(r"(?!xx\Z)(?:[A-Za-z]{2}|[A-Z]{4,12})", re.ASCII)  # vs, mc; a draft has VISA


def tokenization_url(
    credentials: SenangPayCredentials, *, order_id: str, name: str, email: str, phone: str
) -> str:
    """The signed URL that a buyer opens in a browser to store a card. Nothing is sent.

    ``order_id``: new for every attempt; what comes back is recognised by it. The URL holds the buyer's name,
    email and phone: it belongs into a browser, not into a log.
    Raises: ValueError naming the argument and the rule.
    """
    query = {
        "order_id": checked_id(order_id, "order_id"),
        "name": checked_text(name, "name", NAME_CHARACTERS_MAX),
        "email": checked_email(email),
        "phone": checked_text(phone, "phone", PHONE_CHARACTERS_MAX),
        "hash": senangpay_tokenization_signature(
            credentials.merchant_id, credentials.secret_key, order_id=order_id
        ),
    }
    path = f"{credentials.base_url.rstrip('/')}/tokenization/{credentials.merchant_id}"
    return f"{path}?{urlencode(query, quote_via=quote)}"


def verify_tokenization_return(
    credentials: SenangPayCredentials, params: Mapping[str, Any] | str, *, order_id: str | None = None
) -> CardToken:
    """The stored card, if what the browser or the callback brought is signed by senangPay.

    ``params``: the fields, percent-decoded once (as every web framework hands them over), or the undecoded
    query string or form body itself. ``order_id``: the one given to ``tokenization_url``; without it the
    caller must compare it, since a buyer may bring back the return of another order.
    Raises: SignatureMismatch if it does not verify, lacks a field or names another order; Rejected with code
    DECLINED if the card was not stored, verified; UnexpectedResponse for a status of neither kind.
    """
    fields = _fields(params)
    _verify(credentials, fields)
    if order_id is not None and fields["order_id"] != order_id:
        raise SignatureMismatch(
            "This tokenization return is signed, but for another order than the one given."
        )
    message = credentials.redact(fields["msg"], fields["token"] if fields["token"].strip("0") else "")
    if fields["status_id"] == "0":
        spoken = one_line(message, credentials.redact)
        raise Rejected(f"The card was not stored{spoken}. Have the buyer try again.", code=DECLINED)
    if fields["status_id"] != "1":
        raise UnexpectedResponse(
            "This tokenization return says neither that the card was stored nor that it was not.",
            json_path="$.status_id",
        )
    number = _CARD_NUMBER.fullmatch(fields["cc_num"])
    if not (number and _CARD_TOKEN.fullmatch(fields["token"]) and _CARD_TYPE.fullmatch(fields["cc_type"])):
        raise SignatureMismatch(
            "This tokenization return is signed, but token, cc_num and cc_type do not have their documented "
            "shape: trust nothing in it."
        )
    return CardToken(
        token=fields["token"],
        order_id=fields["order_id"],
        last_four=number[1],
        card_type=fields["cc_type"],
        message=message,
    )


def _fields(params: Mapping[str, Any] | str) -> dict[str, str]:
    """The seven fields as text, each there exactly once."""
    given = dict(params) if isinstance(params, Mapping) else _decoded_once(params)
    # The page's table calls it status, everything else on that page and all clients status_id.
    given.setdefault("status_id", given.get("status"))
    wrong = [name for name in _RETURNED if not isinstance(given.get(name), str)]
    if wrong:
        raise SignatureMismatch(
            f"This tokenization return lacks {', '.join(wrong)}, or has it more than once or not as text: "
            "trust nothing in it."
        )
    return {name: given[name] for name in _RETURNED}


def _decoded_once(query: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        return {}
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _verify(credentials: SenangPayCredentials, fields: Mapping[str, str]) -> None:
    expected = senangpay_tokenization_return_signature(
        credentials.merchant_id,
        credentials.secret_key,
        order_id=fields["order_id"],
        status_id=fields["status_id"],
        token=fields["token"],
        cc_num=fields["cc_num"],
        cc_type=fields["cc_type"],
        message=fields["msg"],
    )
    verify_senangpay_signature(expected, fields["hash"], what="this tokenization return")
