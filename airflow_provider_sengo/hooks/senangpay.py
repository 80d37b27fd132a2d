# SPDX-License-Identifier: Apache-2.0
"""senangPay's API as methods."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_sengo import connection_fields
from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.hooks.connection import SenangPayConnection, read_senangpay_connection
from airflow_provider_sengo.hooks.masking import mask, mask_async
from airflow_provider_sengo.protocol import senangpay

if TYPE_CHECKING:
    from types import TracebackType

    from airflow_provider_sengo.protocol.http import Call
    from airflow_provider_sengo.transport.sync import Transport

T = TypeVar("T")

NO_ORDER_ID = (
    "AirflowConnectionTestThatNoOrderHasAsItsId"  # if some order has it, the test works all the same
)


class SenangPayHook(BaseHook):
    """
    Talk to senangPay with the merchant id and secret key of a connection.

    Every method is one exchange; it is repeated only where that is safe. Errors are those of
    ``airflow_provider_sengo.exceptions``; wrong arguments and connections raise ``ValueError`` before
    anything is sent. Use it as a context manager, or ``close()`` it, to give its session back early.

    :param senangpay_conn_id: the :ref:`connection <senangpay>` to use; read at first use, once a hook.
    """

    conn_name_attr = "senangpay_conn_id"
    default_conn_name = "senangpay_default"
    conn_type = connection_fields.SENANGPAY.connection_type
    hook_name = connection_fields.SENANGPAY.hook_name

    def __init__(self, senangpay_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.senangpay_conn_id = senangpay_conn_id

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The form's extras on Airflow 3.1; later ones read the provider info."""
        return connection_fields.form_widgets(connection_fields.SENANGPAY.connection_type)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The form's standard fields on Airflow 3.1; later ones read the provider info."""
        return connection_fields.field_behaviour(connection_fields.SENANGPAY.connection_type)

    @cached_property
    def connection(self) -> SenangPayConnection:
        """The connection as read; its secrets are masked in the logs from here on."""
        connection = read_senangpay_connection(self.get_connection(self.senangpay_conn_id))
        mask(connection.secrets())
        return connection

    async def read_connection_async(self) -> SenangPayConnection:
        """``connection`` for code in an event loop, which must not wait for Airflow synchronously."""
        if "connection" not in self.__dict__:
            from airflow.providers.common.compat.connection import get_async_connection

            connection = read_senangpay_connection(
                await get_async_connection(self.senangpay_conn_id, hook=self)
            )
            await mask_async(connection.secrets())
            self.__dict__["connection"] = connection
        return self.connection

    @property
    def credentials(self) -> senangpay.SenangPayCredentials:
        """Base URL, merchant id, secret key and hash type."""
        return self.connection.credentials

    @cached_property
    def _transport(self) -> Transport:
        from airflow_provider_sengo.transport.sync import Transport

        return Transport(self.connection.options)

    def run(self, call: Call[T]) -> T:
        """Make one call and return its record."""
        return self._transport.run(call)

    def close(self) -> None:
        """Give the session back; the next call opens another."""
        transport: Transport | None = self.__dict__.pop("_transport", None)
        if transport is not None:
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def charge_token(
        self,
        *,
        name: str,
        email: str,
        detail: str,
        phone: str,
        order_id: str,
        amount_sen: int | str,
        token: str,
    ) -> senangpay.CardPayment:
        """
        Charge a stored card with one POST; no care is taken against paying twice.

        :param name: the buyer's name, at most 100 characters.
        :param email: the buyer's email address.
        :param detail: what is paid for, at most 100 characters.
        :param phone: the buyer's phone number, as text.
        :param order_id: new for every charge, ASCII letters and digits.
        :param amount_sen: whole sen (RM 2.00 is 200), also as text (``"200"``).
        :param token: the card token; it is masked in the logs from here on.
        """
        self._mask_token(token)
        return self.run(
            senangpay.charge_token(
                self.credentials,
                name=name,
                email=email,
                detail=detail,
                phone=phone,
                order_id=order_id,
                amount_sen=amount_sen,
                token=token,
            )
        )

    def validate_token(self, token: str) -> senangpay.TokenValidation:
        """
        Ask whether a stored card can be charged.

        :param token: the card token; it is masked in the logs from here on.
        """
        self._mask_token(token)
        return self.run(senangpay.validate_token(self.credentials, token))

    def toggle_token(self, token: str) -> senangpay.TokenStatus:
        """
        Enable a disabled card, or disable an enabled one, with one POST; twice is back where it was.

        :param token: the card token; it is masked in the logs from here on.
        """
        self._mask_token(token)
        return self.run(senangpay.toggle_token(self.credentials, token))

    def query_order(self, order_id: str) -> list[senangpay.OrderPayment]:
        """
        List all attempts to pay an order; none means that the gateway knows no such order (yet).

        :param order_id: the order's id.
        """
        rows = self.run(senangpay.query_order(self.credentials, order_id))
        return list(rows)

    def query_transaction(self, reference: str) -> list[senangpay.OrderPayment]:
        """
        Look a transaction up; none means that the gateway does not know it.

        :param reference: the ``transaction_id`` of a charge.
        """
        rows = self.run(senangpay.query_transaction(self.credentials, reference))
        return list(rows)

    def list_transactions(self, start: datetime, end: datetime) -> list[senangpay.OrderPayment]:
        """
        List all transactions of a window of time.

        :param start: aware datetime.
        :param end: aware datetime, later than ``start``.
        """
        rows = self.run(senangpay.list_transactions(self.credentials, start, end))
        return list(rows)

    def tokenization_url(self, *, order_id: str, name: str, email: str, phone: str) -> str:
        """
        Make the signed URL that a buyer opens in a browser to store a card; nothing is sent.

        :param order_id: new for every attempt; what comes back is recognised by it.
        :param name: the buyer's name, at most 100 characters.
        :param email: the buyer's email address.
        :param phone: the buyer's phone number, as text.
        """
        return senangpay.tokenization_url(
            self.credentials, order_id=order_id, name=name, email=email, phone=phone
        )

    def verify_tokenization_return(
        self, params: Mapping[str, Any] | str, *, order_id: str | None = None
    ) -> senangpay.CardToken:
        """
        Verify what the return URL or the callback got, and give the stored card; nothing is sent.

        :param params: the fields, percent-decoded once, or the undecoded query string or form body.
        :param order_id: the one given to ``tokenization_url``; without it, compare it yourself.
        """
        card = senangpay.verify_tokenization_return(self.credentials, params, order_id=order_id)
        self._mask_token(card.token)
        return card

    def test_connection(self) -> tuple[bool, str]:
        """Query an order that cannot exist, which changes nothing; say what works or what to mend."""
        try:
            with self:
                self.query_order(NO_ORDER_ID)
        except ValueError as error:
            return False, str(error)
        except AirflowNotFoundException as error:  # so Airflow says of a URI that it can't read, too
            return False, f"{error}. If it is set as a URI, percent-encode its parts, or set it as JSON."
        except SenGoProviderError as error:
            return False, self.credentials.redact(str(error))
        except Exception as error:  # noqa: BLE001  # shown as it is, it could hold a URI with its password
            return False, f"The connection could not be tested: {type(error).__name__}."
        return True, f"senangPay accepts merchant id and secret key at {self.credentials.base_url}."

    def _mask_token(self, token: object) -> None:
        """Before the checks: a token that is refused may still be a real one with a blank too many."""
        if isinstance(token, str) and token.strip():
            mask({token, token.strip()})
