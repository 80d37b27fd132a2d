# SPDX-License-Identifier: Apache-2.0
"""Every switch of the simulated senangPay. The defaults are the documents, or what seems likeliest."""

import re
from typing import Any

import msgspec

from .callbacks import is_loopback

MERCHANT_ID = "543160464805574"
SECRET_KEY = "53-784"  # noqa: S105 - printed on the vendor's own pages
QUERIES = ("query_order_status", "query_transaction_status", "get_transaction_list")
CHOICES: dict[str, tuple[Any, ...]] = {
    "bad_auth_status": (401, 200),
    "hash_type": ("sha256", "md5", "both"),
    "duplicate_orders": ("accept", "reject"),
    "decline_amount_paid": ("zero", "amount"),
    "status_type": ("int", "text"),
    "amount_type": ("int", "text"),
    "unknown_order": ("empty", "error"),
    "row_order": ("oldest", "newest", "hash"),
    "transaction_date_unit": ("seconds", "milliseconds"),
    "return_status_name": ("status_id", "status"),
    "card_number_style": ("last4", "masked"),
}


class SenangPaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the documents leave open, one switch each."""

    merchant_id: str = MERCHANT_ID
    secret_key: str = SECRET_KEY

    # requests
    accept_json: bool = True  # beside forms, which are always read
    accept_password: bool = False  # a Basic password, which would be the secret leaking; noted either way
    bad_auth_status: int = 401
    hash_type: str = "sha256"  # of queries; the merchant chooses it in the dashboard
    trim_input: bool = False  # strip fields before they are hashed
    order_id_dash: bool = False  # whether an order id may hold dashes

    # charges
    duplicate_orders: str = "accept"
    declines_have_transaction_id: bool = True
    declines_have_hash: bool = True
    refusals_are_full: bool = False  # a refused request answers with transaction id and hash like a decline
    decline_amount_paid: str = "zero"
    status_type: str = "int"
    amount_type: str = "int"
    content_type: str = "application/json"

    # card tokens
    disabled_validates: bool = False  # validate_token says 1 for a disabled token

    # what queries show of charges
    charges_shown_by: tuple[str, ...] = QUERIES  # () = no query ever shows one
    declines_shown: bool = True
    shown_after_s: float = 0.0
    shown_after_queries: int = 0  # so many queries for a charge find nothing first
    pending_s: float = 0.0  # shown as pending so long, whatever the outcome
    pending_queries: int = 0  # shown as pending by so many queries
    unknown_order: str = "empty"
    row_order: str = "oldest"
    transaction_date_unit: str = "seconds"

    # the tokenization page (the dashboard's settings there)
    return_url: str | None = None  # loopback; None = the result is shown on a page
    callback_url: str | None = None  # loopback; sent only with the world's ``callbacks``
    callback_after_s: float = 60.0  # by the simulator's clock
    return_status_name: str = "status_id"
    card_number_style: str = "last4"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}")
        if set(self.charges_shown_by) - set(QUERIES):
            raise ValueError(f"charges_shown_by must be of {', '.join(QUERIES)}")
        if not re.fullmatch(r"[0-9]+", self.merchant_id) or not self.secret_key:
            raise ValueError("merchant_id must be digits, secret_key must not be empty")
        if not re.fullmatch(r"[\x20-\x7e]+", self.content_type):
            raise ValueError("content_type must be plain text")
        for name in ("return_url", "callback_url"):
            url = getattr(self, name)
            if url is not None and not is_loopback(url):
                raise ValueError(f"{name} must be http on a loopback address")
