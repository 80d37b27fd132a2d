# SPDX-License-Identifier: Apache-2.0
"""The whole simulated world as its users steer it. Thread-safe; needs no HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from . import edits, truth
from .drift import Drift, force_status
from .exchange import handle
from .faults import Fault
from .ledger import Ledger
from .odd import ODD_KINDS
from .plan import Plan
from .request_log import RequestLog
from .settings import CLIENT_KEY
from .state import WorldState


class World(WorldState):
    """What ``/_control`` and the Python interface steer, over the state that the endpoints read."""

    def ledger(
        self, *, key: str | None = None, day: str | date | None = None, type: str | None = None
    ) -> list[dict[str, Any]]:
        """The truth, forgotten and vanished rows included; ``day`` is a listing day."""
        with self.open(key) as ledger:
            ordinal = None if day is None else as_ordinal(day)
            return truth.truth_rows(ledger, key or CLIENT_KEY, day=ordinal, type=type)

    def sums(self, *, key: str | None = None) -> list[dict[str, Any]]:
        """Rows and amount sum of every listing that the gateway shows now."""
        with self.open(key) as ledger:
            return truth.truth_sums(ledger)

    def payments(self, reference: str, *, key: str | None = None) -> list[dict[str, Any]]:
        """Every SenGo payment ever made under a reference, oldest first, forgotten and hidden ones included."""
        with self.open(key) as ledger:
            return truth.payments(ledger, key or CLIENT_KEY, reference)

    def charges(self, order_id: str | None = None) -> list[dict[str, Any]]:
        """The senangPay charges that moved money, whatever the queries show."""
        return self.senangpay.charges(order_id)

    def handle(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = b"",
        *,
        timeout_s: float = 30.0,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request to either gateway without sockets: status, headers (names in lower case), body.

        ``url`` is absolute or begins with ``/api/``, ``/apiv1/`` or ``/tokenization/``. Faults strike as on
        the wire; one that cuts the connection raises ``ConnectionCut``, as does ``slow`` from ``timeout_s``
        on. Nothing ever waits: latency and shorter delays are left out.
        """
        return handle(self, method, url, headers or {}, body or b"", timeout_s=timeout_s)

    def requests(self) -> RequestLog:
        """The request log: ``.total``, ``.by_endpoint``, ``.by_status``, ``.entries``, ``.clear()``."""
        return self.log

    # -- single transactions (by id or reference; KeyError for an unknown one) --------------------------

    @contextmanager
    def _edit(self, id: str, key: str | None) -> Iterator[Plan]:
        with self.open(key) as ledger, ledger.edit(plan_of(ledger, id)) as plan:
            yield plan

    def pay(self, id: str, *, key: str | None = None) -> None:
        """Paid now, whatever it was."""
        with self._edit(id, key) as plan:
            force_status(plan, "success", self.now_s())

    def settle(self, id: str, *, key: str | None = None) -> None:
        """Late settlement now: success, even after expired or failed."""
        self.pay(id, key=key)

    def expire(self, id: str, *, key: str | None = None) -> None:
        """Expired now."""
        with self._edit(id, key) as plan:
            force_status(plan, "expired", self.now_s())

    def fail(self, id: str, *, key: str | None = None) -> None:
        """Failed now."""
        with self._edit(id, key) as plan:
            force_status(plan, "failed", self.now_s())

    def vanish(self, id: str, *, key: str | None = None) -> None:
        """Out of every listing; /check still knows it."""
        with self._edit(id, key) as plan:
            plan.vanished = True

    def hide(self, id: str, *, key: str | None = None) -> None:
        """Unknown to listings and /check; its reference stays used."""
        with self._edit(id, key) as plan:
            plan.hidden = True

    def show(self, id: str, *, key: str | None = None) -> None:
        """Undo ``vanish`` and ``hide``."""
        with self._edit(id, key) as plan:
            plan.vanished = plan.hidden = False

    def mutate(self, id: str, *, key: str | None = None, **fields: Any) -> None:
        """Change a transaction or only its row; see ``edits.mutate``."""
        with self.open(key) as ledger:
            edits.mutate(ledger, plan_of(ledger, id), self.now_s(), fields)

    def insert(self, *, key: str | None = None, **plan: Any) -> str:
        """Put in a transaction and return its id; see ``edits.insert``."""
        with self.open(key) as ledger:
            return edits.insert(ledger, self.now_s(), self._rng, plan)

    def add_odd_rows(
        self,
        day: str | date,
        type: str,
        *,
        status: str = "success",
        kinds: list[str] | None = None,
        key: str | None = None,
    ) -> list[str]:
        """One row of each kind of misfit (``odd.ODD_KINDS``), in that order; returns their ids."""
        with self.open(key) as ledger:
            wanted = list(ODD_KINDS) if kinds is None else kinds
            where = {"day": as_ordinal(day), "type": type, "status": status}
            return edits.add_odd_rows(ledger, self.now_s(), self._rng, kinds=wanted, **where)  # type: ignore[arg-type]

    def fill(
        self,
        *,
        day: str | date,
        type: str,
        rows: int,
        status: str = "success",
        paid_within_s: float | None = None,
        key: str | None = None,
    ) -> int:
        """Add many rows of one status; pending ones may get paid, evenly, within some seconds from now."""
        with self.open(key) as ledger:
            return edits.fill(
                ledger,
                self.now_s(),
                self._rng,
                day=as_ordinal(day),
                type=type,
                status=status,
                rows=rows,
                paid_within_s=paid_within_s,
            )

    # -- faults and drift -----------------------------------------------------------------------------

    def set_fault(
        self,
        name: str,
        *,
        rate: float = 1.0,
        max_times: int | None = None,
        endpoint: str | None = None,
        first_try_only: bool = False,
        match: str | None = None,
        at: tuple[int, ...] = (),
        processed: bool | None = None,
        **details: Any,
    ) -> None:
        """Switch a fault on; see ``faults``."""
        with self.lock:
            fault = Fault(
                name, rate, max_times, endpoint, first_try_only, match, tuple(at), processed, details
            )
            self.faults.set(fault)

    def clear_faults(self, name: str | None = None) -> None:
        """Switch one kind of fault off, or all."""
        with self.lock:
            self.faults.clear(name)

    def set_drift(
        self,
        *,
        mode: str,
        day: str | date,
        type: str,
        status: str = "success",
        key: str | None = None,
        **how: Any,
    ) -> None:
        """Let one listing move; see ``drift.Drift`` for how. A second for it replaces the first."""
        credential = key or CLIENT_KEY
        ordinal = as_ordinal(day)
        try:
            drift = Drift(mode=mode, day=ordinal, type=type, status=status, key=credential, **how)
        except TypeError as error:
            raise ValueError(str(error)) from error
        with self.lock:
            self._drifts[credential, ordinal, type, status] = drift

    def clear_drift(self) -> None:
        """Stop all drift; what came and left stays so."""
        with self.lock:
            self._drifts.clear()

    def drifts(self) -> list[Drift]:
        """The drifts going on, with what they have done."""
        return list(self._drifts.values())


def plan_of(ledger: Ledger, id: str) -> Plan:
    """A transaction by id or reference, known to the gateway or not; KeyError when there is none."""
    plan = ledger.plans.get(id) or ledger.by_reference.get(id)
    if plan is None:
        raise KeyError(id)
    return plan


def as_ordinal(day: str | date) -> int:
    """A day given as ``YYYY-MM-DD`` or as a date."""
    return (date.fromisoformat(day) if isinstance(day, str) else day).toordinal()
