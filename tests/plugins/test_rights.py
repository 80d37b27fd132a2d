# SPDX-License-Identifier: Apache-2.0
"""No page without Airflow's login and the right to see it."""

from __future__ import annotations

import re

import pytest
from archive_maker import PROJECT
from fastapi import FastAPI
from fastapi.testclient import TestClient
from narrow_rights import ALLOWED_DAG, NO_PLUGINS, NO_XCOMS, ONE_DAG, token_of

from airflow_provider_sengo.links import URL_PREFIX
from airflow_provider_sengo.plugins.page import HEADERS

DAY = f"project={PROJECT}&day=2026-11-20"
RUN = "run_id=r&task_id=t"
# Every route of the application with a question that it answers.
PAGES = {
    "/archive": "",
    "/day": DAY,
    "/day.csv": f"{DAY}&type=cashIn",
    "/day.parquet": f"{DAY}&type=cashIn",
    "/search": "q=INV-1",
    "/qr": f"dag_id=d&{RUN}",
}


def get(server: TestClient, path: str, username: str | None):
    headers = {} if username is None else {"Authorization": f"Bearer {token_of(username)}"}
    return server.get(f"{URL_PREFIX}{path}", headers=headers)


def all_routes(routes) -> set[str]:
    """The paths of an application, those of routers inside it included."""
    found: set[str] = set()
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        found |= all_routes(inner.routes) if inner is not None else {route.path}
    return found


def test_no_route_is_forgotten_here(application: FastAPI) -> None:
    """The table above is the whole application: no description of the routes, no page beside them."""
    assert all_routes(application.routes) == set(PAGES)


@pytest.mark.parametrize(("page", "query"), PAGES.items(), ids=PAGES)
def test_a_page_needs_a_login_and_the_right_to_see_plugins(
    server: TestClient, month_uri: str, page: str, query: str
) -> None:
    """401 for nobody and for a made-up token, 403 for who may not see plugins, 200 for who may."""
    path = f"{page}?{query}"
    assert get(server, path, None).status_code == 401
    made_up = server.get(f"{URL_PREFIX}{path}", headers={"Authorization": "Bearer made.up.token"})
    assert made_up.status_code in (401, 403)
    refused = get(server, path, NO_PLUGINS)
    assert refused.status_code == 403
    assert PROJECT not in refused.text
    assert get(server, path, "everything").status_code == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/"])
def test_nothing_describes_the_routes(client: TestClient, path: str) -> None:
    """Airflow's own description does not hold them either, for a mounted application is not in it."""
    assert client.get(f"{URL_PREFIX}{path}").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_changed(client: TestClient, method: str) -> None:
    """The pages read, and read only."""
    for page, query in PAGES.items():
        assert getattr(client, method)(f"{URL_PREFIX}{page}?{query}").status_code == 405


def test_who_may_not_read_a_dag_does_not_see_its_payment(server: TestClient) -> None:
    """The right is asked for the DAG of the address, however it is put."""
    assert get(server, f"/qr?dag_id={ALLOWED_DAG}&{RUN}", ONE_DAG).status_code == 200
    for odd in (
        *("dag_id=other", "dag_id=~", "dag_id=", "dag_id=%20", ""),
        f"dag_id={ALLOWED_DAG}&dag_id=other",
        f"dag_id=other&DAG_ID={ALLOWED_DAG}",
    ):
        assert get(server, f"/qr?{odd}&{RUN}", ONE_DAG).status_code in (400, 403), odd
    assert get(server, f"/qr?dag_id={ALLOWED_DAG}&{RUN}", NO_XCOMS).status_code == 403


def test_pages_and_errors_forbid_to_load_anything(server: TestClient, month_uri: str) -> None:
    """The policy of content allows this very style, images inside the page, and nothing else."""
    for path, username in (("/archive", "everything"), ("/archive", None), ("/nowhere", "everything")):
        answer = get(server, path, username)
        assert all(answer.headers[name] == value for name, value in HEADERS.items())
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        *(f"{page}?{query}" for page, query in PAGES.items() if "." not in page),
        *("/search", "/search?q=nothing", "/archive?project=nobody", "/day?day=x&project=y", "/nowhere"),
    ],
)
def test_no_page_names_another_server(client: TestClient, month_uri: str, path: str) -> None:
    """Every address is a page beside this one; no script, no style attribute that the policy would drop."""
    text = client.get(f"{URL_PREFIX}{path}").text
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    assert addresses
    allowed = re.compile(r"(?:#|archive|day|search|qr|day\.csv|day\.parquet|\.\./dags/|data:image/svg)")
    assert [each for each in addresses if not allowed.match(each)] == []
    assert re.findall(r"//|<script|\son\w+=|\sstyle=|@import|url\(", text.replace("&#x2F;", "/")) == []


@pytest.mark.needs_airflow("3.2", "plugins_manager.get_fastapi_plugins")
def test_the_page_is_part_of_airflow(rights: None, month_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's own application serves it: 401 without a login, 200 with a token or the UI's cookie."""
    from airflow import plugins_manager
    from airflow.api_fastapi.app import create_app

    from airflow_provider_sengo.plugins.plugin import SenGoPlugin

    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    plugins = plugins_manager.get_fastapi_plugins()[0]
    assert [each["url_prefix"] for each in plugins].count(URL_PREFIX) == 1, "install this package anew"
    assert SenGoPlugin.name in {plugin.name for plugin in plugins_manager._get_plugins()[0]}
    airflow = TestClient(create_app(apps="core"), base_url="http://airflow.test")
    address = f"{URL_PREFIX}/archive"
    assert airflow.get(address).status_code == 401
    assert (
        airflow.get(address, headers={"Authorization": f"Bearer {token_of(NO_PLUGINS)}"}).status_code == 403
    )
    assert PROJECT in airflow.get(address, headers={"Authorization": f"Bearer {token_of('x')}"}).text
    airflow.cookies.set("_token", token_of("x"))
    assert airflow.get(address).status_code == 200
