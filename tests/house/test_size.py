# SPDX-License-Identifier: Apache-2.0
"""Limits and habits that every file keeps."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from repository import ROOT, files_of_tests, product_files, repository_files

FILE_LINES_MAX = 300
BODY_LINES_MAX = 50
SPDX = "# SPDX-License-Identifier: Apache-2.0"
PRODUCT = product_files()
IDS = [str(path.relative_to(ROOT)) for path in PRODUCT]
EVERYTHING = [*PRODUCT, *files_of_tests()]
EVERY_ID = [str(path.relative_to(ROOT)) for path in EVERYTHING]

# Spelled in pieces, so that this file does not name what it looks for.
FOLDERS = ("/ho" + "me/", "/ro" + "ot/", "/wo" + "rk/", "/Us" + "ers/", "/tmp" + "/bash")
HOSTS = (
    "py" + r"pi\.org",
    "python" + r"hosted\.org",
    r"(?:artif" + r"actory|nex" + r"us)[a-z0-9.-]*\.[a-z]{2,}",
)
PLACES = re.compile(rf"(?<![\w.:}}/-])(?:{'|'.join(FOLDERS)})|{'|'.join(HOSTS)}", re.IGNORECASE)


@pytest.mark.parametrize("path", EVERYTHING, ids=EVERY_ID)
def test_a_file_has_a_licence_line_a_docstring_and_at_most_300_lines(path: Path) -> None:
    """A reader knows at once what a file is, and has it in the head when the end is reached."""
    text = path.read_text()
    lines = text.splitlines()
    assert lines[0] == SPDX or (lines[0].startswith("#!") and lines[1] == SPDX)
    assert ast.get_docstring(ast.parse(text))
    assert len(lines) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", EVERYTHING, ids=EVERY_ID)
def test_a_function_has_at_most_50_lines(path: Path) -> None:
    """Without its docstring; what is longer decides more than one thing."""
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert {node.name: lines for node in functions if (lines := body_lines(node)) > BODY_LINES_MAX} == {}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function's body, its docstring not counted."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", PRODUCT, ids=IDS)
def test_nothing_is_left_unfinished(path: Path) -> None:
    """What is not built is not there, and no note promises it."""
    assert re.findall(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b", path.read_text()) == []


@pytest.mark.parametrize("path", PRODUCT, ids=IDS)
def test_whoever_catches_everything_says_why(path: Path) -> None:
    """A broad ``except`` carries ``noqa: BLE001`` and a reason on its line; a bare one is never right."""
    text = path.read_text()
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        assert node.type is not None, f"line {node.lineno}: bare except"
        names = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)}
        if names & {"Exception", "BaseException"}:
            assert re.search(r"# noqa: BLE001\s+(?:-|#)\s+\w+ \w+", lines[node.lineno - 1]), (
                f"line {node.lineno}"
            )


def test_no_file_names_a_place_of_one_machine_or_a_package_index() -> None:
    """Nobody's home or work folder and no registry's host stands in the repository."""
    found = {}
    for path in repository_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if hits := {match.group() for match in PLACES.finditer(text)}:
            found[str(path.relative_to(ROOT))] = hits
    assert found == {}


def test_pinned_requirements_hold_hashes_and_no_address() -> None:
    """``requirements-dev.txt`` serves whoever installs from another index, and is checked by hashes."""
    text = (ROOT / "requirements-dev.txt").read_text()
    assert "://" not in text
    assert not re.search(
        r"^\s*-(?:i|-index-url|-extra-index-url|f|-find-links|-trusted-host)\b", text, re.MULTILINE
    )
    pins = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert len(pins) > 50
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []
