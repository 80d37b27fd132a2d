# SPDX-License-Identifier: Apache-2.0
"""Every row of the design's table of waiting ends the same way in every mode, for one id and for a list.

Real sensors, triggers and sockets against the simulator, at small intervals. What the gateway tells changes by
its own clock or after so many requests, so no test sleeps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from modes import MODES, run
from waiting_world import LOOK_S

from airflow_provider_sengo.sensors import waiting
from airflow_provider_sengo.sensors.sengo import SenGoTransactionSensor
from airflow_provider_sengo.simulator import Simulator, World
from airflow_provider_sengo.transport import gate

CHECK = "GET /check"
SOON_S = 0.15  # some looks later
LONG_S, SHORT_S = 60.0, 0.3  # a time limit that no row reaches, and one that some do
FINAL = ("success", "expired", "failed")

Play = Callable[[World], None]


class Row(NamedTuple):
    """One row: what the gateway does, and how the wait ends."""

    name: str
    play: Play
    ends: str
    softly: str | None = None  # how with soft_fail, if in another way
    says: str = ""
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed
    unknown_for_s: float = 120.0


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(per_day=0, days=1, retry_after_s=0) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _connection(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator.world.reset()
    gate._gates.clear()  # a pace that one row's 429 has set would slow the others
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", simulator.sengo_connection(max_attempts=1))


def put(world: World, reference: str = "PAY-1", status: str = "pending", **fields: Any) -> None:
    world.insert(reference=reference, status=status, type="cashIn", amount=10000, channel="qris", **fields)


def soon(world: World) -> Any:
    return world.now() + timedelta(seconds=SOON_S)


def pays(world: World) -> None:
    put(world, paid_at=soon(world))


def expires(world: World) -> None:
    put(world, expires_at=soon(world))


def fails(world: World) -> None:
    put(world, failed_at=soon(world))


def stays_pending(world: World) -> None:
    put(world)


def paid_after(name: str, times: int | None = 3, **details: Any) -> Play:
    """A paid payment, which the first answers hide by a fault."""

    def play(world: World) -> None:
        put(world, status="success")
        world.set_fault(name, max_times=times, endpoint=CHECK, **details)

    return play


def appears(world: World) -> None:
    put(world, status="success")
    world.set_fault("refuse", max_times=3, endpoint=CHECK, status=404, code="NOT_FOUND")


def never_known(world: World) -> None:
    """Nothing is put in, so it is unknown for good."""
    world.set_clock(world.now(), frozen=False)


def one_of_three_expires(world: World) -> None:
    put(world, "PAY-1", "success")
    put(world, "PAY-2", expires_at=soon(world))
    put(world, "PAY-3", paid_at=world.now() + timedelta(seconds=2 * SOON_S))


def one_of_three_unknown(world: World) -> None:
    put(world, "PAY-1", "success")
    put(world, "PAY-2", paid_at=soon(world))


def all_three_paid(world: World) -> None:
    for number in (1, 2, 3):
        put(world, f"PAY-{number}", paid_at=world.now() + timedelta(seconds=number * SOON_S / 2))


def three_after(name: str, **details: Any) -> Play:
    """Three paid payments, which the first answers hide by a fault."""

    def play(world: World) -> None:
        for number in (1, 2, 3):
            put(world, f"PAY-{number}", "success")
        world.set_fault(name, max_times=7, endpoint=CHECK, **details)

    return play


def one_of_two_fails(world: World) -> None:
    put(world, "PAY-1", paid_at=world.now() + timedelta(seconds=2 * SOON_S))
    put(world, "PAY-2", failed_at=soon(world))


def always(name: str, **details: Any) -> Play:
    return paid_after(name, times=None, **details)


THREE = {"transaction_id": ["PAY-1", "PAY-2", "PAY-3"]}
SHORT = {"timeout": SHORT_S}
WORD = {"fields": {"responseData.status": "on hold"}}

ROWS = [
    Row("paid at the first look", paid_after("slow", times=1, delay_s=0.01), "done"),
    Row("paid later", pays, "done"),
    Row("expired", expires, "failed for good", "skipped", "PAY-1 (expired)"),
    Row("failed", fails, "failed for good", "skipped", "PAY-1 (failed)"),
    Row("pending", stays_pending, "timed out", "skipped", "not settled within timeout", SHORT),
    Row("an unknown word, then paid", paid_after("tamper", **WORD), "done"),
    Row("an unknown word", always("tamper", **WORD), "timed out", "skipped", "PAY-1", SHORT),
    Row("unknown id that appears", appears, "done"),
    Row("unknown id", never_known, "failed for good", says="seven days", unknown_for_s=SOON_S),
    Row("gateway down for a while", paid_after("no_connection"), "done"),
    Row("answers reset for a while", paid_after("reset"), "done"),
    Row("gateway down", always("no_connection"), "timed out", "skipped", "The last look failed", SHORT),
    Row("429 for a while", paid_after("rate_429", retry_after_s=0), "done"),
    Row("500 for a while", paid_after("http_500"), "done"),
    Row("an error inside HTTP 200", paid_after("soft_error"), "done"),
    Row("HTML for a while", paid_after("html"), "done"),
    Row("cut JSON for a while", paid_after("cut_json"), "done"),
    Row("a record without status", paid_after("tamper", remove=("responseData.status",)), "done"),
    Row("another transaction", paid_after("tamper", fields={"responseData.id": "X",
        "responseData.merchantRef": "Y"}), "done"),
    Row("401", always("refuse", status=401), "failed for good", says="401"),
    Row("403", always("refuse", status=403), "failed for good", says="403"),
    Row("a list, all paid", all_three_paid, "done", options=THREE),
    Row("a list, one expired", one_of_three_expires, "failed for good", "skipped",
        "1 of 3 transactions ended unpaid: PAY-2 (expired)", THREE),
    Row("a list, every end is fine", one_of_three_expires, "done",
        options=THREE | {"success_statuses": FINAL, "failure_statuses": ()}),
    Row("a list, one unknown", one_of_three_unknown, "failed for good", says="PAY-3",
        options=THREE, unknown_for_s=SOON_S),
    Row("a list, one pending", stays_pending, "timed out", "skipped", "PAY-1",
        SHORT | {"transaction_id": ["PAY-1"]}),
    Row("a list, 401", always("refuse", status=401), "failed for good", says="401", options=THREE),
    Row("a list, gateway down for a while", three_after("no_connection"), "done", options=THREE),
    Row("a list, 429 for a while", three_after("rate_429", retry_after_s=0), "done", options=THREE),
    Row("a list, 500 for a while", three_after("http_500"), "done", options=THREE),
    Row("a list, cut JSON for a while", three_after("cut_json"), "done", options=THREE),
    Row("a list, an unknown word", three_after("tamper", **WORD), "done", options=THREE),
    Row("a list, 403", always("refuse", status=403), "failed for good", says="403", options=THREE),
    Row("a list, one failed", one_of_two_fails, "failed for good", "skipped", "PAY-2 (failed)",
        {"transaction_id": ["PAY-1", "PAY-2"]}),
    Row("a list, the task's own limit", stays_pending, "ran too long", "skipped", "execution_timeout",
        {"execution_timeout": timedelta(seconds=SHORT_S), "transaction_id": ["PAY-1", "PAY-9"]}),
    Row("a list of none", never_known, "done", options={"transaction_id": []}),
    Row("the task's own limit", stays_pending, "ran too long", "skipped", "execution_timeout",
        {"execution_timeout": timedelta(seconds=SHORT_S)}),
]  # fmt: skip


@pytest.mark.parametrize("soft_fail", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(
    row: Row, mode: str, soft_fail: bool, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same end, same words, whatever the mode; only a payment's failure and the time limits are softened."""
    monkeypatch.setattr(waiting, "UNKNOWN_FOR_S", row.unknown_for_s)
    row.play(simulator.world)

    def make(**options: Any) -> SenGoTransactionSensor:
        given = {"transaction_id": "PAY-1", "poke_interval": LOOK_S, "timeout": LONG_S} | row.options
        return SenGoTransactionSensor(task_id="wait", soft_fail=soft_fail, **given, **options)

    ended, told = run(make, mode)
    assert ended == (row.softly if soft_fail and row.softly else row.ends), told
    if ended == "done":
        assert picked(told) == expected(row, simulator.world)
    else:
        assert row.says in told


def picked(told: Any) -> Any:
    """Of a whole record what the ledger tells as well; a list's map as it is."""
    if "merchant_ref" not in told:
        return told
    return {name: told[name] for name in ("id", "merchant_ref", "status", "amount")}


def expected(row: Row, world: World) -> Any:
    """What the XCom must hold, from the simulator's own books."""
    asked = row.options.get("transaction_id", "PAY-1")
    if not isinstance(asked, str):
        return {id: world.payments(id)[0]["status"] for id in asked}
    (payment,) = world.payments(asked)
    return {"id": payment["id"], "merchant_ref": asked, "status": "success", "amount": 10000}
