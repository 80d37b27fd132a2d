# SPDX-License-Identifier: Apache-2.0
"""Every pure module has a test file of its own; ``make coverage`` measures that it takes every branch."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from pure_coverage import own_tests
from repository import PACKAGE, ROOT
from test_layers import PURE

OWN = own_tests()


def has_code(module: Path) -> bool:
    """Whether there is anything to test: a folder's ``__init__.py`` holds a docstring."""
    return any(not isinstance(node, ast.Expr) for node in ast.parse(module.read_text()).body)


def test_every_pure_module_is_measured() -> None:
    """The table of ``make coverage`` has just the modules that the layers call pure."""
    assert set(OWN) == {module for module in PURE if has_code(module)}


@pytest.mark.parametrize("module", OWN, ids=lambda module: module.relative_to(PACKAGE).as_posix())
def test_a_pure_module_has_its_own_test_file(module: Path) -> None:
    """It is there, is no other module's, and holds tests."""
    test = OWN[module]
    assert test.is_file(), (
        f"{module.name}: write {test.relative_to(ROOT)}, or say in BESIDE where its tests are"
    )
    assert [each for each, own in OWN.items() if own == test] == [module]
    names = [node.name for node in ast.walk(ast.parse(test.read_text())) if isinstance(node, ast.FunctionDef)]
    assert any(name.startswith("test_") for name in names)
