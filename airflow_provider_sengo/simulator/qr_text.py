# SPDX-License-Identifier: Apache-2.0
"""QRIS text as a payer's app would read it: EMVCo merchant-presented TLV with its checksum.

The layout follows the sample on docs.sengo.id/fund-acceptance/qris, odd order of tags included.
"""

import binascii

LOREM_IPSUM = "Repellendus nisi dolorum et quia voluptatem sit accusantium."
_CRC_START = 0xFFFF  # CRC-16/CCITT-FALSE: poly 0x1021, not reflected, no final xor


def tlv(tag: str, value: str) -> str:
    """One item: two digits tag, two digits length in characters, value."""
    return f"{tag}{len(value):02}{value}"


def checksum(text: str) -> str:
    """Four upper-case hex digits over everything up to and including ``6304``."""
    return f"{binascii.crc_hqx(text.encode(), _CRC_START):04X}"


_HEAD = (
    tlv("00", "01")
    + tlv("01", "12")
    + tlv("26", tlv("00", "ID.CO.SIMULATOR.WWW") + tlv("01", "936000110000274394") + tlv("03", "UME"))
    + tlv("51", tlv("00", "ID.CO.QRIS.WWW") + tlv("02", "ID1024361878738") + tlv("03", "UME"))
)
_TAIL = tlv("60", "JAKARTA") + tlv("52", "8999") + tlv("59", "SenGo Simulator") + tlv("58", "ID") + "6304"


def qris_text(transaction_id: str, total_rupiah: int) -> str:
    """The QR text of a payment: carries the total amount, and the id's first 16 hex digits in 62/05."""
    short_id = transaction_id.replace("-", "")[:16] or "0"
    text = _HEAD + tlv("62", tlv("05", short_id)) + tlv("53", "360") + tlv("54", str(total_rupiah)) + _TAIL
    return text + checksum(text)
