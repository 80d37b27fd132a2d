# SPDX-License-Identifier: Apache-2.0
"""A nested type that several threads are the first to read: msgspec 0.22 crashes unless it was worked out before."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Each reload makes the types anew, so every round has a first use; unmended, a few hundred rounds crash.
ROUNDS = 1_000
SCRIPT = """
import importlib, sys, threading
sys.setswitchinterval(1e-6)
module = importlib.import_module("airflow_provider_sengo.{module}")

def use(barrier, told):
    barrier.wait()
    told.append({use})

for round_ in range({rounds}):
    module = importlib.reload(module)
    barrier, told = threading.Barrier(4), []
    threads = [threading.Thread(target=use, args=(barrier, told)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 4, told
"""
TRANSACTION = {
    "id": "x",
    "merchantRef": "r",
    "status": "success",
    "feePayer": "merchant",
    "amount": 1,
    "fee": 0,
    "totalAmount": 1,
    "expiredDate": "2026-01-01T00:00:00+07:00",
    "qris": {"content": "a"},
}


@pytest.mark.parametrize(
    ("module", "use"),
    [
        (
            "protocol.sengo_records",
            f"module.read_record(module.Transaction, {TRANSACTION!r}, call_name='get', json_path='$')",
        ),
        ("simulator.settings", "module.SimulatorSettings().changed({'page_size': 10})"),
    ],
    ids=["record", "settings"],
)
def test_threads_that_read_a_type_first(module: str, use: str) -> None:
    """Four threads at once, a thousand times."""
    script = SCRIPT.format(module=module, use=use, rounds=ROUNDS)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
