# SPDX-License-Identifier: Apache-2.0
"""Several writers of one archive at once: threads, processes, and one that slips in between."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from archive_world import DAY, NEXT_DAY, PROJECT, Clock, World, archive_rounds, record

from airflow_provider_sengo.archive import days, merge, tables
from airflow_provider_sengo.exceptions import ArchiveIncomplete

pytestmark = pytest.mark.also_on_s3

LATE = days.closed_at(NEXT_DAY) + timedelta(hours=1)


@pytest.fixture
def rival(world) -> World:
    """Another writer of the same archive, with a gateway of its own."""
    other = world.beside()
    world.clock, other.clock = Clock(LATE), Clock(LATE)
    return other


@pytest.fixture
def slip_in(monkeypatch) -> Callable[[Callable[[int], object]], list[int]]:
    """Call ``act(n)`` after the nth comparison of the run under test, before it writes."""

    def install(act: Callable[[int], object]) -> list[int]:
        plain, calls, busy = merge.compare, [], []

        def wrapped(*args):
            found = plain(*args)
            if not busy:
                calls.append(len(calls) + 1)
                busy.append(True)
                with ThreadPoolExecutor(1) as other:  # this thread's event loop is taken
                    other.submit(act, calls[-1]).result()
                busy.clear()
            return found

        monkeypatch.setattr(merge, "compare", wrapped)
        monkeypatch.setattr(tables, "COMMIT_WAIT_S", 0)
        return calls

    return install


def test_first_reads_of_one_partition(world, rival, slip_in):
    """Two first reads from one snapshot: the second is refused and decided anew, so nothing stands twice."""
    world.gateway.put("shared")
    world.gateway.put("mine")
    rival.gateway.put("shared")
    rival.gateway.put("its")
    counts = []
    calls = slip_in(lambda n: counts.append(rival.read().new) if n == 1 else None)
    result = world.read()
    assert (calls, counts) == ([1, 2], [2])
    assert (result.new, result.changed) == (1, 0)
    assert sorted(world.held()) == ["its", "mine", "shared"]


def test_merges_into_one_partition(world, rival, slip_in):
    """Two merges from one snapshot: what was decided for the older is decided anew."""
    old = world.gateway.put("a", "pending")
    world.read()
    world.gateway.put("a", "expired")
    world.gateway.put("late")
    rival.gateway.put("a", "success")
    rival.gateway.put("late")
    calls = slip_in(lambda n: rival.read() if n == 1 else None)
    result = world.read()
    assert calls == [1, 2]
    assert world.held() == {"a": record("a"), "late": record("late")}
    assert (result.new, result.changed, result.refused) == (0, 0, 1)
    assert sorted(world.history("a")) == sorted([(old, "replaced"), (record("a", "expired"), "refused")])


@pytest.mark.also_on_s3(False)  # a matter of predicates
@pytest.mark.parametrize(
    "id", ["late", "x" * 300, "é" * 40, "\U0010ffff" * 40, "a\0b", " "], ids=lambda text: ascii(text[:2])
)
def test_one_new_id_in_two_merges(world, rival, slip_in, id):
    """Two merges that only insert, from one snapshot, do not insert one id twice, whatever it looks like."""
    world.gateway.fill(2)
    world.read()
    for each in (world, rival):
        each.gateway.put("more" if each is world else "a-lot")
        each.gateway.put(id)
    slip_in(lambda n: rival.read(statuses=("success",)) if n == 1 else None)
    result = world.read()
    assert set(world.held()) == {id, "more", "a-lot", "success-0", "success-1"}
    assert result.new == 1


def test_merge_against_a_first_read_that_landed(world, rival, slip_in):
    """A rival's equal rows leave nothing to write."""
    world.gateway.fill(3)
    rival.gateway.fill(3)
    slip_in(lambda n: rival.read() if n == 1 else None)
    result = world.read()
    assert (result.new, result.changed, world.versions()["transactions"]) == (0, 0, 1)
    assert {item.new_rows for item in world.archive.reads() if item.status == "success"} == {0, 3}


