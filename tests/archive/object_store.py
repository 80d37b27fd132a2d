# SPDX-License-Identifier: Apache-2.0
"""An S3 on loopback that can be told to fail: moto's server in a process of its own.

Run as a script it is the server; imported, it is the handle that tests hold. Only what an object store does
stands here, nothing of the archive.

Requests are answered one after another. moto looks whether an object is there, and then puts it: two puts
"if there is none" that overlap would both land, which no object store allows.
"""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

BUCKET = "books"
REGION = "ap-southeast-3"
KEY_ID, SECRET = "archive-key-id", "archive-secret-0001"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
MEETING_S = 30
KINDS = ("slow_down", "reset", "lost_answer", "late_503")


class ObjectStore:
    """The handle of a server; use as a context manager."""

    def __enter__(self) -> Self:
        # Whatever the machine knows of AWS stays outside.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))], stdout=subprocess.PIPE, text=True, env=clean
        )
        assert self._process.stdout is not None
        self.endpoint = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self._send("PUT", f"/{BUCKET}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def options(self) -> dict[str, str]:
        """delta-rs' storage options for this store."""
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
        }

    @contextmanager
    def failing(
        self,
        every: int,
        kinds: Sequence[str] = KINDS,
        *,
        path: str = "",
        method: str = "",
        times: int = 10**9,
    ) -> Iterator[None]:
        """Fail every nth request of the method and with ``path`` in its path, so many times, by turns:

        ``slow_down``: 503, nothing done. ``late_503``: done, and 503 all the same. ``reset``: the connection is
        reset, nothing done. ``lost_answer``: done, then the connection is reset.
        """
        self._control(every=every, kinds=kinds, path=path, method=method, left=times)
        try:
            yield
        finally:
            self._control()

    @contextmanager
    def gathering(self, count: int, *, path: str = "", method: str = "") -> Iterator[None]:
        """Let the first so many requests of the method and path wait for each other before they are answered."""
        self._control(gather=count, path=path, method=method)
        try:
            yield
        finally:
            self._control()

    def counts(self) -> Counter[str]:
        """Since the start: requests by method, those that failed on purpose by kind, puts ``refused``."""
        return Counter(json.loads(self._send("GET", "/_control")))

    def keys(self, prefix: str) -> dict[str, int]:
        """The objects below a prefix and their sizes in bytes, as the server holds them."""
        return dict(json.loads(self._send("GET", f"/_control/{prefix}")))

    def _control(self, **settings: Any) -> None:
        self._send("POST", "/_control", json.dumps(settings).encode())

    def _send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        with urlopen(Request(self.endpoint + path, data=body, method=method), timeout=30) as answer:
            return bytes(answer.read())


class Server:
    """moto's S3 behind a gate that fails on demand; a WSGI application."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._turn = threading.Lock()
        self._plan: dict[str, Any] = {}
        self._meeting: threading.Barrier | None = None
        self._seen = 0
        self._counts: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # The whole body first: a writer that is killed half-way must not keep others waiting.
        size = environ.get("CONTENT_LENGTH")
        chunked = environ.get("wsgi.input_terminated")
        body = environ["wsgi.input"].read() if chunked and not size else b""
        if size:
            body = environ["wsgi.input"].read(int(size))
            if len(body) < int(size):
                return self._reset(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        if self._meeting and self._is_meant(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            meeting, self._gathered = self._meeting, self._gathered + 1
            if self._gathered <= meeting.parties:
                meeting.wait()
        with self._turn:
            if environ["PATH_INFO"].startswith("/_control"):
                start_response("200 OK", [("Content-Type", "application/json")])
                return [self._controlled(environ["PATH_INFO"], body)]
            self._counts[environ["REQUEST_METHOD"]] += 1
            kind = self._next_fault(environ["REQUEST_METHOD"], environ["PATH_INFO"])
            if kind == "slow_down":
                start_response("503 Slow Down", [("Content-Type", "application/xml")])
                return [SLOW_DOWN]
            if kind == "reset":
                return self._reset(environ)
            if kind == "late_503":
                b"".join(self._app(environ, lambda *_: None))
                start_response("503 Slow Down", [("Content-Type", "application/xml")])
                return [SLOW_DOWN]
            answer = b"".join(self._app(environ, self._counting_refusals(start_response)))
            return self._reset(environ) if kind == "lost_answer" else [answer]

    def _counting_refusals(self, start_response: Callable[..., Any]) -> Callable[..., Any]:
        def counted(status: str, *more: Any) -> Any:
            self._counts["refused"] += status.startswith("412")
            return start_response(status, *more)

        return counted

    def _is_meant(self, method: str, path: str) -> bool:
        return self._plan["path"] in path and self._plan["method"] in method

    def _next_fault(self, method: str, path: str) -> str | None:
        plan = self._plan
        if not plan.get("every") or not plan["left"] or not self._is_meant(method, path):
            return None
        self._seen += 1
        nth, rest = divmod(self._seen, plan["every"])
        if rest:
            return None
        plan["left"] -= 1
        kind = str(plan["kinds"][(nth - 1) % len(plan["kinds"])])
        self._counts[kind] += 1
        return kind

    def _controlled(self, path: str, body: bytes) -> bytes:
        prefix = path.removeprefix("/_control").lstrip("/")
        if prefix:
            from moto.s3.models import s3_backends

            (backends,) = s3_backends.values()
            keys = backends["aws"].buckets[BUCKET].keys
            return json.dumps(
                {name: key.size for name, key in keys.items() if name.startswith(prefix)}
            ).encode()
        if body:
            self._plan, self._seen, self._gathered = json.loads(body), 0, 0
            count = self._plan.get("gather")
            self._meeting = threading.Barrier(count, timeout=MEETING_S) if count else None
        return json.dumps(self._counts).encode()

    @staticmethod
    def _reset(environ: dict[str, Any]) -> list[bytes]:
        connection: socket.socket = environ["werkzeug.socket"]
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())  # ``close`` would wait for the handler's own files
        raise ConnectionResetError


def serve() -> None:
    """Serve until killed; the port is the first line of standard output."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # a connection that was reset on purpose, or a writer that was killed
                super().handle()

        def log(self, *_: object) -> None:
            """Tests have no use for a line a request."""

    app = Server(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve()
