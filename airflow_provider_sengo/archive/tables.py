# SPDX-License-Identifier: Apache-2.0
"""The three Delta tables under one URI: open, make, scan, append.

Only what any Delta table needs stands here; which rows go where is decided in ``merge`` and ``heal``.
Never import this in a process that forks afterwards: delta-rs refuses to work in the child.
"""

from __future__ import annotations

import atexit
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import ColumnProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from airflow_provider_sengo.archive.schema import HISTORY, PARTITION_BY, READS, TRANSACTIONS

StorageError = DeltaError  # what any read or write of a table may raise beside OSError

SCHEMAS = {"transactions": TRANSACTIONS, "history": HISTORY, "reads": READS}
ROW_GROUP_ROWS = 16_000  # larger groups cost memory when written and when read back
_UNIQUE = ("id", "merchant_ref", "raw", "digest")  # no value comes twice: a dictionary would only cost
WRITER = WriterProperties(
    compression="ZSTD",
    compression_level=3,
    max_row_group_size=ROW_GROUP_ROWS,
    write_batch_size=ROW_GROUP_ROWS,
    column_properties={name: ColumnProperties(dictionary_enabled=False) for name in _UNIQUE},
)

# Log entries kept, so that time travel and the history of commits reach back a year.
_CONFIGURATION: dict[str, str | None] = {"delta.logRetentionDuration": "interval 400 days"}
# pyarrow's threads let go of delta-rs' files, which are Python objects, a moment after a scan has ended. A
# thread that does so while the interpreter winds down aborts the whole process (std::terminate), one run in
# forty. So an interpreter that scanned winds down a moment later.
LETTING_GO_S = 0.1
atexit.register(time.sleep, LETTING_GO_S)

_PLAIN = re.compile(r"[A-Za-z0-9._:\-\[\]]{1,200}")


class Tables:
    """Where the tables are and how they are reached."""

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None = None) -> None:
        if not uri:
            raise ValueError("archive_uri: must not be empty; give a path or an s3://, gs:// or abfss:// URI")
        self.uri = uri.rstrip("/")
        self.storage_options = dict(storage_options or {})

    def address(self, name: str) -> str:
        """The URI of one table."""
        return f"{self.uri}/{name}"

    def open(self, name: str) -> DeltaTable | None:
        """The newest snapshot, or None where the table was never made."""
        try:
            return DeltaTable(self.address(name), storage_options=self.storage_options)
        except TableNotFoundError:
            return None

    def make(self, name: str) -> DeltaTable:
        """The newest snapshot; an absent table is made. Several makers at once are fine."""
        standing = self.open(name)
        if standing is not None:
            return standing
        DeltaTable.create(
            self.address(name),
            schema=SCHEMAS[name],
            mode="ignore",
            partition_by=["project"] if name == "reads" else PARTITION_BY,
            configuration=_CONFIGURATION,
            storage_options=self.storage_options,
        )
        made = self.open(name)
        assert made is not None  # just made, or made by a rival a moment before
        return made

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows to ``history`` or ``reads``; ``transactions`` is never appended to (see ``merge``)."""
        assert name != "transactions"
        write_deltalake(self.make(name), rows, mode="append", writer_properties=WRITER)

    def scan(
        self, name: str, where: ds.Expression | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows of a table, in memory; an absent table is an empty one."""
        table = self.open(name)
        if table is None:
            return (
                SCHEMAS[name] if columns is None else pa.schema([SCHEMAS[name].field(c) for c in columns])
            ).empty_table()
        return rows_of(table, where, columns)


def batches_of(
    table: DeltaTable, where: ds.Expression | None, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    """The rows of a snapshot, batch by batch; in this thread, for the reason given at ``LETTING_GO_S``."""
    names = None if columns is None else list(columns)
    scanner = table.to_pyarrow_dataset().scanner(columns=names, filter=where, use_threads=False)
    yield from scanner.to_batches()


def rows_of(table: DeltaTable, where: ds.Expression | None, columns: Sequence[str] | None) -> pa.Table:
    """The rows of a snapshot, in memory; see ``batches_of``."""
    names = None if columns is None else list(columns)
    return table.to_pyarrow_dataset().scanner(columns=names, filter=where, use_threads=False).to_table()


def partitions(project: str, type_: str | None, days: Iterable[date | str] | None) -> ds.Expression:
    """The filter for a project's partitions; None means all."""
    where = pc.field("project") == project
    if type_ is not None:
        where = where & (pc.field("type") == type_)
    if days is not None:
        where = where & pc.field("day").isin([str(day) for day in days])
    return where


def literal(value: str) -> str:
    """A value quoted for a Delta predicate; there is no escaping there, so odd values are refused."""
    if not _PLAIN.fullmatch(value):
        raise ValueError("project, type and day may hold letters, digits and . _ : - [ ] only")
    return f"'{value}'"
