# SPDX-License-Identifier: Apache-2.0
"""What monitoring sees of each call: a count, a duration and a span, through Airflow's own metrics and tracer.

Names and tags come from short fixed lists: no id, reference, key, amount, address or text of an error goes
into one. Where Airflow sends neither metrics nor traces, a call costs some microseconds more. Nothing that
goes wrong in here breaks a call.
"""

from __future__ import annotations

import logging
import re
import time
from asyncio import CancelledError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

# Airflow 3.2 and later: airflow.sdk.observability.stats; 3.1: airflow.stats, which warns from 3.2 on.
from airflow.providers.common.compat.sdk import Stats

# From 3.2 on Airflow gives its tracer to OpenTelemetry, so that a span in a task is part of the task's. On 3.1
# it keeps it to itself: there this finds a tracer only if the deployment sets OpenTelemetry up by itself.
from opentelemetry import trace

from airflow_provider_sengo.exceptions import SenGoProviderError

if TYPE_CHECKING:
    from airflow_provider_sengo.protocol.http import Call
    from airflow_provider_sengo.transport.aio import AsyncTransport

T = TypeVar("T")

REQUEST = "sengo.request"
REQUEST_DURATION = "sengo.request.duration"  # a timer of its own name: backends refuse a counter that is both
OK, CANCELLED, OTHER = "ok", "cancelled", "other"  # outcomes beside the names of our own errors

log = logging.getLogger(__name__)
_told: set[tuple[str, str]] = set()
_tracer = trace.get_tracer("airflow_provider_sengo")


@contextmanager
def watch(gateway: str, call: Call[Any]) -> Iterator[None]:
    """Around one call, in an event loop too. The duration has repeats, and waits for a turn, in it."""
    span = _start_span(gateway, call)
    outcome = OTHER
    began_s = time.perf_counter()
    try:
        # What OpenTelemetry would note of an error is its text and the stack, and a text may hold a reference.
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield
    except SenGoProviderError as error:
        outcome = type(error).__name__
        raise
    except CancelledError:
        outcome = CANCELLED
        raise
    else:
        outcome = OK
    finally:
        took = timedelta(seconds=time.perf_counter() - began_s)
        tags = {"gateway": gateway, "call": call.name, "outcome": outcome}
        emit("incr", REQUEST, 1, tags)
        emit("timing", REQUEST_DURATION, took, tags)
        _end_span(span, outcome)


class WatchedSession:
    """An open session whose every call is watched."""

    def __init__(self, session: AsyncTransport, gateway: str) -> None:
        self._session = session
        self._gateway = gateway

    async def run(self, call: Call[T]) -> T:
        """Make one call and return its record."""
        with watch(self._gateway, call):
            return await self._session.run(call)


def prepare() -> None:
    """What the first metric would wait for: a host name is resolved, a file of names read. Sends nothing.

    For code in an event loop, which calls it in a thread.
    """
    with harmless("metrics"):
        Stats.timer(REQUEST)


def emit(
    kind: Literal["incr", "timing", "gauge"], stat: str, value: float | timedelta, tags: Mapping[str, str]
) -> None:
    """Send one metric: add to a counter, tell a duration, or set a gauge."""
    with harmless("metrics"):
        getattr(Stats, kind)(stat, value, tags=dict(tags))


def as_tag(text: str) -> str:
    """``text`` with what a metric's name may hold: elsewhere tags get part of the name, and ``:`` ends it."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


@contextmanager
def harmless(what: str) -> Iterator[None]:
    """Whatever a backend of Airflow raises in here is logged, once a process and kind, and goes no further.

    Only the one statement that runs the backend belongs in here, so that our own mistakes are seen.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a backend is anybody's code, and no payment may fail over it
        _tell_once(what, error)


def _tell_once(what: str, error: Exception) -> None:
    kind = (what, type(error).__name__)
    if kind not in _told:
        _told.add(kind)
        log.warning("The %s could not be sent; this is said once.", what, exc_info=error)


def _start_span(gateway: str, call: Call[Any]) -> trace.Span:
    name = f"sengo.{call.name}"
    # In place of a span that could not be begun: of the same trace, and without effect when it is ended.
    span: trace.Span = trace.NonRecordingSpan(trace.get_current_span().get_span_context())
    recording = False
    with harmless("trace"):
        span = _tracer.start_span(name, kind=trace.SpanKind.CLIENT)
        recording = span.is_recording()
    if recording:
        attributes = {
            "sengo.gateway": gateway,
            "http.request.method": call.request.method,
            "server.address": _host(call.request.url),
        }
        with harmless("trace"):
            span.set_attributes(attributes)
    return span


def _host(url: str) -> str:
    """The host of a URL, empty where there is none. Not the path: it may hold a reference, and a query the hash."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # such a call fails where it is sent, which is told better there
        return ""


def _end_span(span: trace.Span, outcome: str) -> None:
    with harmless("trace"):
        if span.is_recording() and outcome != OK:
            span.set_attribute("error.type", outcome)
            span.set_status(trace.StatusCode.ERROR)
        span.end()
