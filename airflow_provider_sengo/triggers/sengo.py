# SPDX-License-Identifier: Apache-2.0
"""Waiting for SenGo's transactions in the triggerer: what is asked for, as JSON; the sensors' twins.

How the waiting goes is in ``wait``, how many are looked for at once in ``poller``, what an answer means in
``protocol.waiting``; nothing of these here. A trigger stored by one release may be started by another, so no
argument may lose its name or change its meaning.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Never

from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.protocol.sengo import Transaction
from airflow_provider_sengo.protocol.waiting import (
    FAILURE_STATUSES,
    SUCCESS_STATUSES,
    Settled,
    checked_ids,
    checked_statuses,
    settled_transaction,
)
from airflow_provider_sengo.triggers.payments import SenGoPaymentsEventTrigger
from airflow_provider_sengo.triggers.poller import Hint
from airflow_provider_sengo.triggers.shared_hook import shared_hook
from airflow_provider_sengo.triggers.sweepers import open_sengo
from airflow_provider_sengo.triggers.wait import WaitTrigger, loop_time

__all__ = ["SenGoPaymentsEventTrigger", "SenGoTransactionTrigger"]


class SenGoTransactionTrigger(WaitTrigger):
    """
    Wait until one transaction, or each of a list, has a final status.

    All triggers of a triggerer that wait with the same credentials share one session, and one look answers
    as many of them as it can. Its event is ``{"outcome": "settled" | "too late" | "error", ...}``.

    :param transaction_id: an id or a reference, or a list of them.
    :param sengo_conn_id: the connection to use; default ``sengo_default``.
    :param success_statuses: a list of words that end the waiting well; default ``success``.
    :param failure_statuses: a list of words that end it badly; default ``expired``, ``failed``.
    :param poke_interval: seconds between two looks, and before the first one; default 60.
    :param deadline: when to give up, as ISO 8601 with a zone; default never.
    :param may_appear_until: until when an id that the gateway does not know may still appear, as ISO 8601 with a
        zone; default not at all.
    :param days: a list of days (ISO, Asia/Jakarta) whose listings may show the transactions; a hint, default none.
    :param type: ``cashIn`` or ``cashOut``; a hint, default ``cashIn``, empty if not known.
    :param gateway_ids: by each reference that is asked for the gateway's own id; a hint, default none.
    :param by_id_from: from when on each is asked for by its id, for then it should have settled, as ISO 8601 with
        a zone; default not before the deadline.
    """

    def __init__(
        self,
        *,
        transaction_id: str | Sequence[str],
        sengo_conn_id: str = SenGoHook.default_conn_name,
        success_statuses: Sequence[str] = SUCCESS_STATUSES,
        failure_statuses: Sequence[str] = FAILURE_STATUSES,
        poke_interval: float = 60.0,
        deadline: str | None = None,
        may_appear_until: str | None = None,
        days: Sequence[str] = (),
        type: str = "cashIn",
        gateway_ids: Mapping[str, str] | None = None,
        by_id_from: str | None = None,
        **later: Never,  # a type checker refuses what is unknown; one of a later release is ignored
    ) -> None:
        super().__init__(poke_interval=poke_interval, deadline=deadline, may_appear_until=may_appear_until)
        self.transaction_id = _plain(transaction_id)
        self.sengo_conn_id = sengo_conn_id
        self.success_statuses = _plain(success_statuses)
        self.failure_statuses = _plain(failure_statuses)
        self.days = _plain(days)
        self.type = type
        self.gateway_ids = dict(gateway_ids or {})
        self.by_id_from = by_id_from

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_sengo.triggers.sengo.SenGoTransactionTrigger",
            {
                "transaction_id": self.transaction_id,
                "sengo_conn_id": self.sengo_conn_id,
                "success_statuses": self.success_statuses,
                "failure_statuses": self.failure_statuses,
                "days": self.days,
                "type": self.type,
                "gateway_ids": self.gateway_ids,
                "by_id_from": self.by_id_from,
                **self.arguments(),
            },
        )

    def _hints(self) -> dict[str, Hint]:
        statuses = checked_statuses(self.success_statuses, self.failure_statuses)
        hint = Hint(
            days=tuple(str(day) for day in self.days),
            type=str(self.type),
            statuses=(*statuses.success, *statuses.failure),
            by_id_from_s=loop_time(self.by_id_from, "by_id_from"),
        )
        own = self.gateway_ids
        return {
            id: replace(hint, gateway_id=own[id]) if id in own else hint
            for id in checked_ids(self.transaction_id)
        }

    async def _poller(self, not_before_s: float) -> tuple[Hashable, Any]:
        hook = await shared_hook(SenGoHook, self.sengo_conn_id, not_before_s=not_before_s)
        connection = await hook.read_connection_async()
        return ("sengo", connection.credentials, connection.options), partial(open_sengo, hook)

    def _settled(self, id: str, seen: Transaction | Any, *, may_appear: bool) -> Settled | None:
        statuses = checked_statuses(self.success_statuses, self.failure_statuses)
        return settled_transaction(id, seen, statuses, may_appear=may_appear)


def _plain(value: Any) -> Any:
    """A list as JSON has it; what is no list is left as it is, for the check to name."""
    return list(value) if isinstance(value, list | tuple) else value
