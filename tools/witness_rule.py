# SPDX-License-Identifier: Apache-2.0
"""Whether a missing witness (PHP, PostgreSQL, a browser, an old Python) is a failure; else it is told and skipped."""

from __future__ import annotations

import os


def witnesses_are_required() -> bool:
    """Where a change is about to land, ``CI=true``, or where somebody says so."""
    return os.environ.get("REQUIRE_WITNESSES") == "1" or os.environ.get("CI", "").lower() == "true"
