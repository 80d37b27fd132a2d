# SPDX-License-Identifier: Apache-2.0
"""What both gateways' sensors share: one meaning of every limit in poke, reschedule and deferrable mode.

======================================  ===========================================================
ends by                                 the task
======================================  ===========================================================
``PaymentFailed``                       fails for good; skipped with ``soft_fail``
``timeout``, since the try's start      fails for good (AirflowSensorTimeout); skipped with ``soft_fail``
``execution_timeout``, since the same   fails (AirflowTaskTimeout), may be retried; skipped with ``soft_fail``
401, 403, an unknown id, any refusal    fails for good, whatever ``soft_fail`` says
======================================  ===========================================================

What an answer means is decided in ``protocol.waiting``, nothing of it here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_sengo.exceptions import PaymentFailed, SenGoProviderError
from airflow_provider_sengo.protocol.waiting import UNKNOWN_FOR_S, Settled, too_late
from airflow_provider_sengo.triggers.events import DEFERRAL_TIMEOUT, read_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_sengo.triggers.wait import WaitTrigger

AFTER_DEADLINE_S = 180.0  # the trigger ends by itself; Airflow's own limit is for one that does not run


class WaitingSensor(BaseSensorOperator):
    """A sensor over ids that settle one by one.

    ``silent_fail`` and ``never_fail`` are refused: with them a revoked key would end as a skipped task.
    """

    def __init__(
        self,
        *,
        deferrable: bool | None = None,
        timeout: float | timedelta | None = None,
        silent_fail: bool = False,
        never_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        for name, is_wanted in (("silent_fail", silent_fail), ("never_fail", never_fail)):
            if is_wanted:
                raise ValueError(
                    f"{name}: would hide a revoked key or a wrong answer; trouble that may pass is waited out"
                    " in any case, and soft_fail skips the task when a payment failed or took too long."
                )
        if timeout is None:  # which Airflow 3.1 and 3.2 would refuse
            timeout = conf.getfloat("sensors", "default_timeout")
        super().__init__(timeout=timeout, **kwargs)
        default = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = default if deferrable is None else deferrable
        self._started_at: datetime | None = None
        self._settled: dict[str, Settled] = {}
        self._trouble = ""

    @abstractmethod
    def _ids(self) -> tuple[str, ...]:
        """What is waited for; ValueError names a wrong argument."""

    @abstractmethod
    def _look(self, ids: Sequence[str]) -> Iterator[tuple[str, Any]]:
        """Ask for each: ``(id, record or SenGoProviderError)``."""

    @abstractmethod
    def _verdict(self, id: str, seen: Any, *, may_appear: bool) -> Settled | None:
        """What became of it; None: not yet. Raises what no waiting cures."""

    @abstractmethod
    def _is_end(self, status: str) -> bool:
        """Whether this word ends the waiting, well or badly, by the arguments of now."""

    @abstractmethod
    def _result(self, statuses: Mapping[str, str], record: dict[str, Any] | None) -> Any:
        """The XCom, all being settled; raises PaymentFailed."""

    @abstractmethod
    def _trigger(self, ids: Sequence[str], limits: Mapping[str, Any]) -> WaitTrigger:
        """The JSON twin that goes on waiting; ``limits``: its interval and instants."""

    def execute(self, context: Context) -> Any:
        """Wait, and return what has settled."""
        self._started_at = self._first_start(context)
        self._settled = {}
        return self._wait(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once for all that have not settled."""
        started_at = self._started_at = self._started_at or _now()
        may_appear = (_now() - started_at).total_seconds() < UNKNOWN_FOR_S
        ids = self._ids()
        self._trouble = ""
        for id, seen in self._look([id for id in ids if id not in self._settled]):
            if isinstance(seen, SenGoProviderError):
                self._trouble = str(seen)
                self.log.info("%s: not known yet: %s", id, seen)
            if settled := self._verdict(id, seen, may_appear=may_appear):
                self._settled[id] = settled
        if self._waiting():
            self._raise_if_over("execution_timeout", self.execution_timeout)
            return PokeReturnValue(is_done=False)
        record = self._settled[ids[0]].record if len(ids) == 1 else None
        statuses = {id: self._settled[id].status for id in ids}
        return PokeReturnValue(is_done=True, xcom_value=self._result(statuses, record))

    def execute_complete(
        self,
        context: Context,
        event: Any = None,
        started_at: str | None = None,
        statuses: Mapping[str, str] | None = None,
    ) -> Any:
        """Go on after the trigger's event; ``statuses``: of those that had settled before."""
        self._started_at = datetime.fromisoformat(started_at) if started_at else _now()
        with self._ends():
            ended = read_event(event)
            known = {**(statuses or {}), **(ended.statuses if ended else {})}
            known = {id: known[id] for id in self._ids() if id in known and self._is_end(known[id])}
            if len(known) == len(self._ids()) and (len(known) != 1 or (ended and ended.record)):
                return self._result(known, ended.record if ended else None)
            self._settled = {id: Settled(status, {}) for id, status in known.items() if len(self._ids()) > 1}
            if ended is not None and not ended.is_settled:
                return self._last_look(context)
        # An event that does not prove what is asked for: another release's, one of before the task was edited,
        # or ``dag.test()``'s, which keeps nothing but the event. Look, and wait on if there is time.
        return self._wait(context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """As every operator's: Airflow's own for sensors would skip whatever the error with ``soft_fail``."""
        with self._ends():
            try:
                return super(BaseSensorOperator, self).resume_execution(next_method, next_kwargs, context)
            except AirflowException as error:
                if type(error).__name__ != DEFERRAL_TIMEOUT:
                    raise
                return self._last_look(context)  # the triggerer was away

    def _last_look(self, context: Context) -> Any:
        """The time is over, but what settled meanwhile has settled."""
        look = self.poke(context)
        if look.is_done:
            return look.xcom_value
        raise AirflowSensorTimeout

    def _wait(self, context: Context) -> Any:
        """From where this try stands: on the worker, or one look and then in the triggerer."""
        assert self._started_at is not None
        with self._ends():
            if not self.deferrable:
                return self._wait_on_worker(context)
            look = self.poke(context)
            if look.is_done:
                return look.xcom_value
            self._raise_if_late()
            return self._wait_in_triggerer(self._started_at)

    def _wait_on_worker(self, context: Context) -> Any:
        # Airflow's loop skips with a word of its own; ``_ends`` softens, here as in the triggerer.
        soft_fail, self.soft_fail = self.soft_fail, False
        try:
            return super().execute(context)
        finally:
            self.soft_fail = soft_fail

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        """Airflow's, but never beyond the time limit: then comes the last look, as in the triggerer."""
        left_s = self._limit_s() - (_now() - (self._started_at or _now())).total_seconds()
        return float(max(0.0, min(super()._get_next_poke_interval(*args, **kwargs), left_s)))

    @contextmanager
    def _ends(self) -> Iterator[None]:
        """How a wait ends badly, in one place for all modes."""
        try:
            yield
        except PaymentFailed as error:
            self._fail_softly(error, AirflowFailException(str(error)))
        except AirflowSensorTimeout as error:
            text = too_late(self._waiting(), f"timeout ({self.timeout:g} s)", self._trouble)
            self._fail_softly(error, AirflowSensorTimeout(text))
        except AirflowTaskTimeout as error:
            text = too_late(self._waiting(), f"execution_timeout ({self.execution_timeout})", self._trouble)
            self._fail_softly(error, AirflowTaskTimeout(text))
        except SenGoProviderError as error:
            raise AirflowFailException(str(error)) from error

    def _fail_softly(self, error: BaseException, failure: BaseException) -> NoReturn:
        if self.soft_fail:
            raise AirflowSkipException(str(failure)) from error
        raise failure from error

    def _waiting(self) -> list[str]:
        return [id for id in self._ids() if id not in self._settled]

    def _first_start(self, context: Context) -> datetime:
        """When this try first began; rescheduled visits are one wait."""
        ti = context.get("ti")
        if self.reschedule and not self.deferrable and ti is not None:
            first = ti.get_first_reschedule_date(context)
            if first is not None:
                return datetime.fromisoformat(first) if isinstance(first, str) else first
        return _now()

    def _limit_s(self) -> float:
        """Seconds from the try's start to the nearer of its limits."""
        if self.execution_timeout is None:
            return float(self.timeout)
        return min(float(self.timeout), self.execution_timeout.total_seconds())

    def _raise_if_late(self) -> None:
        self._raise_if_over("execution_timeout", self.execution_timeout)
        self._raise_if_over("timeout", timedelta(seconds=self.timeout))

    def _raise_if_over(self, name: str, limit: timedelta | None) -> None:
        assert self._started_at is not None
        if limit is not None and _now() - self._started_at >= limit:
            raise AirflowTaskTimeout if name == "execution_timeout" else AirflowSensorTimeout

    def _wait_in_triggerer(self, started_at: datetime) -> NoReturn:
        waiting = self._waiting()
        deadline = started_at + timedelta(seconds=self._limit_s())
        limits = {
            "poke_interval": self.poke_interval,
            "deadline": deadline.isoformat(),
            "may_appear_until": (started_at + timedelta(seconds=UNKNOWN_FOR_S)).isoformat(),
        }
        self.log.info("Waiting in the triggerer for %s, until %s", len(waiting), deadline.isoformat())
        statuses = {id: settled.status for id, settled in self._settled.items()}
        self.defer(
            trigger=self._trigger(waiting, limits),
            method_name="execute_complete",
            kwargs={"started_at": started_at.isoformat(), "statuses": statuses},
            timeout=deadline - _now() + timedelta(seconds=AFTER_DEADLINE_S),
        )


def _now() -> datetime:
    return datetime.now(UTC)
