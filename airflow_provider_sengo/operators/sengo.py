# SPDX-License-Identifier: Apache-2.0
"""Tasks that ask SenGo something. XComs are plain dicts with keys in snake_case.

No rule of a payment stands here: who it is for is in ``identity``, how it is waited for in ``payment_wait``,
how it is made once in ``protocol.payment``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, conf

from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.hooks.storage import resolve_archive_uri, storage_options
from airflow_provider_sengo.links import QrisPageLink
from airflow_provider_sengo.operators.failure import fail_at_once_if_hopeless
from airflow_provider_sengo.operators.identity import FIRST_ATTEMPT, SentMark, known_since, payment_identity
from airflow_provider_sengo.operators.payment_wait import PaymentWait, checked_interval
from airflow_provider_sengo.operators.task import SenGoTask
from airflow_provider_sengo.protocol.qris import doubts_about
from airflow_provider_sengo.protocol.sengo import FINAL_STATUSES, STATUSES, QrisPayment, as_plain_dict
from airflow_provider_sengo.triggers.events import DEFERRAL_TIMEOUT

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class SenGoGetTransactionOperator(SenGoTask):
    """
    Look a transaction up and push it, whatever its status: ``{"id": ..., "status": "success", ...}``.

    Running it again changes nothing, unless ``resend_callback`` is set: then every run, and so every
    retry of the task, lets SenGo send its callback once more, and the request itself is never repeated.

    :param transaction_id: SenGo's id of the transaction, or the merchant's reference (templated).
    :param resend_callback: let SenGo send its callback again; default False.
    :param sengo_conn_id: the connection to use; default ``sengo_default`` (templated).
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
        super().__init__(sengo_conn_id=sengo_conn_id, **kwargs)
        self.transaction_id = transaction_id
        self.resend_callback = resend_callback

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the transaction as a plain dict."""
        with fail_at_once_if_hopeless(), self.hook as hook:
            return as_plain_dict(
                hook.get_transaction(self.transaction_id, resend_callback=self.resend_callback)
            )


class SenGoGetBalanceOperator(SenGoTask):
    """
    Push the balance in whole rupiah: ``{"active": 1000, "pending": 0, "total": 1000}``.

    Running it again changes nothing.

    :param sengo_conn_id: the connection to use; default ``sengo_default`` (templated).
    """

    template_fields: Sequence[str] = ("sengo_conn_id",)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the balance as a plain dict."""
        with fail_at_once_if_hopeless(), self.hook as hook:
            return as_plain_dict(hook.get_balance())


