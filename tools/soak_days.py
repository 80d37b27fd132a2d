# SPDX-License-Identifier: Apache-2.0
"""The days of ``make soak`` and its quiet end: what happens when, and what is killed meanwhile."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from soak_airflow import Airflow, Task
from soak_gateway import Gateways
from soak_judge import NOT_CHARGED, Judge
from soak_tasks import Book

SAY_EVERY_S = 10.0
QUIET_S = 45  # of the minutes asked for: the end after the faults
STEP_MAX_S = 240.0  # no run of the archive, nor a quiet end's part, takes longer
# On average, in seconds; SIGKILLs, and the gateway stops listening for a moment.
EVERY_S = {"task": 3.0, "worker": 45.0, "triggerer": 35.0, "restart": 25.0}
PAYMENTS_A_STEP = 12
RUNS_A_MORNING_MAX = 5
CLEARS_MAX = 3  # of one task by a person in the quiet end
OLD_DAYS = 3  # no task is left behind further than that: the gateway forgets after seven


class Enough(Exception):
    """The time is over, or somebody wants it to end."""


class Soak:
    """The days go by; ``turn`` lets everything happen that is due."""

    def __init__(self, seed: int, minutes: float, home: Path) -> None:
        self.rng = random.Random(f"soak|{seed}")
        self.began_s = time.monotonic()
        self.ends_at_s = self.began_s + max(30.0, minutes * 60 - QUIET_S)
        self.is_interrupted = False
        self.is_quiet = False
        self.said_at_s = self.began_s
        self.archive_runs = 0
        self.days = 0
        self.gateways = Gateways(seed, home / "clock")
        self.gateways.start()
        environment = self._environment(home) | self.gateways.connections()
        self.airflow = Airflow(home, environment, random.Random(f"airflow|{seed}"))
        self.airflow.now = self.gateways.world.now
        self.archive_uri = str(home / "archive")
        self.book = Book(self.gateways, self.airflow, seed, self.archive_uri)
        self.judge = Judge(self.gateways, self.airflow)
        self.gateways.kill_within_requests(self.airflow.pid_of)
        self.troubles: dict[str, Callable[[], None]] = {
            "task": self._kill_task,
            "worker": self._kill_worker,
            "triggerer": self._kill_triggerer,
            "restart": self._restart_gateway,
        }
        self.next_s = {name: self._next(every_s) for name, every_s in EVERY_S.items()}

    @staticmethod
    def _environment(home: Path) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return own | {
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def _next(self, every_s: float) -> float:
        return time.monotonic() + self.rng.expovariate(1 / every_s)

    # -- time goes by -----------------------------------------------------------------------------

    def turn(self) -> None:
        """A moment. Raises: Enough."""
        self.airflow.turn()
        self.book.settle_due()
        if not self.is_quiet:
            self._disturb()
        if time.monotonic() - self.said_at_s >= SAY_EVERY_S:
            self.said_at_s = time.monotonic()
            self.say_progress()
        if self.is_interrupted or (not self.is_quiet and time.monotonic() > self.ends_at_s):
            raise Enough

    def until(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        """Go on until it is so. Raises: Enough; a finding if it takes too long."""
        end_s = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > end_s:
                self.judge.find(f"stuck: {what} took longer than {within_s:.0f} s")
                raise Enough
            self.turn()

    def pause(self, seconds: float) -> None:
        """Go on for so long."""
        end_s = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end_s, seconds + 1, "a pause")

    def until_ended(self, tasks: list[Task], what: str) -> None:
        """Go on until all have ended."""
        self.until(lambda: all(task.has_ended for task in tasks), STEP_MAX_S, what)

    def _disturb(self) -> None:
        now_s = time.monotonic()
        for name, at_s in self.next_s.items():
            if now_s >= at_s:
                self.next_s[name] = self._next(EVERY_S[name])
                self.troubles[name]()
                return

    def _kill_task(self) -> None:
        running = self.airflow.running()
        pid = self.rng.choice(running).pid if running else None
        if pid is not None:
            self.gateways.kill(pid, "task")

    def _kill_worker(self) -> None:
        self.rng.choice(self.airflow.workers).kill()
        self.gateways.counts["killed: worker"] += 1

    def _kill_triggerer(self) -> None:
        self.airflow.triggerer.kill()
        self.gateways.counts["killed: triggerer"] += 1

    def _restart_gateway(self) -> None:
        self.gateways.restart(self.airflow.turn)

    # -- a day --------------------------------------------------------------------------------------

    def one_day(self) -> None:
        """From half past eight to past midnight. Raises: Enough."""
        self.days += 1
        self._no_task_is_left_behind()
        self.gateways.new_mood()
        self._clear_failed()
        self.book.add_some(PAYMENTS_A_STEP)
        self.archive_morning()
        self.gateways.new_mood()
        self.gateways.move_clock(self.gateways.at(self.rng.randrange(12, 22), self.rng.randrange(60)))
        self.book.add_some(PAYMENTS_A_STEP)
        self.pause(self.rng.uniform(1, 4))
        self._midnight()
        self.gateways.move_clock(self.gateways.at(8, 30))

    def _midnight(self) -> None:
        """Read what is listed on both sides of midnight while it passes."""
        self.gateways.move_clock(self.gateways.at(23, 59, 60 - self.rng.randrange(2, 6)))
        day = self.gateways.world.now().date()
        self.gateways.world.configure(latency_ms=self.rng.choice((50.0, 150.0)))
        tasks = self.book.archive_days(f"midnight{self.days}", self.book.edge_days())
        self.book.add_some(2)
        self.until_ended(tasks, "the reading at midnight")
        self.until(lambda: self.gateways.world.now().date() > day, 30, "the last seconds of a day")

    def archive_morning(self) -> None:
        """The daily run, and again for as long as its check asks a person to do something."""
        for _ in range(RUNS_A_MORNING_MAX):
            if self.archive_run()[-1].state == "success":
                return

    def archive_run(self, *, include_today: bool = False) -> list[Task]:
        """Plan, a task a day and type, check: as the example DAG does it. Returns its tasks."""
        self.archive_runs += 1
        run = f"daily{self.archive_runs}"
        plan = self.book.archive_task(run, "plan", "SenGoPlanArchiveOperator", include_today=include_today)
        self.until_ended([plan], "a plan")
        days = self.book.archive_days(run, plan.value or [])
        self.until_ended(days, "an archive run")
        check = self.book.archive_task(run, "check", "SenGoCheckArchiveOperator")
        self.until_ended([check], "a check")
        return [plan, *days, check]

    def _clear_failed(self) -> None:
        """A person clears failed payments, and here and there one that was well; sometimes with all that was kept."""
        for task in self.airflow.tasks:
            age = self.gateways.world.now() - task.run_after
            is_done = task.state == "success" and age.days < 1 and self.rng.random() < 0.05
            if age.days < OLD_DAYS and task.pool == "payment" and (may_be_cured(task) or is_done):
                self.airflow.clear(task, with_store=self.rng.random() < 0.2)

    def _no_task_is_left_behind(self) -> None:
        now = self.gateways.world.now()
        old = [task for task in self.airflow.open if (now - task.run_after).days >= OLD_DAYS - 1]
        self.until_ended(old, "tasks of days ago")

    # -- the end ------------------------------------------------------------------------------------

    def quiet_end(self) -> None:
        """No faults, no kills: all tasks end, a person clears what failed, and the archive runs once more."""
        self.is_quiet = True
        self.gateways.kills_wanted = False
        self.gateways.calm_down()
        self.until_ended(list(self.airflow.open), "tasks in the quiet end")
        for _ in range(CLEARS_MAX):
            for task in self.airflow.tasks:
                if task.pool == "payment" and may_be_cured(task):
                    self.airflow.clear(task, with_store=False)
            self.until_ended(list(self.airflow.open), "cleared tasks")
        self.gateways.move_clock(self.gateways.at(8, 30, days_on=1), frozen=True)
        for task in self.archive_run(include_today=True):
            if task.state != "success":
                self.judge.find(f"{task.name}: {task.state} in a quiet run: {task.why}")

    def judge_all(self, *, is_whole: bool) -> str:
        """The judgement; whole only after a quiet end."""
        from airflow_provider_sengo.archive.store import Archive
        from airflow_provider_sengo.protocol.sengo import Credentials

        self.judge.judge_safety()
        if not is_whole:
            return "the archive was not compared"
        self.judge.judge_payments()
        simulator = self.gateways.simulator
        credentials = Credentials(
            base_url=simulator.base_url, client_key=simulator.client_key, client_token=simulator.client_token
        )
        return "equal: " + self.judge.judge_archive(Archive(self.archive_uri), credentials.project)

    def stop(self) -> None:
        """End every process."""
        self.airflow.stop()
        self.gateways.stop()

    # -- what is said -------------------------------------------------------------------------------

    def say_progress(self) -> None:
        """One line."""
        world, counts = self.gateways.world, self.gateways.counts
        kills = sum(count for name, count in counts.items() if name.startswith("killed"))
        made, states = self.book.made, [task.state for task in self.airflow.tasks]
        print(
            f"{time.monotonic() - self.began_s:5.0f} s  {world.now():%d %b %H:%M}"
            f"  tasks {len(states)} ({made['archive']} of the archive), open {len(self.airflow.open)},"
            f" failed {states.count('failed')}  faults {sum(world.log.by_fault.values())} in {world.log.total}"
            f" requests  kills {kills}, restarts {counts['restarts']}  findings {len(self.judge.findings)}",
            flush=True,
        )


def may_be_cured(task: Task) -> bool:
    """Whether a person would clear it: it failed, and not by the customer's doing or the card's."""
    is_unpaid = task.facts.get("fate") in ("expire", "fail") and "PaymentFailed" in task.why
    is_declined = bool(task.facts.get("declines")) and NOT_CHARGED in task.why
    return task.state == "failed" and not is_unpaid and not is_declined
