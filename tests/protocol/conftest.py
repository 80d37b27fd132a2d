# SPDX-License-Identifier: Apache-2.0
"""Credentials, answers and the vendor's documented samples, as bytes; scripts for state machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.protocol.sengo import Credentials
from airflow_provider_sengo.protocol.steps import Steps

RECEIVED_AT = datetime(2025, 3, 23, 3, 0, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "samples"

Answer = Callable[..., Response]
Sample = Callable[[str], Any]
Play = Callable[..., Any]


@pytest.fixture
def credentials() -> Credentials:
    """The key and token of the synthetic vectors, against the documented sandbox."""
    return Credentials(
        base_url="https://api.sandbox.sengo.id/api",
        client_key="SC-EXAMPLE000000001",
        client_token="example-token-not-a-real-secret-0001",
    )


@pytest.fixture
def answer() -> Answer:
    """Build an answer: a dict or list becomes JSON, text and bytes go as they are."""

    def build(body: object = b"", status: int = 200, headers: dict[str, str] | None = None) -> Response:
        if isinstance(body, str):
            body = body.encode()
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(status, headers or {}, content, RECEIVED_AT)

    return build


@pytest.fixture
def sample() -> Sample:
    """The answer printed on the vendor's page, decoded anew for each use so that tests may change it."""

    def load(name: str) -> Any:
        return json.loads((SAMPLES / f"{name}.json").read_text())

    return load


@pytest.fixture
def play() -> Play:
    """Drive a state machine along a script: pairs of the step that must come and its answer; its result.

    An error as an answer is thrown in. The script is the whole of it: no step more, none less.
    """

    def told(machine: Steps[Any], answer: object) -> Any:
        return thrown(machine, answer) if isinstance(answer, Exception) else machine.send(answer)

    def thrown(machine: Steps[Any], error: Exception) -> Any:
        """As ``machine.throw``, innermost generator first.

        Where a thrown error ends an inner generator, Python 3.11 tells no tracer that the outer one goes on,
        so coverage would miss what it does next.
        """
        if machine.gi_yieldfrom is None:
            return machine.throw(error)
        try:
            return thrown(machine.gi_yieldfrom, error)
        except StopIteration as end:
            returned = end.value
        except SenGoProviderError as raised:
            return machine.throw(raised)
        assert returned is None, "it would be lost on this way"
        return machine.send(None)

    def along(machine: Steps[Any], *script: tuple[object, object]) -> Any:
        answer: object = None
        for step, next_answer in script:
            try:
                asked = told(machine, answer)
            except (SenGoProviderError, StopIteration) as end:
                raise AssertionError(f"it ended before {step}") from end
            assert asked == step
            answer = next_answer
        with pytest.raises(StopIteration) as end:
            told(machine, answer)
        return end.value.value

    return along
