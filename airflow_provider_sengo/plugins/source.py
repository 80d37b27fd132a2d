# SPDX-License-Identifier: Apache-2.0
"""Opens the archive that ``[sengo]`` names, and reads what a page's address asks for; shows nothing itself.

Errors of storage and of settings become one here, in words that any of the pages can show.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from airflow.providers.common.compat.sdk import AirflowNotFoundException, conf
from pyarrow import ArrowException

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.tables import StorageError, Tables
from airflow_provider_sengo.hooks.storage import resolve_archive_uri, storage_options


class BadQuestion(Exception):
    """The address asks for something that cannot be; the text says what, without repeating it."""


class ArchiveUnavailable(Exception):
    """There is no archive to read; the text says what to do."""

    def __init__(self, title: str, text: str, *, status: int = 503) -> None:
        super().__init__(text)
        self.title = title
        self.status = status


@contextmanager
def archive_tables() -> Iterator[Tables]:
    """The archive's tables, for reading. Raises: ArchiveUnavailable, also for what fails inside."""
    if not conf.get("sengo", "archive_uri", fallback=None):
        raise ArchiveUnavailable(
            "No archive is configured",
            "Set [sengo] archive_uri (AIRFLOW__SENGO__ARCHIVE_URI) for the api-server to where the archive "
            "is, and archive_conn_id to the connection with its storage options if it needs one.",
            status=200,
        )
    try:
        tables = Tables(resolve_archive_uri(), storage_options())
    except (ValueError, AirflowNotFoundException) as error:
        raise ArchiveUnavailable("The archive's settings are wrong", str(error)) from error
    try:
        yield tables
    except (StorageError, ArrowException, OSError) as error:
        raise ArchiveUnavailable(
            "The archive cannot be read",
            f"Its storage answered with {type(error).__name__}; the api-server's log has the whole error.",
        ) from error


def read_day(value: str, field: str) -> date:
    """A calendar day of the address. Raises: BadQuestion."""
    try:
        return days.parse_day(value, field=field)
    except ValueError as error:
        raise BadQuestion(f"{error}.") from None


def read_type(value: str) -> str:
    """``cashIn`` or ``cashOut`` of the address. Raises: BadQuestion."""
    try:
        return days.parse_type(value)
    except ValueError as error:
        raise BadQuestion(f"{error}.") from None
