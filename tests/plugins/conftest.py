# SPDX-License-Identifier: Apache-2.0
"""The pages as Airflow serves them, in this process: real tokens, real rights, an archive in a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

for _folder in (Path(__file__).parent, Path(__file__).parents[1] / "archive"):
    sys.path.insert(0, str(_folder))  # tests are no package

import pytest  # noqa: E402  # the path comes first
from archive_maker import NOW, make_archive  # noqa: E402  # the path comes first
from archive_world import World  # noqa: E402  # the path comes first
from fastapi import FastAPI  # noqa: E402  # the path comes first
from fastapi.testclient import TestClient  # noqa: E402  # the path comes first
from narrow_rights import token_of  # noqa: E402  # the path comes first

from airflow_provider_sengo.links import URL_PREFIX  # noqa: E402  # the path comes first

Ask = Callable[..., str]


@pytest.fixture(scope="session")
def rights(airflow_db: None) -> Iterator[None]:
    """Airflow's auth manager, with users who may do less."""
    from airflow.api_fastapi.app import create_auth_manager, purge_cached_app

    purge_cached_app()
    with pytest.MonkeyPatch.context() as patch:  # only while it is made: other tests start processes
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "narrow_rights.NarrowRights")
        create_auth_manager().init()
    yield
    purge_cached_app()


@pytest.fixture(scope="session")
def application(rights: None) -> FastAPI:
    """The pages, at a fixed time."""
    from airflow_provider_sengo.plugins.app import build_application

    return build_application(clock=lambda: NOW)


@pytest.fixture(scope="session")
def server(application: FastAPI) -> TestClient:
    """The pages below Airflow's root, for somebody who is not logged in."""
    airflow = FastAPI()
    airflow.mount(URL_PREFIX, application)
    return TestClient(airflow, base_url="http://airflow.test", raise_server_exceptions=True)


@pytest.fixture
def client(server: TestClient) -> Iterator[TestClient]:
    """The same for somebody who may see everything."""
    server.headers["Authorization"] = f"Bearer {token_of('everything')}"
    yield server
    del server.headers["Authorization"]


@pytest.fixture
def ask(client: TestClient) -> Ask:
    """The text of a page, which must be there."""

    def get(page: str, *, status: int = 200, **query: object) -> str:
        answer = client.get(f"{URL_PREFIX}/{page}", params=query)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        return answer.text

    return get


@pytest.fixture
def archive_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where Airflow's settings say that the archive is; nothing is there yet."""
    uri = str(tmp_path / "archive")
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", uri)
    return uri


@pytest.fixture
def world(archive_uri: str) -> World:
    """A gateway, and the empty archive that the pages show."""
    return World(archive_uri)


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An archive of forty whole days."""
    uri = str(tmp_path_factory.mktemp("month") / "archive")
    make_archive(uri, number_of_days=40, per_day=20)
    return uri


@pytest.fixture
def month_uri(month: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The pages show that archive."""
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", month)
    return month
