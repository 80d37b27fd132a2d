# SPDX-License-Identifier: Apache-2.0
"""One listed record as a row of the archive.

Pure. Lenient on purpose: only a readable ``id`` is demanded, since one odd record must never keep a day
from being archived. The record's own bytes are always kept in ``raw``; a field that does not fit becomes
None and is named in ``odd_fields``. Nothing is guessed or rounded.

Source of the fields: docs.sengo.id/extras/transactions and /fund-acceptance/qris.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec

from airflow_provider_sengo.exceptions import UnexpectedResponse
from airflow_provider_sengo.protocol.envelope import DECODE_ERRORS
from airflow_provider_sengo.protocol.lenient import CHANNELS, decode_leniently

RANKS = {"pending": 0, "expired": 2, "failed": 2, "success": 3}
RANK_UNKNOWN = 1  # a status word this package does not know, or none
RANK_SUCCESS = 3

ODD_FIELDS_MAX = 40  # so many names tell enough; the record itself is in ``raw``
NAME_MAX = 100  # characters of a field's name

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]
Text = str | None

# Wire name of a channel -> wire names of its code, its account's number and its account's holder.
ACCOUNT_FIELDS: dict[str, tuple[Text, Text, Text]] = {
    "qris": (None, None, None),
    "virtualAccount": ("bankCode", "vaNumber", "viewName"),
    "eWallet": ("channel", "phoneNumber", "viewName"),
    "retail": ("channel", "paymentCode", "viewName"),
    "disbursement": ("bankCode", "recipientAccount", "recipientName"),
    "creditCard": (None, None, None),
}


class _Channel(msgspec.Struct, rename="camel", gc=False):
    """Any channel's object; fields it does not have stay None, fields that are not known stay in ``raw``."""

    bank_code: Text = None
    va_number: Text = None
    view_name: Text = None
    channel: Text = None
    phone_number: Text = None
    payment_code: Text = None
    recipient_account: Text = None
    recipient_name: Text = None


class _Additional(msgspec.Struct, gc=False):
    callback: Text = None


