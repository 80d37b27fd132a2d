# SPDX-License-Identifier: Apache-2.0
"""What ``make soak`` imitates of Airflow: tries, retries, clears, deferrals, and workers that are killed.

As Airflow does it: a killed or failed try is tried again while tries are left; what was deferred goes on with
the trigger's event, and a dead triggerer's triggers begin anew in the next one; a clear gives new tries and
counts in the run. Not imitated: two processes of one task at a time, which Airflow's heartbeats prevent.
"""

from __future__ import annotations

import queue
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from soak_processes import Process

WORKERS = 2
TRIES = 4
RETRY_AFTER_S = 0.5
LOOK_EVERY_S = 0.05
SLOTS = {"archive": 3, "payment": 12}  # processes at a time
ENDED = ("success", "failed")


@dataclass(kw_only=True, eq=False)
class Task:
    """A logical task with all that Airflow's database would keep of it."""

    name: str
    operator: str
    arguments: dict[str, Any]
    run_id: str
    run_after: datetime
    pool: str = "payment"
    about: str = ""  # what its requests name: a reference, an order, a day and type
    facts: dict[str, Any] = field(default_factory=dict)  # what only the soak knows
    state: str = "scheduled"
    tries: int = 0
    tries_max: int = TRIES
    clears: int = 0
    due_at_s: float = 0.0
    first_visit: datetime | None = None
    deferred: dict[str, Any] | None = None
    next_kwargs: dict[str, Any] | None = None
    worker: Process | None = None
    pid: int | None = None
    run: int = 0  # of its latest process
    value: Any = None
    why: str = ""

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    def clear(self, store: Path | None) -> None:
        """As a person clears a task; with ``store``, what was kept for it is lost as well."""
        self.clears += 1
        self.tries_max = self.tries + TRIES
        self._begin_anew(0.0)
        if store is not None:
            shutil.rmtree(store, ignore_errors=True)

    def _begin_anew(self, after_s: float) -> None:
        self.state, self.due_at_s = "scheduled", time.monotonic() + after_s
        self.first_visit = self.deferred = self.next_kwargs = None

    def try_again(self, why: str) -> None:
        """After a try that ended badly."""
        self.why = why
        if self.tries < self.tries_max:
            self._begin_anew(RETRY_AFTER_S)
        else:
            self.state = "failed"


