# SPDX-License-Identifier: Apache-2.0
"""An Airflow whose parts are started one by one, so that each can be killed by SIGKILL and started again.

Each part is the leader of a session of its own; all it starts stays in that session (tasks change their
process group, never their session), so a part is found and ended whole.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_process import HEALTHY_WITHIN_S, RealAirflow

# Nobody reads logs over HTTP here: a file server less for each of the two.
PARTS = {
    "api-server": [],
    "dag-processor": [],
    "scheduler": ["--skip-serve-logs"],
    "triggerer": ["--skip-serve-logs"],
}
# What a part's death costs is mostly waiting until the others believe it; in seconds.
SHORT_TIMEOUTS = {
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",  # a busy one takes 10 s for a round
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
    "AIRFLOW__CORE__PARALLELISM": "16",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "5",  # Airflow's default, at which short deferrals race
}
STOPPED_WITHIN_S = 20


class AirflowParts(RealAirflow):
    """The four parts by name; ``start``, ``stop``, ``kill`` and the rest of ``RealAirflow``."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        super().__init__(home, SHORT_TIMEOUTS | environment)
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self.began: dict[str, datetime] = {}
        self.orphaned: list[int] = []  # sessions whose leader was killed alone

    def start(self) -> None:
        migrated = subprocess.run(
            ["airflow", "db", "migrate"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert migrated.returncode == 0, migrated.stderr[-3000:]
        for part in PARTS:
            self.start_part(part)
        self.wait_until_healthy(*PARTS)
        request = urllib.request.Request(f"{self.url}/auth/token")
        self._token = json.load(urllib.request.urlopen(request, timeout=30))["access_token"]

    def start_part(self, part: str) -> None:
        assert part not in self.parts, f"{part} runs"
        self.began[part] = datetime.now(UTC)
        with (self.home / f"{part}.log").open("ab") as log:
            self.parts[part] = subprocess.Popen(
                ["airflow", part, *PARTS[part]],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill_part(self, part: str, *, with_children: bool = True) -> None:
        """SIGKILL, as the kernel does it when memory is short: to one process, or to a whole container."""
        process = self.parts.pop(part)
        process.kill()
        process.wait(10)
        if with_children:
            self.kill_session(process.pid)
        else:
            self.orphaned.append(process.pid)

    def stop_part(self, part: str) -> None:
        """SIGTERM, as an operator does it; whatever is left after a while gets SIGKILL."""
        process = self.parts.pop(part)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOPPED_WITHIN_S)
        process.kill()
        process.wait(10)
        self.kill_session(process.pid)

    def stop(self) -> None:
        """The end of everything; nothing that lives here is worth the wait for a polite one."""
        for part in list(self.parts):
            self.kill_part(part)
        for leader in self.orphaned:
            self.kill_session(leader)

    def wait_until_healthy(self, *parts: str) -> None:
        """Until each has told the database that it lives since it was last started."""
        for part in parts:
            self.until(
                lambda part=part: self._is_healthy(part), HEALTHY_WITHIN_S, f"{part} did not get healthy"
            )

    def _is_healthy(self, part: str) -> bool:
        assert self.parts[part].poll() is None, self.tail()
        try:
            health = json.load(urllib.request.urlopen(f"{self.url}/api/v2/monitor/health", timeout=10))
        except OSError:
            return False
        if part == "api-server":
            return True
        name = part.replace("-", "_")
        beat = (health.get(name) or {}).get(f"latest_{name}_heartbeat")
        return bool(beat) and datetime.fromisoformat(beat) > self.began[part]

    def tail(self) -> str:
        return "\n".join(f"--- {part}:\n{self.part_log(part)[-1500:]}" for part in PARTS)

    def part_log(self, part: str) -> str:
        path = self.home / f"{part}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What Airflow's database says, where no API tells it."""
        from sqlalchemy import create_engine, text

        url = self.environment.get(
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{self.home / 'airflow.db'}"
        )
        engine = create_engine(url)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(sql))]
        finally:
            engine.dispose()
