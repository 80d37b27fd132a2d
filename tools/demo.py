# SPDX-License-Identifier: Apache-2.0
"""The daily archive, watched: a simulator with a week of transactions, a real Airflow, and a comparison.

Everything lives in ``.demo`` (delete it to begin anew; ``DEMO_HOME`` names another folder), and all of it in
one process, so that nothing outlives it, however it ends. The simulator's clock is stopped for the day, so
that what the archive holds can be compared, row by row, with the simulator's own ledger.

``ARCHIVE`` (or the first argument) puts the archive elsewhere: a path, ``file://``, ``s3://``, ``gs://`` or
``abfss://``. Its storage options are those of ``ARCHIVE_CONN``, a connection as JSON or as a URI like any
``AIRFLOW_CONN_...``; without it delta-rs takes the usual variables (``AWS_ACCESS_KEY_ID``,
``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, ``AWS_ENDPOINT_URL`` with ``AWS_ALLOW_HTTP=true`` on this machine,
``GOOGLE_SERVICE_ACCOUNT``, ``AZURE_STORAGE_ACCOUNT_KEY``, ...).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ports import free_port

if TYPE_CHECKING:
    from airflow_provider_sengo.archive.store import Archive
    from airflow_provider_sengo.simulator import Simulator, World

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("DEMO_HOME") or ROOT / ".demo")
AIRFLOW = HOME / "airflow"
TEMPORARY = HOME / "temporary-files-of-the-demo"  # emptied at each start: a run that was stopped leaves some
BEGUN = HOME / "airflow-begun"  # the demo makes that folder, and its database is not whole yet
PORT = 8800  # or another if it is taken, and that again next time: the archive knows its project by it
PER_DAY = 300
ERROR_SHOWN_MAX = 400
# delta-rs' own options: whether a store can be reached is said within seconds, not after minutes of trying.
IMPATIENT = {"connect_timeout": "5s", "max_retries": "1", "retry_timeout": "5s"}
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a polite kill, a closed terminal
STOPPED = b"== Stopped. What was archived stays; make demo goes on from there.\n"


def main() -> int:
    """Run the demo; 0 only if the archive equals the ledger."""
    end_on_signals()
    HOME.mkdir(exist_ok=True)
    state = demo_state()
    prepare_airflow(state["port"])
    look_at_archive()
    began = time.monotonic()
    with ExitStack() as running:
        simulator = start_simulator(running, state)
        since = f"its clock stopped at {state['now']}"
        say(f"SenGo simulator on {simulator.origin}, seven days of transactions, {since}")
        say("Airflow: running the DAG sengo_daily_archive (plan -> a task per day and type -> check) ...")
        run = run_dag()
        print_run(run, simulator.world.requests().total)
        equal = print_coverage(simulator.world)
    say(f"took {time.monotonic() - began:.0f} s; the archive is in {archive_uri()} (plain Delta Lake tables)")
    if run.state != "success" or not equal:
        print("error: the demo did not end well, see above", file=sys.stderr)
        return 1
    return 0


def end_on_signals() -> None:
    """Have a thread wait for what stops the demo; must come before any other thread begins.

    Each thread inherits that these signals are blocked, so no task can take Ctrl-C for an error of its own and
    go on, and no handler of Airflow's comes between. What was ignored at the start (``nohup``) stays so.
    """
    awaited = {number for number in STOPS if signal.getsignal(number) is not signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    threading.Thread(target=end_at, args=(awaited,), name="stop", daemon=True).start()


def end_at(awaited: set[signal.Signals]) -> None:
    """At the first of the signals, say so and end at once, as SIGKILL would: the archive bears that."""
    number = signal.sigwait(awaited)
    with suppress(OSError):  # the terminal may be closed
        os.write(sys.stderr.fileno(), STOPPED)
    os._exit(128 + number)


def say(text: str) -> None:
    print(f"== {text}", flush=True)


def archive_uri() -> str:
    """Where the archive is; a local path may be relative to where the demo was called."""
    given = next(iter(sys.argv[1:]), "") or os.environ.get("ARCHIVE") or str(HOME / "archive")
    return given if "://" in given else str(Path(given).expanduser().resolve())


def archive(options: Mapping[str, str] | None = None) -> Archive:
    """The archive, reached as the tasks reach it."""
    from airflow_provider_sengo.archive.store import Archive
    from airflow_provider_sengo.hooks.storage import resolve_archive_uri, storage_options

    return Archive(resolve_archive_uri(), storage_options() | dict(options or {}))


def look_at_archive() -> None:
    """End with one line where the archive cannot be read, before anything is started."""
    from airflow.providers.common.compat.sdk import AirflowNotFoundException
    from deltalake.exceptions import DeltaError

    from airflow_provider_sengo.cli import one_line

    try:
        archive(IMPATIENT).reads()
    except AirflowNotFoundException:
        raise SystemExit("error: ARCHIVE_CONN is no connection, neither as JSON nor as a URI") from None
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    except (OSError, DeltaError) as error:
        raise SystemExit(
            f"error: the archive {archive_uri()} cannot be read: {one_line(error)[:ERROR_SHOWN_MAX]}"
        ) from None


def demo_state() -> dict[str, Any]:
    """The port and the simulator's instant: those of the first run of this day in Jakarta."""
    from airflow_provider_sengo.archive.days import today

    path = HOME / "state.json"
    now = datetime.now(UTC)
    state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"port": free_port(PORT)}
    if "now" not in state or today(datetime.fromisoformat(state["now"])) != today(now):
        state["now"] = now.replace(microsecond=0).isoformat()
    whole = path.with_suffix(".new")
    whole.write_text(json.dumps(state))
    whole.replace(path)
    return state


