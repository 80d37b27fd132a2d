# SPDX-License-Identifier: Apache-2.0
"""Waiting for senangPay's orders in the triggerer: what is asked for, as JSON; the sensor's twin.

How the waiting goes is in ``wait``, how many are looked for at once in ``poller``, what an answer means in
``protocol.waiting``; nothing of these here. A trigger stored by one release may be started by another, so no
argument may lose its name or change its meaning.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import Any, Never

from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.protocol.money import parse_sen
from airflow_provider_sengo.protocol.senangpay_arguments import checked_order_id
from airflow_provider_sengo.protocol.waiting import Settled, settled_order
from airflow_provider_sengo.triggers.poller import Hint
from airflow_provider_sengo.triggers.shared_hook import shared_hook
from airflow_provider_sengo.triggers.sweepers import open_senangpay
from airflow_provider_sengo.triggers.wait import WaitTrigger


class SenangPayOrderTrigger(WaitTrigger):
    """
    Wait until an order shows one paid row over exactly this amount.

    Its event is ``{"outcome": "settled" | "too late" | "error", ...}``.

    :param order_id: the order's id.
    :param amount_sen: whole sen.
    :param senangpay_conn_id: the connection to use; default ``senangpay_default``.
    :param poke_interval: seconds between two looks, and before the first one; default 60.
    :param deadline: when to give up, as ISO 8601 with a zone; default never.
    :param may_appear_until: until when an order that the gateway does not know may still appear, as ISO 8601 with a
        zone; default not at all.
    """

    def __init__(
        self,
        *,
        order_id: str,
        amount_sen: int,
        senangpay_conn_id: str = SenangPayHook.default_conn_name,
        poke_interval: float = 60.0,
        deadline: str | None = None,
        may_appear_until: str | None = None,
        **later: Never,  # a type checker refuses what is unknown; one of a later release is ignored
    ) -> None:
        super().__init__(poke_interval=poke_interval, deadline=deadline, may_appear_until=may_appear_until)
        self.order_id = order_id
        self.amount_sen = amount_sen
        self.senangpay_conn_id = senangpay_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_sengo.triggers.senangpay.SenangPayOrderTrigger",
            {
                "order_id": self.order_id,
                "amount_sen": self.amount_sen,
                "senangpay_conn_id": self.senangpay_conn_id,
                **self.arguments(),
            },
        )

    def _hints(self) -> dict[str, Hint]:
        parse_sen(self.amount_sen, field="amount_sen")
        return {checked_order_id(self.order_id): Hint()}

    async def _poller(self, not_before_s: float) -> tuple[Hashable, Any]:
        hook = await shared_hook(SenangPayHook, self.senangpay_conn_id, not_before_s=not_before_s)
        connection = await hook.read_connection_async()
        return ("senangpay", connection.credentials, connection.options), partial(open_senangpay, hook)

    def _settled(self, id: str, seen: Any, *, may_appear: bool) -> Settled | None:
        amount_sen = parse_sen(self.amount_sen, field="amount_sen")
        return settled_order(id, amount_sen, seen, may_appear=may_appear)