class _Wire(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A record exactly as documented; whatever does not decode into it goes the lenient way."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    merchant_ref: str
    status: Literal["pending", "success", "expired", "failed"]
    fee_payer: str
    amount: Int64
    fee: Int64
    total_amount: Int64
    expired_date: AwareTime
    paid_date: AwareTime | None = None
    settle_date: AwareTime | None = None
    additional_info: _Additional | None = None
    qris: _Channel | None = None
    virtual_account: _Channel | None = None
    e_wallet: _Channel | None = None
    retail: _Channel | None = None
    disbursement: _Channel | None = None
    credit_card: _Channel | None = None


class Row(msgspec.Struct, gc=False):
    """A record as it is archived. Amounts: whole rupiah. Times: aware, as sent.

    ``digest``: 63 bits of BLAKE2b of ``raw``. ``rank``: how final the status is (see ``RANKS``).
    ``odd_fields``: the wire names of fields that do not fit, joined by commas; mostly empty.
    """

    id: str
    merchant_ref: str | None
    status: str | None
    rank: int
    fee_payer: str | None
    amount: int | None
    fee: int | None
    total_amount: int | None
    expired_at: datetime | None
    paid_at: datetime | None
    settle_at: datetime | None
    callback: str | None
    channel: str | None
    channel_code: str | None
    account_number: str | None
    account_name: str | None
    raw: bytes
    digest: int
    odd_fields: str


def _attributes(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Wire name -> attribute."""
    return {field.encode_name: field.name for field in msgspec.structs.fields(struct)}


_WIRE_NAMES = _attributes(_Wire)
_CHANNEL_NAMES = _attributes(_Channel)
_accounts_of = attrgetter(*(_WIRE_NAMES[name] for name in CHANNELS))
_CHANNEL_ATTRIBUTES = [
    (channel, [field and _CHANNEL_NAMES[field] for field in ACCOUNT_FIELDS[name]])
    for name, channel in CHANNELS.items()
]
_decode_wire = msgspec.json.Decoder(_Wire).decode


def hash63(data: bytes) -> int:
    """63 bits of BLAKE2b, the same in every process: fits a signed 64-bit column."""
    return int.from_bytes(blake2b(data, digest_size=8).digest()) >> 1


def read_row(raw: bytes) -> Row:
    """The row of one record. Raises ``UnexpectedResponse`` only if it has no readable ``id``."""
    try:
        wire = _decode_wire(raw)
    except DECODE_ERRORS:
        return _read_odd(raw)
    if not (can_be_told(wire.expired_date) and can_be_told(wire.paid_date) and can_be_told(wire.settle_date)):
        return _read_odd(raw)
    channel, code, number, holder, found = _channel_of(wire)
    return Row(
        wire.id,
        wire.merchant_ref,
        wire.status,
        RANKS[wire.status],
        wire.fee_payer,
        wire.amount,
        wire.fee,
        wire.total_amount,
        wire.expired_date,
        wire.paid_date,
        wire.settle_date,
        wire.additional_info.callback if wire.additional_info else None,
        channel,
        code,
        number,
        holder,
        raw,
        hash63(raw),
        "" if found == 1 else "channel",
    )


def read_rows(raws: Iterable[bytes]) -> tuple[list[Row], UnexpectedResponse | None]:
    """The rows of one page, and what to say of the first one without a readable ``id``, if there is one."""
    rows = []
    unreadable: UnexpectedResponse | None = None
    for place, raw in enumerate(raws):
        try:
            rows.append(read_row(raw))
        except UnexpectedResponse as error:
            path = f"$.responseData[{place}].id"
            unreadable = unreadable or UnexpectedResponse(f"{path}: {error}", json_path=path)
    return rows, unreadable


def _channel_of(wire: _Wire) -> tuple[Text, Text, Text, Text, int]:
    """Channel, its code, account number, account holder, and how many channel objects there are."""
    accounts = _accounts_of(wire)
    found = len(accounts) - accounts.count(None)
    if found != 1:
        return None, None, None, None, found
    if wire.qris is not None:  # most are, and it has no account
        return "qris", None, None, None, found
    place = next(place for place, account in enumerate(accounts) if account is not None)
    account, (channel, fields) = accounts[place], _CHANNEL_ATTRIBUTES[place]
    code, number, holder = [field and getattr(account, field) for field in fields]
    return channel, code, number, holder, found


def can_be_told(moment: datetime | None) -> bool:
    """Whether an instant lies between the years 1 and 9999 of UTC too; None does.

    One after them in a file's statistics makes a whole Delta table unreadable.
    """
    if moment is None or 1 < moment.year < 9999:  # the first and the last year need a look
        return True
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return False
    return True


class _Odd:
    """Reads an odd record field by field and remembers which did not fit."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self.names: list[str] = []

    def take(self, wire_name: str, kind: Any, *, required: bool = True) -> Any:
        """The field if it is there and of its kind; None otherwise, and its name is kept."""
        if wire_name not in self.record:
            if required:
                self.names.append(wire_name)
            return None
        value = self.record[wire_name]
        if value is None and not required:
            return None
        return self.fit(wire_name, value, kind)

    def fit(self, name: str, value: Any, kind: Any) -> Any:
        try:
            fitting = msgspec.convert(value, kind)
        except msgspec.ValidationError:
            fitting = None
        if fitting is None or (isinstance(fitting, datetime) and not can_be_told(fitting)):
            self.names.append(name)
            return None
        return fitting


def _read_odd(raw: bytes) -> Row:
    """The lenient way: what fits is taken, what does not is named."""
    record, whole = decode_leniently(raw)
    odd = _Odd(record)
    if not whole:
        odd.names.append("$")
    identity = record.get("id")
    if isinstance(identity, int) and not isinstance(identity, bool):
        odd.names.append("id")
        identity = str(identity)
    if not isinstance(identity, str) or not identity:
        raise UnexpectedResponse("a record without a readable id cannot be archived", json_path="$.id")
    status = odd.take("status", str)
    if status is not None and status not in RANKS:
        odd.names.append("status")
    info = odd.take("additionalInfo", dict, required=False) or {}
    callback = (
        None if info.get("callback") is None else odd.fit("additionalInfo.callback", info["callback"], str)
    )
    channel, code, number, holder = _odd_channel(odd)
    row = Row(
        id=identity,
        merchant_ref=odd.take("merchantRef", str),
        status=status,
        rank=RANK_UNKNOWN if status is None else RANKS.get(status, RANK_UNKNOWN),
        fee_payer=odd.take("feePayer", str),
        amount=odd.take("amount", Int64),
        fee=odd.take("fee", Int64),
        total_amount=odd.take("totalAmount", Int64),
        expired_at=odd.take("expiredDate", AwareTime),
        paid_at=odd.take("paidDate", AwareTime, required=False),
        settle_at=odd.take("settleDate", AwareTime, required=False),
        callback=callback,
        channel=channel,
        channel_code=code,
        account_number=number,
        account_name=holder,
        raw=raw,
        digest=hash63(raw),
        odd_fields="",
    )
    odd.names.extend(sorted(name for name in record if name not in _WIRE_NAMES))
    row.odd_fields = ",".join(name[:NAME_MAX] for name in odd.names[:ODD_FIELDS_MAX])
    return row


def _odd_channel(odd: _Odd) -> tuple[Text, Text, Text, Text]:
    """Channel, code, number and holder of an odd record: taken only if exactly one channel is there."""
    present = [name for name in CHANNELS if odd.record.get(name) is not None]
    if len(present) != 1:
        odd.names.append("channel")
        return None, None, None, None
    name = present[0]
    channel, account = CHANNELS[name], odd.record[name]
    if not isinstance(account, dict):
        odd.names.append(name)
        return channel, None, None, None
    code, number, holder = [
        None
        if field is None or account.get(field) is None
        else odd.fit(f"{name}.{field}", account[field], str)
        for field in ACCOUNT_FIELDS[name]
    ]
    return channel, code, number, holder