def prepare_airflow(port: int) -> None:
    """Settings for an Airflow of the demo's own; must come before the first import of Airflow.

    A home that an earlier run began, and was stopped before its database was whole, is begun anew.
    """
    if BEGUN.exists():
        shutil.rmtree(AIRFLOW, ignore_errors=True)
    if not AIRFLOW.exists():
        BEGUN.touch()
    shutil.rmtree(TEMPORARY, ignore_errors=True)
    TEMPORARY.mkdir()
    for name in [name for name in os.environ if name.startswith(("AIRFLOW_CONN_", "AIRFLOW__"))]:
        del os.environ[name]
    os.environ |= {
        "TMPDIR": str(TEMPORARY),
        "AIRFLOW_HOME": str(AIRFLOW),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__SENGO__ARCHIVE_URI": archive_uri(),
        **connection_of_archive(),
        "AIRFLOW_CONN_SENGO_DEFAULT": json.dumps(
            {
                "conn_type": "sengo",
                "host": f"http://127.0.0.1:{port}/api",
                "login": "SC-SIMULATOR",
                "password": "simulator-token-0001",
            }
        ),
    }


def connection_of_archive() -> dict[str, str]:
    """The settings for ``ARCHIVE_CONN``, if it is given."""
    given = os.environ.get("ARCHIVE_CONN")
    if not given:
        return {}
    return {"AIRFLOW_CONN_DEMO_ARCHIVE": given, "AIRFLOW__SENGO__ARCHIVE_CONN_ID": "demo_archive"}


def start_simulator(running: ExitStack, state: dict[str, Any]) -> Simulator:
    """The simulator on the demo's port, until ``running`` closes; one line if it cannot listen there."""
    from airflow_provider_sengo.simulator import Simulator

    port = state["port"]
    week = {"per_day": PER_DAY, "page_size": 50, "now": state["now"], "frozen": True}
    try:
        return running.enter_context(Simulator(port=port, **week))
    except OSError as error:
        raise SystemExit(
            f"error: the simulator cannot listen on port {port}: {error.strerror}"
            f" (delete {HOME.name} for another)"
        ) from None


def run_dag() -> Any:
    """Run the example DAG once in this process, as ``airflow dags test`` does; returns the DAG run."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.utils import db

    if not (AIRFLOW / "airflow.db").exists():
        say("Airflow: making its database (once) ...")
        db.initdb()
        BEGUN.unlink(missing_ok=True)
    DagBundlesManager().sync_bundles_to_db()  # type: ignore[no-untyped-call]  # Airflow's
    bag = DagBag(dag_folder=str(ROOT / "example_dags" / "sengo_daily_archive.py"))
    if bag.import_errors:
        raise SystemExit(f"error: {bag.import_errors}")
    sync_bag_to_db(bag, "dags-folder", None)
    return bag.dags["sengo_daily_archive"].test()


def print_run(run: Any, requests: int) -> None:
    """What each archived day did, from the tasks' own results."""
    results = [
        task.xcom_pull(task_ids="archive_day", map_indexes=task.map_index)
        for task in sorted(run.get_task_instances(), key=lambda task: task.map_index)
        if task.task_id == "archive_day" and task.state == "success" and task.map_index >= 0
    ]
    for result in results:
        print(
            f"   archived {result['day']} {result['type']:<7} {result['rows']:>5} rows,"
            f" {result['new']} new, {result['changed']} changed, {result['requests']} requests"
        )
    changed = sum(result["new"] + result["changed"] for result in results)
    due = f"{len(results)} days and types were due" if results else "nothing was due"
    say(f"DAG run: {run.state}; {due}, {changed} rows written, {requests} requests to the gateway")


def print_coverage(world: World) -> bool:
    """The coverage of the last seven days, each compared with the simulator's ledger; True if all agree."""
    from airflow_provider_sengo.archive.coverage import State
    from airflow_provider_sengo.hooks.sengo import SenGoHook

    books, project = archive(), SenGoHook().project
    equal = True
    print(f"\n   {'day':<12}{'type':<9}{'state':<10}{'paid rows':>10}{'IDR paid':>18}   ledger")
    for item in books.coverage(datetime.now(UTC), project=project):
        if item.days_left < 0:
            continue
        archived = {
            (row["id"], row["status"], row["amount"])
            for row in books.transactions(project, item.day, item.type)
            .select(["id", "status", "amount"])
            .to_pylist()
        }
        ledger = {
            (row["id"], row["status"], row["amount"])
            for row in world.ledger(day=str(item.day), type=item.type)
        }
        paid = [amount for _, status, amount in archived if status == "success"]
        if item.state is State.OPEN and not archived:
            verdict = "not over yet, is read tomorrow"
        elif archived == ledger and (
            item.rows is None or (item.rows, item.amount_sum) == (len(paid), sum(paid))
        ):
            verdict = f"equal: {len(ledger)} transactions in all statuses"
        else:
            verdict, equal = f"DIFFERENT: {len(ledger)} in the ledger, {len(archived)} archived", False
        if item.state is State.OPEN and archived:
            verdict += "; open until 08:00 in Jakarta"
        print(
            f"   {item.day!s:<12}{item.type:<9}{item.state:<10}{len(paid) if archived else '-':>10}"
            f"{f'{sum(paid):,}' if archived else '-':>18}   {verdict}"
        )
    print()
    return equal


if __name__ == "__main__":
    raise SystemExit(main())
