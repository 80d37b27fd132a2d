# SPDX-License-Identifier: Apache-2.0
"""A worker of ``make soak``: forks a process for each try of a task, as Airflow's supervisor does.

Orders come as JSON lines on stdin, what became of them goes to stdout the same way::

    {"run": 7, "operator": ..., "arguments": {...}, ...}   ->   {"began": 7, "pid": ...}
                                                                {"ended": 7, "outcome": {...} or null}

No outcome: the process died. The operators are the real ones; imitated is what Airflow gives to a task: the
context, with a task state store kept on disk.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from soak_clock import steer

LOOK_EVERY_S = 0.02
# What a worker imports before it forks; the archive's libraries do not survive a fork and come after it.
EARLY = (
    "airflow_provider_sengo.operators.sengo",
    "airflow_provider_sengo.operators.senangpay",
    "airflow_provider_sengo.operators.archive",
    "airflow_provider_sengo.operators.payment_wait",
    "airflow_provider_sengo.sensors.sengo",
    "airflow_provider_sengo.sensors.senangpay",
    "airflow_provider_sengo.hooks.steps",
    "airflow_provider_sengo.transport.rounds",
    "airflow_provider_sengo.triggers.wait",
)
ARCHIVE = ("airflow_provider_sengo.archive.run",)


class StateStore:
    """Airflow's task state store: one task's values, each a file; what was set survives the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, key: str) -> Path:
        return self._folder / key.encode().hex()

    def get(self, key: str, default: Any = None) -> Any:
        """The value kept, or ``default``."""
        path = self._path(key)
        return json.loads(path.read_text()) if path.exists() else default

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Keep a value; kept when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        new = self._path(key).with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(value))
        new.rename(self._path(key))


class TaskInstance(SimpleNamespace):
    """What operators and sensors ask of theirs."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Beside the return value: it must be plain."""
        json.dumps(value)

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        """When a rescheduled sensor first began in this try."""
        return None if self.first_visit is None else datetime.fromisoformat(self.first_visit)

    def get_task_states(self, *, dag_id: str, run_ids: list[str]) -> dict[str, dict[str, str]]:
        """The states of the run's tasks."""
        return dict.fromkeys(run_ids, self.states)


def context_of(order: dict[str, Any]) -> dict[str, Any]:
    """Airflow's context for a try of a task."""
    run = SimpleNamespace(
        run_after=datetime.fromisoformat(order["run_after"]), clear_number=order["clear_number"]
    )
    ti = TaskInstance(
        dag_id="soak",
        run_id=order["run_id"],
        task_id=order["task_id"],
        map_index=-1,
        try_number=order["try_number"],
        first_visit=order["first_visit"],
        states=order["states"],
    )
    store = StateStore(Path(order["store"]))
    return {"ti": ti, "run_id": order["run_id"], "dag_run": run, "task_state_store": store}


def execute(order: dict[str, Any]) -> dict[str, Any]:
    """One try of a task, or its going on after a trigger's event: what Airflow would make of its end."""
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        TaskDeferred,
    )

    module, _, name = order["operator"].rpartition(".")
    operator = getattr(importlib.import_module(module), name)(task_id=order["task_id"], **order["arguments"])
    context = context_of(order)
    try:
        if order["next_method"]:
            value = operator.resume_execution(order["next_method"], order["next_kwargs"], context)
        else:
            value = operator.execute(context)
    except TaskDeferred as deferral:
        path, arguments = deferral.trigger.serialize()
        return {
            "state": "deferred",
            "trigger": [path, arguments],
            "next_method": deferral.method_name,
            "next_kwargs": deferral.kwargs or {},
        }
    except AirflowRescheduleException:
        return {"state": "up_for_reschedule"}
    except (AirflowFailException, AirflowSensorTimeout) as error:
        return {"state": "failed", "why": f"{type(error.__cause__ or error).__name__}: {error}"}
    except Exception as error:  # noqa: BLE001 - whatever it is, Airflow tries again
        return {"state": "up_for_retry", "why": f"{type(error).__name__}: {error}"}
    return {"state": "success", "value": value}


def run_child(order: dict[str, Any], log: int) -> None:
    """In the forked process: do it, leave the outcome in a file, and end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(log, 1)
    os.dup2(log, 2)
    status = 1
    try:
        if ".archive." in order["operator"]:
            for name in ARCHIVE:
                importlib.import_module(name)
            steer(order["clock"], ARCHIVE)
        outcome = json.dumps(execute(order), default=str)
        path = Path(order["outcome"])
        path.with_suffix(".new").write_text(outcome)
        path.with_suffix(".new").rename(path)
        status = 0
    finally:
        os._exit(status)  # nothing of the worker's may be cleaned up here


def tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def orders() -> Iterator[dict[str, Any] | None]:
    """Each order as it comes; None whenever a while has passed without one. Ends with stdin."""
    rest = b""
    while True:
        if not select.select([0], [], [], LOOK_EVERY_S)[0]:
            yield None
            continue
        part = os.read(0, 65_536)
        if not part:
            return
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield json.loads(line)
        yield None


@contextmanager
def children() -> Iterator[dict[int, dict[str, Any]]]:
    """The processes that run, by id; none outlives the worker's end."""
    running: dict[int, dict[str, Any]] = {}
    try:
        yield running
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)


def main(clock: str, log_path: str) -> int:
    """Fork for each order until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in EARLY:
        importlib.import_module(name)
    steer(clock, EARLY)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    tell(ready=os.getpid())
    with children() as running:
        for order in orders():
            if order is not None:
                pid = os.fork()
                if pid == 0:
                    run_child({**order, "clock": clock}, log)
                running[pid] = order
                tell(began=order["run"], pid=pid)
            reap(running)
    return 0


def reap(running: dict[int, dict[str, Any]]) -> None:
    """Tell of every process that has ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        order = running.pop(pid)
        path = Path(order["outcome"])
        told = json.loads(path.read_text()) if status == 0 and path.exists() else None
        path.unlink(missing_ok=True)
        tell(ended=order["run"], outcome=told)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
