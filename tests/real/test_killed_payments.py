# SPDX-License-Identifier: Apache-2.0
"""Payments whose task process is killed by SIGKILL at chosen moments, in a whole Airflow that retries them.

The simulator runs in this process, so it knows to the step where a task is: before its request does
anything, after the work and before the answer, right after the answer. What lies between requests is held
by ``pre_execute`` and ``post_execute`` of the DAG's author.
"""

import json
import os
import random
import re
import signal
import threading
import time
from asyncio import get_running_loop
from collections import Counter, deque
from contextlib import suppress
from pathlib import Path

import pytest

from airflow_provider_sengo.simulator.exchange import Exchange

SEED = int(os.environ.get("KILL_SEED", "20261122"))
DAG_ID = "killed_payments"
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

DAG = """
import os, time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG
from airflow_provider_sengo.operators.senangpay import SenangPayChargeTokenOperator
from airflow_provider_sengo.operators.sengo import SenGoCreateQrisOperator

FOLDER = Path({folder!r})


def hold_at(moment):
    def hook(context, result=None):
        task_id = context["ti"].task_id
        (FOLDER / f"{{task_id}}.pid").write_text(str(os.getpid()))
        wanted, held = FOLDER / f"{{task_id}}.{{moment}}", FOLDER / f"{{task_id}}.{{moment}}.held"
        if wanted.exists():
            wanted.rename(held)
        end = time.monotonic() + 20
        while held.exists() and time.monotonic() < end:
            time.sleep(0.005)

    return hook


with DAG(
    dag_id={dag_id!r},
    schedule=None,
    default_args={{
        "retries": 2,
        "retry_delay": timedelta(seconds=1),
        "pre_execute": hold_at("before"),
        "post_execute": hold_at("after"),
    }},
):
    for number, name in enumerate({tasks!r}):
        if name.startswith("KILLQRIS"):
            SenGoCreateQrisOperator(
                task_id=name,
                reference=name,
                amount=10_000 + number,
                view_name="Killed",
                callback_url="https://merchant.example/sengo",
            )
        else:
            SenangPayChargeTokenOperator(
                task_id=name,
                order_id=name,
                amount_sen=200 + number,
                name="Aisyah",
                email="buyer@example.com",
                detail="Killed",
                phone="0123456789",
                token="{{{{ conn.killed_card.password }}}}",
                reconcile_timeout_s=2,
            )
"""


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


class KilledRun:
    """The DAG's one run, and what Airflow and the gateways say of its tasks."""

    def __init__(self, airflow, world, plans, hidden):
        self.airflow, self.world, self.plans, self.hidden = airflow, world, plans, hidden
        self.run_id = ""

    @property
    def path(self):
        return f"dags/{DAG_ID}/dagRuns/{self.run_id}"

    def tasks(self, gateway):
        return [task for task in self.plans if task[4:8] == gateway]

    def states(self):
        instances = self.airflow.task_instances(DAG_ID, self.run_id)
        return {one["task_id"]: (one["state"], one["try_number"]) for one in instances}

    def xcom(self, task):
        entry = self.airflow.api("GET", f"{self.path}/taskInstances/{task}/xcomEntries/return_value")
        value = entry["value"]
        return json.loads(value) if isinstance(value, str) else value

    def paid(self, task):
        """The ids of all payments that the gateway ever made for a task."""
        if task.startswith("KILLQRIS"):
            return [row["id"] for row in self.world.payments(task)]
        return [row["transaction_id"] for row in self.world.charges(task)]

    def last_log(self, task):
        logs = self.airflow.home.glob(f"logs/dag_id={DAG_ID}/*/task_id={task}/attempt=*.log")
        return max(logs, key=lambda path: int(path.stem.partition("=")[2])).read_text()

    def assert_told_truly(self, task, state):
        """One payment and its id, or a failure that names what a person has to look up."""
        ids = self.paid(task)
        assert len(ids) <= 1, (task, self.plans[task], SEED)
        if state == "success":
            key = "id" if task.startswith("KILLQRIS") else "transaction_id"
            assert [self.xcom(task)[key]] == ids, (task, self.plans[task], SEED)
        else:
            assert state == "failed", (task, state, SEED)
            log = self.last_log(task)
            assert f"order {task}: whether the card was charged is not known" in log, (task, log[-2000:])
            assert "Look the order up in senangPay's dashboard" in log, (task, log[-2000:])