@pytest.mark.also_on_s3(False)  # a matter of predicates
@pytest.mark.parametrize(
    "elsewhere", [{"day": NEXT_DAY}, {"type": "cashOut"}, {"project": "sandbox-00000000"}], ids=str
)
def test_different_partitions_do_not_disturb_each_other(world, rival, slip_in, elsewhere):
    """First reads of different partitions from one snapshot both land at once."""
    place = {name: value for name, value in elsewhere.items() if name != "project"}
    world.gateway.put("mine")
    rival.gateway.put("its", **place)
    calls = slip_in(lambda n: rival.read(**elsewhere))
    assert world.read().new == 1
    assert calls == [1]
    assert sorted(world.held()) == ["its", "mine"]


def test_one_id_under_two_days_is_healed(world, rival, slip_in):
    """Two days' tasks that insert one id at once leave a double; healing makes it one, reads go on."""
    world.gateway.put("a", "pending")
    rival.gateway.put("a", day=NEXT_DAY)
    slip_in(lambda n: rival.read(NEXT_DAY))
    world.read()
    assert world.archive.transactions().num_rows == 2
    assert world.archive.heal(PROJECT, LATE, 7, read_id="check") == 1
    assert world.held() == {"a": record("a")}
    assert rival.read(NEXT_DAY).complete


@pytest.mark.also_on_s3(False)  # a matter of counting
def test_rivals_that_always_win(world, rival, slip_in):
    """After a bounded number of lost races the error comes out; no record of a read is written."""
    world.gateway.put("mine")
    world.gateway.put("its", fee=99)
    rival.gateway.put("its", fee=0)
    rival.read()
    reads = len(world.archive.reads())

    def win(n: int) -> None:
        rival.gateway.put("its", fee=n)
        rival.read(statuses=("success",))

    calls = slip_in(win)
    with pytest.raises(ArchiveIncomplete, match="others wrote to this day"):
        world.read()
    assert len(calls) == tables.COMMIT_TRIES
    assert len(world.archive.reads()) == reads + tables.COMMIT_TRIES
    assert "mine" not in world.held()


def test_an_overwrite_that_landed_is_counted_once(world, rival, slip_in):
    """Rows that landed before a later step was refused count once."""
    world.gateway.put("moves", "pending")
    world.read()
    world.gateway.drop("moves")
    world.gateway.put("moves", day=NEXT_DAY)
    world.gateway.fill(2, day=NEXT_DAY)
    rival.gateway.put("moves", "failed")
    slip_in(lambda n: rival.read() if n == 1 else None)  # rewrites the file in which "moves" stands
    result = world.read(NEXT_DAY)
    assert (result.new, result.changed) == (2, 1)
    assert world.held()["moves"] == record("moves")
    assert sorted(reason for _, reason in world.history("moves")) == ["replaced", "replaced"]


def test_threads(world, rival, monkeypatch):
    """Two threads that compared with the same snapshot before either wrote: each row stands once."""
    meeting = threading.Barrier(2, timeout=30)
    met = threading.local()
    plain = merge.compare

    def wrapped(*args):
        found = plain(*args)
        if not hasattr(met, "once"):
            met.once = True
            meeting.wait()
        return found

    monkeypatch.setattr(merge, "compare", wrapped)
    monkeypatch.setattr(tables, "COMMIT_WAIT_S", 0)
    world.gateway.fill(5)
    rival.gateway.fill(7)
    results = []
    threads = [
        threading.Thread(target=lambda each=each: results.append(each.read())) for each in (world, rival)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(world.held()) == [f"success-{number}" for number in range(7)]
    assert sum(result.new for result in results) == 7


def test_spawned_processes(world):
    """Four processes that write one archive again and again lose nothing and double nothing."""
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=archive_rounds, args=(world.uri, world.storage_options, number, 3))
        for number in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 4
    expected = {f"{number}-{nth}" for number in range(4) for nth in range(3)}
    assert set(world.held()) == expected | {f"shared-{DAY}", f"shared-{NEXT_DAY}"}
    reads = world.archive.reads()
    assert len(reads) == 4 * 3 * 4
    assert sum(item.new_rows for item in reads) == len(world.held())
    assert sum(item.changed_rows for item in reads) == 0


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs a safe fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_process_forked_after_first_use_cannot_write(world):
    """delta-rs refuses to work in a process forked after its first use: it fails loudly, and writes nothing."""
    world.gateway.fill(1)
    world.read()
    world.gateway.fill(2)
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the panic's text
        signal.alarm(30)
        code = 1
        try:
            world.read()
        except BaseException as error:  # noqa: BLE001  # a panic is no Exception
            code = 7 if "orked process" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert len(world.held()) == 1
