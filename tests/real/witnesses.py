# SPDX-License-Identifier: Apache-2.0
"""What a test does without a program that it calls as a witness: PHP, PostgreSQL, a browser."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def is_absent(message: str) -> NoReturn:
    """A failure where witnesses are required, else a skip that says so."""
    if os.environ.get("REQUIRE_WITNESSES") == "1" or os.environ.get("CI", "").lower() == "true":
        pytest.fail(message)
    pytest.skip(message)
