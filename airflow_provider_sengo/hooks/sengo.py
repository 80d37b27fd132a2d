# SPDX-License-Identifier: Apache-2.0
"""SenGo's API as methods, and its listings as an async page fetcher for the archive.

No request is built and no answer judged here: that is ``protocol``'s, and how a payment is made once is
``protocol.payment``'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_sengo import connection_fields
from airflow_provider_sengo.exceptions import NotAuthorized, SenGoProviderError
from airflow_provider_sengo.hooks.connection import SenGoConnection, read_connection
from airflow_provider_sengo.hooks.gateway import GatewayHook
from airflow_provider_sengo.hooks.listing import Listing
from airflow_provider_sengo.hooks.steps import World, drive
from airflow_provider_sengo.protocol import payment, sengo
from airflow_provider_sengo.protocol.money import parse_rupiah

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_sengo.protocol.http import Call


class SenGoHook(GatewayHook[SenGoConnection]):
    """
    Talk to SenGo with the key and token of a connection.

    Every method is one exchange; it is repeated only where that is safe. Errors are those of
    ``airflow_provider_sengo.exceptions``; wrong arguments and connections raise ``ValueError`` before
    anything is sent. Use it as a context manager, or ``close()`` it, to give its session back early.

    :param sengo_conn_id: the :ref:`connection <sengo>` to use; default ``sengo_default``. It is
        read at first use, once a hook.
    :param logger_name: its logger's name after ``airflow.task.hooks.``; default is the class's full name.
    """

    conn_name_attr = "sengo_conn_id"
    default_conn_name = "sengo_default"
    conn_type = connection_fields.SENGO.connection_type
    hook_name = connection_fields.SENGO.hook_name

    def __init__(self, sengo_conn_id: str = default_conn_name, *, logger_name: str | None = None) -> None:
        super().__init__(logger_name=logger_name)
        self.sengo_conn_id = sengo_conn_id

    @staticmethod
    def _read(connection: Connection) -> SenGoConnection:
        return read_connection(connection)

    @property
    def credentials(self) -> sengo.Credentials:
        """Base URL, client key and client token."""
        return self.connection.credentials

    @property
    def project(self) -> str:
        """The project's name in the archive; no secret."""
        return self.credentials.project

    def create_qris(
        self,
        *,
        reference: str,
        amount: int | str,
        view_name: str,
        callback_url: str | None = None,
        expiry_minutes: int | str | None = None,
    ) -> sengo.QrisPayment:
        """
        Ask for a QR code with one POST; no care is taken against paying twice.

        :param reference: the merchant's own id of the payment, never used before.
        :param amount: whole rupiah, also as text (``"10000"``).
        :param view_name: the name that the customer sees.
        :param callback_url: where SenGo reports the payment; default is the connection's.
        :param expiry_minutes: how long the code can be paid; default is the gateway's.
        """
        return self.run(self._create_qris_call(reference, amount, view_name, callback_url, expiry_minutes))

    def create_qris_once(
        self,
        *,
        reference: str,
        amount: int | str,
        view_name: str,
        callback_url: str | None = None,
        expiry_minutes: int | str | None = None,
        known_since: datetime | None = None,
        find_in_archive: Callable[[str], Mapping[str, Any] | None] | None = None,
        accept_overdue: bool = False,
    ) -> sengo.QrisPayment:
        """
        One payment for one reference, safe to call again: looks first, sends, looks again on doubt.

        The gateway refuses a used reference for as long as it remembers it; beyond seven days only
        ``find_in_archive`` and ``known_since`` guard a given reference.

        :param reference: the merchant's own id of the payment, for ever this payment's.
        :param amount: whole rupiah, also as text (``"10000"``).
        :param view_name: the name that the customer sees.
        :param callback_url: where SenGo reports the payment; default is the connection's.
        :param expiry_minutes: how long the code can be paid; default is the gateway's.
        :param known_since: since when (aware) this reference can have been in use; None = from now on.
        :param find_in_archive: given a reference, the archived row or None.
        :param accept_overdue: give back a pending payment whose time is over, to wait for its end.
        """
        create = self._create_qris_call(reference, amount, view_name, callback_url, expiry_minutes)
        steps = payment.create_qris_once(
            reference=reference,
            amount_rupiah=parse_rupiah(amount, field="amount"),
            look=sengo.get_transaction(self.credentials, reference),
            create=create,
            known_since=known_since,
            accept_overdue=accept_overdue,
        )
        world = World(run=self.run)
        if find_in_archive is not None:
            world = replace(world, find_in_archive=find_in_archive)
        return drive(steps, world)

    def _create_qris_call(
        self,
        reference: str,
        amount: int | str,
        view_name: str,
        callback_url: str | None,
        expiry_minutes: int | str | None,
    ) -> Call[sengo.QrisPayment]:
        """The call with the connection's callback URL where none is given."""
        callback_url = callback_url or self.connection.callback_url
        if not callback_url:
            raise ValueError(
                "callback_url is missing: give it, or set it in the extra of connection "
                f"{self.sengo_conn_id!r}."
            )
        return sengo.create_qris(
            self.credentials,
            reference=reference,
            amount=amount,
            view_name=view_name,
            callback_url=callback_url,
            expiry_minutes=expiry_minutes,
        )

    def get_transaction(self, id_or_reference: str, *, resend_callback: bool = False) -> sengo.Transaction:
        """
        Look a transaction up.

        :param id_or_reference: SenGo's id, or the merchant's reference.
        :param resend_callback: let SenGo send its callback again; such a call is never repeated.
        """
        return self.run(
            sengo.get_transaction(self.credentials, id_or_reference, resend_callback=resend_callback)
        )

    def list_transactions(self, *, day: date, type: str, status: str, page: int = 1) -> sengo.TransactionPage:
        """
        One page of the transactions of a day.

        :param day: the day in Asia/Jakarta; SenGo remembers seven.
        :param type: ``cashIn`` or ``cashOut``.
        :param status: ``pending``, ``success``, ``expired`` or ``failed``.
        :param page: counted from 1; ``total_pages`` of the answer is the last one.
        """
        return self.run(
            sengo.list_transactions(self.credentials, day=day, type=type, status=status, page=page)
        )

    def get_balance(self) -> sengo.Balance:
        """Active, pending and total balance in whole rupiah."""
        return self.run(sengo.get_balance(self.credentials))

    def create_project(self, *, name: str, domain: str, ip: Sequence[str]) -> sengo.Project:
        """
        Make a project with one POST; an unknown outcome is never repeated.

        :param name: the project's name.
        :param domain: its absolute URL, not used by another project.
        :param ip: addresses or networks (``203.0.113.0/24``) that it may be used from.
        """
        return self.run(sengo.create_project(self.credentials, name=name, domain=domain, ip=ip))

    def create_project_once(
        self,
        *,
        name: str,
        domain: str,
        ip: Sequence[str],
        may_have_been_sent: bool,
        mark: Callable[[], None],
        unmark: Callable[[], None],
    ) -> sengo.Project:
        """
        Make a project unless an earlier try may have; what cannot be known is reported, not repeated.

        :param may_have_been_sent: False only if no earlier try can have sent it.
        :param mark: keeps, where it survives this process, that it is about to be sent; raises if it cannot.
        :param unmark: takes that back, as nothing was sent.
        """
        create = sengo.create_project(self.credentials, name=name, domain=domain, ip=ip)
        steps = payment.create_project_once(create, name=name, may_have_been_sent=may_have_been_sent)
        return drive(steps, World(run=self.run, mark=mark, unmark=unmark))

    def test_connection(self) -> tuple[bool, str]:
        """Ask for the balance, which changes nothing; say what works or what to mend, without secrets."""
        try:
            with self:
                self.get_balance()
        except ValueError as error:
            return False, str(error)
        except AirflowNotFoundException as error:  # so Airflow says of a URI that it can't read, too
            return False, f"{error}. If it is set as a URI, percent-encode its parts, or set it as JSON."
        except NotAuthorized as error:
            return False, (
                f"{self._shown(error)} Check client key, client token and environment, and that the project "
                "allows this machine's address."
            )
        except SenGoProviderError as error:
            return False, self._shown(error)
        except Exception as error:  # noqa: BLE001  # shown as it is, it could hold a URI with its password
            return False, f"The connection could not be tested: {type(error).__name__}."
        return True, f"SenGo accepts key and token at {self.credentials.base_url}."

    def _shown(self, error: SenGoProviderError) -> str:
        """An error's text, with the secrets taken out once more."""
        return self.credentials.redact(str(error))

    @asynccontextmanager
    async def open_listing(self, in_flight: int = 16) -> AsyncIterator[Listing]:
        """
        Open an async fetcher of listing pages and rows, for the archive.

        :param in_flight: how many requests may wait for their answer at a time.
        """
        async with self.open_session(in_flight=in_flight) as session:
            yield Listing(session, self.credentials)
