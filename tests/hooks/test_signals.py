# SPDX-License-Identifier: Apache-2.0
"""What monitoring sees of calls through Airflow's own metrics; it gives nothing away and breaks nothing."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

sys.path.insert(0, str(Path(__file__).parent))

import signals_world
from metrics_recorder import Recorder, use_backend
from signals_world import BROKEN, DAY, asked

from airflow_provider_sengo import exceptions
from airflow_provider_sengo.hooks import signals
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.protocol.http import Call, Request
from airflow_provider_sengo.simulator import Simulator

hook = signals_world.hook
metrics = signals_world.metrics
simulator = signals_world.simulator
spans = signals_world.spans

CALL: Call[str] = Call(
    "get_balance",
    Request("GET", "https://api.example/balance/REF-1?hash=s3cret", {}),
    lambda answer: "",
    repeatable=True,
    gate_key="k",
)


def test_a_call_is_one_count_and_one_duration(hook: SenGoHook, metrics: Recorder) -> None:
    """Whatever comes of it; a refusal reaches the caller as it is."""
    with hook:
        hook.get_balance()
        with pytest.raises(exceptions.NotFound):
            hook.get_transaction("INV-404")
    wanted = [asked("sengo", "get_balance"), asked("sengo", "get_transaction", "NotFound")]
    assert [(each.kind, each.value, each.tags) for each in metrics.named("sengo.request")] == [
        ("incr", 1, tags) for tags in wanted
    ]
    durations = metrics.named("sengo.request.duration")
    assert [(each.kind, each.tags) for each in durations] == [("timing", tags) for tags in wanted]
    assert all(timedelta(0) < each.value < timedelta(minutes=1) for each in durations)
    assert len(metrics.told) == 4


def test_repeats_are_part_of_one_call(hook: SenGoHook, simulator: Simulator, metrics: Recorder) -> None:
    """Two requests on the wire, one count, the last error its outcome."""
    simulator.world.set_fault("reset")
    with hook, pytest.raises(exceptions.OutcomeUnknown):
        hook.get_balance()
    assert simulator.world.requests().by_endpoint == {"GET /balance": 2}
    assert [each.tags for each in metrics.named("sengo.request")] == [
        asked("sengo", "get_balance", "OutcomeUnknown")
    ]


def test_calls_in_an_event_loop_are_counted_too(hook: SenGoHook, metrics: Recorder) -> None:
    """One for each page and row, many at a time; a row that is not there is an answer as well."""

    async def read() -> None:
        async with hook.open_listing(4) as listing:
            page = {"day": DAY, "type": "cashIn", "status": "success", "page": 1}
            await asyncio.gather(*(listing.fetch_page(**page) for _ in range(5)))
            assert await listing.fetch_row("01JUNKNOWN") is None

    asyncio.run(read())
    counted = [each.tags for each in metrics.named("sengo.request")]
    assert counted == [asked("sengo", "list_rows")] * 5 + [asked("sengo", "get_row", "NotFound")]


def test_senangpay_is_told_apart(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, metrics: Recorder
) -> None:
    """The tag ``gateway`` says which of the two."""
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", simulator.senangpay_connection(max_attempts=1))
    with SenangPayHook() as hook:
        hook.query_order("ORD-1")
    assert [each.tags for each in metrics.named("sengo.request")] == [asked("senangpay", "query_order")]


def test_a_cancelled_call_is_told_and_stays_cancelled(metrics: Recorder) -> None:
    """A trigger that ends in the middle of a call."""

    class Waiting:
        async def run(self, call: Call[Any]) -> None:
            await asyncio.Event().wait()

    async def cancel() -> None:
        task = asyncio.create_task(signals.WatchedSession(Waiting(), "sengo").run(CALL))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert [each.tags for each in metrics.named("sengo.request")] == [
        asked("sengo", "get_balance", "cancelled")
    ]


def every_error() -> list[type[BaseException]]:
    classes: list[type[BaseException]] = [exceptions.SenGoProviderError]
    for one in classes:
        classes += one.__subclasses__()
    assert exceptions.Unavailable in classes
    return classes


STRANGE = (ValueError, KeyboardInterrupt, type("INV1", (Exception,), {}))


@pytest.mark.parametrize("kind", [*every_error(), *STRANGE])
def test_outcomes_are_a_bounded_set(kind: type[BaseException], metrics: Recorder) -> None:
    """Our own errors by their class, all else in a word; each goes on as it was."""
    error = kind("INV-1")
    with pytest.raises(kind) as caught, signals.watch("sengo", CALL):
        raise error
    assert caught.value is error
    outcome = "other" if kind in STRANGE else kind.__name__
    assert [each.tags["outcome"] for each in metrics.told] == [outcome, outcome]


def test_preparing_sends_nothing(metrics: Recorder) -> None:
    """What an event loop does in a thread before its first call."""
    signals.prepare()
    assert metrics.told == []


def test_a_tag_is_a_part_of_a_name() -> None:
    """A project has its port after a colon, which would end the metric's name."""
    assert signals.as_tag("127.0.0.1:8080-0a1b2c3d") == "127.0.0.1_8080-0a1b2c3d"
    assert signals.as_tag("a=b,c d") == "a_b_c_d"


