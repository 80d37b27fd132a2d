# SPDX-License-Identifier: Apache-2.0
"""Tasks that charge, check and switch stored cards with senangPay. No XCom ever holds a card token.

How a card is charged once is in ``protocol.charge``, which order it is for in ``identity``; no rule of either
stands here. Give the card token as a template that a secrets backend or a masked connection fills; it is
masked in the logs from the moment a task reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.operators.failure import fail_at_once_if_hopeless
from airflow_provider_sengo.operators.identity import FIRST_ATTEMPT, SentMark, payment_identity
from airflow_provider_sengo.protocol.senangpay import as_plain_dict

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.sdk.definitions.mappedoperator import OperatorPartial


class _SenangPayOperator(BaseOperator):
    """What they share: the connection."""

    def __init__(self, *, senangpay_conn_id: str = SenangPayHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.senangpay_conn_id = senangpay_conn_id

    @cached_property
    def hook(self) -> SenangPayHook:
        """The hook of the connection, made when the templates are rendered."""
        return SenangPayHook(self.senangpay_conn_id)


class SenangPayChargeTokenOperator(_SenangPayOperator):
    """
    Charge a stored card once and push ``{"transaction_id": ..., "order_id": ..., "amount_sen": 200, ...}``.

    The gateway would take the same charge twice, so the task sends it at most once, however often it is run,
    retried or cleared: where an earlier try may have sent it, the order is only looked up, and where that does not
    settle it, the task fails for good and says what to look up. Once its run was cleared, a mapped task only
    looks up the orders that are new at their index. To charge again on purpose give a new
    ``order_id``, or another ``attempt`` where it is derived. ``email`` is the buyer's, so Airflow's own mails
    about failures are off for this task: use a callback.

    Another task, or another run, with the same ``order_id`` knows of this one only through the gateway's
    order query, and that its charges show there is unconfirmed: let one run be about one order (the order's
    number as the run id makes Airflow refuse a second).

    :param name: the buyer's name, at most 100 characters (templated).
    :param email: the buyer's email address (templated).
    :param detail: what is paid for, at most 100 characters (templated).
    :param phone: the buyer's phone number, as text (templated).
    :param amount_sen: whole sen (RM 2.00 is 200), as an integer or as digits (templated).
    :param token: the card token (templated).
    :param order_id: ASCII letters and digits, at most 100; best the order's own number; default derived (templated).
    :param attempt: raise it to charge again on purpose where the order id is derived; default ``1`` (templated).
    :param reconcile_timeout_s: how long, in seconds, an order is watched where it is not conclusive; default 60.
    :param senangpay_conn_id: the connection to use; default ``senangpay_default`` (templated).
    """

    template_fields: Sequence[str] = (
        "name",
        "email",
        "detail",
        "phone",
        "amount_sen",
        "token",
        "order_id",
        "attempt",
        "senangpay_conn_id",
    )

    def __init__(
        self,
        *,
        name: str,
        email: str,
        detail: str,
        phone: str,
        amount_sen: int | str,
        token: str,
        order_id: str | None = None,
        attempt: str = FIRST_ATTEMPT,
        reconcile_timeout_s: float = 60,
        senangpay_conn_id: str = SenangPayHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(senangpay_conn_id=senangpay_conn_id, **kwargs)
        self.name = name
        self.email = email
        # Airflow's own operators have an ``email`` to which it reports failures: never to the buyer.
        self.email_on_failure = self.email_on_retry = False
        self.detail = detail
        self.phone = phone
        self.amount_sen = amount_sen
        self.token = token
        self.order_id = order_id
        self._order_id_was_given = order_id is not None
        self.attempt = attempt
        self.reconcile_timeout_s = reconcile_timeout_s

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """As every operator's; Airflow's scheduler reads a mapped task's ``email`` from here, so no mails."""
        return super().partial(**(kwargs | {"email_on_failure": False, "email_on_retry": False}))

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the payment as a plain dict."""
        email = self.email  # Airflow types it as whom it would report to
        if not isinstance(email, str):
            raise ValueError("email: must be the buyer's email address, as text.")
        order_id = payment_identity(
            context,
            given=self.order_id,
            was_given=self._order_id_was_given,
            attempt=self.attempt,
            conn_id=self.senangpay_conn_id,
            field="order_id",
        )
        sent = SentMark(context, f"charge:{order_id}")
        with fail_at_once_if_hopeless(), self.hook as hook:
            payment = hook.charge_token_once(
                name=self.name,
                email=email,
                detail=self.detail,
                phone=self.phone,
                order_id=order_id,
                amount_sen=self.amount_sen,
                token=self.token,
                may_have_been_sent=sent.may_have_been_sent(),
                reconcile_timeout_s=self.reconcile_timeout_s,
                mark=sent.put,
                unmark=sent.take_back,
            )
        return as_plain_dict(payment)


class SenangPayValidateTokenOperator(_SenangPayOperator):
    """
    Ask whether a stored card can be charged, and push ``{"valid": true, "message": ...}``.

    Running it again changes nothing.

    :param token: the card token (templated).
    :param fail_if_invalid: fail the task for good if the card cannot be charged; default True.
    :param senangpay_conn_id: the connection to use; default ``senangpay_default`` (templated).
    """

    template_fields: Sequence[str] = ("token", "senangpay_conn_id")

    def __init__(
        self,
        *,
        token: str,
        fail_if_invalid: bool = True,
        senangpay_conn_id: str = SenangPayHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(senangpay_conn_id=senangpay_conn_id, **kwargs)
        self.token = token
        self.fail_if_invalid = fail_if_invalid

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the verdict as a plain dict."""
        with fail_at_once_if_hopeless(), self.hook as hook:
            validation = hook.validate_token(self.token)
        if self.fail_if_invalid and not validation.valid:
            raise AirflowFailException(
                f"senangPay does not take this card: {validation.message}. Ask the buyer for another one."
            )
        return as_plain_dict(validation)


