# SPDX-License-Identifier: Apache-2.0
"""Arguments are checked before anything is built, and no refusal quotes a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.senangpay_arguments import (
    checked_email,
    checked_id,
    checked_order_id,
    checked_text,
    checked_token,
    checked_window,
)

MALAYSIA = timezone(timedelta(hours=8))
START = datetime(2020, 1, 1, tzinfo=MALAYSIA)


@pytest.mark.parametrize("text", ["x", "Order for product id #4", "Siti Nurhaliza Özil", "名前", "é" * 100])
def test_text_is_given_back_as_it_is(text):
    """Blanks inside, signs and other scripts pass; the limit counts characters."""
    assert checked_text(text, "name", 100) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "must not be empty"),
        ("  ", "must not be empty or blank"),
        ("\n", "must not be empty or blank"),
        ("s3cret ", "must not begin or end with a blank"),
        ("\u200bs3cret", "must not begin or end with a blank"),
        ("s3c\nret", "control characters"),
        ("s3c\x00ret", "control characters"),
        ("s3c\x7fret", "control characters"),
        ("s3c\ud800ret", "surrogate"),
        ("s" * 101, "at most 100 characters"),
        (None, "must be text, not NoneType"),
        (123, "must be text, not int"),
        (b"s3cret", "must be text, not bytes"),
    ],
)
def test_other_text_is_refused(text, rule):
    """Nothing is trimmed on the quiet, for the hash covers what was given."""
    with pytest.raises(ValueError, match=f"^name: {rule}|^name: .*{rule}") as error:
        checked_text(text, "name", 100)
    assert "s3c" not in str(error.value)


@pytest.mark.parametrize("order_id", ["1", "123", "3432D4", "ORD12345", "0" * 100])
def test_order_ids_of_the_page_pass(order_id):
    """Letters and digits, up to 100."""
    assert checked_order_id(order_id) == order_id


@pytest.mark.parametrize(
    "order_id", ["", "a" * 101, "a-b", "a_b", "a b", "a ", " a", "a\n", "é", "\uff11", None, 123]
)
def test_other_order_ids_are_refused(order_id):
    """An int, too: two spellings of one order would be two orders."""
    with pytest.raises(ValueError, match=r"^order_id: must be text of 1 to 100 ASCII letters"):
        checked_order_id(order_id)


def test_ids_to_look_up_may_have_other_characters():
    """Orders of the manual API have hyphens."""
    assert checked_id("order-1_2", "order_id") == "order-1_2"
    with pytest.raises(ValueError, match=r"^reference: must have at most 100"):
        checked_id("1" * 101, "reference")


@pytest.mark.parametrize("email", ["ahmad@google.com", "amir@email"])
def test_emails_of_the_page_pass(email):
    """No dot is needed."""
    assert checked_email(email) == email


@pytest.mark.parametrize("email", ["0109876543", "@x", "x@", "a@b@c", "x@y ", "", None, "a" * 255 + "@b"])
def test_what_is_no_email_is_refused(email):
    """Swapped fields are found before money moves."""
    with pytest.raises(ValueError, match=r"^email: "):
        checked_email(email)


@pytest.mark.parametrize("token", ["6bcc32c3cf4c", "758TX123456KUBG789", "D12820HJ", "01"])
def test_tokens_are_opaque(token):
    """All documented shapes pass."""
    assert checked_token(token) == token


@pytest.mark.parametrize("token", ["", " ", "\t", "0", "000", " s3cret", "s3cret\n", "x" * 201, None, 0])
def test_what_is_no_token_is_refused(token):
    """Empty, blank, and the mark of a failed tokenization."""
    with pytest.raises(ValueError, match=r"^token: ") as error:
        checked_token(token)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (START, START + timedelta(days=1, seconds=-1), ("1577808000", "1577894399")),
        (START.astimezone(UTC), START + timedelta(seconds=1), ("1577808000", "1577808001")),
        (
            START + timedelta(microseconds=1),
            START + timedelta(microseconds=2),
            ("1577808000", "1577808001"),
        ),
    ],
)
def test_a_window_is_whole_seconds_around_it(start, end, seconds):
    """Any zone; nothing inside the window is cut off, and end stays later than start."""
    assert checked_window(start, end) == seconds


@pytest.mark.parametrize(
    ("start", "end", "rule"),
    [
        (START.replace(tzinfo=None), START, "start: must be a datetime with a time zone"),
        (START, START.replace(tzinfo=None), "end: must be a datetime with a time zone"),
        (START.date(), START, "start: must be a datetime"),
        (START, 1577894399, "end: must be a datetime"),
        (START, START, "end: must be later than start"),
        (START, START - timedelta(seconds=1), "end: must be later than start"),
        (datetime(1970, 1, 1, tzinfo=UTC), START, "start: must be later than 1970"),
        (datetime(1969, 1, 1, tzinfo=UTC), START, "start: must be later than 1970"),
    ],
)
def test_other_windows_are_refused(start, end, rule):
    """Naive times would be a guess, and the gateway asks for start above zero."""
    with pytest.raises(ValueError, match=f"^{rule}"):
        checked_window(start, end)


@given(st.text(max_size=120))
def test_any_text_is_kept_or_refused(text):
    """What passes is the same after trimming, fits, and can be encoded."""
    try:
        kept = checked_text(text, "name", 100)
    except ValueError:
        return
    assert kept == text == text.strip()
    assert 0 < len(kept.encode()) <= 400
