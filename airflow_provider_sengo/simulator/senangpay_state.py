# SPDX-License-Identifier: Apache-2.0
"""What the simulated senangPay knows: card tokens and attempts to pay; steered as ``world.senangpay``."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .clock import as_seconds, iso_jakarta
from .senangpay_attempt import STATUSES, Attempt, row_of, status_at, truth_of
from .senangpay_settings import SenangPaySettings
from .senangpay_tokens import DECLINES, TEST_CARD, CardToken, new_token, told
from .wire import REMOVE

if TYPE_CHECKING:
    from .state import WorldState

UNCHANGED: Any = object()


class SenangPay:
    """One merchant's cards and payments. The world's lock guards it; KeyError for what is unknown."""

    def __init__(self, world: "WorldState") -> None:
        self._world = world
        self.clear()

    def clear(self) -> None:
        """Forget every card and payment."""
        self.cards: dict[str, CardToken] = {}
        self.by_id: dict[str, Attempt] = {}  # transaction id -> attempt, oldest first
        self.by_order: dict[str, list[Attempt]] = {}
        self._numbers: dict[str, int] = {}
        self._notices: list[tuple[float, dict[str, str]]] = []  # callbacks to come: when, fields

    @property
    def settings(self) -> SenangPaySettings:
        """The switches as they are now."""
        return self._world.settings.senangpay

    def configure(self, **changes: Any) -> SenangPaySettings:
        """Change switches; the same as ``world.configure(senangpay={...})``."""
        return self._world.configure(senangpay=changes).senangpay

    def number(self, of: str) -> int:
        """The next number of a series, from 1."""
        self._numbers[of] = self._numbers.get(of, 0) + 1
        return self._numbers[of]

    # -- card tokens ----------------------------------------------------------------------------------

    def issue_token(self, *, enabled: bool = True, decline: str | None = None, card: str = TEST_CARD) -> str:
        """Put a card into the vault; ``decline``: a message or a key of ``DECLINES``, None = it charges."""
        with self._world.lock:
            number = self.number("token")
            made = new_token(self._world.settings.seed, number, enabled=enabled, decline=decline, card=card)
            self.cards[made.token] = made
            return made.token

    def set_token(
        self, token: str, *, enabled: bool = UNCHANGED, decline: str | None = UNCHANGED
    ) -> dict[str, Any]:
        """Change a token behind the client's back."""
        with self._world.lock:
            card = self.cards[token]
            if enabled is not UNCHANGED:
                card.enabled = enabled
            if decline is not UNCHANGED:
                card.decline = None if decline is None else DECLINES.get(decline, decline)
            return told(card)

    def token(self, token: str) -> dict[str, Any]:
        """``token enabled decline last_four brand toggles`` of one token, as it truly is."""
        with self._world.lock:
            return told(self.cards[token])

    def tokens(self) -> list[dict[str, Any]]:
        """Every token, in order of issue."""
        with self._world.lock:
            return [told(card) for card in self.cards.values()]

    # -- the truth ------------------------------------------------------------------------------------

    def charges(self, order_id: str | None = None) -> list[dict[str, Any]]:
        """The attempts that moved money, whatever queries show; see ``attempts``."""
        return [one for one in self.attempts(order_id) if one["status"] == "paid"]

    def attempts(self, order_id: str | None = None) -> list[dict[str, Any]]:
        """All attempts, or one order's, oldest first: truth and what is shown (``attempt.truth_of``)."""
        with self._world.lock:
            now_s = self._world.now_s()
            return [truth_of(one, now_s) for one in self.of_order(order_id)]

    def of_order(self, order_id: str | None) -> list[Attempt]:
        """An order's attempts, or all."""
        return list(self.by_id.values()) if order_id is None else self.by_order.get(order_id, [])

    # -- attempts -------------------------------------------------------------------------------------

    def add_payment(
        self,
        order_id: str,
        *,
        amount_sen: int,
        status: str = "paid",
        created_at: datetime | str | None = None,
        paid_after_s: float | None = None,
        **fields: Any,
    ) -> str:
        """Put in a row of an order and return its transaction id: for orders with several rows.

        ``paid_after_s``: a pending one gets paid so long from now. ``fields``: others of ``Attempt``, such as
        ``transaction_id``, ``by_pay_cc=False``, ``lag_queries``, ``pending_queries``, ``detail``.
        """
        if status not in STATUSES:
            raise ValueError(f"status must be one of {', '.join(STATUSES)}")
        with self._world.lock:
            now_s = self._world.now_s()
            created_s = now_s if created_at is None else as_seconds(created_at)
            decided_s = {"paid": "paid_s", "failed": "failed_s"}.get(status)
            times = {} if decided_s is None else {decided_s: created_s}
            if paid_after_s is not None:
                times["paid_s"] = now_s + paid_after_s
            fields.setdefault("transaction_id", self.new_transaction_id(created_s))
            if fields["transaction_id"] in self.by_id:
                raise ValueError("a payment of this transaction id exists")
            made = Attempt(order_id=order_id, amount_sen=amount_sen, created_s=created_s, **(times | fields))
            self.keep(made)
            return made.transaction_id

    def new_transaction_id(self, at_s: float) -> str:
        """17 digits that begin with the unix time, as the vendor's samples do."""
        return f"{int(at_s)}{self.number('transaction'):07}"

    def keep(self, attempt: Attempt) -> None:
        """Take in an attempt."""
        self.by_id[attempt.transaction_id] = attempt
        self.by_order.setdefault(attempt.order_id, []).append(attempt)

    def drop(self, attempt: Attempt) -> None:
        """As if it had never been: the request wasn't processed after all."""
        del self.by_id[attempt.transaction_id]
        self.by_order[attempt.order_id].remove(attempt)

    def settle(self, transaction_id: str) -> None:
        """Paid now, and shown so."""
        with self._world.lock:
            attempt = self.by_id[transaction_id]
            if status_at(attempt, self._world.now_s()) != "paid":
                attempt.paid_s = self._world.now_s()
            attempt.pending_until_s, attempt.pending_queries = 0.0, 0

    def fail(self, transaction_id: str) -> None:
        """Failed now, and shown so; no money moved."""
        with self._world.lock:
            attempt = self.by_id[transaction_id]
            attempt.paid_s, attempt.failed_s = None, self._world.now_s()
            attempt.pending_until_s, attempt.pending_queries = 0.0, 0

    def hide(self, transaction_id: str) -> None:
        """No query finds it any more; the money stays where it went."""
        with self._world.lock:
            self.by_id[transaction_id].hidden = True

    def show(self, transaction_id: str) -> None:
        """Every query finds it at once: undoes ``hide`` and ends a lag."""
        with self._world.lock:
            attempt = self.by_id[transaction_id]
            attempt.hidden, attempt.shown_s, attempt.lag_queries = False, 0.0, 0

    def mutate(self, transaction_id: str, *, remove: tuple[str, ...] = (), **fields: Any) -> None:
        """Change the row that queries send, not the truth: dotted path -> value.

        For example ``mutate(id, **{"payment_info.status": "refunded"}, remove=("product",))``.
        """
        with self._world.lock:
            attempt = self.by_id[transaction_id]
            before = attempt.patch
            attempt.patch = before | dict.fromkeys(remove, REMOVE) | fields
            try:
                row_of(attempt, self._world.now_s(), self.settings)
            except (LookupError, TypeError) as error:
                attempt.patch = before
                raise ValueError(f"a row has no such field: {error}") from error

    # -- callbacks of the tokenization page -----------------------------------------------------------

    def notify_later(self, fields: dict[str, str]) -> None:
        """Tell the callback URL, some time after the return."""
        if self.settings.callback_url is None:
            return
        delay_s = self.settings.callback_after_s if self._world.settings.callbacks else 0
        self._notices.append((self._world.now_s() + delay_s, fields))
        self.tick()

    def tick(self) -> None:
        """Send the callbacks whose time has come."""
        with self._world.lock:
            for fields in self._due():
                self._world.callbacks.post_form(
                    url=self.settings.callback_url or "",
                    body=urlencode(fields).encode(),
                    enabled=self._world.settings.callbacks,
                    id=fields["order_id"],
                    status=fields.get("status_id", fields.get("status", "")),
                    why="tokenization",
                    at=iso_jakarta(self._world.now_s()),
                )

    def _due(self) -> Iterator[dict[str, str]]:
        now_s, waiting = self._world.now_s(), self._notices
        self._notices = [one for one in waiting if one[0] > now_s]
        yield from [fields for at_s, fields in waiting if at_s <= now_s]
