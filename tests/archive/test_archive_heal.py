# SPDX-License-Identifier: Apache-2.0
"""One id under several days is made one again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from archive_world import COMMITS, DAY, NEXT_DAY, PROJECT, Clock, World, counted_commits, record
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError
from object_store import KINDS

from airflow_provider_sengo.archive import days, heal
from airflow_provider_sengo.archive.heal import heal_doubles
from airflow_provider_sengo.archive.schema import TRANSACTIONS
from airflow_provider_sengo.archive.tables import COMMIT_TRIES, STORAGE_TRIES

THIRD_DAY = DAY + timedelta(days=2)
NOW = days.closed_at(THIRD_DAY) + timedelta(hours=1)


def stand(world: World, id: str, day: date, raw: bytes) -> None:
    """Let a version stand under a day as if its task had not seen the others: read it into a world apart."""
    apart = world.beside(f"-apart-{id}-{day}-{len(raw)}")
    apart.clock = world.clock
    apart.gateway.put(id, day=day, raw=raw, listing="success")
    apart.read(day)
    rows = apart.archive.transactions().cast(TRANSACTIONS)
    write_deltalake(world.archive.tables.make("transactions"), rows, mode="append")


def mend(world: World) -> int:
    return world.archive.heal(PROJECT, NOW, 7, read_id="check-1")


def mend_and_count_waits(world: World, waits: list[float]) -> int:
    """The same for the three days, with no wait between two tries; ``waits`` gets what they would have been."""
    span = (DAY, NEXT_DAY, THIRD_DAY)
    return heal_doubles(world.archive.tables, PROJECT, span, read_id="check-1", sleep=waits.append)


@pytest.fixture
def late(world):
    """A world in which three days are over."""
    world.clock = Clock(NOW)
    return world


@pytest.mark.also_on_s3
@pytest.mark.parametrize(
    ("first", "second"),
    [("success", "expired"), ("pending", "success"), ("expired", "expired"), ("refunded", "pending")],
)
def test_two_days(late, first, second):
    """The more final version stays, of equally final ones the later, under the earlier day."""
    ranks = {"pending": 0, "refunded": 1, "expired": 2, "success": 3}
    one, two = record("a", first), record("a", second, 2000)
    stand(late, "a", DAY, one)
    stand(late, "a", NEXT_DAY, two)
    stand(late, "b", DAY, record("b"))
    assert mend(late) == 1
    stays, goes = (one, two) if ranks[first] > ranks[second] else (two, one)
    assert late.held() == {"a": stays, "b": record("b")}
    row = late.row("a")
    assert row["day"] == str(DAY)
    assert row["last_listed_day"] == str(DAY if stays is one else NEXT_DAY)
    assert row["first_seen_at"] < row["last_changed_at"] or stays is one
    assert late.history("a") == [(goes, "double")]
    assert mend(late) == 0
    assert late.history("a") == [(goes, "double")]


@pytest.mark.also_on_s3
def test_three_days(late):
    """Of three the most final stays, under the earliest day; the two others go to the history."""
    versions = {DAY: record("a", "pending"), NEXT_DAY: record("a"), THIRD_DAY: record("a", "expired")}
    for day in (THIRD_DAY, DAY, NEXT_DAY):
        stand(late, "a", day, versions[day])
    assert mend(late) == 1
    assert late.held() == {"a": versions[NEXT_DAY]}
    assert late.row("a")["day"] == str(DAY)
    assert sorted(late.history("a")) == sorted([(versions[DAY], "double"), (versions[THIRD_DAY], "double")])


def test_reads_are_fine_after(late):
    """After healing, reads of each day find the one row, change it where it stands, and are complete."""
    stand(late, "a", DAY, record("a", "pending"))
    stand(late, "a", NEXT_DAY, record("a"))
    mend(late)
    late.gateway.put("a", day=NEXT_DAY)
    assert late.read(NEXT_DAY).complete
    raw = late.gateway.put("a", day=NEXT_DAY, fee=9)
    result = late.read(NEXT_DAY)
    assert (result.complete, result.changed, late.held()) == (True, 1, {"a": raw})
    assert late.read(DAY).complete


@pytest.mark.also_on_s3
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("seen", ["success", "expired"])
def test_reading_doubles_before_they_are_healed(late, order, seen):
    """A read that meets a double adds no third row, and calls no standing version replaced."""
    versions = {DAY: record("a", "pending"), NEXT_DAY: record("a")}
    for day in list(versions)[::order]:
        stand(late, "a", day, versions[day])
    late.gateway.put("a", seen, day=NEXT_DAY)
    late.read(NEXT_DAY)
    assert late.archive.transactions().num_rows == 2
    mend(late)
    assert late.held() == {"a": versions[NEXT_DAY]}
    history = [raw for raw, _ in late.history("a")]
    assert versions[NEXT_DAY] not in history
    assert len(set(history)) == len(history) == (1 if seen == "success" else 2)


def test_same_id_elsewhere_is_no_double(late):
    """The same id of another type or project is another transaction."""
    late.gateway.put("a", day=DAY)
    late.gateway.put("a", day=NEXT_DAY, type="cashOut")
    late.read(DAY)
    late.read(NEXT_DAY, type="cashOut")
    late.read(DAY, project="sandbox-00000000")
    assert mend(late) == 0
    stand(late, "a", NEXT_DAY, record("a", "failed"))
    assert mend(late) == 1
    assert late.archive.transactions().num_rows == 3


def test_nothing_to_heal(late):
    """An absent and a sound archive are left alone."""
    assert mend(late) == 0
    late.gateway.fill(2)
    late.read()
    with counted_commits() as commits:
        assert mend(late) == 0
    assert commits.points == []


def test_odd_text_survives_healing(late):
    """Healing keeps bytes and odd fields as they are."""
    odd = record("a", "pending", 1.5, merchantRef="a\0b", expiredDate="9999-12-31T23:59:59-07:00")
    stand(late, "a", NEXT_DAY, odd)
    stand(late, "a", DAY, record("a", "pending"))
    assert mend(late) == 1
    assert {raw for raw, _ in late.history("a")} | set(late.held().values()) == {odd, record("a", "pending")}


def test_a_rival_is_not_overwritten(late, monkeypatch):
    """A read that commits while doubles are mended makes the mending start anew on what stands then."""
    stand(late, "a", DAY, record("a", "pending"))
    stand(late, "a", NEXT_DAY, record("a"))
    late.gateway.put("a", day=NEXT_DAY)
    late.gateway.put("b", day=NEXT_DAY)
    calls = []

    class RivalFirst(heal.Rewrite):
        def commit(self, coming):
            if not calls:
                late.read(NEXT_DAY)
            calls.append(coming)
            super().commit(coming)

    monkeypatch.setattr(heal, "Rewrite", RivalFirst)
    waits = []
    assert mend_and_count_waits(late, waits) == 1
    assert (len(calls), len(waits)) == (2, 1)
    assert late.held() == late.ledger()
    assert set(late.history("a")) == {(record("a", "pending"), "double")}
    assert late.archive.history("a").num_rows == 1


def test_rivals_that_always_win(late, monkeypatch):
    """Mending gives up after a bounded number of lost races."""
    stand(late, "a", DAY, record("a", "pending"))
    stand(late, "a", NEXT_DAY, record("a"))
    calls, waits = [], []

    class Lose(heal.Rewrite):
        def commit(self, coming):
            calls.append(coming)
            raise CommitFailedError

    monkeypatch.setattr(heal, "Rewrite", Lose)
    with pytest.raises(CommitFailedError):
        mend_and_count_waits(late, waits)
    assert (len(calls), len(waits)) == (COMMIT_TRIES, COMMIT_TRIES - 1)


@pytest.fixture
def doubled(late):
    """A world with one id under two days."""
    stand(late, "a", DAY, record("a", "pending"))
    stand(late, "a", NEXT_DAY, record("a"))
    late.archive.tables.make("history")
    return late


@pytest.mark.parametrize("place", ["s3"], indirect=True)
@pytest.mark.parametrize("nth", [1, 2], ids=["history", "rows"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_commit_that_fails_or_whose_answer_is_lost(doubled, object_store, kind, nth):
    """Whichever commit of the mending it is, and whether it landed or not: one row, one version, counted once."""
    before = object_store.counts()[kind]
    with object_store.failing(nth, [kind], times=1, **COMMITS):
        assert mend_and_count_waits(doubled, []) == 1
    assert object_store.counts()[kind] == before + 1
    assert doubled.held() == {"a": record("a")}
    assert doubled.history("a") == [(record("a", "pending"), "double")]
    assert mend(doubled) == 0


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_storage_that_takes_no_commit(doubled, object_store):
    """After bounded tries the storage's own error comes out; both rows still stand, and are mended later."""
    before, waits = object_store.counts()["reset"], []
    with (
        object_store.failing(1, ["reset"], **COMMITS),
        pytest.raises(OSError, match="Generic S3 error"),
    ):
        mend_and_count_waits(doubled, waits)
    assert object_store.counts()["reset"] == before + STORAGE_TRIES
    assert len(waits) == STORAGE_TRIES - 1
    assert doubled.archive.transactions().num_rows == 2
    assert mend(doubled) == 1
    assert doubled.held() == {"a": record("a")}
