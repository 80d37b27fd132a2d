# SPDX-License-Identifier: Apache-2.0
"""Airflow's own statsd logger over a client that keeps what it is told, in place of the process's backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from airflow.providers.common.compat.sdk import Stats

try:
    from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
    from airflow.sdk._shared.observability.metrics.otel_logger import name_is_otel_safe
    from airflow.sdk._shared.observability.metrics.statsd_logger import SafeStatsdLogger
except ImportError:  # Airflow 3.1
    from airflow.metrics.base_stats_logger import NoStatsLogger  # type: ignore[no-redef]
    from airflow.metrics.otel_logger import name_is_otel_safe  # type: ignore[no-redef]
    from airflow.metrics.statsd_logger import SafeStatsdLogger  # type: ignore[no-redef]


class Metric(NamedTuple):
    """One metric as it goes to a server."""

    kind: str
    name: str
    value: Any
    tags: dict[str, str]


class Recorder:
    """A statsd client: every metric that Airflow's checks of names and tags let through."""

    def __init__(self) -> None:
        self.told: list[Metric] = []

    def _keep(self, kind: str, stat: str, value: Any) -> None:
        name, *pairs = stat.split(",")
        assert name_is_otel_safe("airflow", name)
        self.told.append(Metric(kind, name, value, dict(pair.split("=") for pair in pairs)))

    def incr(self, stat: str, count: int, rate: float) -> None:
        self._keep("incr", stat, count)

    def timing(self, stat: str, took: timedelta) -> None:
        assert isinstance(took, timedelta)  # a bare number would mean milliseconds
        self._keep("timing", stat, took)

    def gauge(self, stat: str, value: float, rate: float, delta: bool) -> None:
        assert not delta
        self._keep("gauge", stat, value)

    def timer(self, stat: str) -> Any:
        return None

    def named(self, name: str) -> list[Metric]:
        return [metric for metric in self.told if metric.name == name]


def use_backend(backend: Any) -> None:
    """Let Airflow send its metrics there from here on."""
    if not (hasattr(type(Stats), "initialize") or "initialize" in vars(Stats)):  # Airflow 3.1
        Stats.instance, Stats._instance_pid = backend, os.getpid()
        return
    try:
        Stats.initialize(factory=lambda: backend, export_legacy_names=True)
    except TypeError:  # Airflow 3.2
        Stats.initialize(factory=lambda: backend)


def statsd_logger(client: Recorder) -> Any:
    try:
        return SafeStatsdLogger(client, influxdb_tags_enabled=True, statsd_influxdb_enabled=True)
    except TypeError:  # Airflow 3.1 reads the latter from its settings
        return SafeStatsdLogger(client, influxdb_tags_enabled=True)


@contextmanager
def recording() -> Iterator[Recorder]:
    """Keep the metrics of this process, tags in the name as InfluxDB has them."""
    recorder = Recorder()
    # Not ``mock.patch.dict``: it takes every variable away and puts it back, and a thread of a library that
    # looks one up meanwhile crashes the process.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED", "True")
        use_backend(statsd_logger(recorder))
        try:
            yield recorder
        finally:
            use_backend(NoStatsLogger())