class Airflow:
    """Two workers, a triggerer, and all tasks."""

    def __init__(self, home: Path, environment: dict[str, str], rng: random.Random) -> None:
        self.home, self.environment, self.rng = home, environment, rng
        self.said: queue.Queue[tuple[Process, Any]] = queue.Queue()
        self.tasks: list[Task] = []
        self.open: list[Task] = []
        self.by_run: dict[int, Task] = {}
        self.pids: dict[str, int] = {}  # what a request names -> whose it is
        self.counts: Counter[str] = Counter()
        self.on_success: Callable[[Task], None] = lambda task: None
        self.now: Callable[[], datetime]
        self.workers = [self._start("soak_worker.py") for _ in range(WORKERS)]
        self.triggerer = self._start("soak_triggerer.py")

    def _start(self, script: str) -> Process:
        return Process(script, self.home, self.environment, self.said)

    def stop(self) -> None:
        """Kill every process that was started here."""
        for process in (*self.workers, self.triggerer):
            process.kill()

    # -- tasks ------------------------------------------------------------------------------------

    def add(self, task: Task) -> Task:
        """Take in a task; it begins when a slot is free."""
        self.tasks.append(task)
        self.open.append(task)
        return task

    def clear(self, task: Task, *, with_store: bool) -> None:
        """Run an ended task again."""
        task.clear(self._store(task) if with_store else None)
        self.open.append(task)
        self.counts["clears"] += 1

    def _store(self, task: Task) -> Path:
        return self.home / "state" / task.name

    def turn(self) -> None:
        """Hear what the processes say, for a moment, and begin what is due."""
        until_s = time.monotonic() + LOOK_EVERY_S
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                process, line = self.said.get(timeout=left_s)
            except queue.Empty:
                break
            self._hear(process, line)
        self._begin_due()
        self.open = [task for task in self.open if not task.has_ended]

    def _begin_due(self) -> None:
        running = Counter(task.pool for task in self.open if task.state == "running")
        ready = [worker for worker in self.workers if worker.is_ready]
        now_s = time.monotonic()
        for task in self.open:
            if not ready or task.state != "scheduled" or task.due_at_s > now_s:
                continue
            if running[task.pool] < SLOTS[task.pool]:
                running[task.pool] += 1
                self._begin(task, self.rng.choice(ready))

    def _begin(self, task: Task, worker: Process) -> None:
        goes_on = task.next_kwargs is not None or task.first_visit is not None
        task.tries += not goes_on
        task.run = len(self.by_run) + 1
        task.state, task.worker, task.pid = "running", worker, None
        self.by_run[task.run] = task
        self.counts["processes"] += 1
        worker.tell(self._order(task))

    def _order(self, task: Task) -> dict[str, Any]:
        return {
            "run": task.run,
            "operator": f"airflow_provider_sengo.{task.operator}",
            "arguments": task.arguments,
            "task_id": task.name,
            "run_id": task.run_id,
            "run_after": task.run_after.isoformat(),
            "try_number": task.tries,
            "clear_number": task.clears,
            "first_visit": task.first_visit and task.first_visit.isoformat(),
            "states": {one.name: one.state for one in self.tasks if one.run_id == task.run_id},
            "store": str(self._store(task)),
            "outcome": str(self.home / f"outcome-{task.run}"),
            "next_method": task.deferred["next_method"] if task.deferred else None,
            "next_kwargs": task.next_kwargs,
        }

    # -- what processes say -----------------------------------------------------------------------

    def _hear(self, process: Process, line: dict[str, Any] | None) -> None:
        match line:
            case None:
                self._bury(process)
            case {"ready": _}:
                process.is_ready = True
                if process is self.triggerer:
                    for task in self.open:
                        if task.state == "deferred":
                            self._trigger(task)
            case {"began": run, "pid": pid}:
                task = self.by_run[run]
                if task.run == run and task.state == "running":
                    task.pid = self.pids[task.about] = pid
            case {"ended": run, "outcome": outcome}:
                self._end(self.by_run[run], run, outcome)
            case {"event": run, "payload": payload, "why": why}:
                self._go_on(self.by_run[run], run, payload, why)

    def _bury(self, process: Process) -> None:
        """A process is gone, and with it all that it ran; another takes its place."""
        if process is self.triggerer:
            self.triggerer = self._start(process.script)
        elif process in self.workers:
            self.workers[self.workers.index(process)] = self._start(process.script)
            for task in self.open:
                if task.state == "running" and task.worker is process:
                    self._end(task, task.run, None)

    def _end(self, task: Task, run: int, outcome: dict[str, Any] | None) -> None:
        if task.run != run or task.state != "running":
            return
        self.pids.pop(task.about, None)
        if outcome is None:
            self.counts["killed tries"] += 1
            task.try_again("killed")
            return
        match outcome["state"]:
            case "success":
                task.state, task.value, task.why = "success", outcome["value"], ""
                self.on_success(task)
            case "deferred":
                task.state, task.deferred, task.next_kwargs = "deferred", outcome, None
                self.counts["deferrals"] += 1
                self._trigger(task)
            case "up_for_reschedule":
                task.first_visit = task.first_visit or self.now()
                task.state, task.due_at_s = "scheduled", time.monotonic() + 1
            case "failed":
                task.state, task.why = "failed", outcome["why"]
            case _:
                self.counts["failed tries"] += 1
                task.try_again(outcome["why"])

    def _trigger(self, task: Task) -> None:
        assert task.deferred is not None
        self.triggerer.tell({"run": task.run, "trigger": task.deferred["trigger"]})

    def _go_on(self, task: Task, run: int, payload: Any, why: str) -> None:
        """The trigger's event: the task goes on in the same try, or fails with its trigger."""
        if task.run != run or task.state != "deferred":
            return
        if payload is None:
            task.try_again(f"its trigger failed: {why}")
            return
        assert task.deferred is not None
        task.next_kwargs = {**task.deferred["next_kwargs"], "event": payload}
        task.state, task.due_at_s = "scheduled", 0.0

    # -- kills ------------------------------------------------------------------------------------

    def pid_of(self, names: Iterable[str]) -> int | None:
        """The process whose request names this; called by the gateway's thread."""
        return next((pid for name in names if (pid := self.pids.get(name)) is not None), None)

    def running(self) -> list[Task]:
        """Those that have a process."""
        return [task for task in self.open if task.state == "running" and task.pid is not None]
