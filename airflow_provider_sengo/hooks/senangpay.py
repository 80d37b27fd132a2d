# SPDX-License-Identifier: Apache-2.0
"""senangPay's API as methods.

No request is built and no answer judged here: that is ``protocol``'s, and how an order is charged once is
``protocol.charge``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_sengo import connection_fields
from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.hooks.connection import SenangPayConnection, read_senangpay_connection
from airflow_provider_sengo.hooks.gateway import GatewayHook
from airflow_provider_sengo.hooks.masking import mask
from airflow_provider_sengo.hooks.steps import World, drive
from airflow_provider_sengo.protocol import charge, senangpay
from airflow_provider_sengo.protocol.money import parse_sen

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


NO_ORDER_ID = (
    "AirflowConnectionTestThatNoOrderHasAsItsId"  # if some order has it, the test works all the same
)


class SenangPayHook(GatewayHook[SenangPayConnection]):
    """
    Talk to senangPay with the merchant id and secret key of a connection.

    Every method is one exchange; it is repeated only where that is safe. Errors are those of
    ``airflow_provider_sengo.exceptions``; wrong arguments and connections raise ``ValueError`` before
    anything is sent. Use it as a context manager, or ``close()`` it, to give its session back early.

    :param senangpay_conn_id: the :ref:`connection <senangpay>` to use; default ``senangpay_default``. It is
        read at first use, once a hook.
    :param logger_name: its logger's name after ``airflow.task.hooks.``; default is the class's full name.
    """

    conn_name_attr = "senangpay_conn_id"
    default_conn_name = "senangpay_default"
    conn_type = connection_fields.SENANGPAY.connection_type
    hook_name = connection_fields.SENANGPAY.hook_name

    def __init__(self, senangpay_conn_id: str = default_conn_name, *, logger_name: str | None = None) -> None:
        super().__init__(logger_name=logger_name)
        self.senangpay_conn_id = senangpay_conn_id

    @staticmethod
    def _read(connection: Connection) -> SenangPayConnection:
        return read_senangpay_connection(connection)

    @property
    def credentials(self) -> senangpay.SenangPayCredentials:
        """Base URL, merchant id, secret key and hash type."""
        return self.connection.credentials

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

    def charge_token_once(
        self,
        *,
        name: str,
        email: str,
        detail: str,
        phone: str,
        order_id: str,
        amount_sen: int | str,
        token: str,
        may_have_been_sent: bool,
        reconcile_timeout_s: float = 60,
        mark: Callable[[], None] | None = None,
        unmark: Callable[[], None] | None = None,
    ) -> senangpay.CardPayment:
        """
        Charge a stored card at most once an order; what cannot be known is reported, never guessed.

        The order is queried first. Raises ``Rejected`` (declined, proved by its hash), ``OutcomeUnknown``
        that no retry cures where a person must look, ``SignatureMismatch``; the parameters that
        ``charge_token`` has too mean the same here.

        :param may_have_been_sent: False only if no earlier attempt can have sent it.
        :param reconcile_timeout_s: how long, in seconds, an order is watched where it is not conclusive.
        :param mark: keeps, where it survives this process, that it is about to be sent; raises if it cannot.
        :param unmark: takes that back, as nothing was sent.
        """
        self._mask_token(token)
        charge_call = senangpay.charge_token(
            self.credentials,
            name=name,
            email=email,
            detail=detail,
            phone=phone,
            order_id=order_id,
            amount_sen=amount_sen,
            token=token,
        )
        steps = charge.charge_token_once(
            order_id=order_id,
            amount_sen=parse_sen(amount_sen, field="amount_sen"),
            query=senangpay.query_order(self.credentials, order_id),
            charge=charge_call,
            may_have_been_sent=may_have_been_sent,
            reconcile_timeout_s=reconcile_timeout_s,
        )
        if (mark is None) is not (unmark is None):
            raise ValueError("mark and unmark: give both or neither.")
        world = World(run=self.run)
        if mark is not None and unmark is not None:
            world = replace(world, mark=mark, unmark=unmark)
        return drive(steps, world)

    def set_token_status(self, token: str, *, enabled: bool) -> senangpay.TokenStatus:
        """
        Bring a stored card into a wanted state, though the gateway can only flip it.

        A card in the wanted state is flipped away and back. Raises ``OutcomeUnknown`` where too many
        answers were lost; then call it again.

        :param token: the card token; it is masked in the logs from here on.
        :param enabled: the wanted state.
        """
        self._mask_token(token)
        toggle = senangpay.toggle_token(self.credentials, token)
        return drive(charge.set_token_status(toggle=toggle, enabled=enabled), World(run=self.run))

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
