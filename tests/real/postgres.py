# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of our own: a temporary folder, a free port of loopback, no password, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

USER = "airflow"
READY_WITHIN_S = 60
STOPPED_WITHIN_S = 30
LOOK_EVERY_S = 0.1


def find_binaries() -> Path | None:
    """The folder of ``postgres`` and ``initdb``: on the path, or where Debian's package has them."""
    found = shutil.which("postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    candidates = ([Path(found).resolve()] if found else []) + debian[::-1]
    folders = [path.parent for path in candidates if (path.parent / "initdb").exists()]
    return folders[0] if folders else None


class Postgres:
    """A context manager; ``url`` is what SQLAlchemy connects to."""

    def __init__(self, binaries: Path, port: int) -> None:
        self.binaries = binaries
        self.port = port
        self.url = f"postgresql+psycopg2://{USER}@127.0.0.1:{port}/postgres"
        # Not under pytest's own folder: only its owner may enter that, and the server is not root.
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))

    def _as_owner(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root: root's server belongs to the package's user, or to nobody."""
        if os.geteuid() != 0:
            return {}
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        owner = names.get("postgres") or names["nobody"]
        os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    def __enter__(self) -> Self:
        owner = self._as_owner()
        data = str(self.folder / "data")
        subprocess.run(
            [self.binaries / "initdb", "-D", data, "-A", "trust", "-U", USER, "-E", "UTF8", "--no-sync"],
            cwd=self.folder,
            capture_output=True,
            check=True,
            timeout=120,
            **owner,
        )
        options = ["-p", str(self.port), "-k", str(self.folder), "-c", "listen_addresses=127.0.0.1"]
        with (self.folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", data, *options, "-c", "fsync=off"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **owner,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_until_ready(self) -> None:
        import psycopg2

        end = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                psycopg2.connect(host="127.0.0.1", port=self.port, user=USER, dbname="postgres").close()
            except psycopg2.OperationalError:
                log = (self.folder / "server.log").read_text(errors="replace")
                assert self.process.poll() is None, log[-2000:]
                assert time.monotonic() < end, log[-2000:]
                time.sleep(LOOK_EVERY_S)
            else:
                return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # "fast": clients are sent away, the files stay whole
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOPPED_WITHIN_S)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        shutil.rmtree(self.folder)
