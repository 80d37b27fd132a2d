# SPDX-License-Identifier: Apache-2.0
"""A whole Airflow as its users run it: scheduler, api-server, dag-processor, triggerer, worker processes.

Started once a session in a folder of its own, on free ports, and stopped by its process ids.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from ports import free_port
from sessions import kill_living

HEALTHY_WITHIN_S = 180
RUN_WITHIN_S = 240
KILLED_WITHIN_S = 20
LOOK_EVERY_S = 0.5


class RealAirflow:
    """``airflow standalone`` with the given DAG files and environment; speaks to it by its REST API."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.dags = home / "dags"
        self.dags.mkdir(parents=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        port = self.url.rpartition(":")[2]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")}
        self.environment = inherited | {
            "PATH": f"{Path(sys.executable).parent}:{inherited['PATH']}",  # standalone calls ``airflow``
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            **environment,
        }
        self._token = ""

    def start(self) -> None:
        # SIGINT must not be inherited as ignored: standalone stops its children on SIGINT only.
        def own_session() -> None:
            os.setsid()
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        self.log = (self.home / "standalone.log").open("wb")
        self.process = subprocess.Popen(
            ["airflow", "standalone"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            preexec_fn=own_session,
        )
        self.until(self._healthy, HEALTHY_WITHIN_S, "Airflow did not get healthy")
        request = urllib.request.Request(f"{self.url}/auth/token")
        self._token = json.load(urllib.request.urlopen(request, timeout=30))["access_token"]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        kill_living(self.process.pid)
        self.process.wait(10)
        self.kill_session(self.process.pid)
        self.log.close()

    def kill_session(self, leader: int) -> None:
        """SIGKILL to all of a session until nothing of it lives."""
        complaint = f"processes of session {leader} go on"
        self.until(lambda: not kill_living(leader), KILLED_WITHIN_S, complaint)

    def _healthy(self) -> bool:
        assert self.process.poll() is None, self.tail()
        try:
            health = json.load(urllib.request.urlopen(f"{self.url}/api/v2/monitor/health", timeout=10))
        except OSError:
            return False
        return all(
            (health.get(part) or {}).get("status") == "healthy" for part in ("scheduler", "dag_processor")
        )

    def tail(self) -> str:
        return (self.home / "standalone.log").read_text(errors="replace")[-4000:]

    def until(self, condition: Callable[[], Any], within_s: float, complaint: str) -> Any:
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(LOOK_EVERY_S)
        raise AssertionError(f"{complaint} within {within_s} s:\n{self.tail()}")

    def api(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except HTTPError as error:
            if error.code == 404:
                return None
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from None

    def wait_for_dag(self, dag_id: str) -> None:
        self.until(lambda: self.api("GET", f"dags/{dag_id}"), 90, f"DAG {dag_id} was not parsed")

    def trigger(self, dag_id: str) -> str:
        self.wait_for_dag(dag_id)
        self.api("PATCH", f"dags/{dag_id}", {"is_paused": False})
        return str(self.api("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"])

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return list(self.api("GET", f"dags/{dag_id}/dagRuns?limit=100")["dag_runs"])

    def wait_for_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        def finished() -> Any:
            run = self.api("GET", f"dags/{dag_id}/dagRuns/{run_id}")
            return run if run["state"] in ("success", "failed") else None

        return dict(self.until(finished, RUN_WITHIN_S, f"run {run_id} of {dag_id} did not finish"))

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100"
        return list(self.api("GET", path)["task_instances"])

    def log_texts(self) -> str:
        """Every log of every task and part, as one text."""
        return "\n".join(path.read_text(errors="replace") for path in self.home.rglob("*.log"))