@pytest.fixture(scope="module")
def killed(real_airflow, gateway):
    began = time.monotonic()
    rng = random.Random(SEED)
    plans, hidden = plan_kills(rng)
    folder = real_airflow.home / "kills"
    folder.mkdir()
    token = gateway.world.senangpay.issue_token()
    card = {"connection_id": "killed_card", "conn_type": "generic", "password": token}
    real_airflow.api("POST", "connections", card)
    text = DAG.format(folder=str(folder), dag_id=DAG_ID, tasks=list(plans))
    (real_airflow.dags / "killed_payments.py").write_text(text)
    run = KilledRun(real_airflow, gateway.world, plans, hidden)
    run.token = token
    finish = Exchange.finish
    with Killer(folder, gateway.world, plans, hidden, rng) as killer:
        Exchange.finish = killer.around(finish)
        try:
            run.run_id = real_airflow.trigger(DAG_ID)
            real_airflow.wait_for_run(DAG_ID, run.run_id)
        finally:
            Exchange.finish = finish
            _report(run, killer, time.monotonic() - began)
    run.kills = killer.kills
    run.undelivered = {task: list(due) for task, due in killer.due.items() if due}
    return run


def _report(run, killer, took_s):
    states = run.states() if run.run_id else {}
    for gateway in ("QRIS", "CARD"):
        tasks = run.tasks(gateway)
        ended = Counter((states.get(task, ("none", 0))[0], len(run.paid(task))) for task in tasks)
        kills = Counter(moment for task, moment, process in killer.kills if process and task in tasks)
        missed = Counter(moment for task, moment, process in killer.kills if not process and task in tasks)
        tries = Counter(states.get(task, ("none", 0))[1] for task in tasks)
        print(f"\n{gateway}: {len(tasks)} tasks, kills {dict(kills)}, too late {dict(missed)}")
        print(f"{gateway}: (state, payments) {dict(ended)}, tries {dict(tries)}")
    print(f"seed {SEED}, {took_s:.0f} s, never due {[task for task, due in killer.due.items() if due]}")


def test_every_task_was_killed_as_planned(killed):
    """Each moment's kills hit a living process, at least twenty tasks of each gateway; each took one try."""
    landed = [(task, moment) for task, moment, process in killed.kills if process]
    for gateway in ("QRIS", "CARD"):
        hit = [(task, moment) for task, moment in landed if task[4:8] == gateway]
        assert len({task for task, _ in hit}) >= 20
        assert {moment for _, moment in hit} >= set(MOMENTS) - {"around_xcom"}
    assert not killed.undelivered
    states = killed.states()
    for task, moments in killed.plans.items():
        tries = {1 + sum(one == task for one, _ in landed)}
        if "around_xcom" in moments:
            tries.add(1 + sum(one == (task, moment) for moment in moments[:-1] for one in landed))
        assert states[task][1] in tries, (task, moments, states[task], killed.last_log(task)[-3000:])


def test_a_killed_qris_payment_is_made_once_and_ends_well(killed):
    """Wherever its process was killed, the retry ends in success with the one payment's id."""
    states = killed.states()
    for task in killed.tasks("QRIS"):
        assert states[task][0] == "success", (task, killed.plans[task], killed.last_log(task)[-2000:])
        assert len(killed.paid(task)) == 1, (task, killed.plans[task])
        killed.assert_told_truly(task, "success")


def test_a_killed_charge_is_made_at_most_once_and_never_guessed(killed):
    """Killed before the mark: charged by the retry. After: found by the query, or a person is asked."""
    states = killed.states()
    for task in killed.tasks("CARD"):
        state, moments = states[task][0], set(killed.plans[task])
        killed.assert_told_truly(task, state)
        if moments <= set(BEFORE_POST):
            assert state == "success", (task, moments)
        elif moments & set(POSTED):
            assert len(killed.paid(task)) == 1, (task, moments)
            assert state == ("failed" if task in killed.hidden else "success"), (task, moments)
        elif "post_lost" in moments:
            assert (state, killed.paid(task)) == ("failed", []), (task, moments)


def test_clearing_the_finished_tasks_pays_nothing_again(killed, real_airflow):
    """A clear of every task, green and red, runs them all again and adds no payment."""
    before = {task: killed.paid(task) for task in killed.plans}
    tries = {task: number for task, (_, number) in killed.states().items()}
    attempts = len(killed.world.senangpay.attempts())
    body = {"dry_run": False, "dag_run_id": killed.run_id, "only_failed": False, "reset_dag_runs": True}
    real_airflow.api("POST", f"dags/{DAG_ID}/clearTaskInstances", body)
    real_airflow.wait_for_run(DAG_ID, killed.run_id)
    states = killed.states()
    print("\nafter the clear:", dict(Counter((task[4:8], state) for task, (state, _) in states.items())))
    assert {task: killed.paid(task) for task in killed.plans} == before
    assert len(killed.world.senangpay.attempts()) == attempts
    for task, (state, number) in states.items():
        assert number > tries[task], "it ran again"
        killed.assert_told_truly(task, state)
        if task.startswith("KILLQRIS"):
            assert state == "success", task


def test_no_killed_process_is_left_and_no_log_holds_the_card(killed, real_airflow):
    """Every process that was killed is gone, and its card token stands in no log."""
    left = [process for _, _, process in killed.kills if process and process_of(process[0]) == process]
    assert not left
    text = real_airflow.log_texts()
    assert "Process terminated by signal" in text
    assert killed.token not in text
