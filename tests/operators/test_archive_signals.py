# SPDX-License-Identifier: Apache-2.0
"""What monitoring sees of the archive's tasks: each day read, days left to save one, and lineage."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, HookLineageCollector

sys.path.insert(0, str(Path(__file__).parents[1] / "hooks"))

from metrics_recorder import Recorder, recording

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import DayCoverage, State
from airflow_provider_sengo.exceptions import ArchiveIncomplete
from airflow_provider_sengo.hooks.signals import as_tag
from airflow_provider_sengo.operators.archive import SenGoArchiveDayOperator, SenGoCheckArchiveOperator
from airflow_provider_sengo.operators.archive_signals import COUNTED, fewest_days_left, tell_days_left
from airflow_provider_sengo.simulator import Simulator

TODAY = days.today(datetime.now(UTC))
DAY = TODAY - timedelta(days=3)
TYPES = ("cashIn", "cashOut")


@pytest.fixture
def metrics() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A gateway of the real day: tasks have no other clock."""
    with Simulator(per_day=4, now=datetime.now(UTC).isoformat(), frozen=True) as simulator:
        yield simulator


@pytest.fixture
def archive_uri(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", simulator.sengo_connection(max_attempts=1))
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", str(tmp_path / "archive"))
    return str(tmp_path / "archive")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> HookLineageCollector:
    """Airflow's own, which it uses once a plugin reads lineage."""
    collector = HookLineageCollector()
    place = "airflow.providers.common.compat.sdk.get_hook_lineage_collector"
    monkeypatch.setattr(place, lambda: collector, raising=False)
    return collector


def lineage_of(collector: HookLineageCollector) -> tuple[list[str], list[str]]:
    """URIs of what was read and of what was written."""
    found = collector.collected_assets
    return [each.asset.uri for each in found.inputs], [each.asset.uri for each in found.outputs]


def archive(day: date = DAY, type: str = "cashIn") -> SenGoArchiveDayOperator:
    return SenGoArchiveDayOperator(task_id="archive_day", day=str(day), type=type)


def test_a_day_that_was_read(archive_uri: str, metrics: Recorder, collector: HookLineageCollector) -> None:
    """The counts of the result and how long it took, with type, completeness and project."""
    task = archive()
    result = task.execute({})
    tags = {"type": "cashIn", "complete": "true", "project": as_tag(result["project"])}
    told = {each.name: each for each in metrics.told if each.name.startswith("sengo.archive.")}
    assert all(each.tags == tags for each in told.values())
    assert result["rows"] == result["new"] > 0
    counts = {name: told.pop(f"sengo.archive.{name}").value for name in COUNTED}
    assert counts == {name: result[name] for name in COUNTED}
    assert told.pop("sengo.archive.day").value == 1
    assert told.pop("sengo.archive.duration").value > timedelta(0)
    assert told == {}
    assert len(metrics.named("sengo.request")) == result["requests"]
    assert lineage_of(collector) == (
        [f"sengo://{result['project']}/transactions/cashIn/{DAY}"],
        [f"file://{archive_uri}/transactions"],
    )
    assert {each.context for each in collector.collected_assets.inputs} == {task.hook}


def test_a_day_that_could_not_be_read_to_the_end(
    archive_uri: str, simulator: Simulator, metrics: Recorder, collector: HookLineageCollector
) -> None:
    """It is told as not complete; what was read of it is in the archive."""
    simulator.world.set_fault("http_500", match="status=success")
    with pytest.raises(ArchiveIncomplete):
        archive().execute({})
    (told,) = metrics.named("sengo.archive.day")
    assert (told.value, told.tags["complete"]) == (1, "false")
    assert metrics.named("sengo.archive.duration")[0].tags["complete"] == "false"
    assert metrics.named("sengo.archive.rows") == []
    inputs, outputs = lineage_of(collector)
    assert len(inputs) == len(outputs) == 1


@pytest.mark.parametrize("reason", ["refused", "forgotten"])
def test_a_day_of_which_nothing_was_read(
    reason: str, archive_uri: str, simulator: Simulator, metrics: Recorder, collector: HookLineageCollector
) -> None:
    """It is told as not complete, and nothing came from anywhere."""
    if reason == "refused":
        simulator.world.set_fault("refuse", status=401, code="UNAUTHORIZED")
    day = DAY if reason == "refused" else TODAY - timedelta(days=20)
    with pytest.raises(AirflowFailException):
        archive(day).execute({})
    assert [each.tags["complete"] for each in metrics.named("sengo.archive.day")] == ["false"]
    assert lineage_of(collector) == ([], [])


@pytest.mark.parametrize("wrong", [{"type": "cash"}, {"day": TODAY + timedelta(days=2)}])
def test_a_wrong_argument_is_no_day(
    wrong: dict[str, Any], archive_uri: str, metrics: Recorder, collector: HookLineageCollector
) -> None:
    """Nothing is told of it."""
    with pytest.raises(ValueError, match=r"day|type"):
        archive(**wrong).execute({})
    assert metrics.told == []
    assert lineage_of(collector) == ([], [])


def test_the_gauge_is_set_also_when_the_check_fails(
    archive_uri: str, metrics: Recorder, collector: HookLineageCollector
) -> None:
    """An alert on it is louder than a failed task; of an archive that is not safe nothing is vouched for."""
    check = SenGoCheckArchiveOperator(task_id="check")
    with pytest.raises(AirflowFailException, match="no complete read yet"):
        check.execute({})
    project = check.hook.project
    told = metrics.named("sengo.archive.days_left")
    assert {each.kind for each in told} == {"gauge"}
    assert {each.tags["type"] for each in told} == set(TYPES)
    assert {each.tags["project"] for each in told} == {as_tag(project)}
    # The oldest day of the window: today is the last one on which it can be read.
    assert [each.value for each in told] == [0, 0]
    assert lineage_of(collector) == ([], [])


def test_a_safe_archive_is_vouched_for(
    archive_uri: str, metrics: Recorder, collector: HookLineageCollector
) -> None:
    """One type is read whole, and its gauge is beyond what any missing day can have."""
    for back in range(1, days.RETENTION_DAYS):
        result = archive(TODAY - timedelta(days=back)).execute({})
    before, _ = lineage_of(collector)
    SenGoCheckArchiveOperator(task_id="check", types=["cashIn"]).execute({})
    (told,) = metrics.named("sengo.archive.days_left")
    assert (told.value, told.tags["type"]) == (days.RETENTION_DAYS, "cashIn")
    inputs, outputs = lineage_of(collector)
    assert inputs[len(before) :] == [f"file://{archive_uri}/{name}" for name in ("transactions", "reads")]
    assert outputs[-1] == f"sengo://{result['project']}/transactions"


def test_a_check_of_another_day_leaves_the_gauge_alone(archive_uri: str, metrics: Recorder) -> None:
    """A past that was safe must not silence an alert of today."""
    as_of = str(TODAY - timedelta(days=1))
    with pytest.raises(AirflowFailException):
        SenGoCheckArchiveOperator(task_id="check", as_of=as_of).execute({})
    assert metrics.told == []


def covered(state: State, days_left: int, *, type: str = "cashIn", rows: int | None = None) -> DayCoverage:
    day = TODAY - timedelta(days=days.RETENTION_DAYS - 1 - days_left)
    return DayCoverage(
        project="p:1",
        day=day,
        type=type,
        state=state,
        rows=rows,
        amount_sum=rows,
        last_read_at=None,
        lost_after=days.lost_after(day),
        days_left=days_left,
    )


@pytest.mark.parametrize(
    ("recent", "left"),
    [
        ([], 7),
        ([covered(State.OPEN, 6), covered(State.COMPLETE, 0, rows=1), covered(State.SEALED, 0, rows=1)], 7),
        ([covered(State.MISSING, 4), covered(State.MISSING, 2)], 2),
        ([covered(State.MISSING, 0)], 0),
        ([covered(State.SHRUNK, 3, rows=5)], 7),
        ([covered(State.SHRUNK, 3)], 3),
        ([covered(State.LOST, -1), covered(State.LOST, -3), covered(State.MISSING, 5)], -3),
        ([covered(State.BEFORE, -1), covered(State.COMPLETE, -2, rows=1)], 7),
    ],
)
def test_days_left(recent: list[DayCoverage], left: int) -> None:
    """The most urgent day without a complete read counts, lost ones below zero."""
    assert fewest_days_left(recent, retention_days=7, accept_lost=()) == left


def test_an_accepted_loss_is_no_alert() -> None:
    """What the check no longer fails for, the gauge no longer tells of."""
    lost = covered(State.LOST, -2)
    assert fewest_days_left([lost], retention_days=7, accept_lost=[lost.day]) == 7


@pytest.mark.parametrize("urgent", TYPES)
def test_the_most_urgent_type_is_told_last(urgent: str, metrics: Recorder) -> None:
    """A server without tags keeps the last value, and must keep the worst."""
    recent = [covered(State.MISSING, 1, type=urgent)]
    tell_days_left("p:1", recent, types=TYPES, retention_days=7, accept_lost=())
    assert [each.value for each in metrics.told] == [7, 1]
    assert metrics.told[-1].tags == {"type": urgent, "project": "p_1"}
