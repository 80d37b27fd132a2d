# SPDX-License-Identifier: Apache-2.0
"""Waiting for the payment that the QRIS task has just made, on the worker or in the triggerer.

Only the waiting: a task that runs again makes no second payment, it finds the first one and waits for it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowTaskTimeout

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.operators.failure import fail_at_once_if_hopeless
from airflow_provider_sengo.protocol.sengo import QrisPayment, Transaction
from airflow_provider_sengo.protocol.waiting import (
    LOOK_LIMITS,
    UNKNOWN_FOR_S,
    Statuses,
    listing_hint,
    raise_failed,
    settled_transaction,
    too_late,
)
from airflow_provider_sengo.triggers.events import read_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

    from airflow_provider_sengo.hooks.sengo import SenGoHook

AFTER_EXPIRY = timedelta(hours=1)  # the gateway may be slow to call a payment expired
WITHOUT_EXPIRY = timedelta(days=7)  # after that the gateway knows nothing of it any more
AFTER_DEADLINE = timedelta(
    minutes=3
)  # the trigger ends by itself; Airflow's own limit is for one that is dead


def checked_interval(poll_interval: float | timedelta) -> float:
    """``poll_interval`` in seconds; ValueError before anything is sent."""
    seconds = poll_interval.total_seconds() if isinstance(poll_interval, timedelta) else poll_interval
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise ValueError("poll_interval: must be seconds above 0, or a timedelta.")
    return float(seconds)


@dataclass(frozen=True, kw_only=True)
class PaymentWait:
    """Waits until a QRIS payment is paid; ``at_most``: the task's ``execution_timeout``."""

    task: BaseOperator
    hook: SenGoHook
    poll_interval: float
    timeout: float | timedelta | None
    at_most: timedelta | None

    def begin(self, payment: QrisPayment, reference: str, *, in_triggerer: bool) -> dict[str, Any]:
        """Return the paid transaction, or hand the waiting over to the triggerer."""
        now = datetime.now(UTC)
        deadline = now + self._limit(payment, now)
        may_appear_until = now + timedelta(seconds=UNKNOWN_FOR_S)
        if not in_triggerer:
            return self._on_worker(reference, now, deadline, may_appear_until)
        return self._in_triggerer(payment, reference, now, deadline, may_appear_until)

    def _in_triggerer(
        self,
        payment: QrisPayment,
        reference: str,
        now: datetime,
        deadline: datetime,
        may_appear_until: datetime,
    ) -> NoReturn:
        from airflow_provider_sengo.triggers.sengo import SenGoTransactionTrigger

        trigger = SenGoTransactionTrigger(
            transaction_id=reference,
            sengo_conn_id=self.hook.sengo_conn_id,
            poke_interval=self.poll_interval,
            deadline=deadline.isoformat(),
            may_appear_until=may_appear_until.isoformat(),
            **listing_hint({reference: payment}, now),
        )
        self.task.defer(
            trigger=trigger,
            method_name="execute_complete",
            kwargs={"reference": reference, "started_at": now.isoformat()},
            timeout=deadline - now + AFTER_DEADLINE,
        )

    def finish(
        self, event: object, *, reference: str, started_at: str | None = None
    ) -> dict[str, Any] | None:
        """The paid transaction, after the trigger's event; None for an event that proves nothing."""
        with fail_at_once_if_hopeless():
            ended = read_event(event)
            if ended is None:
                return None
            if not ended.is_settled:
                began = datetime.fromisoformat(started_at) if started_at else datetime.now(UTC)
                return self.last_look(reference, began)
            raise_failed(ended.statuses, Statuses())
            is_paid = ended.statuses.get(reference) in Statuses().success
            return ended.record if is_paid else None

    def last_look(self, reference: str, started_at: datetime) -> dict[str, Any]:
        """The time is over, but what was paid meanwhile is paid."""
        with fail_at_once_if_hopeless(), self._patient_hook() as hook:
            seen = self._look(hook, reference)
            paid = self._paid(reference, seen, may_appear=False)
            if paid is None:
                self._raise_too_late(reference, started_at, seen)
            return paid

    def _on_worker(
        self, reference: str, started_at: datetime, deadline: datetime, may_appear_until: datetime
    ) -> dict[str, Any]:
        with fail_at_once_if_hopeless(), self._patient_hook() as hook:
            while True:
                left_s = (deadline - datetime.now(UTC)).total_seconds()
                time.sleep(max(0.0, min(self.poll_interval, left_s)))
                now = datetime.now(UTC)
                seen = self._look(hook, reference)
                if paid := self._paid(reference, seen, may_appear=now < may_appear_until):
                    return paid
                if now >= deadline:
                    self._raise_too_late(reference, started_at, seen)

    def _patient_hook(self) -> SenGoHook:
        """A hook of its own, which gives a look up sooner than a payment's request."""
        return type(self.hook)(self.hook.sengo_conn_id).with_limits(**LOOK_LIMITS)

    def _look(self, hook: SenGoHook, reference: str) -> Transaction | SenGoProviderError:
        try:
            return hook.get_transaction(reference)
        except SenGoProviderError as error:
            return error

    def _paid(
        self, reference: str, seen: Transaction | SenGoProviderError, *, may_appear: bool
    ) -> dict[str, Any] | None:
        """The paid transaction, or None: not yet; raises if it ended unpaid, or no waiting cures it."""
        ended = settled_transaction(reference, seen, Statuses(), may_appear=may_appear)
        if ended is None:
            return None
        raise_failed({reference: ended.status}, Statuses())
        return ended.record

    def _limit(self, payment: QrisPayment, now: datetime) -> timedelta:
        """How long to wait."""
        if isinstance(self.timeout, timedelta):
            limit = self.timeout
        elif self.timeout is not None:
            limit = timedelta(seconds=self.timeout)
        elif payment.expired_date is not None:
            limit = max(payment.expired_date, now) - now + AFTER_EXPIRY
        else:
            limit = WITHOUT_EXPIRY
        return limit if self.at_most is None else min(limit, self.at_most)

    def _raise_too_late(
        self, reference: str, started_at: datetime, seen: Transaction | SenGoProviderError
    ) -> NoReturn:
        trouble = str(seen) if isinstance(seen, SenGoProviderError) else ""
        waited = datetime.now(UTC) - started_at
        if self.at_most is not None and waited >= self.at_most:
            raise AirflowTaskTimeout(too_late([reference], f"execution_timeout ({self.at_most})", trouble))
        limit = "an hour after its expiry, or seven days"
        if self.timeout is not None:
            limit = (
                f"timeout ({self.timeout if isinstance(self.timeout, timedelta) else f'{self.timeout:g} s'})"
            )
        raise AirflowSensorTimeout(too_late([reference], limit, trouble))
