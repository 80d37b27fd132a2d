# SPDX-License-Identifier: Apache-2.0
"""What Airflow loads of the pages, in every process, and what it costs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import DAG, TaskInstanceKey
from hatchling.builders.wheel import WheelBuilder

from airflow_provider_sengo.get_provider_info import get_provider_info
from airflow_provider_sengo.links import URL_PREFIX, QrisPageLink, page_path
from airflow_provider_sengo.plugins.plugin import LazyApplication, SenGoPlugin

ROOT = Path(__file__).parents[2]


def test_loading_the_plugin_loads_nothing_heavy():
    """Every task process loads it; what builds the pages waits for their first request."""
    heavy = (
        "fastapi",
        "starlette",
        "jinja2",
        "pyarrow",
        "deltalake",
        "sqlalchemy",
        "segno",
        "requests",
        "aiohttp",
    )
    tell = "import json, sys; {}; print(json.dumps(sorted(sys.modules)))"
    loaded = []
    for code in (
        "from airflow.providers.common.compat.sdk import AirflowPlugin, BaseOperatorLink, conf",
        "import airflow_provider_sengo.plugins.plugin, airflow_provider_sengo.links",
    ):
        command = [sys.executable, "-c", tell.format(code)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        loaded.append(set(json.loads(done.stdout.splitlines()[-1])))
    before, after = loaded
    assert "airflow_provider_sengo.plugins.plugin" in after
    assert set(heavy) & (after - before) == set()
    assert {name for name in after - before if name.startswith("airflow_provider_sengo.")} == {
        *(
            "airflow_provider_sengo.plugins",
            "airflow_provider_sengo.plugins.plugin",
            "airflow_provider_sengo.links",
        )
    }


def test_the_application_is_built_once_and_off_the_loop(monkeypatch):
    """Many first requests at once get one application, and none of them waits in the event loop."""
    built, answered = [], []

    async def application(scope, receive, send):
        answered.append(scope)

    class Counted(LazyApplication):
        def _build(self):
            with self._lock:
                if self._application is None:
                    built.append(threading.current_thread())
                    self._application = application
                return self._application

    async def ask_at_once():
        lazy = Counted()
        await asyncio.gather(*(lazy({"type": "http", "n": n}, None, None) for n in range(8)))

    asyncio.run(ask_at_once())
    assert len(answered) == 8
    assert len(built) == 1
    assert built[0] is not threading.main_thread()


def test_the_real_application_is_built_on_the_first_request(rights, monkeypatch):
    """By the class as it is; the second request finds it."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    lazy = LazyApplication()
    sent: list[dict] = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/archive",
        "raw_path": b"/archive",
    }
    scope |= {"query_string": b"", "headers": [], "root_path": "", "scheme": "http"}
    scope |= {"server": ("airflow.test", 80), "client": ("127.0.0.1", 1)}
    asyncio.run(lazy(dict(scope), receive, send))
    first = lazy._application
    asyncio.run(lazy(dict(scope), receive, send))
    assert lazy._application is first is not None
    assert [message["status"] for message in sent if "status" in message] == [401, 401]


def test_the_navigation_leads_to_the_page():
    """Airflow puts the address into a frame as it is."""
    (view,) = SenGoPlugin.external_views
    assert view["href"] == f"{URL_PREFIX}/archive"
    assert (view["destination"], view["category"], view["url_route"]) == ("nav", "browse", "sengo-archive")
    (application,) = SenGoPlugin.fastapi_apps
    assert application["url_prefix"] == URL_PREFIX


@pytest.mark.parametrize(
    ("base_url", "prefix"),
    [
        (None, ""),
        ("http://localhost:8080", ""),
        ("http://localhost:8080/", ""),
        ("https://x.example/team/airflow", "/team/airflow"),
        ("https://x.example/team/airflow/", "/team/airflow"),
    ],
)
def test_a_page_s_path_begins_with_airflow_s_own(monkeypatch, base_url, prefix):
    """Where Airflow stands behind a path, it is in every address that leaves the pages."""
    monkeypatch.delenv("AIRFLOW__API__BASE_URL", raising=False)
    if base_url is not None:
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    assert page_path("archive") == f"{prefix}/sengo/archive"


def test_the_link_of_a_task_leads_to_its_payment():
    """A path of the same server with everything quoted, and nothing secret in it."""
    from airflow.providers.common.compat.sdk import BaseOperator

    key = TaskInstanceKey("d/1", "t&x", "manual__2026-11-22T00:00:00+00:00", 1, 3)
    with DAG("d", schedule=None, start_date=datetime(2026, 1, 1)):  # noqa: DTZ001  # Airflow takes it as UTC
        task = BaseOperator(task_id="t")
    link = QrisPageLink()
    assert link.name == "QR code"
    assert link.get_link(task, ti_key=key) == (
        "/sengo/qr?dag_id=d%2F1&run_id=manual__2026-11-22T00%3A00%3A00%2B00%3A00&task_id=t%26x&map_index=3"
    )


def test_provider_info_names_the_link_and_not_the_plugin():
    """Without the one the button vanishes; with the other Airflow loads the plugin twice."""
    info = get_provider_info()
    link = f"{QrisPageLink.__module__}.{QrisPageLink.__qualname__}"
    assert info["extra-links"] == [link]
    assert "plugins" not in info


def test_the_wheel_holds_the_templates():
    """They are no modules, so nothing else would miss them."""
    folder = "airflow_provider_sengo/plugins/templates"
    here = {f"{folder}/{path.name}" for path in (ROOT / folder).iterdir()}
    shipped = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert here
    assert here <= shipped
