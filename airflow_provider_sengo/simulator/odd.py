# SPDX-License-Identifier: Apache-2.0
"""Rows that fit no record: one of every misfit that a reader must survive without losing the day. Pure.

Only which fields differ stands here; the bytes are written in ``wire``.
"""

from typing import Any

from .wire import RAW, REMOVE

NESTING = 60


def _nested(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = {"deeper": [value]}
    return value


# kind -> wire fields that differ
ODD_KINDS: dict[str, dict[str, Any]] = {
    "amount_float": {"amount": 10000.5},
    "amount_integral_float": {"amount": 10000.0},
    "amount_text": {"amount": "10000"},
    "amount_null": {"amount": None},
    "amount_bool": {"amount": True},
    "amount_huge": {"amount": 10**30},
    "amount_negative": {"amount": -500},
    "amount_missing": {"amount": REMOVE},
    "status_missing": {"status": REMOVE},
    "status_null": {"status": None},
    "status_unknown": {"status": "refunded"},
    "status_capitals": {"status": "SUCCESS"},
    "reference_missing": {"merchantRef": REMOVE},
    "reference_number": {"merchantRef": 12345},
    "dates_missing": {"expiredDate": REMOVE, "paidDate": REMOVE, "settleDate": REMOVE},
    "date_without_zone": {"expiredDate": "2025-03-23T10:24:58", "paidDate": "2025-03-23 10:24:58"},
    "date_impossible": {"expiredDate": "2025-02-29T10:00:00+07:00"},
    "date_number": {"paidDate": 1742700298},
    "fee_text": {"fee": "85", "totalAmount": "10085"},
    "fields_new": {"createdAt": "2025-03-23T10:24:58+07:00", "currency": "IDR", "tags": ["a", 1, None]},
    "channel_text": {"qris": "lost", "disbursement": "lost"},
    "channel_list": {"qris": [], "disbursement": []},
    "channel_null": {"qris": None, "disbursement": None},
    "additional_list": {"additionalInfo": []},
    "additional_null": {"additionalInfo": None},
    "nested_deeply": {"additionalInfo": {"callback": None, "extra": _nested(NESTING)}},
    "name_non_ascii": {"merchantRef": "Café-センゴ-😀-\u202e"},
    "name_markup": {"merchantRef": '<script>alert("1")</script>&amp;\'--'},
    "name_long": {"merchantRef": "R" * 5_000},
    "payer_unknown": {"feePayer": "both"},
    "keys_twice": {RAW: '"amount":1,"status":"pending"'},
}
