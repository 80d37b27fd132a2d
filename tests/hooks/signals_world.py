# SPDX-License-Identifier: Apache-2.0
"""A hook on a simulator, and what metrics and spans were told of its calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

sys.path.insert(0, str(Path(__file__).parent))

from metrics_recorder import Recorder, recording

from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.simulator import Simulator

DAY = date(2026, 11, 18)


@pytest.fixture
def metrics() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


class Broken(SpanProcessor):
    """Raises when told to."""

    is_on = False

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self.is_on:
            raise RuntimeError("no span begins")

    def on_end(self, span: ReadableSpan) -> None:
        if self.is_on:
            raise RuntimeError("no span ends")


EXPORTER = InMemorySpanExporter()
BROKEN = Broken()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """OpenTelemetry as Airflow sets it up: one provider a process, for good."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    provider: Any = trace.get_tracer_provider()
    if not getattr(provider, "is_watched", False):
        provider.is_watched = True
        provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
        provider.add_span_processor(BROKEN)
    EXPORTER.clear()
    return EXPORTER


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(per_day=6, now="2026-11-20T10:00:00+07:00", frozen=True) as simulator:
        yield simulator


@pytest.fixture
def hook(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> SenGoHook:
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", simulator.sengo_connection(max_attempts=2))
    return SenGoHook()


def asked(gateway: str, call: str, outcome: str = "ok") -> dict[str, str]:
    return {"gateway": gateway, "call": call, "outcome": outcome}
