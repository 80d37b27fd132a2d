# SPDX-License-Identifier: Apache-2.0
"""What Airflow loads, in every process: names, and an application that is built at its first request.

Nothing heavy may be imported here. FastAPI, Jinja2 and Delta Lake are loaded by ``app`` alone.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_sengo.links import URL_PREFIX, page_path

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class LazyApplication:
    """An ASGI application that is built when it is first asked, off the event loop."""

    def __init__(self) -> None:
        self._application: Application | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        application = self._application
        if application is None:
            application = await asyncio.to_thread(self._build)
        await application(scope, receive, send)

    def _build(self) -> Application:
        with self._lock:
            if self._application is None:
                # Only the api-server gets here. Connections stored in Airflow's database are found in this
                # context alone; its own main module says the same.
                os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
                from airflow_provider_sengo.plugins.app import build_application

                self._application = build_application()
            return self._application


class SenGoPlugin(AirflowPlugin):
    """The archive page in Airflow's navigation, and the QR page that a task links to."""

    name = "sengo"
    fastapi_apps = [{"app": LazyApplication(), "url_prefix": URL_PREFIX, "name": "SenGo pages"}]  # noqa: RUF012  # Airflow's face
    external_views = [  # noqa: RUF012  # Airflow's face
        {
            "name": "SenGo archive",
            "href": page_path("archive"),
            "destination": "nav",
            "category": "browse",
            "url_route": "sengo-archive",
        }
    ]
