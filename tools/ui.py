# SPDX-License-Identifier: Apache-2.0
"""A whole Airflow to look at and to play with, beside a simulator of both gateways, until Ctrl-C.

Everything lives in ``.ui`` (delete it to begin anew) and listens on loopback, but for Airflow's two log
servers, which demand a token. The simulator makes its week of transactions as of the first start, so the
archive of an earlier day still fits; payments made by hand are gone when it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from ports import free_port
from ui_processes import Child, Failure, Stop, Stopped

from airflow_provider_sengo.simulator import CLIENT_KEY, CLIENT_TOKEN, MERCHANT_ID, SECRET_KEY

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".ui"
PORTS = {"airflow": 8080, "simulator": 8800, "task_logs": 8793, "trigger_logs": 8794}
SIMULATOR_WITHIN_S = 60
AIRFLOW_WITHIN_S = 300
PARSED_WITHIN_S = 120
ARCHIVED_WITHIN_S = 300
LOOK_EVERY_S = 0.5
ANSWER_WITHIN_S = 10
DAILY = "sengo_daily_archive"
RUN_BY_THEMSELVES = (DAILY, "sengo_on_payment")  # the others wait for somebody to trigger them
CUSTOMER = "ana"  # has a card at the simulator, for the examples with senangPay


def main() -> int:
    """Run until told to stop; 1 with one line if something does not work."""
    stop = Stop()
    try:
        with only_one() as lock, ExitStack() as running:
            show(running, stop, lock)
    except Stopped:
        return 0
    except Failure as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def show(running: ExitStack, stop: Stop, lock: TextIO) -> None:
    """Start everything, tell where it is, and wait."""
    state = read_state()
    origin = f"http://127.0.0.1:{state['ports']['simulator']}"
    url = f"http://127.0.0.1:{state['ports']['airflow']}"
    fresh = not (HOME / "archive").exists()
    say(f"Starting in {HOME.name}{' for the first time' if fresh else ''}: up to a minute ...")
    running.callback(say, "Stopped.")
    simulator = start_simulator(state, lock)
    running.callback(simulator.end)
    until(stop, simulator, lambda: answers(f"{origin}/_control/settings"), SIMULATOR_WITHIN_S)
    set_clock(origin, state["since"])
    airflow = Child("Airflow", ["airflow", "standalone"], HOME / "airflow.log", environment(state), lock)
    running.callback(airflow.end)
    running.callback(say, "Stopping; this takes some seconds ...")
    until(stop, airflow, lambda: is_healthy(url), AIRFLOW_WITHIN_S)
    api = Api(url)
    fill_in(api, origin)
    say("Airflow runs. Now its DAGs, and the archive of the last seven days ...")
    fill_archive(stop, airflow, api)
    print_addresses(url, origin)
    while True:
        stop.wait(LOOK_EVERY_S)
        for child in (simulator, airflow):
            child.check()


def say(text: str) -> None:
    tell(f"== {text}")


def tell(text: str) -> None:
    with suppress(OSError):  # the terminal may be closed, and all must be ended all the same
        print(text, flush=True)


@contextmanager
def only_one() -> Iterator[TextIO]:
    """Hold the folder. The children inherit the lock, so it also tells of any that outlived a killed parent."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise Failure(f"it runs already, as process {lock.read().strip() or 'unknown'}") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield lock


def read_state() -> dict[str, Any]:
    """The instant of the first start, and the ports: those of last time, else the usual ones, else free ones."""
    path = HOME / "state.json"
    try:
        state = json.loads(path.read_text())
        before, since = dict(state["ports"]), str(state["since"])
    except FileNotFoundError:
        before, since = {}, datetime.now(UTC).replace(microsecond=0).isoformat()
    except (ValueError, KeyError, TypeError):
        raise Failure(f"{path.relative_to(ROOT)} is not readable; delete {HOME.name} to begin anew") from None
    ports: dict[str, int] = {}
    for name, usual in PORTS.items():
        ports[name] = free_port(before.get(name, usual), usual, taken=ports.values())
    state = {"ports": ports, "since": since}
    path.write_text(json.dumps(state))
    return state


def start_simulator(state: dict[str, Any], lock: TextIO) -> Child:
    port = state["ports"]["simulator"]
    command = [sys.executable, "-m", "airflow_provider_sengo.simulator", "--port", str(port)]
    command += ["--now", state["since"], "--per-day", "120", "--page-size", "50"]
    return Child("the simulator", command, HOME / "simulator.log", dict(os.environ), lock)


def set_clock(origin: str, since: str) -> None:
    """The week is made as of the first start; then the clock tells the machine's time."""
    ask(f"{origin}/_control/clock", {"now": since, "freeze": True})
    ask(f"{origin}/_control/sums")
    ask(f"{origin}/_control/clock", {"now": datetime.now(UTC).isoformat(), "freeze": False})


def environment(state: dict[str, Any]) -> dict[str, str]:
    """Settings for an Airflow of its own, whatever the shell has."""
    ports = state["ports"]
    url = f"http://127.0.0.1:{ports['airflow']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return inherited | {
        "PATH": f"{Path(sys.executable).parent}:{inherited.get('PATH', os.defpath)}",  # calls ``airflow``
        "AIRFLOW_HOME": str(HOME / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",  # on loopback only, so without a login
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(ports["airflow"]),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(ports["task_logs"]),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports["trigger_logs"]),
        "AIRFLOW__SENGO__ARCHIVE_URI": str(HOME / "archive"),
        "AIRFLOW__SENGO__REFERENCE_NAMESPACE": "make-ui",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    }


