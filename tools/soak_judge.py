# SPDX-License-Identifier: Apache-2.0
"""The judgement of ``make soak``: what tasks said and what is archived, against the simulator's ledger.

A finding is a sentence; none may be left at the end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from soak_airflow import Airflow, Task
from soak_gateway import Gateways

CARD_ENDS = ("OutcomeUnknown", "SignatureMismatch")  # a person is asked to look the order up
NOT_CHARGED = "was not charged"
Row = tuple[str, str | None, int | None]


class Judge:
    """Collects findings while the soak goes on, and at its end."""

    def __init__(self, gateways: Gateways, airflow: Airflow) -> None:
        self.gateways, self.world, self.airflow = gateways, gateways.world, airflow
        self.findings: list[str] = []
        airflow.on_success = self.hear

    def find(self, text: str) -> None:
        """Note what must not be."""
        if text not in self.findings:
            self.findings.append(text)

    # -- what tasks say ---------------------------------------------------------------------------

    def hear(self, task: Task) -> None:
        """A task ended well: whatever it calls paid is paid, at this very moment, and is the one payment."""
        match task.name[4]:
            case "Q" if task.pool == "payment":
                self._hear_qris(task)
            case "C" if task.pool == "payment":
                self._hear_card(task)
            case "W" if task.pool == "payment":
                self._hear_wait(task)

    def _hear_qris(self, task: Task) -> None:
        made = self.world.payments(task.name)
        told, asked = task.value, task.arguments
        if [one["id"] for one in made] != [told["id"]] or told["amount"] != asked["amount"]:
            self.find(f"{task.name}: it told of {told['id']} over {told['amount']}, the ledger has {made}")
        elif told["status"] == "success" and made[0]["status"] != "success":
            self.find(f"{task.name}: called paid, the ledger says {made[0]['status']}")
        elif asked["wait_for_payment"] and told["status"] != "success":
            self.find(f"{task.name}: it waited and ended well with status {told['status']}")

    def _hear_card(self, task: Task) -> None:
        made = [(one["transaction_id"], one["amount_sen"]) for one in self.world.charges(task.name)]
        told = (task.value["transaction_id"], task.value["amount_sen"])
        if made != [told] or told[1] != task.arguments["amount_sen"]:
            self.find(f"{task.name}: it told of {told}, the card was charged {made}")

    def _hear_wait(self, task: Task) -> None:
        if "ids" not in task.facts:
            if len(self.world.charges(task.name)) != 1:
                self.find(f"{task.name}: the order was called paid and is not")
            return
        truth = {row["id"]: row["status"] for row in self.world.ledger(type="cashIn")}
        unpaid = [id for id in task.facts["ids"] if truth.get(id) != "success"]
        if unpaid:
            self.find(f"{task.name}: called paid, but not by the ledger: {', '.join(unpaid)}")

    # -- payments at the end ----------------------------------------------------------------------

    def judge_safety(self) -> None:
        """What holds at any moment: nothing is paid twice, and nothing was taken from a declined card."""
        charged = Counter(one["order_id"] for one in self.world.charges())
        created = Counter(row["reference"] for row in self.world.ledger(type="cashIn"))
        for name, count in (charged + created).items():
            if count > 1 and name.startswith("SOAK"):
                self.find(f"{name}: paid {count} times")
        for task in self.payments("C"):
            if task.facts["declines"] and (charged[task.name] or task.state == "success"):
                self.find(f"{task.name}: its card is declined, it ended as {task.state}")

    def payments(self, letter: str) -> Iterator[Task]:
        """The logical tasks of a kind."""
        return (t for t in self.airflow.tasks if t.pool == "payment" and t.name[4] == letter)

    def judge_payments(self) -> None:
        """After the quiet end: each task has its one payment, or says truly why not."""
        truth = {row["id"]: row["status"] for row in self.world.ledger(type="cashIn")}
        for task in self.payments("Q"):
            made = self.world.payments(task.name)
            if len(made) != 1:
                self.find(f"{task.name}: {len(made)} payments, {task.state} ({task.why})")
            self._judge_end(task, {one["status"] for one in made})
        for task in self.payments("C"):
            made = self.world.charges(task.name)
            if task.state == "success":
                if len(made) != 1:
                    self.find(f"{task.name}: ended well with {len(made)} charges")
            elif NOT_CHARGED in task.why and (made or not task.facts["declines"]):
                self.find(f"{task.name}: told as not charged, charges {len(made)}: {task.why}")
            elif not any(words in task.why for words in (*CARD_ENDS, NOT_CHARGED)):
                self.find(f"{task.name}: {len(made)} charges, {task.state}, nothing to look up ({task.why})")
        for task in self.payments("W"):
            self._judge_end(task, {truth[id] for id in task.facts.get("ids", ())})

    def _judge_end(self, task: Task, statuses: set[str]) -> None:
        """Ended as its customer let it; one that drift has settled late may have ended before or after."""
        wanted = {"failed"} if task.facts.get("fate") in ("expire", "fail") else {"success"}
        if "success" in statuses:
            wanted.add("success")
        if task.state not in wanted:
            self.find(f"{task.name}: {task.state}, not {'/'.join(wanted)} ({task.why})")

    # -- the archive at the end -------------------------------------------------------------------

    def judge_archive(self, archive: Any, project: str) -> str:
        """Every listed day row by row, and of the days that are gone every id; returns what was compared."""
        archived: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
        for row in archive.transactions().to_pylist():
            day = archived[row["day"], row["type"]]
            if row["project"] != project or row["id"] in day:
                self.find(f"{row['id']}: archived twice, or of another project")
            day[row["id"]] = row
        doubles = Counter(id for rows in archived.values() for id in rows)
        for id in (id for id, count in doubles.items() if count > 1):
            self.find(f"{id}: archived under two days")
        ledger: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in self.world.ledger():
            ledger[row["listing_day"], row["type"]].append(row)
        self._judge_made_up(archived, ledger)
        listed = gone = 0
        for item in archive.coverage(self.world.now(), project=project):
            key = str(item.day), item.type
            if item.state == "lost":
                self.find(f"{item.day} {item.type}: lost")
            elif item.days_left >= 0:
                listed += self._judge_listed(key, item, archived[key], ledger[key])
            elif item.state != "before":
                gone += self._judge_gone(key, item, archived[key], ledger[key])
        return f"{listed} rows of listed days, {gone} rows of days that are gone"

    def _judge_made_up(self, archived: Any, ledger: Any) -> None:
        known = {row["id"]: row for rows in ledger.values() for row in rows}
        for id, row in ((id, row) for rows in archived.values() for id, row in rows.items()):
            if id not in known:
                self.find(f"{id}: archived, and never was")
            elif row["status"] == "success" and known[id]["shown_status"] != "success":
                self.find(f"{id}: archived as paid, the ledger says {known[id]['shown_status']}")

    def _judge_listed(self, key: tuple[str, str], item: Any, rows: dict[str, Any], ledger: Any) -> int:
        """As the ledger stands now: id, status, amount; rows that vanished may be there as well."""
        name = f"{key[0]} {key[1]}"
        if item.state not in ("complete", "sealed") and item.day != self.world.now().date():
            self.find(f"{name}: {item.state} after a quiet run")
        truth: set[Row] = {
            (row["id"], row["shown_status"], row["shown_amount"]) for row in ledger if row["listed"]
        }
        vanished = {row["id"] for row in ledger if row["vanished"]}
        held: set[Row] = {
            (id, row["status"], row["amount"]) for id, row in rows.items() if id not in vanished
        }
        if held != truth:
            missing, extra = sorted(truth - held, key=str)[:4], sorted(held - truth, key=str)[:4]
            self.find(f"{name}: the ledger has {missing}, the archive {extra}")
        return len(truth)

    def _judge_gone(self, key: tuple[str, str], item: Any, rows: dict[str, Any], ledger: Any) -> int:
        """Every transaction of a day whose last complete read came after the last change by hand."""
        changed_at = self.gateways.changed_at.get(key)
        if changed_at is not None and (item.last_complete_at is None or item.last_complete_at < changed_at):
            return 0
        lacking = [row["id"] for row in ledger if row["id"] not in rows and not row["vanished"]]
        if lacking and date.fromisoformat(key[0]) < self.world.now().date():
            self.find(
                f"{key[0]} {key[1]}: gone, and the archive lacks {len(lacking)} rows, e.g. {lacking[0]}"
            )
        return len(rows)
