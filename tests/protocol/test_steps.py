# SPDX-License-Identifier: Apache-2.0
"""Steps are values: a driver or a test may compare, keep and name them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from airflow_provider_sengo.protocol.steps import FindInArchive, Mark, Now, Unmark, Wait

ALL = [Wait(1.0), Wait(2.0), Mark(), Unmark(), Now(), FindInArchive("ORDER-1"), FindInArchive("ORDER-2")]


def test_steps_are_equal_by_what_they_ask() -> None:
    """Two of a kind over the same are one; a mark is not its opposite, though neither has a field."""
    assert Wait(1.0) == Wait(1.0)
    assert FindInArchive("ORDER-1") == FindInArchive("ORDER-1")
    assert len(set(ALL)) == len(ALL)


@pytest.mark.parametrize(("step", "field"), [(Wait(1.0), "seconds"), (FindInArchive("A"), "reference")])
def test_what_is_asked_cannot_be_changed_underway(step: object, field: str) -> None:
    """Nor can it get a field that nobody reads."""
    with pytest.raises(FrozenInstanceError):
        setattr(step, field, 9)
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        step.other = 9  # type: ignore[attr-defined]


def test_a_step_tells_what_it_asks() -> None:
    """In a log or in a failed test."""
    assert repr(Wait(10.0)) == "Wait(seconds=10.0)"
    assert repr(FindInArchive("ORDER-1")) == "FindInArchive(reference='ORDER-1')"
