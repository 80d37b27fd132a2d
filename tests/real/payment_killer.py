# SPDX-License-Identifier: Apache-2.0
"""Kills the processes of payments by SIGKILL at chosen moments.

The simulator runs in this process, so it knows to the step where a task is: before its request does
anything, after the work and before the answer, right after the answer. What lies between requests is held
by ``pre_execute`` and ``post_execute`` of the DAG's author.
"""

import os
import re
import signal
import threading
import time
from asyncio import get_running_loop
from collections import deque
from contextlib import suppress
from pathlib import Path

EACH = 4  # tasks for each moment and gateway
TASK = re.compile(rb"KILL(?:QRIS|CARD)\d\d")

# The moments, in the order in which a task passes them. "look" is GET /check or the order query, "post" is
# what pays. "lost": the request never gets to the gateway; "done": it has paid and not yet answered.
BEFORE_POST = ("before_look", "look_arrived")
POSTED = ("post_arrived", "post_done", "post_answered", "before_xcom")
MOMENTS = (*BEFORE_POST, "look_answered", "post_lost", *POSTED, "around_xcom")
SECOND_KILLS = ("", "", *BEFORE_POST)  # half of the tasks are killed once
# How long, in seconds, after an answer (after the end of ``execute``) the process is killed at the latest.
LATEST_S = {
    ("QRIS", "look_answered"): 0.4,
    ("CARD", "look_answered"): 0.08,
    ("QRIS", "post_answered"): 0.02,
    ("CARD", "post_answered"): 0.02,
    ("QRIS", "around_xcom"): 0.08,
    ("CARD", "around_xcom"): 0.08,
}


def plan_kills(rng):
    """For each task the moments at which its processes are killed, one for each try, and which rows hide."""
    plans, hidden = {}, set()
    for gateway in ("QRIS", "CARD"):
        for number, moment in enumerate(MOMENTS * EACH):
            task = f"KILL{gateway}{number:02}"
            kills = [moment, rng.choice(SECOND_KILLS)]
            if moment in BEFORE_POST and number >= len(MOMENTS):
                kills[1] = rng.choice(MOMENTS)
            elif moment == "around_xcom":
                kills[1] = ""  # there may be no other try
            plans[task] = [kill for kill in kills if kill]
            if gateway == "CARD" and number // len(MOMENTS) % 2:
                hidden.add(task)  # the gateway charges this card, and no query ever shows it
    return plans, hidden


def process_of(pid):
    """A living process by its id and start, since ids are used again; None where there is none."""
    try:
        state, *numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except FileNotFoundError:
        return None
    return None if state == "Z" else (pid, numbers[18])


class Killer:
    """Kills each task's process at its next planned moment, wherever that is noticed."""

    def __init__(self, folder, world, plans, hidden, rng):
        self.folder, self.world, self.hidden, self.rng = folder, world, hidden, rng
        self.due = {task: deque(kills) for task, kills in plans.items()}
        self.kills = []  # (task, moment, process or None where it had ended)
        self.aimed_at = (
            set()
        )  # tasks that go on until their kill comes: no further than to the end of execute
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        for task in plans:
            self._hold_next(task)

    def _hold_next(self, task):
        """Ask the task's hook to wait where the next kill lies outside any request."""
        moment = self.due[task][0] if self.due[task] else ""
        if moment == "before_look":
            (self.folder / f"{task}.before").touch()
        elif moment in ("look_answered", "post_answered", "before_xcom", "around_xcom"):
            (self.folder / f"{task}.after").touch()

    def take(self, task, moment):
        """Whether the task's next kill is at this moment; if so, it counts as done."""
        with self.lock:
            is_due = bool(self.due[task]) and self.due[task][0] == moment
            if is_due:
                self.due[task].popleft()
            return is_due

    def kill(self, task, moment, pid):
        process = process_of(pid)
        if process is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kills.append((task, moment, process))
        for hold in self.folder.glob(f"{task}.after*"):
            hold.unlink()
        self.aimed_at.discard(task)
        self._hold_next(task)

    def pid_of(self, task):
        return int((self.folder / f"{task}.pid").read_text())

    def delay_s(self, task, moment):
        return self.rng.random() * LATEST_S[task[4:8], moment]

    def _watch(self):
        """Kill what waits in a hook, or a little after it was let go."""
        while not self.stopping.wait(0.01):
            for held in self.folder.glob("*.held"):
                task, hook, _ = held.name.split(".")
                pid = self.pid_of(task)
                if task in self.aimed_at:
                    continue
                if hook == "before" and self.take(task, "before_look"):
                    self.kill(task, "before_look", pid)
                elif hook == "after" and self.take(task, "before_xcom"):
                    self.kill(task, "before_xcom", pid)
                elif hook == "after" and self.take(task, "around_xcom"):
                    held.unlink()
                    time.sleep(self.delay_s(task, "around_xcom"))
                    self.kill(task, "around_xcom", pid)
                held.unlink(missing_ok=True)

    def around(self, finish):
        """The simulator's ``Exchange.finish`` with the kills before, within and after a request."""

        def finish_and_kill(exchange, headers):
            request = exchange._request
            found = TASK.search(request.target.encode() + b"\n" + request.body)
            if found is None:
                return finish(exchange, headers)
            task, kind = found[0].decode(), "look" if request.method == "GET" else "post"
            pid = self.pid_of(task)
            moments = [f"{kind}_{part}" for part in ("arrived", "lost", "done", "answered")]
            moment = next((moment for moment in moments if self.take(task, moment)), "")
            if moment.endswith(("arrived", "lost")):
                self.kill(task, moment, pid)
                exchange._is_limited = moment.endswith("lost")  # refused before the gateway does anything
            reply = finish(exchange, headers)
            if kind == "post" and task in self.hidden:
                for charge in self.world.charges(task):
                    self.world.senangpay.hide(charge["transaction_id"])
            if moment.endswith("done"):
                self.kill(task, moment, pid)
            elif moment.endswith("answered"):
                self.aimed_at.add(task)
                get_running_loop().call_later(self.delay_s(task, moment), self.kill, task, moment, pid)
            return reply

        return finish_and_kill

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stopping.set()
        self.thread.join(10)
