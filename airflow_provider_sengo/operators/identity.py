# SPDX-License-Identifier: Apache-2.0
"""Which payment a task is about: the identity given by the user, or one derived and kept.

A retry, a clear and a rerun of the same task must mean the same payment; another task, run or deployment
must never mean it. How an identity is made is ``protocol.identity``'s.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import conf

from airflow_provider_sengo.hooks.base_url import is_loopback
from airflow_provider_sengo.protocol.identity import derive_identity

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

FIRST_ATTEMPT = "1"
NOT_MAPPED = -1
NO_VALUES = ("None", "nan", "NaN", "null")  # as templates render what is missing: one name for many payments


def payment_identity(
    context: Context, *, given: str | None, was_given: bool, attempt: str, conn_id: str, field: str
) -> str:
    """The reference or order id (``field``) of the task's payment.

    ``was_given``: whether the DAG's author gave one, whatever its template rendered to. A derived one is
    kept in the task state store, where Airflow has one, and a kept one counts. Raises ``ValueError`` naming
    the field where none is given and none can be derived.
    """
    attempt = _checked_attempt(attempt)
    if was_given or given is not None:
        if given is None or given in NO_VALUES:
            raise ValueError(
                f"{field}: was given, but its template rendered no value; give the order's own number."
            )
        if attempt != FIRST_ATTEMPT:
            raise ValueError(
                f"attempt: counts only where {field} is derived; to pay again on purpose give a new {field}."
            )
        return given
    ti = context.get("ti")
    if ti is None:
        raise ValueError(f"{field} is missing: without a running task none can be derived; give one.")
    if getattr(ti, "map_index", NOT_MAPPED) != NOT_MAPPED:
        raise ValueError(
            f"{field} is missing: a mapped task must be given one, such as the order's own number, since a map"
            " index names another customer once the list changes."
        )
    store = context.get("task_state_store")
    key = f"{field}:{attempt}"
    kept = store.get(key) if store is not None else None
    if kept is not None:
        return str(kept)
    derived = derive_identity(
        namespace=_namespace(field),
        conn_id=conn_id,
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        attempt=attempt,
    )
    keep(context, key, derived)
    return derived


def keep(context: Context, key: str, value: Any) -> None:
    """Keep a value for this task for ever, where Airflow has a store for it (3.3); raises if that fails."""
    store = context.get("task_state_store")
    if store is None:
        return
    from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined,unused-ignore]  # there since 3.3

    store.set(key, value, retention=NEVER_EXPIRE)


def known_since(context: Context) -> datetime | None:
    """Since when this run's identities can have been in use: its ``run_after``, never its start."""
    run = context.get("dag_run")
    moment = getattr(run, "run_after", None)
    return moment if isinstance(moment, datetime) and moment.tzinfo is not None else None


def _checked_attempt(attempt: object) -> str:
    """As text, for a natively rendered 2 and "2" are one attempt; what rendered to nothing is none."""
    text = str(attempt) if isinstance(attempt, str | int) and not isinstance(attempt, bool) else ""
    if not text.strip() or text != text.strip() or text in NO_VALUES:
        raise ValueError("attempt: must be text such as '1', not empty and without blanks around it.")
    return text


def _namespace(field: str) -> str:
    """What tells this installation from any other; two with one namespace would share identities."""
    given = conf.get("sengo", "reference_namespace", fallback=None)
    if given:
        return str(given)
    base_url = str(conf.get("api", "base_url", fallback="") or "")
    host = urlsplit(base_url).hostname
    if host and not is_loopback(host):
        return base_url.rstrip("/")
    raise ValueError(
        f"{field} is missing, and none can be derived: set [sengo] reference_namespace"
        " (AIRFLOW__SENGO__REFERENCE_NAMESPACE) to a name that no other Airflow uses, or [api] base_url, or"
        f" give the {field}."
    )


class SentMark:
    """Whether an earlier try of this task may have sent what must be sent once, and the mark that tells.

    Where Airflow has a task state store (3.3), a try keeps there that nothing was sent, and overwrites that
    before it sends. In a run that was cleared, nothing kept proves nothing: the store may have been emptied,
    and the order of a mapped task may have stood at another map index, which has its own store. Without a
    store, only a first try is known to have sent nothing before.
    """

    SENT, NOT_SENT = "1", "0"

    def __init__(self, context: Context, key: str) -> None:
        self._context = context
        self._store = context.get("task_state_store")
        self._key = f"sent:{key}"

    def may_have_been_sent(self) -> bool:
        """False only if no earlier try can have sent it; keeps that, so that a retry knows."""
        kept = None if self._store is None else self._store.get(self._key)
        if kept is not None:
            return bool(kept != self.NOT_SENT)
        if not self._nothing_kept_is_proof():
            return True
        keep(self._context, self._key, self.NOT_SENT)
        return False

    def put(self) -> None:
        """Keep that it is about to be sent; raises if it cannot be kept."""
        keep(self._context, self._key, self.SENT)

    def take_back(self) -> None:
        """Nothing was sent after all."""
        keep(self._context, self._key, self.NOT_SENT)

    def _nothing_kept_is_proof(self) -> bool:
        """Whether an earlier try would have kept it, here, had it sent anything."""
        ti = self._context.get("ti")
        is_uncleared = getattr(self._context.get("dag_run"), "clear_number", None) == 0
        if getattr(ti, "try_number", None) == 1:
            return is_uncleared or getattr(ti, "map_index", NOT_MAPPED) == NOT_MAPPED
        return is_uncleared and self._store is not None
