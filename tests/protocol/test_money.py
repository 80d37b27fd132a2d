# SPDX-License-Identifier: Apache-2.0
"""Amounts are exact or refused."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.money import (
    INT64_MAX,
    parse_positive,
    parse_rupiah,
    parse_sen,
    ringgit_to_sen,
)

REFUSED = [
    True,
    False,
    0,
    -1,
    INT64_MAX + 1,
    1.0,
    10000.0,
    float("nan"),
    Decimal(10),
    None,
    b"10",
    [],
    "",
    "0",
    "00",
    "010",
    " 1",
    "1 ",
    "1\n",
    "+1",
    "-1",
    "1e4",
    "1_000",
    "1,000",
    "1.000",
    "10000.0",
    "0x10",
    "\uff11\uff10",
    "\u0661\u0660",
    "²",
    "9223372036854775808",
    "9" * 5000,
]


@pytest.mark.parametrize("parse", [parse_rupiah, parse_sen])
@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1), (10000, 10000), ("10000", 10000), ("1", 1), (INT64_MAX, INT64_MAX), (str(INT64_MAX), INT64_MAX)],
)
def test_whole_positive_numbers_pass(parse, value, expected):
    """An int above zero within 64 bits, and its plain digits, are that amount."""
    assert parse(value, field="amount") == expected


@pytest.mark.parametrize("parse", [parse_rupiah, parse_sen])
@pytest.mark.parametrize("value", REFUSED, ids=lambda value: repr(value)[:20])
def test_everything_else_is_refused(parse, value):
    """What is no whole positive number is a ValueError that names the field and the fix."""
    with pytest.raises(ValueError, match=r"^amount: must be whole .* got .*convert it to an int"):
        parse(value, field="amount")


def test_a_refusal_names_the_type_and_never_the_value():
    """The error tells a float from a text without quoting either."""
    with pytest.raises(ValueError, match="got float") as error:
        parse_rupiah(4711.25, field="amount")
    assert "4711" not in str(error.value)
    with pytest.raises(ValueError, match="got other text") as error:
        parse_rupiah("4711,25", field="amount")
    assert "4711" not in str(error.value)
    with pytest.raises(ValueError, match="got empty text"):
        parse_rupiah("", field="amount")


def test_an_int_enum_becomes_a_plain_int():
    """A subclass of int leaves its own type behind, so that it is encoded as a number."""

    class Price(IntEnum):
        COFFEE = 25000

    assert type(parse_rupiah(Price.COFFEE, field="amount")) is int


def test_counts_follow_the_same_rule():
    """Minutes and pages are parsed as strictly as money, and the error names their unit."""
    assert parse_positive("30", field="expiry_minutes", unit="minutes") == 30
    with pytest.raises(ValueError, match=r"^expiry_minutes: must be whole minutes"):
        parse_positive(0.5, field="expiry_minutes", unit="minutes")


@given(st.integers(min_value=1, max_value=INT64_MAX))
def test_digits_and_int_mean_the_same(number):
    """An amount rendered by a template is the amount."""
    assert parse_rupiah(str(number), field="a") == parse_rupiah(number, field="a") == number


@given(st.text())
def test_text_is_its_digits_or_a_value_error(text):
    """No text gives another number than the one it spells."""
    with contextlib.suppress(ValueError):
        assert str(parse_sen(text, field="a")) == text


@pytest.mark.parametrize(
    ("text", "sen"),
    [("24.50", 2450), ("24", 2400), ("0.07", 7), ("0.00", 0), ("0.29", 29), ("1.10", 110), ("0", 0)],
)
def test_ringgit_become_sen_exactly(text, sen):
    """Two decimals are sen to the digit, also where floats would round."""
    assert ringgit_to_sen(text) == sen


@pytest.mark.parametrize(
    "value",
    ["24.5", "24.505", ".50", "24.", "-1.00", "+1.00", " 1.00", "1.00\n", "1,000.00", "01.00", "RM1.00", "",
     "1e2", "\uff12\uff14.50", "9" * 18, 24, 24.5, Decimal("24.50"), None, True],
)  # fmt: skip
def test_other_spellings_of_ringgit_are_refused(value):
    """A spelling that would have to be guessed at is a ValueError without the value."""
    with pytest.raises(ValueError, match=r"^grand_total: must be ringgit as text"):
        ringgit_to_sen(value, field="grand_total")


@given(st.integers(min_value=0, max_value=10**18))
def test_every_amount_of_ringgit_is_read_to_the_sen(sen):
    """However large, an amount written with two decimals is just its digits."""
    assert ringgit_to_sen(f"{sen // 100}.{sen % 100:02}") == sen
