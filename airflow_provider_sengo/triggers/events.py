# SPDX-License-Identifier: Apache-2.0
"""What a waiting trigger tells its task, as plain JSON; written by one release, maybe read by another.

So no field may lose its name or change its meaning. Events are stored: no secret may be in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from airflow_provider_sengo import exceptions
from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol.waiting import Settled

SETTLED, TOO_LATE, ERROR = "settled", "too late", "error"
DEFERRAL_TIMEOUT = (
    "TaskDeferralTimeout"  # Airflow's error by its name: its module differs between 3.1 and 3.3
)


class Ended(msgspec.Struct, frozen=True):
    """How a deferred wait ended. ``statuses``: id -> status, of those that settled.

    ``record``: the transaction, where one was waited for. ``trouble``: the last error, if it ended too late.
    """

    is_settled: bool
    statuses: dict[str, str]
    record: dict[str, Any] | None
    trouble: str


def settled_event(settled: Mapping[str, Settled]) -> dict[str, Any]:
    """All have settled."""
    record = next(iter(settled.values())).record if len(settled) == 1 else None
    return {"outcome": SETTLED, "statuses": _statuses(settled), "record": record}


def too_late_event(settled: Mapping[str, Settled], trouble: str) -> dict[str, Any]:
    """The deadline came first."""
    return {"outcome": TOO_LATE, "statuses": _statuses(settled), "trouble": trouble}


def error_event(error: SenGoProviderError | ValueError) -> dict[str, Any]:
    """An error that no waiting cures."""
    return {"outcome": ERROR, "error": type(error).__name__, "message": str(error)}


def read_event(event: object) -> Ended | None:
    """How it ended; None for an event that this release does not know. Raises what the trigger met."""
    if not isinstance(event, Mapping):
        return None
    if event.get("outcome") == ERROR:
        _raise_again(str(event.get("error")), str(event.get("message")))
    statuses, record = event.get("statuses"), event.get("record")
    if event.get("outcome") not in (SETTLED, TOO_LATE) or not isinstance(statuses, Mapping):
        return None
    return Ended(
        is_settled=event["outcome"] == SETTLED,
        statuses={str(id): str(status) for id, status in statuses.items()},
        record=dict(record) if isinstance(record, Mapping) else None,
        trouble=str(event.get("trouble") or ""),
    )


def _raise_again(name: str, message: str) -> NoReturn:
    kind = getattr(exceptions, name, None)
    if isinstance(kind, type) and issubclass(kind, SenGoProviderError):
        raise kind(message)
    raise ValueError(message) if name == "ValueError" else SenGoProviderError(message)


def _statuses(settled: Mapping[str, Settled]) -> dict[str, str]:
    return {id: each.status for id, each in settled.items()}
