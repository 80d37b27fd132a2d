# SPDX-License-Identifier: Apache-2.0
"""Where the archive is and how to reach it: a URI, and delta-rs storage options from a connection.

Secrets stand in the options only, never in the URI. What is not understood is refused, not left out: an
option that is dropped in silence would write with another identity, or to another place.

* ``s3://``: an ``aws`` connection, or a generic one with ``aws_access_key_id``, ``aws_secret_access_key``,
  ``aws_region``, ``aws_endpoint_url`` (and ``aws_allow_http`` on this machine). Commits are conditional puts,
  delta-rs' default: nothing is to be set, and no lock table is needed. A store without them is not written.
* ``gs://``: a generic connection with ``google_service_account`` (a file on every worker) or
  ``google_service_account_key`` (its text).
* ``abfss://``: a generic connection with ``azure_storage_account_key``, or with ``azure_storage_client_id``,
  ``azure_storage_client_secret`` and ``azure_storage_tenant_id``.

Without a connection the machine's own identity counts, as delta-rs finds it. Options of a generic connection
go to delta-rs as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import BaseHook, conf

from airflow_provider_sengo.hooks.base_url import FieldError, is_loopback
from airflow_provider_sengo.hooks.connection import load_extra
from airflow_provider_sengo.hooks.masking import mask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

ARCHIVE_URI_RULE = "an absolute local path, or a file://, s3://, gs:// or abfss:// URI"
_OBJECT_STORES = ("s3", "gs", "abfss")
_SECRET_NAME = re.compile(r"secret|token|key|password|sas|credential", re.IGNORECASE)
_AWS_EXTRAS = {
    "region_name": "AWS_REGION",
    "endpoint_url": "AWS_ENDPOINT_URL",
    "aws_session_token": "AWS_SESSION_TOKEN",
}


def resolve_archive_uri(archive_uri: str | None = None) -> str:
    """The archive's URI: the parameter, else ``[sengo] archive_uri``; without a trailing slash.

    Raises ValueError if there is neither, or for what is not ``ARCHIVE_URI_RULE``. A relative path is
    refused: every worker would keep another archive.
    """
    uri = archive_uri or conf.get("sengo", "archive_uri", fallback=None)
    if not uri:
        raise ValueError(
            "There is no archive: give archive_uri, or set [sengo] archive_uri "
            f"(AIRFLOW__SENGO__ARCHIVE_URI), to {ARCHIVE_URI_RULE}."
        )
    if not _is_archive_uri(uri):
        source = "Parameter archive_uri" if archive_uri else "Setting [sengo] archive_uri"
        raise ValueError(f"{source} must be {ARCHIVE_URI_RULE}, without password, query or fragment.")
    return uri.rstrip("/") or "/"


def _is_archive_uri(uri: str) -> bool:
    """Whether a URI is of an allowed kind and holds no secret."""
    if uri.startswith("/"):
        return uri.isprintable() and not uri.startswith("//")
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    if not uri.isprintable() or parts.query or parts.fragment or parts.password is not None:
        return False
    if parts.scheme == "file":
        return parts.netloc in ("", "localhost") and PurePosixPath(parts.path).is_absolute()
    container = parts.scheme == "abfss"  # abfss://container@account.dfs.core.windows.net/path
    return parts.scheme in _OBJECT_STORES and bool(parts.hostname) and ("@" in parts.netloc) is container


def storage_options(archive_conn_id: str | None = None) -> dict[str, str]:
    """delta-rs storage options of a connection: the parameter, else ``[sengo] archive_conn_id``, else none.

    Raises ValueError that names connection and field. Secrets are masked from here on.
    """
    conn_id = archive_conn_id or conf.get("sengo", "archive_conn_id", fallback=None)
    if not conn_id:
        return {}
    options = read_storage_options(BaseHook.get_connection(conn_id))
    mask(value for name, value in options.items() if _SECRET_NAME.search(name))
    return options


def read_storage_options(connection: Connection) -> dict[str, str]:
    """The storage options a connection means: an ``aws`` one is mapped, any other holds them in its extra."""
    try:
        extra = {name: _text(name, value) for name, value in load_extra(connection.extra).items()}
        given = {name: value for name, value in extra.items() if value}
        return _aws_options(connection, given) if connection.conn_type == "aws" else given
    except FieldError as error:
        raise ValueError(f"Connection {connection.conn_id!r}, {error}.") from None


def _text(name: str, value: Any) -> str:
    """One option as delta-rs takes it: text; JSON's true and numbers are spelled out, null is empty."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool | int):
        return str(value).lower()
    raise FieldError(_name(name), "must be text, as delta-rs storage options are")


def _name(name: str) -> str:
    """The name of an extra if it looks like one: a slip can put a secret there."""
    return name if re.fullmatch(r"[A-Za-z][A-Za-z_]{0,63}", name) else "extra"


def _aws_options(connection: Connection, extra: Mapping[str, str]) -> dict[str, str]:
    """The options of an ``aws`` connection; without login and password the machine's own identity counts."""
    unknown = [name for name in extra if name not in _AWS_EXTRAS]
    if unknown:
        raise FieldError(
            _name(unknown[0]),
            "is not understood here; put delta-rs storage options into a generic connection",
        )
    if bool(connection.login) is not bool(connection.password):
        field = "password" if connection.login else "login"
        raise FieldError(field, "is missing; give key id and secret, or neither")
    options = {_AWS_EXTRAS[name]: value for name, value in extra.items()}
    if connection.login and connection.password:
        options |= {"AWS_ACCESS_KEY_ID": connection.login, "AWS_SECRET_ACCESS_KEY": connection.password}
    return options | _plain_http(extra.get("endpoint_url"))


def _plain_http(endpoint_url: str | None) -> dict[str, str]:
    """Leave for plain http where the endpoint is on this machine; FieldError where it is not."""
    if not endpoint_url:
        return {}
    try:
        parts = urlsplit(endpoint_url)
        scheme, host = parts.scheme, parts.hostname or ""
    except ValueError:
        scheme, host = "", ""
    if scheme == "https" and host:
        return {}
    if scheme == "http" and is_loopback(host):
        return {"AWS_ALLOW_HTTP": "true"}
    raise FieldError("endpoint_url", "must be an https URL; http is for this machine only")
