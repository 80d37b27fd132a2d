# SPDX-License-Identifier: Apache-2.0
"""Runs of DAGs whose tasks wait deferred: what is waited for, and what Airflow and the gateway say of it.

Each has a connection of its own, so that the simulator's log tells whose every request was.
"""

import json
import time
from collections import Counter

SURVIVE, MARKED, SHORT, MANY = NAMES = ("survive", "marked", "short", "many")
EACH = 4  # mapped tasks of either kind that live through kills
SHORT_ONES = 8  # each takes two of the executor's slots for a while
MANY_ONES = 50

DAGS = """
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG
from airflow_provider_sengo.operators.sengo import SenGoCreateQrisOperator
from airflow_provider_sengo.sensors.sengo import SenGoTransactionSensor


FOLDER = Path({folder!r})


def note(ti, word):
    with (FOLDER / f"{{ti.dag_id}}.{{ti.task_id}}.{{ti.map_index}}").open("a+") as file:
        file.write(f"{{word}} {{ti.try_number}}\\n")
        file.seek(0)
        return file.read().splitlines().count(f"{{word}} {{ti.try_number}}")


def begin(context):
    visits = note(context["ti"], "begin")
    if context["ti"].dag_id == {held!r} and context["ti"].try_number == 1 and visits == 2:
        until = time.monotonic() + 60
        while not (FOLDER / "let_go").exists() and time.monotonic() < until:
            time.sleep(0.05)


def end(context):
    note(context["ti"], "end")


for name, plan in {plans!r}.items():
    with DAG(
        dag_id=name,
        schedule=None,
        max_active_tasks=plan.get("at_a_time", 16),
        default_args={{
            "retries": 2,
            "retry_delay": timedelta(seconds=1),
            "pre_execute": begin,
            "on_success_callback": end,
        }},
    ):
        if plan["pay"]:
            SenGoCreateQrisOperator.partial(
                task_id="pay",
                sengo_conn_id=name,
                amount=10_000,
                view_name="Deferred",
                callback_url="https://merchant.example/sengo",
                wait_for_payment=True,
                poll_interval=plan["every_s"],
                timeout=600,
                deferrable=True,
            ).expand(reference=plan["pay"])
        if plan["wait"]:
            SenGoTransactionSensor.partial(
                task_id="wait",
                sengo_conn_id=name,
                poke_interval=plan["every_s"],
                timeout=600,
                deferrable=True,
            ).expand(transaction_id=plan["wait"])
"""


def plan_waits(world):
    """What each DAG pays and waits for; a wait is for a payment that somebody else has made."""

    def pending(name, count):
        return [world.insert(key=key_of(name), type="cashIn", status="pending") for _ in range(count)]

    def references(name, count):
        return [f"{name}-{number}" for number in range(count)]

    return {
        SURVIVE: {"pay": references(SURVIVE, EACH), "wait": pending(SURVIVE, EACH), "every_s": 2},
        MARKED: {"pay": references(MARKED, 2), "wait": pending(MARKED, 2), "every_s": 1},
        SHORT: {"pay": references(SHORT, SHORT_ONES), "wait": [], "every_s": 1},
        MANY: {"pay": [], "wait": pending(MANY, MANY_ONES), "every_s": 5, "at_a_time": 4},
    }


def key_of(name):
    return f"SC-{name.upper()}"


def token_of(name):
    return f"made-up-token-of-{name}"


class Waits:
    """One DAG's run in the Airflow at hand, and what the gateway saw of it."""

    def __init__(self, airflow, name):
        self.airflow, self.world, self.plan, self.name = airflow, airflow.world, airflow.plans[name], name
        self.key = key_of(name)
        self.run_id = airflow.trigger(name)
        self.began = time.monotonic()

    @property
    def path(self):
        return f"dags/{self.name}/dagRuns/{self.run_id}"

    def id_of(self, task, index):
        return self.plan[task][index]

    @property
    def tasks(self):
        return [(task, index) for task in ("pay", "wait") for index in range(len(self.plan[task]))]

    def instances(self):
        found = self.airflow.task_instances(self.name, self.run_id)
        return {(one["task_id"], one["map_index"]): one for one in found if one["map_index"] >= 0}

    def states(self):
        instances = self.instances()
        return {task: instances[task]["state"] if task in instances else None for task in self.tasks}

    def until(self, condition, complaint, within_s=120):
        try:
            self.airflow.until(condition, within_s, f"{self.name}: {complaint}")
        except AssertionError as error:
            raise AssertionError(f"{self.states()}; {error}") from None

    def until_deferred(self):
        self.until(lambda: set(self.states().values()) == {"deferred"}, "not all are deferred")

    def pay(self, tasks):
        for task, index in tasks:
            self.world.pay(self.id_of(task, index), key=self.key)

    def requests(self, after=0):
        """Of this DAG's connection, the oldest first."""
        return [
            one
            for one in self.world.requests().entries
            if one["client_key"] == self.key and one["number"] > after
        ]

    def asked_for(self, after=0):
        """How often each was asked for by its id or reference."""
        looks = Counter(one["target"].rpartition("/")[2].partition("?")[0] for one in self.requests(after))
        return {task: looks[self.id_of(*task)] for task in self.tasks}

    def until_asked_for(self, tasks, times, after=0):
        def is_so():
            asked = self.asked_for(after)
            return all(asked[task] >= times for task in tasks)

        self.until(is_so, "the triggerer does not ask")

    def posts(self):
        return sum(one["endpoint"] == "POST /qris" for one in self.requests())

    def xcom(self, task, index):
        path = f"{self.path}/taskInstances/{task}/xcomEntries/return_value?map_index={index}"
        value = self.airflow.api("GET", path)["value"]
        return json.loads(value) if isinstance(value, str) else value

    def visits(self, task, index):
        """What the task's processes noted: ``begin`` and ``end`` with the number of the try."""
        return (self.airflow.home / "visits" / f"{self.name}.{task}.{index}").read_text().splitlines()

    def ends(self, task, index):
        return sum(line.startswith("end") for line in self.visits(task, index))

    def log_of(self, task, index):
        folder = (
            self.airflow.home
            / f"logs/dag_id={self.name}/run_id={self.run_id}/task_id={task}/map_index={index}"
        )
        return "\n".join(path.read_text() for path in sorted(folder.iterdir()))

    def assert_ended_rightly(self, task, index):
        """Success, told as the gateway's truth has it, and one payment."""
        assert self.states()[task, index] == "success", self.log_of(task, index)[-3000:]
        told = self.xcom(task, index)
        (truth,) = [
            row
            for row in self.world.ledger(key=self.key)
            if self.id_of(task, index) in (row["id"], row["reference"])
        ]
        assert (told["id"], told["merchant_ref"], told["status"]) == (
            truth["id"],
            truth["reference"],
            "success",
        )
        assert told["amount"] == truth["amount"]
        if task == "pay":
            assert len(self.world.payments(self.id_of(task, index), key=self.key)) == 1

    def report(self, *more):
        took_s = time.monotonic() - self.began
        tries = Counter(one["try_number"] for one in self.instances().values())
        asked = Counter(one["endpoint"] for one in self.requests())
        print(f"\n{self.name}: {took_s:.0f} s, tries {dict(tries)}, requests {dict(asked)}", *more)
