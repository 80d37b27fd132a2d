# SPDX-License-Identifier: Apache-2.0
"""When a call may be repeated, and how long to wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.exceptions import (
    DuplicateReference,
    NotAuthorized,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SignatureMismatch,
    Unavailable,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol.retry import RETRY_AFTER_MAX_S, RetryPolicy, retry_after_s

NOW = datetime(2025, 3, 23, 3, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "if_repeatable", "if_not"),
    [
        (NotSent("x"), True, True),
        (OutcomeUnknown("x"), True, False),
        (Unavailable("x"), True, False),
        (UnexpectedResponse("x"), True, False),
        (Rejected("x"), False, False),
        (NotAuthorized("x"), False, False),
        (NotFound("x"), False, False),
        (DuplicateReference("x"), False, False),
        (SignatureMismatch("x"), False, False),
        (ValueError("x"), False, False),
        (KeyboardInterrupt(), False, False),
    ],
)
def test_what_may_be_repeated(error, if_repeatable, if_not):
    """Only what was never sent is repeated always; what moves money never on a guess."""
    policy = RetryPolicy()
    assert policy.may_repeat(repeatable=True, error=error) is if_repeatable
    assert policy.may_repeat(repeatable=False, error=error) is if_not


@given(st.integers(min_value=0, max_value=10_000), st.floats(min_value=0, max_value=1, exclude_max=True))
def test_waits_are_bounded(attempt, jitter):
    """No attempt number and no jitter gives a wait outside zero to the longest one."""
    policy = RetryPolicy()
    assert 0 <= policy.wait_s(attempt, OutcomeUnknown("x"), jitter=jitter) <= policy.wait_max_s


def test_the_range_of_waits_doubles():
    """Full jitter spreads over a range that doubles from the first wait to the longest."""
    policy = RetryPolicy(wait_initial_s=1.0, wait_max_s=5.0)
    assert [policy.wait_s(n, NotSent("x"), jitter=0.5) for n in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 2.5]


def test_the_gateways_wish_is_a_floor_with_a_ceiling():
    """Retry-After is waited for in full up to its limit, plus at most a second of jitter."""
    policy = RetryPolicy(wait_initial_s=0.5)
    assert policy.wait_s(1, Unavailable("x", retry_after_s=7.0), jitter=0.0) == 7.0
    assert policy.wait_s(1, Unavailable("x", retry_after_s=7.0), jitter=0.5) == 7.25
    assert policy.wait_s(9, Unavailable("x", retry_after_s=1e9), jitter=0.5) == RETRY_AFTER_MAX_S + 0.5
    assert policy.wait_s(1, Unavailable("x"), jitter=0.5) == 0.25


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("3600", RETRY_AFTER_MAX_S),
        ("Sun, 23 Mar 2025 03:00:09 GMT", 9.0),
        ("Sun, 23 Mar 2025 02:00:00 GMT", 0.0),
        ("Sun, 23 Mar 2025 03:00:09 -0000", 9.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("\u0667", None),
        (".", None),
        ("inf", None),
        ("9" * 400, None),
        ("Sun, 99 Mar 2025 03:00:09 GMT", None),
    ],
)
def test_retry_after_is_read_leniently(text, seconds):
    """A number or an HTTP date counts from the receipt; anything unreadable is as if absent."""
    assert retry_after_s({"retry-after": text}, NOW) == seconds


def test_no_retry_after_is_none():
    """Without the header the gateway has no wish."""
    assert retry_after_s({}, NOW) is None


@given(st.text())
def test_no_retry_after_breaks_the_reader(text):
    """Whatever stands in the header, the answer is None or within the bounds."""
    seconds = retry_after_s({"retry-after": text}, NOW)
    assert seconds is None or 0 <= seconds <= RETRY_AFTER_MAX_S
