# SPDX-License-Identifier: Apache-2.0
"""The guards of waiting: nothing is called paid that isn't, and no error turns into a green run."""

from __future__ import annotations

from guard_list import Guard

SENSORS = "tests/sensors/test_waiting_sensors.py"
DEFERRED = "tests/sensors/test_waiting_deferred.py"
MANY = "tests/sensors/test_waiting_many.py"
ROWS = "tests/sensors/test_every_row.py"
POLLER = "tests/triggers/test_poller.py"
ENDS = "tests/triggers/test_poller_ends.py"
DOUBTS = "tests/sensors/test_waiting_doubts.py"
PAID = "tests/protocol/test_paid.py"
RESTARTS = "tests/triggers/test_payments_restarts.py"

WAITING = [
    Guard(
        "waiting: absence from a listing settles nothing",
        "triggers/sweepers.py",
        "        was_read, trouble = await self._read_listings(listed, found_listed)\n",
        "        was_read, trouble = await self._read_listings(listed, found_listed)\n"
        "        for id in set(listed) - shown if was_read else ():\n"
        "            found_listed(id, sengo.Transaction(id=id, status='success'))\n",
        MANY,
    ),
    Guard(
        "waiting: a word that was not asked for settles nothing",
        "protocol/waiting.py",
        "if seen.status in statuses.success or seen.status in statuses.failure:",
        'if seen.status != "pending":',
        "tests/protocol/test_waiting.py",
    ),
    Guard(
        "waiting: an event counts only with a word that was asked for",
        "sensors/waiting.py",
        "if id in known and self._is_end(known[id])}",
        "if id in known}",
        DOUBTS,
    ),
    Guard(
        "waiting: a failed payment is told as failed",
        "protocol/waiting.py",
        "if status in statuses.failure}",
        'if status == "never"}',
        "tests/protocol/test_waiting.py",
    ),
    Guard(
        "soft_fail: only a failed payment and the time limits are softened",
        "sensors/waiting.py",
        "            raise AirflowFailException(str(error)) from error\n",
        "            self._fail_softly(error, AirflowFailException(str(error)))\n",
        f"{ROWS} -k 401",
    ),
    Guard(
        "soft_fail: a dead trigger is a failure",
        "sensors/waiting.py",
        "return super(BaseSensorOperator, self).resume_execution(",
        "return super().resume_execution(",
        DEFERRED,
    ),
    Guard(
        "soft_fail: never_fail and silent_fail are refused",
        "sensors/waiting.py",
        "            if is_wanted:\n",
        "            if False:\n",
        SENSORS,
    ),
    Guard(
        "deferring: look once before",
        "sensors/waiting.py",
        "            look = self.poke(context)\n            if look.is_done:\n                return look.xcom_value\n"
        "            self._raise_if_late()\n",
        "            self._raise_if_late()\n",
        DEFERRED,
    ),
    Guard(
        "deferring: sleep first",
        "triggers/poller.py",
        "    due_s = min(now_s + interval_s, max(deadline_s, now_s))\n",
        "    due_s = now_s\n",
        POLLER,
    ),
    Guard(
        "deferring: no event in the first seconds",
        "triggers/poller.py",
        "if waiter.due_s - waiter.interval_s / 2 > now_s or waiter.not_before_s > now_s:",
        "if waiter.due_s - waiter.interval_s / 2 > now_s:",
        POLLER,
    ),
    Guard(
        "deferring: a last look at the deadline, by id",
        "triggers/poller.py",
        "return now_s >= min(self.deadline_s, self.hint.by_id_from_s)",
        "return now_s >= self.hint.by_id_from_s",
        POLLER,
    ),
    Guard(
        "deferring: when the time is over, look once more",
        "sensors/waiting.py",
        "        look = self.poke(context)\n        if look.is_done:\n            return look.xcom_value\n"
        "        raise",
        "        raise",
        DEFERRED,
    ),
    Guard(
        "wait_for_payment: an event of a failed payment is no payment",
        "operators/payment_wait.py",
        "            raise_failed(ended.statuses, Statuses())\n            is_paid",
        "            is_paid",
        "tests/operators/test_payment_wait.py",
    ),
    Guard(
        "wait_for_payment: an event counts only as paid",
        "operators/payment_wait.py",
        "return ended.record if is_paid else None",
        "return ended.record",
        "tests/operators/test_payment_wait.py",
    ),
    Guard(
        "waiting: a listing's row is told by the gateway's own id",
        "triggers/listings.py",
        "                if id in self._asked:\n",
        "                id = msgspec.json.decode(row).get('merchantRef') or id\n"
        "                if id in self._asked:\n",
        DOUBTS,
    ),
    Guard(
        "deferring: a trigger that starts after its deadline still looks",
        "triggers/wait.py",
        "max(limits.deadline_s, asyncio.get_running_loop().time()) + LAST_LOOK_WITHIN_S",
        "limits.deadline_s + LAST_LOOK_WITHIN_S",
        DOUBTS,
    ),
    Guard(
        "poller: the last who waits closes the session",
        "triggers/poller.py",
        "        if self._poller.is_idle:\n",
        "        if False:\n",
        ENDS,
    ),
    Guard(
        "events: the cursor moves only after its events have settled",
        "triggers/paid_store.py",
        ">= SETTLE_S:",
        ">= 0:",
        RESTARTS,
    ),
    Guard(
        "events: a store that cannot be read is no empty store",
        "triggers/paid_store.py",
        "        if type(failed) is not ValueError:",
        "        if False:",
        RESTARTS,
    ),
    Guard(
        "events: a total that fell begins the reading anew",
        "protocol/paid.py",
        "if fell or self.count > self.total:",
        "if False:",
        PAID,
    ),
    Guard(
        "events: what cannot be told apart is told again",
        "protocol/paid.py",
        "            new = frozenset(reading.paid)\n",
        "            new = frozenset()\n",
        PAID,
    ),
]