class SenangPaySetTokenStatusOperator(_SenangPayOperator):
    """
    Enable or disable a stored card, and push ``{"enabled": false, "message": ...}``.

    The gateway can only flip a card. It is flipped, and flipped back if it was in the wanted state already,
    so a card in the wanted state is in the other one for a moment, and a task that was killed must run
    again.

    :param token: the card token (templated).
    :param enabled: the wanted state.
    :param senangpay_conn_id: the connection to use; default ``senangpay_default`` (templated).
    """

    template_fields: Sequence[str] = ("token", "senangpay_conn_id")

    def __init__(
        self,
        *,
        token: str,
        enabled: bool,
        senangpay_conn_id: str = SenangPayHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(senangpay_conn_id=senangpay_conn_id, **kwargs)
        self.token = token
        self.enabled = enabled

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the card's state as a plain dict."""
        with fail_at_once_if_hopeless(), self.hook as hook:
            return as_plain_dict(hook.set_token_status(self.token, enabled=self.enabled))


class SenangPayQueryOrderOperator(_SenangPayOperator):
    """
    Look an order up and push its payments: ``[{"transaction_reference": ..., "status": "paid", ...}, ...]``.

    An empty list means that the gateway knows no such order, or not yet. Running it again changes nothing.

    :param order_id: the order's id (templated).
    :param senangpay_conn_id: the connection to use; default ``senangpay_default`` (templated).
    """

    template_fields: Sequence[str] = ("order_id", "senangpay_conn_id")

    def __init__(
        self,
        *,
        order_id: str,
        senangpay_conn_id: str = SenangPayHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(senangpay_conn_id=senangpay_conn_id, **kwargs)
        self.order_id = order_id

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the order's payments as plain dicts."""
        with fail_at_once_if_hopeless(), self.hook as hook:
            return [as_plain_dict(payment) for payment in hook.query_order(self.order_id)]
