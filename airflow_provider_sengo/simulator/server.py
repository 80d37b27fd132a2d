# SPDX-License-Identifier: Apache-2.0
"""The simulator as a context manager: uvicorn in a daemon thread, on a loopback port and nowhere else."""

import ipaddress
import json
import socket
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .senangpay_settings import MERCHANT_ID, SECRET_KEY
from .settings import CLIENT_KEY, CLIENT_TOKEN, SimulatorSettings
from .world import World

if TYPE_CHECKING:
    import uvicorn

START_MAX_S = 30.0
STOP_MAX_S = 10.0
TICK_S = 0.2  # how late a callback may be when nobody asks anything
BACKLOG = 2_048


class Simulator:
    """``with Simulator(per_day=20) as simulator:`` serves ``simulator.world`` at ``simulator.base_url``."""

    client_key = CLIENT_KEY
    client_token = CLIENT_TOKEN
    merchant_id = MERCHANT_ID
    secret_key = SECRET_KEY

    def __init__(self, settings: SimulatorSettings | None = None, **overrides: Any) -> None:
        self.world = World(settings, **overrides)
        self.origin = ""
        self.base_url = ""
        self.senangpay_base_url = ""
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        settings = self.world.settings
        listener = listen_on_loopback(settings.host, settings.port)
        host, port = listener.getsockname()[:2]
        self.origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self.base_url, self.senangpay_base_url = f"{self.origin}/api", self.origin
        self._server = _uvicorn_server(self.world)
        self._stopping.clear()
        run = self._server.run
        self._thread = threading.Thread(target=run, args=([listener],), name="sengo-simulator", daemon=True)
        self._thread.start()
        self._wait_until_started()
        threading.Thread(target=self._tick, name="sengo-simulator-tick", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_MAX_S)

    def sengo_connection(self, **extra: Any) -> str:
        """An Airflow connection to this SenGo, as JSON for ``AIRFLOW_CONN_...``; ``extra`` as in the README."""
        return _connection("sengo", self.base_url, self.client_key, self.client_token, extra)

    def senangpay_connection(self, **extra: Any) -> str:
        """The same to this senangPay."""
        return _connection("senangpay", self.senangpay_base_url, self.merchant_id, self.secret_key, extra)

    def _wait_until_started(self) -> None:
        deadline_s = time.monotonic() + START_MAX_S
        while self._server is not None and not self._server.started:
            if time.monotonic() > deadline_s or self._thread is None or not self._thread.is_alive():
                raise RuntimeError("the simulator did not start")
            time.sleep(0.002)

    def _tick(self) -> None:
        """Callbacks go out by the clock, asked or not."""
        while not self._stopping.wait(TICK_S):
            if self.world.settings.callbacks:
                self.world.tick()


def _connection(conn_type: str, host: str, login: str, password: str, extra: dict[str, Any]) -> str:
    if not host:
        raise RuntimeError("the simulator is not running yet: enter it with a with statement first")
    fields = {"conn_type": conn_type, "host": host, "login": login, "password": password, "extra": extra}
    return json.dumps(fields)


def listen_on_loopback(host: str, port: int) -> socket.socket:
    """A bound socket; ValueError for an address that others could reach."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise ValueError(f"host must be a loopback address, not {host}") from error
    if not address.is_loopback:
        raise ValueError(f"the simulator listens on loopback addresses only, not on {host}")
    listener = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _uvicorn_server(world: World) -> "uvicorn.Server":
    import uvicorn

    from .asgi import Connections, SimulatorApp
    from .control_api import control_app

    connections = Connections()
    config = uvicorn.Config(
        SimulatorApp(world, connections, control_app(world)),
        http=connections.protocol_class(),
        ws="none",
        lifespan="off",
        log_level="warning",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
