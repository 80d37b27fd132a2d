# SPDX-License-Identifier: Apache-2.0
"""Waiting for senangPay's orders: what is asked for, and what is pushed.

What a limit means is in ``waiting``, what an answer means in ``protocol.waiting``; nothing of either here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.protocol.money import parse_sen
from airflow_provider_sengo.protocol.senangpay_arguments import checked_order_id
from airflow_provider_sengo.protocol.waiting import LOOK_LIMITS, ONLY_PAID, Settled, settled_order
from airflow_provider_sengo.sensors.waiting import WaitingSensor
from airflow_provider_sengo.triggers.senangpay import SenangPayOrderTrigger


class SenangPayOrderSensor(WaitingSensor):
    """
    Wait until an order shows one paid row over exactly this amount: what to run after an unknown outcome.

    Pushes the payment as a plain dict: ``{"status": 1, "transaction_id": ..., "amount_sen": 2450, ...}``. An
    order that is not there, or has failed attempts alone, is waited for until ``timeout``: nothing proves
    that it will never be paid. An order that is paid twice, or over another amount, fails the task at once.

    :param order_id: the order's id (templated).
    :param amount_sen: whole sen, as an integer or as digits (templated).
    :param poke_interval: seconds (or a timedelta) between two looks; default 60.
    :param timeout: seconds (or a timedelta) since the try's start; default ``[sensors] default_timeout``, seven days.
    :param mode: ``poke`` or ``reschedule``, where it is not deferrable; default ``poke``.
    :param soft_fail: skip the task if the time is over; every other error still fails; default False.
    :param exponential_backoff: look less and less often, where it waits on a worker; default False.
    :param max_wait: seconds (or a timedelta) that lie at most between two looks then; default no limit.
    :param deferrable: wait in the triggerer; default ``[operators] default_deferrable``.
    :param senangpay_conn_id: the connection to use; default ``senangpay_default`` (templated).
    """

    template_fields: Sequence[str] = ("order_id", "amount_sen", "senangpay_conn_id")

    def __init__(
        self,
        *,
        order_id: str,
        amount_sen: int | str,
        poke_interval: float | timedelta = 60,
        timeout: float | timedelta | None = None,
        mode: str = "poke",
        soft_fail: bool = False,
        exponential_backoff: bool = False,
        max_wait: float | timedelta | None = None,
        deferrable: bool | None = None,
        senangpay_conn_id: str = SenangPayHook.default_conn_name,
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
        self.order_id = order_id
        self.amount_sen = amount_sen
        self.senangpay_conn_id = senangpay_conn_id

    @property
    def hook(self) -> SenangPayHook:
        """A new hook of the connection, which may have been changed since the last look."""
        return SenangPayHook(self.senangpay_conn_id).with_limits(**LOOK_LIMITS)

    def _ids(self) -> tuple[str, ...]:
        return (checked_order_id(self.order_id),)

    def _look(self, ids: Sequence[str]) -> Iterator[tuple[str, Any]]:
        parse_sen(self.amount_sen, field="amount_sen")  # a wrong one is told before anything is sent
        with self.hook as hook:
            for order_id in ids:
                try:
                    yield order_id, hook.query_order(order_id)
                except SenGoProviderError as error:
                    yield order_id, error

    def _verdict(self, id: str, seen: Any, *, may_appear: bool) -> Settled | None:
        amount_sen = parse_sen(self.amount_sen, field="amount_sen")
        return settled_order(id, amount_sen, seen, may_appear=may_appear)

    def _is_end(self, status: str) -> bool:
        return status == ONLY_PAID

    def _result(self, statuses: Mapping[str, str], record: dict[str, Any] | None) -> Any:
        return record

    def _trigger(self, ids: Sequence[str], limits: Mapping[str, Any]) -> SenangPayOrderTrigger:
        return SenangPayOrderTrigger(
            order_id=self.order_id,
            amount_sen=parse_sen(self.amount_sen, field="amount_sen"),
            senangpay_conn_id=self.senangpay_conn_id,
            **limits,
        )
