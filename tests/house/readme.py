# SPDX-License-Identifier: Apache-2.0
"""The README's text, its fenced blocks and its tables; what they must be is said in the tests."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from repository import ROOT

README = (ROOT / "README.md").read_text()
OUR_COMMAND = "python -m airflow_provider_sengo "


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose head begins with ``heading``, cell by cell."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert found is not None, heading
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]


def block_with(text: str) -> str:
    (found,) = [block for block in blocks("python") if text in block]
    return found


def shell_lines() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]
