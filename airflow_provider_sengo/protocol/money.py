# SPDX-License-Identifier: Apache-2.0
"""Money as whole numbers: rupiah for SenGo, sen for senangPay.

Nothing here rounds, and nothing here may hold a float or a Decimal. Sources: docs.sengo.id/fund-acceptance/qris
(amounts are integers in whole rupiah), guide.senangpay.com (``pay_cc`` takes integer sen; order queries
answer in ringgit with two decimals).
"""

from __future__ import annotations

import re
from typing import NewType

Rupiah = NewType("Rupiah", int)
Sen = NewType("Sen", int)

INT64_MAX = 2**63 - 1  # PHP and the archive's columns hold no more
INT64_DIGITS_MAX = 19
SEN_PER_RINGGIT = 100

# Groups: whole ringgit, optional sen. A thousands comma, a sign or a third decimal would be a guess.
_RINGGIT = re.compile(r"(0|[1-9][0-9]{0,16})(?:\.([0-9]{2}))?", re.ASCII)


def parse_rupiah(value: object, *, field: str) -> Rupiah:
    """Whole rupiah above zero from an int, or from digits as a template renders them (``"10000"``).

    Raises: ValueError naming ``field``, the rule and the type given, never the value.
    """
    return Rupiah(parse_positive(value, field=field, unit="rupiah"))


def parse_sen(value: object, *, field: str) -> Sen:
    """Whole sen above zero (RM 24.50 = 2450), from the same spellings as ``parse_rupiah``.

    Raises: ValueError naming ``field``, the rule and the type given, never the value.
    """
    return Sen(parse_positive(value, field=field, unit="sen"))


def ringgit_to_sen(value: object, *, field: str = "amount") -> Sen:
    """Sen from ringgit as text, to the digit: ``"24.50"`` -> 2450, ``"24"`` -> 2400; zero is allowed.

    Raises: ValueError naming ``field`` and the rule, never the value.
    """
    match = _RINGGIT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f"{field}: must be ringgit as text with no or two decimals, such as '24.50'; "
            f"got {_described(value)}."
        )
    return Sen(int(match[1]) * SEN_PER_RINGGIT + int(match[2] or 0))


def parse_positive(value: object, *, field: str, unit: str) -> int:
    """A count of ``unit`` above zero by the same rule as money: an int, or its plain digits.

    Raises: ValueError naming ``field``, the rule and the type given, never the value.
    """
    number = 0
    if isinstance(value, str):
        number = int(value) if _is_plain_number(value) else 0
    elif isinstance(value, int) and not isinstance(value, bool):
        number = int(value)
    if not 0 < number <= INT64_MAX:
        raise ValueError(
            f"{field}: must be whole {unit} above zero and within 64 bits, as an int or as plain digits "
            f"such as '10000' (no sign, decimals, separators or blanks); got {_described(value)}. "
            "Nothing is rounded: convert it to an int first."
        )
    return number


def _is_plain_number(text: str) -> bool:
    # isdigit() alone also takes digits of other scripts; a leading zero reads as an id, not as money.
    return text.isascii() and text.isdigit() and len(text) <= INT64_DIGITS_MAX and not text.startswith("0")


def _described(value: object) -> str:
    if isinstance(value, str):
        return "other text" if value else "empty text"
    return type(value).__name__
