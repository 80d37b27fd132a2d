# SPDX-License-Identifier: Apache-2.0
"""What ``make soak`` lets run: payments, waits and the daily archive; and the customers who pay, or don't."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from soak_airflow import Airflow, Task
from soak_gateway import TYPES, Gateways

EXPIRY_MINUTES = 14 * 24 * 60  # so that none expires by itself while the clock runs through days
TIMEOUT_S = 20 * 86_400  # by the clock that is moved
POLL_S = 1.0
BUYER = {"name": "Siti Nurhaliza", "email": "siti@example.my", "detail": "Soak", "phone": "0123456789"}
FATES = ("pay", "pay", "pay", "pay", "expire", "fail")
SETTLE_AFTER_S = (0.5, 6.0)


class Book:
    """Makes the logical tasks, and settles what they wait for; ``facts["fate"]`` says how."""

    def __init__(self, gateways: Gateways, airflow: Airflow, seed: int, archive_uri: str) -> None:
        self.gateways, self.world, self.airflow = gateways, gateways.world, airflow
        self.rng = random.Random(f"tasks|{seed}")
        self.archive_uri = archive_uri
        self.number = 0
        self.made: Counter[str] = Counter()
        self.unsettled: list[tuple[Task, str, float]] = []  # task, id or reference, when its customer acts

    def _task(self, letter: str, operator: str, facts: dict[str, Any], **arguments: Any) -> Task:
        self.number += 1
        name = f"SOAK{letter}{self.number:06}"
        self.made[letter] += 1
        filled = {key: name if value is NAME else value for key, value in arguments.items()}
        return Task(
            name=name,
            operator=operator,
            arguments=filled,
            run_id=f"manual__{name}",
            run_after=self.world.now(),
            about=name,
            facts=facts,
        )

    def _customer(self, task: Task, id: str) -> None:
        if task.facts["fate"] != "leave":
            self.unsettled.append((task, id, time.monotonic() + self.rng.uniform(*SETTLE_AFTER_S)))

    def add_some(self, count: int) -> None:
        """Payments and waits in about equal parts."""
        for _ in range(count):
            self.airflow.add(
                self.rng.choice((self.qris, self.qris, self.card, self.card, self.wait, self.order))()
            )

    def qris(self) -> Task:
        """A QRIS payment; half of them wait until it is paid."""
        waits = self.rng.random() < 0.5
        fate = self.rng.choice(FATES) if waits else self.rng.choice(("pay", "leave", "leave"))
        task = self._task(
            "Q",
            "operators.sengo.SenGoCreateQrisOperator",
            {"fate": fate},
            reference=NAME,
            amount=self.rng.randrange(1_000, 500_000),
            view_name="Soak",
            expiry_minutes=EXPIRY_MINUTES,
            wait_for_payment=waits,
            poll_interval=POLL_S,
            timeout=TIMEOUT_S,
            deferrable=waits and self.rng.random() < 0.6,
            archive_uri=self.archive_uri if self.rng.random() < 0.2 else None,
        )
        self._customer(task, task.name)
        return task

    def card(self) -> Task:
        """A charge; one card in eight is declined."""
        declines = self.rng.random() < 0.125
        token = self.world.senangpay.issue_token(decline="5" if declines else None)
        return self._task(
            "C",
            "operators.senangpay.SenangPayChargeTokenOperator",
            {"declines": declines},
            **BUYER,
            order_id=NAME,
            amount_sen=self.rng.randrange(200, 50_000),
            token=token,
            reconcile_timeout_s=2,
        )

    def _how_to_wait(self) -> dict[str, Any]:
        mode = self.rng.choice(("deferrable", "deferrable", "poke", "reschedule"))
        how: dict[str, Any] = {
            "deferrable": mode == "deferrable",
            "poke_interval": POLL_S,
            "timeout": TIMEOUT_S,
        }
        return how | ({"mode": mode} if mode != "deferrable" else {})

    def wait(self) -> Task:
        """A sensor over one to three payments that somebody else has made; all have one fate."""
        task = self._task("W", "sensors.sengo.SenGoTransactionSensor", {}, **self._how_to_wait())
        expires_at = (self.world.now() + timedelta(minutes=EXPIRY_MINUTES)).isoformat()
        ids = [
            self.world.insert(id=f"{task.name}-{i}", type="cashIn", status="pending", expires_at=expires_at)
            for i in range(self.rng.randrange(1, 4))
        ]
        task.arguments["transaction_id"] = ids[0] if len(ids) == 1 else ids
        task.facts |= {"fate": self.rng.choice(FATES), "ids": ids}
        for id in ids:
            self._customer(task, id)
        return task

    def order(self) -> Task:
        """A sensor over an order that is paid elsewhere, a little later."""
        amount_sen = self.rng.randrange(200, 50_000)
        how = self._how_to_wait()
        task = self._task(
            "W", "sensors.senangpay.SenangPayOrderSensor", {}, order_id=NAME, amount_sen=amount_sen, **how
        )
        self.world.senangpay.add_payment(
            task.name, amount_sen=amount_sen, status="pending", paid_after_s=self.rng.uniform(1, 8)
        )
        return task

    def settle_due(self) -> None:
        """Let the customers act whose time has come; a payment that is not made yet is looked for again."""
        now_s, waiting = time.monotonic(), []
        for task, id, at_s in self.unsettled:
            if at_s > now_s or not self._settle(task, id):
                waiting.append((task, id, at_s))
        self.unsettled = waiting

    def _settle(self, task: Task, id: str) -> bool:
        act: Callable[[str], None] = getattr(self.world, task.facts["fate"])
        try:
            act(id)
        except KeyError:
            return False
        return True

    # -- the archive ------------------------------------------------------------------------------

    def archive_task(self, run: str, task_id: str, operator: str, about: str = "", **arguments: Any) -> Task:
        """A task of an archive run, begun at once."""
        task = Task(
            name=f"{run}.{task_id}",
            operator=f"operators.archive.{operator}",
            arguments={"archive_uri": self.archive_uri, **arguments},
            run_id=run,
            run_after=self.world.now(),
            pool="archive",
            about=about or f"{run}.{task_id}",
        )
        self.made["archive"] += 1
        return self.airflow.add(task)

    def archive_days(self, run: str, wanted: list[dict[str, str]]) -> list[Task]:
        """A task for each day and type."""
        return [
            self.archive_task(
                run,
                f"{one['day']}.{one['type']}",
                DAY_OPERATOR,
                f"{one['day']} {one['type']}",
                **one,
                **SMALL,
            )
            for one in wanted
        ]

    def edge_days(self) -> list[dict[str, str]]:
        """The day that leaves the window at midnight, and the one that ends then."""
        today = self.world.now().date()
        ages = (self.world.settings.retention_days - 1, 0)
        return [{"day": str(today - timedelta(days=age)), "type": type_} for age in ages for type_ in TYPES]


NAME: Any = object()  # stands for the task's own name in its arguments
DAY_OPERATOR = "SenGoArchiveDayOperator"
SMALL: dict[str, Any] = {"concurrency": 4}
