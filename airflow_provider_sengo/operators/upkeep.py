# SPDX-License-Identifier: Apache-2.0
"""The task that looks after the archive's tables; what it does to them is decided in ``archive.upkeep``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_sengo.hooks.storage import resolve_archive_uri, storage_options

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class SenGoArchiveUpkeepOperator(BaseOperator):
    """
    Keep the archive quick to read and small to store: fold small files, write checkpoints, delete old files.

    No row of any table is changed or dropped. It may run while days are archived: what it cannot fold then is
    left for the next time. It asks the gateway for nothing, and looks after all projects of the archive.

    Pushes, for each table that is there, ``{"transactions": {"files_before": 14, "files_after": 12,
    "files_removed": 31, "bytes_removed": 5242880, "checkpoint": 96, "put_off": false}, ...}``; ``files_removed``
    and ``bytes_removed`` are what was deleted, ``checkpoint`` is the version it was made of, or null where
    there was nothing new. Running it again does nothing.

    :param archive_uri: where the archive is; default ``[sengo] archive_uri`` (templated).
    :param archive_conn_id: connection with its storage options; default ``[sengo] archive_conn_id`` (templated).
    :param keep_days: files that nothing refers to any more are kept for so many days, at least 7: a reader may
        still need them, and so far back the tables can be read as they were; default 30.
    """

    template_fields: Sequence[str] = ("archive_uri", "archive_conn_id")

    def __init__(
        self,
        *,
        archive_uri: str | None = None,
        archive_conn_id: str | None = None,
        keep_days: int = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.archive_uri = archive_uri
        self.archive_conn_id = archive_conn_id
        self.keep_days = keep_days

    def execute(self, context: Context) -> dict[str, dict[str, Any]]:
        """Return what was done to each table."""
        from airflow_provider_sengo.archive.tables import Tables
        from airflow_provider_sengo.archive.upkeep import keep_up

        tables = Tables(resolve_archive_uri(self.archive_uri), storage_options(self.archive_conn_id))
        done = keep_up(tables, keep_days=self.keep_days)
        if not done:
            self.log.info("There is no table yet in %s.", tables.uri)
        return {name: dict(msgspec.to_builtins(each)) for name, each in done.items()}
