# SPDX-License-Identifier: Apache-2.0
"""Makes the worlds beside it importable; a gateway for the event trigger, and what it logged."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from payments_world import Gateway, MakeGateway


@pytest.fixture
def make_gateway(monkeypatch: pytest.MonkeyPatch) -> MakeGateway:
    return lambda **settings: Gateway(monkeypatch, **settings)


@pytest.fixture
def gateway(make_gateway: MakeGateway) -> Gateway:
    return make_gateway()


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that was logged, wherever Airflow's logging sends it to."""

    def said() -> str:
        return "".join((*capfd.readouterr(), caplog.text))

    return said