class SenGoCreateQrisOperator(SenGoTask):
    """
    Make one QRIS payment and push it: ``{"id": ..., "status": "pending", "amount": 10000, ...}``.

    However often the task runs, killed, retried or cleared, there is one payment for one reference: it is
    looked up first, and looked for again whenever an answer is lost. A payment that is found paid is
    returned as it is; one that has expired or failed fails the task for good.

    XCom ``qris`` holds what a customer needs: ``{"id", "reference", "content", "amount", "total",
    "expires_at"}``; amounts in whole rupiah, ``content`` is the text of the QR code.

    Give ``reference`` where you can, best the order's own number. Without one it is derived from ``[sengo]
    reference_namespace``, connection, DAG, run, task and ``attempt``. SenGo forgets a reference after seven
    days; beyond that only the archive (``archive_uri``) guards a given one.

    :param amount: whole rupiah, as an integer or as digits (templated).
    :param view_name: the name that the customer sees (templated).
    :param callback_url: where SenGo reports the payment; default is the connection's (templated).
    :param reference: letters, digits and dashes, at most 64; default derived (templated).
    :param attempt: raise it to pay again on purpose where the reference is derived; default ``1`` (templated).
    :param expiry_minutes: minutes in which the code can be paid; default is the gateway's (templated).
    :param wait_for_payment: go on only once it is paid, and push it as it is then; fail if it is not; default False.
    :param poll_interval: seconds (or a timedelta) between two looks while waiting; default 30.
    :param timeout: seconds (or a timedelta) to wait; default until an hour after the code's expiry, or seven
        days without one.
    :param deferrable: wait in the triggerer; default ``[operators] default_deferrable``.
    :param archive_uri: the archive to look into as well; default ``[sengo] archive_uri``, if set (templated).
    :param archive_conn_id: connection with its storage options; default ``[sengo] archive_conn_id`` (templated).
    :param sengo_conn_id: the connection to use; default ``sengo_default`` (templated).
    """

    template_fields: Sequence[str] = (
        "amount",
        "view_name",
        "callback_url",
        "reference",
        "attempt",
        "expiry_minutes",
        "archive_uri",
        "archive_conn_id",
        "sengo_conn_id",
    )
    operator_extra_links = (QrisPageLink(),)

    def __init__(
        self,
        *,
        amount: int | str,
        view_name: str,
        callback_url: str | None = None,
        reference: str | None = None,
        attempt: str = FIRST_ATTEMPT,
        expiry_minutes: int | str | None = None,
        wait_for_payment: bool = False,
        poll_interval: float | timedelta = 30,
        timeout: float | timedelta | None = None,
        deferrable: bool | None = None,
        archive_uri: str | None = None,
        archive_conn_id: str | None = None,
        sengo_conn_id: str = SenGoHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(sengo_conn_id=sengo_conn_id, **kwargs)
        default = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.wait_for_payment = wait_for_payment
        self.poll_interval = checked_interval(poll_interval)
        self.timeout = timeout
        self.deferrable = default if deferrable is None else deferrable
        self.amount = amount
        self.view_name = view_name
        self.callback_url = callback_url
        self.reference = reference
        self._reference_was_given = reference is not None
        self.attempt = attempt
        self.expiry_minutes = expiry_minutes
        self.archive_uri = archive_uri
        self.archive_conn_id = archive_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the payment as a plain dict."""
        reference = self._identity(context)
        with fail_at_once_if_hopeless(), self.hook as hook:
            payment = hook.create_qris_once(
                reference=reference,
                amount=self.amount,
                view_name=self.view_name,
                callback_url=self.callback_url,
                expiry_minutes=self.expiry_minutes,
                known_since=known_since(context),
                find_in_archive=self._find_in_archive(hook),
                accept_overdue=self.wait_for_payment,  # the gateway will call it expired; it is waited for
            )
        if payment.status not in STATUSES:
            self.log.warning("%s: unknown status %r, taken as pending", reference, payment.status)
        for doubt in _doubts(payment, self.amount):
            self.log.warning("%s: look at the QR code before you show it: %s", reference, doubt)
        if ti := context.get("ti"):
            ti.xcom_push(key="qris", value=_for_the_customer(payment))
        if self.wait_for_payment and payment.status != "success":
            return self._wait().begin(payment, reference, in_triggerer=self.deferrable)
        return as_plain_dict(payment)

    def execute_complete(self, context: Context, event: Any = None, **kept: Any) -> dict[str, Any]:
        """Go on after the trigger's event."""
        kept.setdefault("reference", self._identity(context))  # ``dag.test()`` keeps the event alone
        paid = self._wait().finish(event, **kept)
        return self.execute(context) if paid is None else paid  # an event that proves nothing: look again

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """As every operator's, but with a last look where no triggerer ran until the time was over."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowException as error:
            if type(error).__name__ != DEFERRAL_TIMEOUT:
                raise
            return self._wait().last_look(self._identity(context), datetime.now(UTC))

    def _identity(self, context: Context) -> str:
        return payment_identity(
            context,
            given=self.reference,
            was_given=self._reference_was_given,
            attempt=self.attempt,
            conn_id=self.sengo_conn_id,
            field="reference",
        )

    def _wait(self) -> PaymentWait:
        return PaymentWait(
            task=self,
            hook=self.hook,
            poll_interval=self.poll_interval,
            timeout=self.timeout,
            at_most=self.execution_timeout,
        )

    def _find_in_archive(self, hook: SenGoHook) -> Callable[[str], Mapping[str, Any] | None] | None:
        """How to look into the archive; None where none is configured."""
        if not (self.archive_uri or conf.get("sengo", "archive_uri", fallback=None)):
            return None

        def find(reference: str) -> Mapping[str, Any] | None:
            from airflow_provider_sengo.archive.store import Archive

            archive = Archive(resolve_archive_uri(self.archive_uri), storage_options(self.archive_conn_id))
            return archive.find_reference(hook.project, reference)

        return find


def _doubts(payment: QrisPayment, asked: int | str) -> list[str]:
    """Of the code that a customer would scan; nobody scans one of a payment that is over."""
    if payment.status in FINAL_STATUSES:
        return []
    amounts = {int(asked), payment.total_amount or int(asked)}
    return doubts_about(payment.qris.content, amounts_rupiah=amounts)


def _for_the_customer(payment: QrisPayment) -> dict[str, Any]:
    """What the page with the QR code shows."""
    return {
        "id": payment.id,
        "reference": payment.merchant_ref,
        "content": payment.qris.content,
        "amount": payment.amount,
        "total": payment.total_amount,
        "expires_at": payment.expired_date and payment.expired_date.isoformat(),
    }


class SenGoCreateProjectOperator(SenGoTask):
    """
    Make a project and push it: ``{"id": 1, "name": ..., "domain": ..., "ip": [...], "status": "Review"}``.

    One request, ever: there is nothing to look a project up by, so where an answer was lost, or an earlier
    try of the task may have sent it, the task fails for good and says what to look up.

    :param name: the project's name, letters and digits (templated).
    :param domain: its absolute URL, not used by another project (templated).
    :param ip: a list of the addresses or networks that it may be used from (templated).
    :param sengo_conn_id: the connection to use; default ``sengo_default`` (templated).
    """

    template_fields: Sequence[str] = ("name", "domain", "ip", "sengo_conn_id")

    def __init__(
        self,
        *,
        name: str,
        domain: str,
        ip: Sequence[str],
        sengo_conn_id: str = SenGoHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(sengo_conn_id=sengo_conn_id, **kwargs)
        self.name = name
        self.domain = domain
        self.ip = ip

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the project as a plain dict."""
        sent = SentMark(context, f"project:{self.name}")
        with fail_at_once_if_hopeless(), self.hook as hook:
            return as_plain_dict(
                hook.create_project_once(
                    name=self.name,
                    domain=self.domain,
                    ip=self.ip,
                    may_have_been_sent=sent.may_have_been_sent(),
                    mark=sent.put,
                    unmark=sent.take_back,
                )
            )
