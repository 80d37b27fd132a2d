# SPDX-License-Identifier: Apache-2.0
"""Small costs that are paid often: parsing a DAG file, signing a request, decoding a page.

Run as ``bench_small.py parse FILE`` or ``bench_small.py speeds SECONDS`` it is the child process.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench_runs import PAGE_SIZE, TOOLS, Plan, process
from bench_table import Section, at_most

TITLE = "Small costs"
EXAMPLES = sorted((TOOLS.parent / "example_dags").glob("*.py"))
SPEED_S = 0.4  # that long each thing is done over and over
PARSE_MAX_S = 0.3
DAG_HEAD = "from datetime import datetime\nfrom airflow.sdk import DAG\n"
# What a DAG file costs that has nothing of this package in it.
PEERS = {
    "a DAG with `EmptyOperator`": DAG_HEAD
    + "from airflow.providers.standard.operators.empty import EmptyOperator\n"
    "with DAG('peer', schedule=None, start_date=datetime(2026, 1, 1)):\n    EmptyOperator(task_id='one')\n",
    "a DAG with `HttpOperator`": DAG_HEAD + "from airflow.providers.http.operators.http import HttpOperator\n"
    "with DAG('peer', schedule=None, start_date=datetime(2026, 1, 1)):\n    HttpOperator(task_id='one')\n",
}


def measure(plan: Plan) -> Section:
    """Parsing in new processes, which have imported what a DAG processor has before it forks."""
    files = {f"`{path.name}`": path for path in EXAMPLES}
    for number, (name, text) in enumerate(PEERS.items()):
        files[name] = plan.folder / f"peer_{number}.py"
        files[name].write_text(text)
    parses: dict[str, list[dict[str, float]]] = {name: [] for name in files}
    speeds: list[dict[str, float]] = []
    for round_ in range(plan.rounds):
        for name, path in files.items():
            parses[name].append(process(plan, "bench_small.py", "parse", str(path)).facts)
        speeds.append(process(plan, "bench_small.py", "speeds", str(SPEED_S * min(1, 10 * plan.scale))).facts)
        plan.say(f"  small: round {round_ + 1} of {plan.rounds}")
    rows = [_parse_row(name, found) for name, found in parses.items()]
    rows += [(name, f"{median(each[name] for each in speeds):,.0f} a second", "") for name in speeds[0]]
    slowest = max(median(each["first_s"] for each in parses[f"`{path.name}`"]) for path in EXAMPLES)
    return Section(
        TITLE,
        ("what", "cost", ""),
        "Parsing: a file's first parse in a process that has imported Airflow's DAG processor, which forks for each.",
        rows,
        [at_most("parsing the slowest example, imports included", PARSE_MAX_S, slowest, "{:.2f} s")],
    )


def _parse_row(name: str, found: list[dict[str, float]]) -> tuple[str, ...]:
    first_s, again_s, mib = (median(each[what] for each in found) for what in ("first_s", "again_s", "mib"))
    return f"parse {name}", f"{first_s * 1000:.0f} ms", f"{again_s * 1000:.1f} ms parsed again, {mib:.0f} MiB"


def parse(path: str) -> dict[str, float]:
    import runpy

    import airflow.dag_processing.processor  # noqa: F401
    from airflow.sdk import DAG, BaseHook, BaseOperator, BaseSensorOperator  # noqa: F401

    took_s = []
    before_kib = _resident_kib()
    for _ in range(2):
        began = time.perf_counter()
        runpy.run_path(path)
        took_s.append(time.perf_counter() - began)
    return {"first_s": took_s[0], "again_s": took_s[1], "mib": (_resident_kib() - before_kib) / 1024}


def _resident_kib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def speeds(seconds: str) -> dict[str, float]:
    """What one core does in a second."""
    from airflow_provider_sengo.archive.rows import read_rows
    from airflow_provider_sengo.protocol import senangpay, sengo, signing
    from airflow_provider_sengo.protocol.http import Response
    from airflow_provider_sengo.simulator import CLIENT_KEY, CLIENT_TOKEN, World

    world = World(days=1, per_day=0, page_size=PAGE_SIZE)
    now = datetime.now(UTC)
    day = (now + timedelta(hours=7)).date() - timedelta(days=1)
    world.fill(day=day, type="cashIn", rows=PAGE_SIZE)
    credentials = sengo.Credentials(
        base_url="http://127.0.0.1/api", client_key=CLIENT_KEY, client_token=CLIENT_TOKEN
    )
    merchant = senangpay.SenangPayCredentials(
        base_url="http://127.0.0.1", merchant_id="543160464805574", secret_key="53-784"
    )
    listing = _listing(sengo.list_rows, credentials, day)
    status, headers, body = world.handle("GET", listing.request.url, dict(listing.request.headers))
    answer = Response(status, headers, body, received_at=now)
    records = _listing(sengo.list_transactions, credentials, day)
    signature = signing.sengo_signature(CLIENT_KEY, CLIENT_TOKEN, body)
    payment: dict[str, Any] = {
        "reference": "ORDER-1",
        "amount": 10_000,
        "view_name": "Kopi",
        "callback_url": "https://shop.example/c",
    }
    charge = {"name": "A B", "email": "a@b.example", "detail": "Kopi", "phone": "0123456789", "order_id": "1"}

    def row_pages() -> object:
        return read_rows(listing.parse(answer).rows)

    done: dict[str, tuple[Callable[[], object], int]] = {
        "QRIS payments built and signed": (lambda: sengo.create_qris(credentials, **payment), 1),
        "charges built and signed": (
            lambda: senangpay.charge_token(merchant, **charge, amount_sen=200, token="a" * 32),
            1,
        ),
        "listing requests built and signed": (lambda: _listing(sengo.list_rows, credentials, day), 1),
        "bodies of a page's size verified": (
            lambda: signing.verify_sengo_signature(CLIENT_KEY, CLIENT_TOKEN, body, signature),
            1,
        ),
        "rows checked and decoded for the archive": (row_pages, PAGE_SIZE),
        "rows decoded as records for a task": (lambda: records.parse(answer), PAGE_SIZE),
        "rows decoded by `json.loads`, nothing checked": (lambda: json.loads(body), PAGE_SIZE),
    }
    return {name: _a_second(do, float(seconds)) * count for name, (do, count) in done.items()}


def _listing(ask: Callable[..., Any], credentials: Any, day: date) -> Any:
    return ask(credentials, day=day, type="cashIn", status="success", page=1)


def _a_second(do: Callable[[], object], seconds: float) -> float:
    do()
    times = 0
    began = time.perf_counter()
    while (took_s := time.perf_counter() - began) < seconds:
        do()
        times += 1
    return times / took_s


def main() -> int:
    print(json.dumps({"parse": parse, "speeds": speeds}[sys.argv[1]](sys.argv[2])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
