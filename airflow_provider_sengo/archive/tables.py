# SPDX-License-Identifier: Apache-2.0
"""The three Delta tables under one URI: open, make, scan, append, and how often a write is tried.

Only what any Delta table needs stands here; which rows go where is decided in ``merge`` and ``heal``.
Never import this in a process that forks afterwards: delta-rs refuses to work in the child.
"""

from __future__ import annotations

import atexit
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import count
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import ColumnProperties, DeltaTable, Schema, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

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

STORAGE_TRIES = 3  # delta-rs has repeated by itself whatever it could; a commit without an answer it cannot
COMMIT_TRIES = 8  # each on a fresh snapshot; more rivals than that in one partition is a fault elsewhere
COMMIT_WAIT_S = 0.2
# Log entries kept, so that time travel and the history of commits reach back a year.
_CONFIGURATION: dict[str, str | None] = {"delta.logRetentionDuration": "interval 400 days"}
# pyarrow's threads let go of delta-rs' files, which are Python objects, a moment after a scan has ended. A
# thread that does so while the interpreter winds down aborts the whole process (std::terminate), one run in
# forty. So an interpreter that scanned winds down a moment later.
LETTING_GO_S = 0.1
atexit.register(time.sleep, LETTING_GO_S)

BATCH_ROWS = 4_000  # of what is read row by row
LITTLE_BY_LITTLE = ds.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)

_PLAIN = re.compile(r"[A-Za-z0-9._:\-\[\]]{1,200}")

Landed = TypeVar("Landed")


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
        """The newest snapshot, with every column of today; an absent table is made. Several makers are fine."""
        standing = self.open(name)
        if standing is not None:
            return self._widened(name, standing)
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

    def _widened(self, name: str, table: DeltaTable) -> DeltaTable:
        """A table of an older release gets the columns it lacks, null in its rows; a merge would drop them.

        Columns of a newer release stay, and keep their values in the rows that are not replaced.
        """
        for attempt in range(1, STORAGE_TRIES + 1):
            missing = _missing(name, table, SCHEMAS[name].names)
            if not missing:
                break
            fields = Schema.from_arrow(pa.schema([field.with_nullable(True) for field in missing])).fields
            try:
                table.alter.add_columns(fields)
            except DeltaError:  # a rival did the same, or wrote: look again
                if attempt == STORAGE_TRIES:
                    raise
            table.update_incremental()
        return table

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows to ``history`` or ``reads``; ``transactions`` is never appended to (see ``merge``)."""
        assert name != "transactions"
        write_deltalake(self.make(name), rows, mode="append", schema_mode="merge", writer_properties=WRITER)

    def append_once(self, name: str, rows: pa.Table, key: str) -> None:
        """Append rows, of which no other has the ``key``, in one commit.

        An object store may take a commit and its answer be lost: then it is looked for before it is tried
        again. Raises OSError if the storage failed ``STORAGE_TRIES`` times, ``CommitFailedError`` if rivals
        won ``COMMIT_TRIES`` times.
        """
        where = pc.field(key).isin(rows[key])
        tries = count(1)

        def append_unless_there() -> None:
            if next(tries) == 1 or not self.scan(name, where, [key]).num_rows:
                self.append(name, rows)

        until_landed(append_unless_there)

    def scan(
        self, name: str, where: ds.Expression | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows of a table, in memory; an absent table is an empty one."""
        table = self.open(name)
        wanted = SCHEMAS[name].names if columns is None else columns
        if table is None:
            return pa.schema([SCHEMAS[name].field(column) for column in wanted]).empty_table()
        missing = _missing(name, table, wanted)
        absent = {field.name for field in missing}
        rows = rows_of(table, where, columns and [column for column in columns if column not in absent])
        for field in missing:  # of a table that an older release wrote
            rows = rows.append_column(field.with_nullable(True), pa.nulls(rows.num_rows, field.type))
        return rows


def until_landed(
    decide_and_write: Callable[[], Landed], *, sleep: Callable[[float], None] = time.sleep
) -> Landed:
    """Decide on the newest snapshot and write; once more from the start if a rival won or the storage failed.

    An answer may be lost and not the commit, so what is decided again must see what landed. Raises
    ``CommitFailedError`` if rivals won ``COMMIT_TRIES`` times, OSError if the storage failed
    ``STORAGE_TRIES`` times.
    """
    lost_races = failures = 0
    while True:
        try:
            return decide_and_write()
        except OSError:
            nth = failures = failures + 1
            if failures == STORAGE_TRIES:
                raise
        except CommitFailedError:
            nth = lost_races = lost_races + 1
            if lost_races == COMMIT_TRIES:
                raise
        sleep(random.uniform(0, COMMIT_WAIT_S * 2**nth))


def _missing(name: str, table: DeltaTable, wanted: Sequence[str]) -> list[pa.Field]:
    """The columns, of those wanted, that a table does not have."""
    there = {field.name for field in table.schema().fields}
    return [SCHEMAS[name].field(column) for column in wanted if column not in there]


def batches_of(
    table: DeltaTable, where: ds.Expression | None, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    """The rows of a snapshot, batch by batch; in this thread, for the reason given at ``LETTING_GO_S``."""
    names = None if columns is None else list(columns)
    is_local = "://" not in table.table_uri or table.table_uri.startswith("file://")
    scanner = table.to_pyarrow_dataset().scanner(
        columns=names,
        filter=where,
        use_threads=False,
        batch_size=BATCH_ROWS,
        batch_readahead=1,
        fragment_readahead=1,
        memory_pool=pa.system_memory_pool(),  # gives memory back
        # From a disk little by little; an object store takes its time for each request, however small.
        fragment_scan_options=LITTLE_BY_LITTLE if is_local else None,
    )
    yield from scanner.to_batches()


def rows_of(table: DeltaTable, where: ds.Expression | None, columns: Sequence[str] | None) -> pa.Table:
    """The rows of a snapshot, in memory; see ``batches_of``."""
    names = None if columns is None else list(columns)
    return table.to_pyarrow_dataset().scanner(columns=names, filter=where, use_threads=False).to_table()


def exactly(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of a table by the schema, ready to be written; columns of a newer release come after it, as they are."""
    fields = [*schema, *(field for field in rows.schema if field.name not in schema.names)]
    return rows.select([field.name for field in fields]).cast(pa.schema(fields))


def keep_once(tables: Tables, rows: pa.Table, project: str) -> None:
    """Append versions to ``history``, but none that is there; no commit where nothing is new."""
    if not rows.num_rows:
        return
    columns = ["type", "id", "digest"]
    days_ = set(rows["day"].to_pylist())
    standing = tables.scan("history", partitions(project, None, days_), columns)
    known = set(zip(*(standing[name].to_pylist() for name in columns), strict=True))
    fresh = []
    for key in zip(*(rows[name].to_pylist() for name in columns), strict=True):
        fresh.append(key not in known)
        known.add(key)
    if any(fresh):
        tables.append("history", rows.filter(pa.array(fresh)))


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
