# SPDX-License-Identifier: Apache-2.0
"""The DAG whose payments are killed, its one run, and what Airflow and the gateways say of its tasks."""

import json
import os

SEED = int(os.environ.get("KILL_SEED", "20261122"))
DAG_ID = "killed_payments"
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
