# SPDX-License-Identifier: Apache-2.0
"""Waiting for SenGo's transactions: what is asked for, and what is pushed.

What a limit means is in ``waiting``, what an answer means in ``protocol.waiting``; nothing of either here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.protocol.sengo import Transaction
from airflow_provider_sengo.protocol.waiting import (
    FAILURE_STATUSES,
    LOOK_LIMITS,
    SUCCESS_STATUSES,
    Settled,
    checked_ids,
    checked_statuses,
    listing_hint,
    raise_failed,
    settled_transaction,
)
from airflow_provider_sengo.sensors.waiting import WaitingSensor
from airflow_provider_sengo.triggers.sengo import SenGoTransactionTrigger

AT_A_TIME = 8  # requests of one look in poke and reschedule mode


class Asking:
    """Asks for one id after the other; after ``AT_A_TIME`` troubles in a row the rest waits for the next look."""

    def __init__(self, get: Callable[[str], Transaction]) -> None:
        self._get = get
        self._in_a_row = 0
        self._last: SenGoProviderError | None = None

    def __call__(self, id: str) -> Transaction | SenGoProviderError:
        if self._last is not None and self._in_a_row >= AT_A_TIME:
            return self._last
        try:
            seen = self._get(id)
        except SenGoProviderError as error:
            if error.curable:
                self._in_a_row, self._last = self._in_a_row + 1, error
            return error
        self._in_a_row = 0
        return seen


class SenGoTransactionSensor(WaitingSensor):
    """
    Wait until one transaction, or each of a list, has a final status.

    Pushes the final transaction as a plain dict (``{"id": ..., "status": "success", "amount": 10000, ...}``,
    whole rupiah), for a list a map of id to status. A list waits for all and then fails if one of them ended
    in ``failure_statuses``; to get the map in any case, put all final words into ``success_statuses``.

    An id that the gateway does not know is waited for 120 seconds. A gateway that is down, busy or answers
    oddly is waited out until ``timeout``; a refused key fails the task at once. Use ``deferrable`` for many
    or long waits: all of a triggerer share one session, and one look answers as many as it can.

    :param transaction_id: SenGo's id or the merchant's reference, or a list of them (templated).
    :param success_statuses: a list of words that end the waiting well; default ``success``.
    :param failure_statuses: a list of words that end it badly; default ``expired``, ``failed``.
    :param poke_interval: seconds (or a timedelta) between two looks, and at most from a payment until the task
        goes on; default 60.
    :param timeout: seconds (or a timedelta) since the try's start; default ``[sensors] default_timeout``, seven days.
    :param mode: ``poke`` or ``reschedule``, where it is not deferrable; default ``poke``.
    :param soft_fail: skip the task if a payment failed or the time is over, while every other error still fails;
        default False.
    :param exponential_backoff: look less and less often, where it waits on a worker; default False.
    :param max_wait: seconds (or a timedelta) that lie at most between two looks then; default no limit.
    :param deferrable: wait in the triggerer; default ``[operators] default_deferrable``.
    :param sengo_conn_id: the connection to use; default ``sengo_default`` (templated).
    """

    template_fields: Sequence[str] = ("transaction_id", "sengo_conn_id")

    def __init__(
        self,
        *,
        transaction_id: str | Sequence[str],
        success_statuses: Sequence[str] = SUCCESS_STATUSES,
        failure_statuses: Sequence[str] = FAILURE_STATUSES,
        poke_interval: float | timedelta = 60,
        timeout: float | timedelta | None = None,
        mode: str = "poke",
        soft_fail: bool = False,
        exponential_backoff: bool = False,
        max_wait: float | timedelta | None = None,
        deferrable: bool | None = None,
        sengo_conn_id: str = SenGoHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            poke_interval=poke_interval,
            timeout=timeout,
            mode=mode,
            soft_fail=soft_fail,
            exponential_backoff=exponential_backoff,
            max_wait=max_wait,
            deferrable=deferrable,
            **kwargs,
        )
        self.transaction_id = transaction_id
        self.success_statuses = success_statuses
        self.failure_statuses = failure_statuses
        self.sengo_conn_id = sengo_conn_id
        self._seen: dict[str, Transaction] = {}

    @property
    def hook(self) -> SenGoHook:
        """A new hook of the connection, which may have been changed since the last look."""
        return SenGoHook(self.sengo_conn_id).with_limits(**LOOK_LIMITS)

    @cached_property
    def _statuses(self) -> Any:
        return checked_statuses(self.success_statuses, self.failure_statuses)

    def _ids(self) -> tuple[str, ...]:
        return checked_ids(self.transaction_id)

    def _look(self, ids: Sequence[str]) -> Iterator[tuple[str, Any]]:
        hook = self.hook
        _ = self._statuses, hook.connection  # wrong ones are told before anything is sent
        with hook, ThreadPoolExecutor(max_workers=min(AT_A_TIME, len(ids) or 1)) as pool:
            ask = Asking(hook.get_transaction)
            for id, seen in zip(ids, pool.map(ask, ids), strict=True):
                if isinstance(seen, Transaction):
                    self._seen[id] = seen
                yield id, seen

    def _verdict(self, id: str, seen: Any, *, may_appear: bool) -> Settled | None:
        return settled_transaction(id, seen, self._statuses, may_appear=may_appear)

    def _is_end(self, status: str) -> bool:
        return status in self._statuses.success or status in self._statuses.failure

    def _result(self, statuses: Mapping[str, str], record: dict[str, Any] | None) -> Any:
        raise_failed(statuses, self._statuses)
        return record if isinstance(self.transaction_id, str) else dict(statuses)

    def _trigger(self, ids: Sequence[str], limits: Mapping[str, Any]) -> SenGoTransactionTrigger:
        waiting = {id: self._seen[id] for id in ids if id in self._seen}
        return SenGoTransactionTrigger(
            transaction_id=self.transaction_id if isinstance(self.transaction_id, str) else ids,
            sengo_conn_id=self.sengo_conn_id,
            success_statuses=self.success_statuses,
            failure_statuses=self.failure_statuses,
            **listing_hint(waiting, datetime.now(UTC)),
            **limits,
        )
