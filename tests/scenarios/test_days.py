# SPDX-License-Identifier: Apache-2.0
"""Days out of the ordinary: odd rows, other projects, the window's edge, refused filters, doubles."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from airflow_provider_sengo.archive import merge
from airflow_provider_sengo.archive.coverage import State
from airflow_provider_sengo.archive.plan import days_to_read
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.exceptions import ArchiveIncomplete, UnexpectedResponse
from airflow_provider_sengo.protocol.sengo import Credentials
from airflow_provider_sengo.simulator import Simulator

DAY = "2026-11-18"
MAIN = Simulator.client_key
OTHER = "SC-OTHER"

# kind of misfit -> what of the row is named as odd; a dict: by type
ODD = {
    "amount_float": "amount",
    "amount_integral_float": "amount",
    "amount_text": "amount",
    "amount_null": "amount",
    "amount_bool": "amount",
    "amount_huge": "amount",
    "amount_negative": "",  # a number of rupiah as any other; what it means is not ours to say
    "amount_missing": "amount",
    "status_missing": "status",
    "status_null": "status",
    "status_unknown": "status",
    "status_capitals": "status",
    "reference_missing": "merchantRef",
    "reference_number": "merchantRef",
    "dates_missing": "expiredDate",
    "date_without_zone": "expiredDate,paidDate",
    "date_impossible": "expiredDate",
    "date_number": "paidDate",
    "fee_text": "fee,totalAmount",
    "fields_new": "createdAt,currency,tags",
    "channel_text": "channel",
    "channel_list": "channel",
    "channel_null": "channel",
    "additional_list": "additionalInfo",
    "additional_null": "",
    "nested_deeply": "",
    "name_non_ascii": "",
    "name_markup": "",
    "name_long": "",
    "payer_unknown": "",
    "keys_twice": "",
}


@pytest.mark.parametrize("type_", ["cashIn", "cashOut"])
def test_odd_rows(type_: str, make_stage: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    """A day with one row of every misfit is complete: each is archived with its own bytes, under the status
    it says itself, and what does not fit is null and named.
    """
    stage = make_stage(per_day=20)
    kinds = dict(zip(stage.world.add_odd_rows(DAY, type_), ODD, strict=True))
    result = stage.read(DAY, type_)
    assert result.complete
    assert stage.coverage(DAY, type_).state is State.COMPLETE
    rows = {row["id"]: row for row in stage.rows(DAY, type_)}
    truth = {row["id"]: row for row in stage.world.ledger(day=DAY, type=type_)}
    assert rows.keys() == truth.keys()
    for identity, row in rows.items():
        assert row["status"] == truth[identity]["shown_status"]
        shown = truth[identity]["shown_amount"]
        assert row["amount"] == (shown if type(shown) is int else None)
        assert identity.encode() in row["raw"]
    wire = wire_rows(stage, type_)
    named = {kind: rows[identity]["odd_fields"] for identity, kind in kinds.items()}
    assert all(rows[identity]["raw"] == wire[identity] for identity in kinds)
    other = {} if type_ == "cashOut" else CHANNEL_OF_CASH_IN
    assert {kind: set(names.split(",")) for kind, names in named.items() if kind not in other} == {
        kind: set(names.split(",")) for kind, names in ODD.items() if kind not in other
    }
    assert result.odd == sum(bool(names) for names in named.values())
    assert f"{result.odd} rows with odd fields" in caplog.text
    again = stage.read(DAY, type_)
    assert (again.new, again.changed, again.complete) == (0, 0, True)


CHANNEL_OF_CASH_IN = {"channel_text", "channel_list", "channel_null"}  # its channel may be another one


def wire_rows(stage: Any, type_: str) -> dict[str, bytes]:
    """id -> bytes of the rows that the success listing sends now."""
    with stage.world.open() as ledger:
        plans = ledger.listing(date.fromisoformat(DAY).toordinal(), type_, "success")
        return {plan.id: ledger.rows([plan], "success") for plan in plans}


def test_an_odd_row_of_each_status(make_stage: Callable[..., Any]) -> None:
    """Wherever a misfit stands, it is filed by its own status and keeps no listing from being quiet."""
    stage = make_stage(per_day=12)
    ids = [
        stage.world.add_odd_rows(DAY, "cashIn", status=status, kinds=["status_unknown", "amount_text"])
        for status in ("pending", "expired", "failed", "success")
    ]
    assert stage.read(DAY).complete
    archived = stage.statuses(DAY)
    for (unknown, text), status in zip(ids, ("pending", "expired", "failed", "success"), strict=True):
        assert (archived[unknown], archived[text]) == ("refunded", status)


def test_two_connections(make_stage: Callable[..., Any]) -> None:
    """Two projects share an archive and never vouch for each other."""
    stage = make_stage(per_day=12, extra_credentials={OTHER: "other-token-0002"})
    stage.read(DAY)
    assert (stage.coverage(DAY).state, stage.coverage(DAY, key=OTHER).state) == (
        State.COMPLETE,
        State.MISSING,
    )
    stage.read(DAY, key=OTHER)
    by_project = {
        stage.credentials(key).project: {
            row["id"] for row in stage.world.ledger(key=key, day=DAY, type="cashIn")
        }
        for key in (MAIN, OTHER)
    }
    for project, ids in by_project.items():
        found = stage.archive.transactions(project, DAY, "cashIn")
        assert set(found["id"].to_pylist()) == ids
    # The same id in both projects is two transactions.
    stage.world.insert(id="twin", key=OTHER, created_at=f"{DAY}T12:00", status="success", amount=1)
    stage.world.insert(id="twin", created_at=f"{DAY}T12:00", status="success", amount=2)
    stage.read(DAY)
    stage.read(DAY, key=OTHER)
    assert stage.archive.heal(stage.project, stage.world.now(), 7, read_id="check") == 0
    assert sorted(row["amount"] for row in stage.rows(DAY) if row["id"] == "twin") == [1, 2]


def test_a_sandbox_by_mistake(make_stage: Callable[..., Any]) -> None:
    """Days read from the sandbox leave those of production missing and due: host and key are both in the project."""
    stage = make_stage(per_day=12)
    sandbox = make_stage(per_day=12)  # the same key at another address
    sandbox.read(DAY, archive=stage.archive)
    assert sandbox.project != stage.project
    now = stage.world.now()
    assert stage.coverage(DAY).state is State.MISSING
    due = days_to_read(stage.archive.coverage(now, project=stage.project), now=now)
    assert (date.fromisoformat(DAY), "cashIn") in {(entry.day, entry.type) for entry in due}
    assert stage.read(DAY).new == 12
    production = Credentials(base_url="https://api.sengo.id/api", client_key=MAIN, client_token="t")
    test = Credentials(base_url="https://api.sandbox.sengo.id/api", client_key=MAIN, client_token="t")
    assert production.project != test.project


def test_a_day_outside_the_window(make_stage: Callable[..., Any]) -> None:
    """A forgotten day is refused before anything is asked: the error names it, and what is archived of it."""
    stage = make_stage(days=9, per_day=12, expired_share=0, failed_share=0, late_share=0, multi_day_share=0)
    stage.read("2026-11-14")
    stage.world.set_clock("2026-11-21T08:30:00+07:00")
    asked = stage.requests()
    with pytest.raises(ArchiveIncomplete) as caught:
        stage.read("2026-11-14")
    text = str(caught.value)
    assert "2026-11-14 cashIn: the gateway forgot this day at 2026-11-21 00:00 Asia/Jakarta" in text
    assert "archived: 12 success (state: complete); nothing is missing" in text
    with pytest.raises(
        ArchiveIncomplete, match=r"archived: no row \(state: lost\); a complete read of it is mi"
    ):
        stage.read("2026-11-14", "cashOut")
    assert not caught.value.curable
    assert stage.requests() == asked


@pytest.mark.parametrize("at", ["pending", "success"])
def test_a_read_across_midnight(at: str, make_stage: Callable[..., Any]) -> None:
    """A read that is under way when the gateway forgets its day is not complete, and nothing turns worse."""
    stage = make_stage(now="2026-11-20T23:59:59+07:00", per_day=40)
    day = "2026-11-14"
    before = stage.truth(day)

    def on_page(status: str, page: int, pages: int, count: int) -> None:
        if status == at:
            stage.world.set_clock("2026-11-21T00:00:01+07:00")

    with contextlib.suppress(ArchiveIncomplete):
        assert not stage.read(day, on_page=on_page, concurrency=1).complete
    assert stage.coverage(day).state is State.LOST
    assert stage.statuses(day).items() <= before.items()


def test_a_day_before_the_archive(make_stage: Callable[..., Any]) -> None:
    """A day that had left the window when the project was first read, and failed to be read, is not lost but before."""
    stage = make_stage(per_day=12, days=9, retention_days=9)
    stage.world.set_fault("http_500", match="status=success")
    with pytest.raises(ArchiveIncomplete):
        stage.read("2026-11-12", retention_days=9)
    assert stage.coverage("2026-11-12").state is State.BEFORE
    assert stage.coverage("2026-11-14").state is State.MISSING


@pytest.mark.parametrize("refused", [("expired",), ("failed", "expired"), ("pending", "expired", "failed")])
def test_refused_filters(refused: tuple[str, ...], make_stage: Callable[..., Any]) -> None:
    """A status that the gateway does not filter by is recorded as unsupported; the day is complete without."""
    stage = make_stage(per_day=20, refuse_statuses=refused)
    result = stage.read(DAY)
    assert result.complete
    assert {status for status, outcome in result.outcomes.items() if outcome == "unsupported"} == set(refused)
    assert stage.coverage(DAY).state is State.COMPLETE
    assert stage.statuses(DAY).items() <= stage.truth(DAY).items()
    assert set(stage.statuses(DAY).values()).isdisjoint(refused)


def test_refused_success(make_stage: Callable[..., Any]) -> None:
    """A gateway that refuses the listing of successes fails the task: no day is complete without it."""
    stage = make_stage(per_day=20, refuse_statuses=("success",))
    with pytest.raises(ArchiveIncomplete, match=r"success listing could not be read.*422 REQUEST_INVALID"):
        stage.read(DAY)
    assert stage.coverage(DAY).state is State.MISSING


def test_a_row_without_an_id(make_stage: Callable[..., Any]) -> None:
    """The one row that cannot be kept makes the day incomplete, and says so; all others are archived."""
    stage = make_stage(per_day=20)
    identity = next(id for id, status in stage.truth(DAY).items() if status == "success")
    stage.world.mutate(identity, remove=("id",))
    with pytest.raises(ArchiveIncomplete, match=r"\$\.responseData\[\d+\]\.id") as caught:
        stage.read(DAY)
    assert isinstance(caught.value.__cause__, UnexpectedResponse)
    assert stage.statuses(DAY).keys() == stage.truth(DAY).keys() - {identity}
    assert stage.coverage(DAY).state is State.MISSING


def test_doubles_are_healed(make_stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that moves to another day between two tasks that run at once stands twice until the check: then
    once, in its final status, under the earlier day, with the other version in the history.
    """
    stage = make_stage(days=0, date_by="paid")
    moving = stage.world.insert(created_at="2026-11-17T12:00", expires_at="2026-11-19T12:00")
    stage.world.set_clock("2026-11-18T12:00")
    both_compared = threading.Barrier(2)
    waited = threading.local()
    compare = merge.compare

    def compare_together(*args: Any) -> Any:
        found = compare(*args)
        if not getattr(waited, "done", False):
            waited.done = True
            both_compared.wait(20)
        return found

    stage.archive.tables.make("transactions")
    monkeypatch.setattr(merge, "compare", compare_together)
    read_pending = threading.Event()

    def early(status: str, page: int, pages: int, count: int) -> None:
        if status == "success":
            stage.world.pay(moving)
            read_pending.set()

    tasks = [threading.Thread(target=stage.read, args=("2026-11-17",), kwargs={"on_page": early})]
    tasks[0].start()
    assert read_pending.wait(20)
    tasks.append(threading.Thread(target=stage.read, args=(DAY,), kwargs={"archive": Archive(stage.uri)}))
    tasks[1].start()
    for task in tasks:
        task.join(30)
    assert sorted((row["day"], row["status"]) for row in stage.rows()) == [
        ("2026-11-17", "pending"),
        (DAY, "success"),
    ]
    monkeypatch.undo()
    assert stage.archive.heal(stage.project, stage.world.now(), 7, read_id="check") == 1
    assert [(row["day"], row["status"]) for row in stage.rows()] == [("2026-11-17", "success")]
    assert [(r["status"], r["reason"]) for r in stage.archive.history(moving).to_pylist()] == [
        ("pending", "double")
    ]
    assert stage.archive.heal(stage.project, stage.world.now(), 7, read_id="check") == 0
