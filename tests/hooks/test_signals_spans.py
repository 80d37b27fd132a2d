# SPDX-License-Identifier: Apache-2.0
"""What monitoring sees of calls through OpenTelemetry's spans."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

sys.path.insert(0, str(Path(__file__).parent))

import signals_world
from metrics_recorder import Recorder
from signals_world import DAY, asked

from airflow_provider_sengo import exceptions
from airflow_provider_sengo.hooks import signals
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.protocol.http import Call, Request

hook = signals_world.hook
metrics = signals_world.metrics
simulator = signals_world.simulator
spans = signals_world.spans


def test_a_call_is_a_span_below_the_tasks_own(hook: SenGoHook, spans: InMemorySpanExporter) -> None:
    """Named after the call, with method and host, and nothing that an error says."""
    tracer = trace.get_tracer("a task")
    with hook, tracer.start_as_current_span("task_run"):
        hook.get_balance()
        with pytest.raises(exceptions.NotFound):
            hook.get_transaction("INV-404")
    balance, transaction, task = spans.get_finished_spans()
    known = {"sengo.gateway": "sengo", "http.request.method": "GET", "server.address": "127.0.0.1"}
    assert (balance.name, balance.attributes) == ("sengo.get_balance", known)
    assert (balance.kind, balance.status.status_code) == (trace.SpanKind.CLIENT, trace.StatusCode.UNSET)
    assert (transaction.name, transaction.attributes) == (
        "sengo.get_transaction",
        known | {"error.type": "NotFound"},
    )
    assert transaction.status.status_code is trace.StatusCode.ERROR
    assert (transaction.status.description, transaction.events) == (None, ())
    assert {each.parent.span_id for each in (balance, transaction) if each.parent} == {task.context.span_id}


@pytest.mark.parametrize("url", ["http://[", "http://[::1", "https://[x]/balance", "balance"])
def test_an_address_that_cannot_be_read_breaks_no_call(
    url: str, metrics: Recorder, spans: InMemorySpanExporter
) -> None:
    """What is said of it is what sending it says; the span goes without a host."""
    call = Call("get_balance", Request("GET", url, {}), lambda answer: "", repeatable=True, gate_key="k")
    reached = []
    with signals.watch("sengo", call):
        reached.append(url)
    assert reached == [url]
    (span,) = spans.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["server.address"] == ""
    assert [each.tags for each in metrics.named("sengo.request")] == [asked("sengo", "get_balance")]


def test_spans_of_calls_at_a_time_do_not_mix(hook: SenGoHook, spans: InMemorySpanExporter) -> None:
    """Each is below the span that it was made in, not below its neighbour's."""

    async def read() -> None:
        async with hook.open_listing(4) as listing:
            page = {"day": DAY, "type": "cashIn", "status": "success", "page": 1}
            with trace.get_tracer("a task").start_as_current_span("task_run"):
                await asyncio.gather(*(listing.fetch_page(**page) for _ in range(4)))

    asyncio.run(read())
    *calls, task = spans.get_finished_spans()
    assert [each.name for each in calls] == ["sengo.list_rows"] * 4
    assert {each.parent.span_id for each in calls if each.parent} == {task.context.span_id}
