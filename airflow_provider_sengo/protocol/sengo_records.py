# SPDX-License-Identifier: Apache-2.0
"""SenGo's records as values, and how they are read from decoded JSON.

What is not documented survives: unknown fields in ``unknown`` under their wire names, unknown status words
as they came. What is documented must have its type. Null and absent mean the same, and so does ``[]`` for
an object (PHP writes an empty one so). No envelope, HTTP or request may appear here, and no error text may
hold a value. Sources: docs.sengo.id/extras/transactions, /extras/project, /fund-acceptance/qris.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec

from airflow_provider_sengo.exceptions import UnexpectedResponse

AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]  # ISO 8601 with offset, as sent +07:00
Id = Annotated[str, msgspec.Meta(min_length=1)]


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What all records share: ``unknown`` holds the wire's fields that this release does not know."""

    unknown: dict[str, Any] = {}


class VirtualAccount(Record, frozen=True, kw_only=True, rename="camel"):
    """A bank account made for one payer; ``bank_code`` has three digits and may begin with 0."""

    bank_code: str | None = None
    va_number: str | None = None
    view_name: str | None = None


class Qris(Record, frozen=True, kw_only=True, rename="camel"):
    """A QR code: ``content`` is its text (the sandbox sends a Latin sentence), ``image`` base64.

    All are empty where the gateway leaves them out; ``create_qris`` refuses an empty ``content``.
    """

    content: str = ""
    url: str = ""
    image: str = ""


class EWallet(Record, frozen=True, kw_only=True, rename="camel"):
    """A wallet that was asked to pay at ``url``."""

    view_name: str | None = None
    channel: str | None = None
    url: str | None = None


class Retail(Record, frozen=True, kw_only=True, rename="camel"):
    """A payment at a shop's till with ``payment_code``."""

    view_name: str | None = None
    channel: str | None = None
    payment_code: str | None = None


class Disbursement(Record, frozen=True, kw_only=True, rename="camel"):
    """A payout; ``recipient_name`` is None right after its creation."""

    bank_code: str | None = None
    recipient_account: str | None = None
    recipient_name: str | None = None


class Transaction(Record, frozen=True, kw_only=True, rename="camel"):
    """One payment or payout as SenGo tells it; amounts are whole rupiah.

    ``total_amount`` is the gateway's own and never recomputed. ``paid_date`` is None while unpaid;
    ``settle_date`` does not mean settled (in the sandbox it is the time of creation). Exactly one of the
    channel objects is present; nothing is documented inside ``credit_card``.
    """

    id: Id
    status: Id
    merchant_ref: str | None = None
    fee_payer: str | None = None
    amount: int | None = None
    fee: int | None = None
    total_amount: int | None = None
    expired_date: AwareDatetime | None = None
    paid_date: AwareDatetime | None = None
    settle_date: AwareDatetime | None = None
    additional_info: dict[str, Any] | None = None
    virtual_account: VirtualAccount | None = None
    qris: Qris | None = None
    e_wallet: EWallet | None = None
    retail: Retail | None = None
    disbursement: Disbursement | None = None
    credit_card: dict[str, Any] | None = None


class QrisPayment(Transaction, frozen=True, kw_only=True, rename="camel"):
    """A transaction whose channel is QRIS."""

    qris: Qris


class TransactionPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a listing; ``current_page`` counts from 1, ``total_records`` over all pages."""

    transactions: tuple[Transaction, ...]
    current_page: int
    total_pages: int
    total_records: int


class Balance(Record, frozen=True, kw_only=True, rename="camel"):
    """A project's money in whole rupiah."""

    active: int
    pending: int
    total: int


class Project(Record, frozen=True, kw_only=True, rename="camel"):
    """A project as registered; ``ip`` lists the networks it may call from, new ones are ``Review``."""

    id: int
    name: str
    domain: str
    ip: list[str]
    status: str


# msgspec works a type out when it is first read, and two threads that both come first crash the process (a
# segmentation fault, msgspec 0.22). An import has one thread.
for _read in (Balance, Project, QrisPayment, Transaction):
    msgspec.json.Decoder(_read)

R = TypeVar("R", bound=Record)


def read_record(record_type: type[R], wire: object, *, call_name: str, json_path: str) -> R:
    """``wire`` (decoded JSON) as a record; ``json_path`` is where it stood in the answer to ``call_name``.

    Raises: UnexpectedResponse naming the JSON path of what is missing or of the wrong type.
    """
    try:
        return msgspec.convert(_known_and_unknown(record_type, wire), record_type)
    except msgspec.ValidationError as error:
        path, rule = _path_and_rule(str(error), json_path)
        raise UnexpectedResponse(
            f"SenGo's answer to {call_name} is not of the documented shape: {rule} (at {path}). Nothing of it "
            "was used; if it stays so, ask SenGo, or look for a newer release of this provider.",
            json_path=path,
        ) from None


def as_qris_payment(transaction: Transaction) -> QrisPayment:
    """The same transaction as a QRIS payment; its ``qris.content`` may be empty once it is final.

    Raises: UnexpectedResponse if its channel is another.
    """
    if transaction.qris is None:
        raise UnexpectedResponse(
            "SenGo's answer is not a QRIS payment: it has no object 'qris'.", json_path="$.responseData.qris"
        )
    return QrisPayment(**{name: getattr(transaction, name) for name in Transaction.__struct_fields__})


def as_plain_dict(record: Record | TransactionPage) -> dict[str, Any]:
    """``record`` as JSON-native values for XCom: snake_case keys, every field, dates as ISO 8601 text.

    Unknown fields stand beside the known ones under their wire names; a known name wins.
    """
    known = {name: _plain(getattr(record, name)) for name in record.__struct_fields__ if name != "unknown"}
    return {**getattr(record, "unknown", {}), **known}


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return as_plain_dict(value)  # type: ignore[arg-type]  # a record's fields are records
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


_CHANNELS: Mapping[str, type[Record]] = {
    "virtualAccount": VirtualAccount,
    "qris": Qris,
    "eWallet": EWallet,
    "retail": Retail,
    "disbursement": Disbursement,
}
_OBJECTS = frozenset(_CHANNELS) | {"additionalInfo", "creditCard"}


@cache
def _wire_names(record_type: type[Record]) -> frozenset[str]:
    """Cached, for msgspec works the types out anew each time: 100 microseconds a row."""
    return frozenset(field.encode_name for field in msgspec.structs.fields(record_type)) - {"unknown"}


def _known_and_unknown(record_type: type[Record], wire: object) -> object:
    """``wire`` with its unknown fields moved into ``unknown``, and nulls left out."""
    if not isinstance(wire, dict):
        return wire
    names = _wire_names(record_type)
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in wire.items():
        if name not in names:
            unknown[name] = value
        elif name in _CHANNELS and isinstance(value, dict):
            known[name] = _known_and_unknown(_CHANNELS[name], value)
        elif value is not None and not (name in _OBJECTS and value == []):
            known[name] = value
    return {**known, "unknown": unknown}


def _path_and_rule(text: str, json_path: str) -> tuple[str, str]:
    """msgspec's ``Expected `int`, got `str` - at `$.amount``` as (whole path, rule); it names no value."""
    rule, _, at = text.partition(" - at `$")
    path = json_path + at.removesuffix("`")
    if rule.startswith("Object missing required field `"):
        field = rule.removeprefix("Object missing required field `").removesuffix("`")
        return f"{path}.{field}", "a required field is missing"
    return path, rule
