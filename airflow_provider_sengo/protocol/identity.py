# SPDX-License-Identifier: Apache-2.0
"""The identity of a payment that a task makes without being given one.

Pure. Derived from what stays the same however often the task runs: never from the try number, the clock or
a map index. ``attempt`` is the one way to pay again on purpose.
"""

from __future__ import annotations

import hashlib
import json

DIGITS = 40  # 160 bits of SHA-256: two payments never meet


def derive_identity(
    *, namespace: str, conn_id: str, dag_id: str, run_id: str, task_id: str, attempt: str
) -> str:
    """Letters and digits only, so that it fits as a SenGo reference and as a senangPay order id."""
    parts = json.dumps([namespace, conn_id, dag_id, run_id, task_id, attempt])
    return f"AF{hashlib.sha256(parts.encode()).hexdigest()[:DIGITS]}"