def until(stop: Stop, child: Child, condition: Callable[[], Any], within_s: float) -> Any:
    """What the condition gives once it holds. Raises: Failure, Stopped."""
    for _ in range(int(within_s / LOOK_EVERY_S)):
        child.check()
        if found := condition():
            return found
        stop.wait(LOOK_EVERY_S)
    raise Failure(f"{child.name} was not ready within {within_s:.0f} s; see {child.log.relative_to(ROOT)}")


def ask(url: str, body: Any = None, *, method: str | None = None, token: str = "") -> Any:
    """JSON from a server on loopback."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with urlopen(Request(url, data, headers, method=method), timeout=ANSWER_WITHIN_S) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    try:
        ask(url)
    except (OSError, ValueError):
        return False
    return True


def is_healthy(url: str) -> bool:
    try:
        health = ask(f"{url}/api/v2/monitor/health")
    except (OSError, ValueError):
        return False
    parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
    return all((health.get(part) or {}).get("status") == "healthy" for part in parts)


class Api:
    """Airflow's REST API."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/v2"
        self._token = str(ask(f"{url}/auth/token")["access_token"])

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, None for what is not there. Raises: Failure."""
        try:
            return ask(f"{self._url}/{path}", body, method=method, token=self._token)
        except HTTPError as error:
            if error.code == 404:
                return None
            raise Failure(f"Airflow answered {error.code} to {method} {path}; see .ui/airflow.log") from None
        except OSError as error:
            raise Failure(f"Airflow did not answer to {method} {path}: {error}") from None

    def put(self, path: str, key: str, body: dict[str, Any]) -> None:
        """Change something, or make it."""
        if self("PATCH", f"{path}/{key}", body) is None:
            self("POST", path, body)


def fill_in(api: Api, origin: str) -> None:
    """The connections to the simulator, and a customer with a card; stored, so that the UI shows them."""
    port = int(origin.rpartition(":")[2])  # also as a field: Airflow 3.3.2 can't test a connection without
    extra = json.dumps({"callback_url": "https://merchant.example/sengo"})
    for kind, host, login, password, more in (
        ("sengo", f"{origin}/api", CLIENT_KEY, CLIENT_TOKEN, {"extra": extra}),
        ("senangpay", origin, MERCHANT_ID, SECRET_KEY, {}),
    ):
        connection = {"connection_id": f"{kind}_default", "conn_type": kind, "host": host, "port": port}
        api.put("connections", f"{kind}_default", connection | {"login": login, "password": password} | more)
    token = ask(f"{origin}/_control/senangpay/tokens", {})["token"]
    buyer = {"name": "Ana Example", "email": "ana@shop.example", "phone": "60123456789"}
    for name, value in (("card_token", token), ("buyer", json.dumps(buyer))):
        key = f"senangpay_{name}_{CUSTOMER}"
        api.put("variables", key, {"key": key, "value": value})


def fill_archive(stop: Stop, airflow: Child, api: Api) -> None:
    """Unpause what is safe, which runs the daily DAG if this day's run is missing; wait for its latest run."""

    def parsed() -> Any:
        found = api("GET", "dags?limit=100")["dags"]
        return found if len(found) >= len(list((ROOT / "example_dags").glob("*.py"))) else None

    for dag in until(stop, airflow, parsed, PARSED_WITHIN_S):
        if dag["is_paused"] and (dag["timetable_summary"] is None or dag["dag_id"] in RUN_BY_THEMSELVES):
            api("PATCH", f"dags/{dag['dag_id']}", {"is_paused": False})

    def ended() -> Any:
        runs = api("GET", f"dags/{DAILY}/dagRuns?limit=1&order_by=-run_after")["dag_runs"]
        return runs[0]["state"] if runs and runs[0]["state"] in ("success", "failed") else None

    if until(stop, airflow, ended, ARCHIVED_WITHIN_S) == "failed":
        say(f"The run of {DAILY} failed; its log in Airflow says why.")


def print_addresses(url: str, origin: str) -> None:
    today = ask(f"{origin}/_control/clock")["now"][:10]
    rows = ask(f"{origin}/_control/ledger?day={today}&type=cashIn")
    waiting = [row["id"] for row in rows if row["channel"] == "qris" and row["shown_status"] == "pending"]
    lines = {"Airflow": url, "Archive page": f"{url}/plugin/sengo-archive", "Simulator": f"{origin}/"}
    if waiting:
        lines["Pay one, as customer"] = f"{origin}/pay/{quote(waiting[-1])}"
    block = "\n".join(f"   {name:<22}{address}" for name, address in lines.items())
    mine = f"{url}/dags/sengo_qris_payment"
    tell(f"\n{block}\n\n   A QR code of your own: trigger {mine}, then the link on its task create_qris.")
    tell("   Stop all of it with Ctrl-C.\n")


if __name__ == "__main__":
    raise SystemExit(main())
