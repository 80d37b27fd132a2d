# SPDX-License-Identifier: Apache-2.0
"""The archive as its users see it: Delta Lake tables under one URI, and what they prove.

``<uri>/transactions``, ``<uri>/history`` and ``<uri>/reads`` are plain Delta Lake tables: any engine reads
them. This class reads them back and records reads; what a day's reading changes is in ``merge``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake.exceptions import CommitFailedError

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.coverage import DayCoverage, ReadRecord, coverage
from airflow_provider_sengo.archive.heal import heal_doubles
from airflow_provider_sengo.archive.schema import read_records, reads_table
from airflow_provider_sengo.archive.tables import Tables

READS_FILES_MAX = 50  # more small files than this make every coverage slow; then they are compacted


class Archive:
    """An archive at ``uri``: a path, ``file://``, ``s3://``, ``gs://`` or ``abfss://``.

    ``storage_options``: delta-rs' own, as strings. Nothing is made or read until a method is called.
    """

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None = None) -> None:
        self.tables = Tables(uri, storage_options)

    def transactions(
        self, project: str | None = None, day: date | str | None = None, type: str | None = None
    ) -> pa.Table:
        """Archived transactions, one row each; all that match, in memory."""
        wanted = {"project": project, "day": day and str(day), "type": type}
        where: ds.Expression | None = None
        for name, value in wanted.items():
            if value is not None:
                condition = pc.field(name) == value
                where = condition if where is None else where & condition
        return self.tables.scan("transactions", where)

    def find_reference(self, project: str, reference: str) -> dict[str, Any] | None:
        """The archived transaction of a merchant's reference, the most final one if there are several."""
        where = (pc.field("project") == project) & (pc.field("merchant_ref") == reference)
        rows = self.tables.scan("transactions", where).to_pylist()
        return max(rows, key=lambda row: int(row["rank"]), default=None)

    def history(self, id: str) -> pa.Table:
        """Versions of a transaction that were replaced or refused, oldest first, each once."""
        rows = self.tables.scan("history", pc.field("id") == id).sort_by("last_changed_at")
        seen: set[int] = set()
        keep = []
        for digest in rows["digest"].to_pylist():
            keep.append(digest not in seen)
            seen.add(digest)
        return rows.filter(pa.array(keep, pa.bool_()))

    def reads(self, project: str | None = None) -> list[ReadRecord]:
        """Every recorded read of a listing, failed ones too."""
        where = None if project is None else pc.field("project") == project
        return read_records(self.tables.scan("reads", where))

    def coverage(
        self,
        as_of: datetime | date | str,
        retention_days: int = days.RETENTION_DAYS,
        project: str | None = None,
        types: Sequence[str] = days.TYPES,
    ) -> list[DayCoverage]:
        """The state of each day as of an instant (a bare day means its noon in Jakarta), oldest first.

        Of one project, or of all that have reads. A project without reads has the days of the window.
        """
        now = days.parse_as_of(as_of)
        records = self.reads(project)
        projects = [project] if project is not None else sorted({record.project for record in records})
        return [
            item
            for each in projects
            for item in coverage(records, project=each, now=now, retention_days=retention_days, types=types)
        ]

    def record_reads(self, records: Sequence[ReadRecord]) -> None:
        """Append records of reads in one commit, after the rows that they vouch for."""
        self.tables.append_once("reads", reads_table(records), key="read_id")

    def heal(self, project: str, now: datetime, retention_days: int, *, read_id: str) -> int:
        """Make ids that stand under two days one again; returns how many there were."""
        newest = days.today(now) + timedelta(days=1)
        span = [newest - timedelta(days=back) for back in range(2 * retention_days + 2)]
        return heal_doubles(self.tables, project, span, read_id=read_id)

    def compact_reads(self) -> bool:
        """Fold the small files of ``reads`` into one where there are many; True if it did, and no rival."""
        table = self.tables.open("reads")
        if table is None or len(table.file_uris()) <= READS_FILES_MAX:
            return False
        try:
            table.optimize.compact()
        except CommitFailedError:
            return False  # a rival folds them at this moment
        return True
