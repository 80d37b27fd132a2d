# SPDX-License-Identifier: Apache-2.0
"""Connections of any content, as fields, as JSON and as a URI: one of ours, or a ValueError that shows no value."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.providers.common.compat.sdk import Connection
from fuzz_profile import bounded, fuzz
from hypothesis import assume, given
from hypothesis import strategies as st
from mutations import CANARY, VALUES, bent, paths

from airflow_provider_sengo.connection_fields import CONNECTION_TYPES
from airflow_provider_sengo.hooks.base_url import FieldError, is_loopback
from airflow_provider_sengo.hooks.connection import read_connection, read_senangpay_connection
from airflow_provider_sengo.hooks.storage import read_storage_options

READERS = {"sengo": read_connection, "senangpay": read_senangpay_connection}
SECRET = "s3cr3t-" + CANARY

any_text = st.text() | st.text(st.characters(categories=["Cs", "Cc", "Zs"])) | st.text().map(CANARY.__add__)
hosts = any_text | st.sampled_from(
    [
        *("https://api.sengo.id/api", "http://api.sengo.id", "http://127.0.0.1:9", "localhost", "[::1]:80"),
        *(
            "127.0.0.1.evil.example",
            "http://localhost@evil.example",
            "//evil",
            "https://a\\@b",
            "https://a:99999",
        ),
        *(
            "http://0x7f.1",
            "http://[::ffff:127.0.0.1]",
            "http://127.1",
            "http://2130706433",
            "ftp://127.0.0.1",
        ),
        *(
            "https://a/../b",
            "https://a/%2e%2e",
            "http://localhost.evil.example",
            "http://[::1",
            "https://[v1.a]",
        ),
    ]
)
scalar = st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.integers(10**390, 10**400)
anything = st.recursive(
    scalar, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=4
)
extras = st.dictionaries(
    st.sampled_from([*CONNECTION_TYPES["sengo"].extras, *CONNECTION_TYPES["senangpay"].extras]) | any_text,
    anything | hosts | st.sampled_from(["1", "0", "1e3", "sandbox", "md5", "http://u:p@proxy:1"]),
    max_size=3,
)


def read(kind: str, connection: Any) -> None:
    """Read it; what is accepted goes to https or to this machine, and nothing shows the secret."""
    refusal: ValueError | None = None
    try:
        with bounded():
            found = READERS[kind](connection)
    except ValueError as error:
        refusal = error
    if refusal is not None:
        assert type(refusal) in (ValueError, FieldError), repr(refusal)
        assert CANARY not in str(refusal)
        assert refusal.__cause__ is None
        return
    parts = urlsplit(found.credentials.base_url)
    assert parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    assert not parts.username
    assert SECRET not in f"{found!r} {found.credentials!r} {found.options!r}"
    assert any(SECRET in secret for secret in found.secrets())
    password = urlsplit(found.options.proxy or "").password
    assert not password or password in found.secrets()


@fuzz(200)
@given(
    kind=st.sampled_from([*READERS]), host=hosts, schema=any_text, port=scalar, login=any_text, extra=extras
)
def test_fields(kind: str, host: str, schema: str, port: Any, login: str, extra: dict[str, Any]) -> None:
    """Any field of the form."""
    fields = {"conn_id": "c", "conn_type": kind, "host": host, "schema": schema, "login": login or "1"}
    assume(not isinstance(port, float))  # Airflow's own class has an int there
    read(kind, Connection(**fields, password=SECRET, port=port, extra=json.dumps(extra)))


@fuzz(200)
@given(kind=st.sampled_from([*READERS]), extra=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_extras_that_are_no_json(kind: str, extra: str) -> None:
    """Any text as extra; Airflow's own class leaves checking it to whoever reads it."""
    read(kind, _with_extra(kind, extra))


def test_extras_bent_at_every_place() -> None:
    """Every extra with every value that JSON can spell and some that it cannot."""
    for kind, table in CONNECTION_TYPES.items():
        if kind not in READERS:
            continue
        document = dict.fromkeys(table.extras, None)
        for path in paths(document):
            for value in VALUES:
                read(kind, _with_extra(kind, bent(document, path, value).decode("utf-8", "surrogateescape")))


@fuzz(200)
@given(kind=st.sampled_from([*READERS]), piece=any_text, place=st.integers(0, 5), spelled=st.booleans())
def test_uris(kind: str, piece: str, place: int, spelled: bool) -> None:
    """Any piece of a URI, percent-encoded or as it is."""
    assume(spelled is False or piece.isprintable())
    piece = quote(piece, safe="") if spelled else piece
    parts = [kind, "1", quote(SECRET), "127.0.0.1:9", "api" if kind == "sengo" else "", "timeout_s=3"]
    if place:
        parts[place] = piece
    scheme, login, password, host, path, query = parts
    try:
        connection = Connection.from_uri(f"{scheme}://{login}:{password}@{host}/{path}?{query}", conn_id="c")
    except Exception:  # noqa: BLE001 - Airflow's own parser refuses it in its own words
        return
    assume(connection.password == SECRET)
    read(kind, connection)


@fuzz(200)
@given(extra=st.text() | anything.map(json.dumps), kind=st.sampled_from(["aws", "generic", "", "sengo"]))
def test_storage(extra: str, kind: str) -> None:
    """A storage connection's extra: options as text, or a ValueError."""
    told, options = "", {}
    try:
        with bounded():
            options = read_storage_options(_with_extra(kind, extra))
    except ValueError as error:
        told = str(error)
    assert CANARY not in told
    assert all(isinstance(text, str) for pair in options.items() for text in pair)


def _with_extra(kind: str, extra: str) -> Any:
    """The connection with an extra as text, as a database or the server hands it over, unchecked."""
    connection = Connection(conn_id="c", conn_type=kind, login="1", password=SECRET)
    connection.extra = extra
    return connection
