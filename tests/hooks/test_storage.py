# SPDX-License-Identifier: Apache-2.0
"""Where the archive is, and the delta-rs options that a connection means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Connection

from airflow_provider_sengo.hooks.storage import read_storage_options, resolve_archive_uri, storage_options

SECRET = "storage-secret-0001"


def connect(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """Define the connection ``store``."""
    monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps(fields))


@pytest.mark.parametrize(
    ("given", "uri"),
    [
        ("/data/archive", "/data/archive"),
        ("/data/archive/", "/data/archive"),
        ("file:///data/archive", "file:///data/archive"),
        ("s3://books/sengo/", "s3://books/sengo"),
        ("gs://books", "gs://books"),
        ("abfss://box@account.dfs.core.windows.net/x", "abfss://box@account.dfs.core.windows.net/x"),
    ],
)
def test_allowed_uris(given: str, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameter and setting take the same URIs, and the parameter wins."""
    assert resolve_archive_uri(given) == uri
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", given)
    assert resolve_archive_uri() == resolve_archive_uri("") == uri
    assert resolve_archive_uri("/other") == "/other"


@pytest.mark.parametrize(
    "uri",
    [
        "archive",
        "./archive",
        "~/archive",
        "//host/share",
        "file://host/data",
        "file:data",
        "s3a://books/x",
        "https://example/x",
        f"s3://key:{SECRET}@books/x",
        "s3://",
        f"s3://books/x?token={SECRET}",
        f"gs://books/x#{SECRET}",
        "abfss://account.dfs.core.windows.net/x",
        "abfss://[box@account",
        "/data/\narchive",
        "s3://books/\tx",
    ],
)
def test_refused_uris_are_not_shown(uri: str) -> None:
    """Relative paths, other schemes and secrets in a URI are refused, saying what is allowed."""
    with pytest.raises(ValueError, match=r"^Parameter archive_uri must be an absolute local path") as caught:
        resolve_archive_uri(uri)
    assert SECRET not in str(caught.value)


def test_no_uri_at_all_names_both_places() -> None:
    """Whoever has configured nothing learns where to do it."""
    with pytest.raises(ValueError, match=r"give archive_uri, or set \[sengo\] archive_uri"):
        resolve_archive_uri()


def test_no_connection_means_no_options() -> None:
    """A local archive, or a machine with its own identity, needs none."""
    assert storage_options() == storage_options("") == {}


def test_generic_connection_holds_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text passes as it is; JSON's true and numbers are spelled out, empty ones are absent."""
    extra = {"AWS_SECRET_ACCESS_KEY": SECRET, "aws_allow_http": True, "n": 3, "x": None, "y": ""}
    connect(monkeypatch, conn_type="generic", extra=extra)
    expected = {"AWS_SECRET_ACCESS_KEY": SECRET, "aws_allow_http": "true", "n": "3"}
    assert storage_options("store") == expected
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_CONN_ID", "store")
    assert storage_options() == expected


def test_aws_connection_is_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Login, password, region, endpoint and session token become delta-rs options."""
    extra = {
        "region_name": "ap-southeast-3",
        "endpoint_url": "https://s3.example",
        "aws_session_token": "st-0001",
        "role_arn": "",
    }
    connect(monkeypatch, conn_type="aws", login="AKIA", password=SECRET, extra=extra)
    assert storage_options("store") == {
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "ap-southeast-3",
        "AWS_ENDPOINT_URL": "https://s3.example",
        "AWS_SESSION_TOKEN": "st-0001",
    }


def test_plain_http_is_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object store on loopback may be reached over http, no other one."""
    connect(monkeypatch, conn_type="aws", extra={"endpoint_url": "http://127.0.0.1:9000"})
    assert storage_options("store") == {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "AWS_ALLOW_HTTP": "true"}


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("endpoint_url", {"extra": {"endpoint_url": f"http://{SECRET}.example"}}),
        ("endpoint_url", {"extra": {"endpoint_url": f"http://[{SECRET}"}}),
        ("role_arn", {"extra": {"role_arn": SECRET}}),
        ("extra", {"extra": {SECRET: "x"}}),
        ("extra", {"extra": f"[{SECRET}"}),
        ("config_kwargs", {"extra": {"config_kwargs": {"a": SECRET}}}),
        ("password", {"login": SECRET}),
        ("login", {"password": SECRET}),
    ],
)
def test_refusals_name_the_field(field: str, fields: dict[str, Any]) -> None:
    """What is not understood is refused by name, never dropped, and never shown."""
    given = dict(fields)
    extra = given.pop("extra", None)
    text = extra if extra is None or isinstance(extra, str) else json.dumps(extra)
    connection = Connection(conn_id="store", conn_type="aws", extra=text, **given)
    with pytest.raises(ValueError, match=rf"^Connection 'store', field '{field}': ") as caught:
        read_storage_options(connection)
    assert SECRET not in str(caught.value)
