# SPDX-License-Identifier: Apache-2.0
"""Notices to the merchant's callback URL: loopback addresses only, signed like a body, each one recorded.

The payload is Unconfirmed: the envelope of a check answer, as clients of sibling gateways read it.
"""

import http.client
import ipaddress
import queue
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .signature import sign

TIMEOUT_S = 5.0
CALLBACKS_KEPT = 1_000
ANSWER_BYTES_MAX = 100


def is_loopback(url: str) -> bool:
    """Plain http to ``localhost`` or a literal loopback address; no name is ever looked up."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme == "http" and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


@dataclass(frozen=True)
class _Notice:
    """One POST to be made, and the answer's body that it wants."""

    url: str
    body: bytes
    headers: dict[str, str]
    wanted: bytes | None = None


class CallbackSender:
    """Delivers from a daemon thread that starts with the first delivery."""

    def __init__(self) -> None:
        self.entries: deque[dict[str, Any]] = deque(maxlen=CALLBACKS_KEPT)
        self._waiting: queue.Queue[tuple[dict[str, Any], _Notice]] = queue.Queue()
        self._thread: threading.Thread | None = None

    def post(
        self, *, url: str, body: bytes, client_key: str, client_token: str, enabled: bool, **about: str
    ) -> None:
        """Queue one callback, or record why it isn't sent; the caller never waits."""
        headers = {
            "Content-Type": "application/json",
            "X-Client-Key": client_key,
            "X-Signature": sign(client_key, client_token, body),
        }
        self._queue(_Notice(url, body, headers), enabled=enabled, about=about)

    def post_form(self, *, url: str, body: bytes, enabled: bool, **about: str) -> None:
        """Queue a form that is to be answered with the two letters ``OK`` and nothing else."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._queue(_Notice(url, body, headers, wanted=b"OK"), enabled=enabled, about=about)

    def _queue(self, notice: _Notice, *, enabled: bool, about: dict[str, str]) -> None:
        entry: dict[str, Any] = {**about, "url": notice.url, "outcome": "queued", "http_status": None}
        self.entries.append(entry)
        if not enabled:
            entry["outcome"] = "callbacks are off"
        elif not is_loopback(notice.url):
            entry["outcome"] = "refused: not a loopback address"
        else:
            self._waiting.put((entry, notice))
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="sengo-callbacks", daemon=True)
                self._thread.start()

    def wait_until_sent(self) -> None:
        """Block until everything queued was tried."""
        self._waiting.join()

    def _deliver(self) -> None:
        while True:
            entry, notice = self._waiting.get()
            try:
                entry["http_status"], answered = _post(notice)
                is_right = notice.wanted in (None, answered)
                entry["outcome"] = "sent" if is_right else "sent, but the answer is not OK"
            except (OSError, ValueError, http.client.HTTPException) as error:
                entry["outcome"] = f"failed: {type(error).__name__}"
            finally:
                self._waiting.task_done()


def _post(notice: _Notice) -> tuple[int, bytes]:
    """One POST, no redirects followed, no proxy: the status, and as much of the answer as matters."""
    parts = urlsplit(notice.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_S)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, notice.body, notice.headers)
        reply = connection.getresponse()
        return reply.status, reply.read(ANSWER_BYTES_MAX)
    finally:
        connection.close()
