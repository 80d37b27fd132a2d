# SPDX-License-Identifier: Apache-2.0
"""What is shown of personal data unless it is asked for."""

from __future__ import annotations

import pytest

from airflow_provider_sengo.archive.schema import TRANSACTIONS
from airflow_provider_sengo.plugins.masking import MASKS, mask_address, mask_name, mask_number, masked


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, None), ("", "***"), ("1234567", "***"), ("12345678", "***5678"), ("081234567890", "***7890")],
)
def test_numbers_keep_their_last_four(number, shown):
    """A short one would be told by them."""
    assert mask_number(number) == shown


@pytest.mark.parametrize(("name", "shown"), [(None, None), ("", "***"), ("Budi Santoso", "B***")])
def test_names_keep_their_first_letter(name, shown):
    """Not their length."""
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (None, None),
        ("https://shop.example/cb", "https://shop.example/***"),
        ("https://shop.example/cb?phone=0812&t=x", "https://shop.example/***"),
        ("https://user:token@shop.example/cb", "https://shop.example/***"),
        ("0812345678", "***"),
        ("http://[bad", "***"),
        ("", "***"),
    ],
)
def test_a_callback_tells_where_and_not_who(address, shown):
    """Its query may hold the customer or a token."""
    assert mask_address(address) == shown


def test_every_column_is_one_or_the_other():
    """A new column must be looked at: it is personal, left out, or told here to be harmless."""
    harmless = {
        *("project", "type", "day", "id", "merchant_ref", "status", "rank", "fee_payer", "amount", "fee"),
        *("total_amount", "expired_at", "paid_at", "settle_at", "channel", "channel_code", "digest"),
        *("odd_fields", "first_seen_at", "last_changed_at", "last_listed_day"),
    }
    assert {*MASKS, "raw"} | harmless == set(TRANSACTIONS.names)
    row = dict.fromkeys(TRANSACTIONS.names, "secret-0001")
    assert {name for name, value in masked(row).items() if value == "secret-0001"} == harmless
