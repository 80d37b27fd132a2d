# SPDX-License-Identifier: Apache-2.0
"""Tasks that ask SenGo something. XComs are plain dicts with keys in snake_case."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.operators.failure import fail_at_once_if_hopeless
from airflow_provider_sengo.protocol.sengo import as_plain_dict

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class SenGoGetTransactionOperator(BaseOperator):
    """
    Look a transaction up and push it, whatever its status: ``{"id": ..., "status": "success", ...}``.

    Running it again changes nothing, unless ``resend_callback`` is set: then every run, and so every
    retry of the task, lets SenGo send its callback once more, and the request itself is never repeated.

    :param transaction_id: SenGo's id of the transaction, or the merchant's reference (templated).
    :param resend_callback: let SenGo send its callback again.
    :param sengo_conn_id: the connection to use (templated).
    """

    template_fields: Sequence[str] = ("transaction_id", "sengo_conn_id")

    def __init__(
        self,
        *,
        transaction_id: str,
        resend_callback: bool = False,
        sengo_conn_id: str = SenGoHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.transaction_id = transaction_id
        self.resend_callback = resend_callback
        self.sengo_conn_id = sengo_conn_id

    @cached_property
    def hook(self) -> SenGoHook:
        """The hook of the connection, made when the templates are rendered."""
        return SenGoHook(self.sengo_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the transaction as a plain dict."""
        with fail_at_once_if_hopeless(), self.hook as hook:
            return as_plain_dict(
                hook.get_transaction(self.transaction_id, resend_callback=self.resend_callback)
            )


class SenGoGetBalanceOperator(BaseOperator):
    """
    Push the balance in whole rupiah: ``{"active": 1000, "pending": 0, "total": 1000}``.

    Running it again changes nothing.

    :param sengo_conn_id: the connection to use (templated).
    """

    template_fields: Sequence[str] = ("sengo_conn_id",)

    def __init__(self, *, sengo_conn_id: str = SenGoHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sengo_conn_id = sengo_conn_id

    @cached_property
    def hook(self) -> SenGoHook:
        """The hook of the connection, made when the templates are rendered."""
        return SenGoHook(self.sengo_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the balance as a plain dict."""
        with fail_at_once_if_hopeless(), self.hook as hook:
            return as_plain_dict(hook.get_balance())