def test_no_secret_and_no_reference_is_told(
    hook: SenGoHook, simulator: Simulator, metrics: Recorder, spans: InMemorySpanExporter
) -> None:
    """Neither a name, nor a tag, nor anything of a span holds what identifies a payment, a person or us."""
    words = {"reference": "INV-7-zz", "amount": 98765, "view_name": "Warung-Yy"}
    with hook:
        payment = hook.create_qris(callback_url="https://shop.example/cb", **words)  # type: ignore[arg-type]
        hook.get_transaction("INV-7-zz")
        for _ in range(2):
            with pytest.raises(exceptions.Rejected):
                hook.create_qris(callback_url="https://shop.example/cb", **words)  # type: ignore[arg-type]
    told = [f"{each.name} {each.tags}" for each in metrics.told]
    told += [span.to_json() for span in spans.get_finished_spans()]
    assert len(told) == 4 * 3
    everything = "\n".join(told).lower()
    secrets = [payment.id, simulator.client_key, simulator.client_token, "shop.example", simulator.base_url]
    for secret in [*secrets, *map(str, words.values())]:
        assert secret.lower() not in everything


class Failing:
    """A backend that somebody made, or whose server is gone."""

    def __getattr__(self, name: str) -> Any:
        def fail(*arguments: Any, **options: Any) -> None:
            raise ConnectionError("no server")

        return fail


def test_broken_monitoring_breaks_no_call(
    hook: SenGoHook,
    metrics: Recorder,
    spans: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The answer arrives; what broke is said once, with where it broke."""
    monkeypatch.setattr(signals, "_told", set())
    use_backend(Failing())
    watching = caplog.at_level(logging.WARNING, logger=signals.__name__)
    with hook, watching, trace.get_tracer("a task").start_as_current_span("task_run") as task:
        monkeypatch.setattr(BROKEN, "is_on", True)
        signals.prepare()
        for _ in range(3):
            assert hook.get_balance().total > 0
        with pytest.raises(exceptions.NotFound):
            hook.get_transaction("INV-404")
        assert task.is_recording()
        monkeypatch.setattr(BROKEN, "is_on", False)
    assert [(span.name, span.status.status_code) for span in spans.get_finished_spans()] == [
        ("task_run", trace.StatusCode.UNSET)
    ]
    said = [record.getMessage() for record in caplog.records if record.name == signals.__name__]
    assert sorted(said) == [
        f"The {what} could not be sent; this is said once." for what in ("metrics", "trace")
    ]
    assert "no server" in caplog.text
    assert "no span begins" in caplog.text


def test_our_own_mistake_is_not_hidden(metrics: Recorder) -> None:
    """Only what a backend does is forgiven."""
    with pytest.raises(AttributeError), signals.watch("sengo", object()):  # type: ignore[arg-type]
        metrics.incr("reached", 1, 1)
    assert metrics.told == []
