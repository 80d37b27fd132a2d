# SPDX-License-Identifier: Apache-2.0
"""What the text of a QRIS code says, and what is odd about it: EMVCo merchant-presented TLV, read leniently.

A code is read to be shown and compared, never to decide about a payment, so nothing here raises: a text
that is not whole says nothing (``is_emv`` is False). No request or record may appear here. Sources: EMV QR
Code Specification for Payment Systems, merchant-presented mode; docs.sengo.id/fund-acceptance/qris, whose
sample keeps its tags in no order and asks for another amount than the JSON around it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

NATIONAL_QRIS = "ID.CO.QRIS.WWW"  # the template that holds the national merchant id
RUPIAH = "360"  # ISO 4217

_FORMAT, _CURRENCY, _AMOUNT, _NAME, _CITY, _MORE, _CRC = "00", "53", "54", "59", "60", "62", "63"
_ACCOUNTS = range(26, 52)  # templates, each of one scheme or issuer
_DOMAIN, _PAN, _MERCHANT_ID = "00", "01", "02"  # inside such a template
_REFERENCE = "05"  # inside 62
_CRC_START = 0xFFFF  # CRC-16/CCITT-FALSE: poly 0x1021, not reflected, no final xor
_CRC_CHARACTERS = 4

_HEAD = re.compile(r"([0-9]{2})([0-9]{2})", re.ASCII)  # tag, length of the value in characters
_WHOLE = re.compile(r"([0-9]{1,13})(?:\.0{0,2})?", re.ASCII)  # at most 13 characters by the specification
_MERCHANT_PAN = re.compile(r"9360[0-9]+", re.ASCII)  # 9360 is Indonesia's; the sample's fails Luhn


@dataclass(frozen=True, slots=True, kw_only=True)
class QrisContent:
    """What a code says. Every text is as written in it, None where it is absent.

    ``is_emv``: the text is whole items of TLV, each tag once, with a payload format indicator.
    ``amount``: digits with an optional dot, absent where the payer types it in; the gateway's JSON may
    say something else. ``currency``: ISO 4217 number, ``360`` for rupiah. ``nmid``: the national merchant
    id. ``reference``: 62/05; in the sample the first 16 hex digits of the payment's id.
    """

    is_emv: bool = False
    amount: str | None = None
    currency: str | None = None
    merchant_name: str | None = None
    merchant_city: str | None = None
    merchant_pan: str | None = None
    nmid: str | None = None
    reference: str | None = None
    crc_given: str | None = None
    crc_valid: bool = False


def parse_qris_content(text: str) -> QrisContent:
    """Read the text of a code; never raises, and is never evidence that anything was paid."""
    items = _items(text)
    if items is None or _FORMAT not in items:
        return QrisContent()
    accounts = list(_accounts(items))
    pans = [pan for each in accounts if _MERCHANT_PAN.fullmatch(pan := each.get(_PAN, ""))]
    nmids = [each.get(_MERCHANT_ID) for each in accounts if each.get(_DOMAIN, "").upper() == NATIONAL_QRIS]
    more = _items(items.get(_MORE, "")) or {}
    return QrisContent(
        is_emv=True,
        amount=items.get(_AMOUNT),
        currency=items.get(_CURRENCY),
        merchant_name=items.get(_NAME),
        merchant_city=items.get(_CITY),
        merchant_pan=next(iter(pans), None),
        nmid=next(iter(nmids), None),
        reference=more.get(_REFERENCE),
        crc_given=items.get(_CRC),
        crc_valid=_crc_valid(text),
    )


def doubts_about(text: str, *, amounts_rupiah: Collection[int]) -> list[str]:
    """What a person should know before the code is shown to a customer; empty if it is fine.

    ``amounts_rupiah``: the payment's amount, and its total with fees; at least one. Unconfirmed: which of
    the two a code asks for, so either is fine. No doubt is a reason to pay, or to ask for the payment, again.
    """
    if not text:
        return ["there is none to scan"]
    content = parse_qris_content(text)
    if not content.is_emv:
        return ["it is no whole EMVCo text, which apps refuse (SenGo's sandbox makes none)"]
    doubts = []
    if not content.crc_valid:
        doubts.append("its checksum is wrong, so apps will refuse it")
    if content.currency not in (None, RUPIAH):
        doubts.append("it asks for another currency than rupiah")
    wanted = " or ".join(str(amount) for amount in sorted(set(amounts_rupiah)))
    if content.amount is None:
        doubts.append(f"it names no amount: the customer could type in another one than {wanted} rupiah")
    elif _rupiah(content.amount) not in amounts_rupiah:
        doubts.append(f"it asks the customer for another amount than {wanted} rupiah")
    return doubts


def _rupiah(amount: str) -> int | None:
    """Whole rupiah as a code writes them, ``10000`` or ``10000.00``; None for anything else."""
    match = _WHOLE.fullmatch(amount)
    return int(match[1]) if match else None


def _items(text: str) -> dict[str, str] | None:
    """Tag -> value, in the order written; None where an item is not whole or a tag stands twice."""
    items: dict[str, str] = {}
    at = 0
    while at < len(text):
        head = _HEAD.match(text, at)
        if head is None or head[1] in items:
            return None
        start, at = head.end(), head.end() + int(head[2])
        if at > len(text):
            return None
        items[head[1]] = text[start:at]
    return items


def _accounts(items: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The merchant account templates that can be read, by tag."""
    for tag in _ACCOUNTS:
        template = _items(items.get(str(tag), ""))
        if template:
            yield template


def _crc_valid(text: str) -> bool:
    """The text ends with item 63, and its four hex digits are the checksum of all before them."""
    covered, given = text[:-_CRC_CHARACTERS], text[-_CRC_CHARACTERS:]
    if not covered.endswith("6304"):
        return False
    checksum = binascii.crc_hqx(covered.encode(errors="surrogatepass"), _CRC_START)
    return given.upper() == f"{checksum:04X}"
