# SPDX-License-Identifier: Apache-2.0
"""One of SenGo's records read leniently, by whoever must not lose it: the archive, and the events of payments.

Pure. Broken text and endless numbers cost their own field, never the record they stand in. Which fields are
taken, and what an odd one means, is each reader's own; answers that a payment depends on are never read here
(``sengo_records`` reads those, strictly).
Source of the fields: docs.sengo.id/extras/transactions and /fund-acceptance/qris.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from airflow_provider_sengo.protocol.envelope import DECODE_ERRORS

INTEGER_DIGITS_MAX = 40  # far beyond 64 bits; Python itself refuses to read more than some thousands

# The channel is recognised by which of these objects a record has: wire name -> our name of the channel.
CHANNELS = {
    "qris": "qris",
    "virtualAccount": "virtual_account",
    "eWallet": "e_wallet",
    "retail": "retail",
    "disbursement": "disbursement",
    "creditCard": "credit_card",
}

_decode = msgspec.json.Decoder().decode


def decode_leniently(raw: bytes) -> tuple[dict[str, Any], bool]:
    r"""The record as a dict (empty if it is none), and whether its bytes were sound JSON text in UTF-8.

    Text that is not sound is kept legibly, as escapes: ``\ud83d`` for half a surrogate pair. So it can
    be stored, and two ids stay two.
    """
    whole = True
    try:
        record = _decode(raw)
    except DECODE_ERRORS:
        whole = False
        try:
            text = raw.decode("utf-8", "surrogateescape")
            record = json.loads(text, object_pairs_hook=_legible, parse_int=_integer)
        except (ValueError, RecursionError):
            record = None
    return (record, whole) if isinstance(record, dict) else ({}, False)


def _legible(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {_escaped(name): _escaped(value) if isinstance(value, str) else value for name, value in pairs}


def _escaped(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _integer(digits: str) -> int | float:
    """An integer; one beyond all bounds becomes a float, which fits no field."""
    return int(digits) if len(digits) <= INTEGER_DIGITS_MAX else float(digits)
