# SPDX-License-Identifier: Apache-2.0
"""The error tree: who is whose child, and that errors survive a process border."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from airflow_provider_sengo import exceptions
from airflow_provider_sengo.exceptions import (
    NotAuthorized,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SenGoProviderError,
    Unavailable,
    UnexpectedResponse,
)

ALL = [
    item
    for _, item in inspect.getmembers(exceptions, inspect.isclass)
    if item.__module__ == exceptions.__name__
]


@pytest.mark.parametrize("error_type", ALL)
def test_all_errors_have_one_root(error_type):
    """A user catches everything of this package with one class."""
    assert issubclass(error_type, SenGoProviderError)
    assert not issubclass(error_type, ValueError | OSError)


def test_not_sent_and_unknown_are_no_refusals():
    """What the gateway never answered cannot be taken for its no, nor one for the other."""
    assert not issubclass(NotSent, Rejected | OutcomeUnknown)
    assert not issubclass(OutcomeUnknown, Rejected | NotSent)
    assert not issubclass(UnexpectedResponse, Rejected)


@pytest.mark.parametrize("error_type", ALL)
@pytest.mark.parametrize("clone", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_survive_pickling(error_type, clone):
    """An error that crosses from a task's process keeps its type, text and facts."""
    facts = {"http_status": 429, "code": "PAYMENT_INTERNAL_ERROR"} if issubclass(error_type, Rejected) else {}
    if error_type is Unavailable:
        facts["retry_after_s"] = 7.0
    if error_type is UnexpectedResponse:
        facts = {"json_path": "$.responseData", "http_status": 404}
    twin = clone(error_type("text", **facts))
    assert type(twin) is error_type
    assert str(twin) == "text"
    assert {name: getattr(twin, name) for name in facts} == facts


def test_facts_have_harmless_defaults():
    """An error made from a text alone still has every fact that callers read."""
    assert (Rejected("x").http_status, Rejected("x").code) == (0, "")
    assert NotAuthorized("x").code == ""
    assert Unavailable("x").retry_after_s is None
    assert (UnexpectedResponse("x").json_path, UnexpectedResponse("x").http_status) == ("$", 0)


def test_the_drawn_tree_names_every_class():
    """The picture in the docstring is complete."""
    drawn = exceptions.__doc__ or ""
    assert [item.__name__ for item in ALL if item.__name__ not in drawn] == []
