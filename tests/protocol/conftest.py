# SPDX-License-Identifier: Apache-2.0
"""Credentials, answers and the vendor's documented samples, as bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.protocol.sengo import Credentials

RECEIVED_AT = datetime(2025, 3, 23, 3, 0, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "samples"

Answer = Callable[..., Response]
Sample = Callable[[str], Any]


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
