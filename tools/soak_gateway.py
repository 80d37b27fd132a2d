# SPDX-License-Identifier: Apache-2.0
"""The gateways of ``make soak``: the simulator, misbehaving at random from a seed.

The ledger lives in the soak's own process and is the truth; only the server in front of it is stopped and
started again, on the same port.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ports import free_port
from soak_clock import SharedClock

from airflow_provider_sengo.simulator import Simulator
from airflow_provider_sengo.simulator.exchange import Exchange
from airflow_provider_sengo.simulator.faults import BEFORE_PROCESSING, DETAILS
from airflow_provider_sengo.simulator.odd import ODD_KINDS

FIRST_DAY = "2026-11-10T08:30:00+07:00"
TYPES = ("cashIn", "cashOut")
RATE_MAX = 0.02  # of each kind of fault; all together hit about every seventh request
# Rarer ones: a refused key fails a task for good, 64 MiB keep this machine busy, a late answer holds a slot.
RATES_MAX = {"refuse": 0.003, "oversize": 0.001, "timeout": 0.01, "slow": 0.05}
# Held longer than the connections' ``timeout_s``; larger than what they read.
DETAILS_HERE: dict[str, dict[str, Any]] = {"timeout": {"hold_s": 4.0}, "oversize": {"body_bytes": 65 * 2**20}}
# Before or after the gateway has done its work. The others show its answer: they must not take the work back.
EITHER_WAY = BEFORE_PROCESSING | {"reset", "timeout", "truncated", "cut_json", "soft_error", "html"}
EITHER_WAY -= {"no_connection"}
DRIFT_AGE_MAX = 4  # days older than that only change as the ledger planned it, so that each is read after it
PAUSE_S = (0.3, 1.5)  # for which nobody listens
KILL_RATES = {"GET": 0.01, "POST": 0.3}
NAMED = re.compile(rb"SOAK[QCW]\d{6}")
LISTED = re.compile(r"date=(\d{4}-\d\d-\d\d)")
LISTED_TYPE = re.compile(r"type=(cashIn|cashOut)")


class Gateways:
    """The simulator, its moods, and the clock that everybody shares."""

    def __init__(self, seed: int, clock: Path) -> None:
        self.rng = random.Random(f"gateways|{seed}")
        self.clock = SharedClock(clock)
        self.counts: Counter[str] = Counter()
        self.kills_wanted = True  # within requests
        self.changed_at: dict[tuple[str, str], datetime] = {}  # (day, type) -> last change by hand
        self.simulator = Simulator(
            seed=seed,
            now=FIRST_DAY,
            per_day=self.rng.randrange(30, 70),
            page_size=self.rng.choice((7, 10, 25)),
            order=self.rng.choice(("newest", "oldest", "hash")),
            day_zone=self.rng.choice(("Asia/Jakarta", "Asia/Jakarta", "UTC")),
            empty_total_pages=self.rng.choice((0, 1)),
            error_style=self.rng.choice(("code", "text", "http200")),
            port=free_port(),
        )
        self.world = self.simulator.world
        self.move_clock(self.world.now(), frozen=False)

    def connections(self) -> dict[str, str]:
        """Both as Airflow reads them from the environment."""
        limits = {"timeout_s": 2, "deadline_s": 20, "max_attempts": 4}
        sengo = {"conn_type": "sengo", "host": self.simulator.base_url, "login": self.simulator.client_key}
        sengo |= {"password": self.simulator.client_token}
        cards = {"conn_type": "senangpay", "host": self.simulator.senangpay_base_url}
        cards |= {"login": self.simulator.merchant_id, "password": self.simulator.secret_key}
        extra = limits | {"callback_url": "https://shop.example/paid"}
        return {
            "AIRFLOW_CONN_SENGO_DEFAULT": json.dumps({**sengo, "extra": extra}),
            "AIRFLOW_CONN_SENANGPAY_DEFAULT": json.dumps({**cards, "extra": limits}),
        }

    # -- the clock --------------------------------------------------------------------------------

    def move_clock(self, to: datetime, *, frozen: bool = False) -> None:
        """Forward only: for the gateway and, at once, for everybody else."""
        self.world.set_clock(to, frozen=frozen)
        self.clock.set(to.timestamp(), frozen=frozen)

    def at(self, hour: int, minute: int, second: int = 0, *, days_on: int = 0) -> datetime:
        """A time of the gateway's present day, or of a later one."""
        day = self.world.now() + timedelta(days=days_on)
        return day.replace(hour=hour, minute=minute, second=second, microsecond=0)

    # -- trouble ----------------------------------------------------------------------------------

    def new_mood(self) -> None:
        """Other faults, other listings that move, other odd rows, other habits."""
        self.calm_down()
        for name in DETAILS:
            self._set_fault(name)
        for _ in range(self.rng.randrange(3, 6)):
            self._set_drift()
        self._add_odd_rows()
        rng = self.rng
        self.world.configure(
            check_lag_requests=rng.choice((0, 0, 0, 1, 2)),
            latency_ms=rng.choice((0.0, 5.0, 30.0)),
            senangpay={
                "shown_after_queries": rng.choice((0, 0, 1, 2)),
                "pending_queries": rng.choice((0, 0, 1)),
                "charges_shown_by": rng.choice(([*SHOWN_BY], [*SHOWN_BY], [])),
                "row_order": rng.choice(("oldest", "newest", "hash")),
            },
        )

    def calm_down(self) -> None:
        """No faults and no drift; what has happened stays."""
        self.world.clear_faults()
        self.world.clear_drift()
        self.world.configure(latency_ms=0.0, check_lag_requests=0, senangpay=CALM_CARDS)

    def _set_fault(self, name: str) -> None:
        rate = self.rng.uniform(0, RATES_MAX.get(name, RATE_MAX))
        if name == "tamper":  # only where a hash or an echo tells; SenGo's answers have no hash
            # With a right hash (a stray blank in it, as the vendor's page has it) only what is true.
            how: dict[str, Any] = self.rng.choice(
                ({"fields": {"status": "0"}}, {"fields": {"amount_paid": 1}}, {"sign": "blank"})
            )
            self.world.set_fault(name, rate=rate * 3, endpoint="POST /apiv1/pay_cc", **how)
            return
        processed = self.rng.choice((None, None, name in BEFORE_PROCESSING)) if name in EITHER_WAY else None
        endpoint = "GET /transactions" if name == "empty_page" else None
        details = DETAILS_HERE.get(name, {})
        self.world.set_fault(name, rate=rate, processed=processed, endpoint=endpoint, **details)

    def _recent_day(self) -> tuple[str, str]:
        """A day and type that may change by hand, noted as changed."""
        age = self.rng.randrange(DRIFT_AGE_MAX + 1)
        day, type_ = str((self.world.now() - timedelta(days=age)).date()), self.rng.choice(TYPES)
        return day, type_

    def _set_drift(self) -> None:
        """Rows settle, appear, or vanish while pending; a listed success never goes away."""
        day, type_ = self._recent_day()
        status = self.rng.choice(("pending", "success", "expired", "failed"))
        if status == "pending":
            type_ = "cashOut"  # the pending payments are those of tasks, whose fate is told by their book
        mode = "arrive" if status == "success" else self.rng.choice(("leave", "arrive", "both"))
        leave_as = "success"
        if status == "pending":
            leave_as = self.rng.choice(("success", "success", "expired", "failed", "vanish"))
        self.world.set_drift(
            mode=mode,
            day=day,
            type=type_,
            status=status,
            every_requests=self.rng.randrange(2, 9),
            max_events=self.rng.randrange(1, 9),
            leave_as=leave_as,
            leave_from=self.rng.choice(("random", "first", "last")),
            arrive_at=self.rng.choice(("random", "start", "end")),
            seed=self.rng.randrange(2**31),
        )
        self._note_change(day, type_)

    def _add_odd_rows(self) -> None:
        day, type_ = self._recent_day()
        kinds = self.rng.sample(sorted(ODD_KINDS), 2)
        self.world.add_odd_rows(day, type_, status=self.rng.choice(("success", "failed")), kinds=kinds)
        self._note_change(day, type_)
        self.counts["odd rows"] += len(kinds)

    def _note_change(self, day: str, type_: str) -> None:
        """Later than it can be: a drift goes on until the mood changes, maybe after midnight."""
        self.changed_at[day, type_] = self.at(0, 0, days_on=2)

    # -- the server and the killer ------------------------------------------------------------------

    def restart(self, turn: Callable[[], None]) -> None:
        """Stop listening for a moment; the ledger stays. ``turn``: what goes on meanwhile."""
        self.stop()
        until_s = time.monotonic() + self.rng.uniform(*PAUSE_S)
        while time.monotonic() < until_s:
            turn()
        self.start()
        self.counts["restarts"] += 1

    def start(self) -> None:
        """Listen on the port of before."""
        self.simulator.__enter__()

    def stop(self) -> None:
        """Listen no more."""
        self.simulator.__exit__(None, None, None)

    def kill_within_requests(self, pid_of: Callable[[Iterable[str]], int | None]) -> None:
        """From now on now and then a task is killed when its request has come, or before it is answered."""
        finish, rng = Exchange.finish, random.Random(self.rng.random())

        def finish_and_kill(exchange: Exchange, headers: Iterable[tuple[bytes, bytes]]) -> Any:
            request = exchange._request  # noqa: SLF001 - what was asked, as the simulator tells nobody else
            is_due = self.kills_wanted and rng.random() < KILL_RATES.get(request.method, 0)
            pid = pid_of(names_in(request.target, request.body)) if is_due else None
            before = rng.random() < 0.5
            if pid is not None and before:
                self.kill(pid, f"{request.method} arrived")
            reply = finish(exchange, headers)
            if pid is not None and not before:
                self.kill(pid, f"{request.method} done")
            return reply

        setattr(Exchange, "finish", finish_and_kill)  # noqa: B010 - the simulator itself kills nobody

    def kill(self, pid: int, why: str) -> None:
        """SIGKILL to a task."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.counts[f"killed: {why}"] += 1


SHOWN_BY = ("query_order_status", "query_transaction_status", "get_transaction_list")
CALM_CARDS = {"shown_after_queries": 0, "pending_queries": 0, "charges_shown_by": [*SHOWN_BY]}


def names_in(target: str, body: bytes) -> list[str]:
    """Whose request it is: a payment's name, or a day and type."""
    found = [name.decode() for name in NAMED.findall(target.encode() + b"\n" + body)]
    day, type_ = LISTED.search(target), LISTED_TYPE.search(target)
    return found + ([f"{day[1]} {type_[1]}"] if day and type_ else [])
