# SPDX-License-Identifier: Apache-2.0
"""The only way rows get into ``transactions``: whole days of one project and type, written anew in one commit.

Rows that stay are copied, rows that leave are left out, rows that come are added. Which are which is
decided in ``merge`` and ``heal``.

* Never a plain append: two appends from one snapshot both land. An overwrite of a rival's partition is
  refused (``CommitFailedError``), also where the rival only packed its files.
* Not delta-rs' own merge: it is no cheaper in time, takes a gigabyte for 100,000 rows, and with a spill
  limit it fails from some 20,000 rows on (deltalake 1.5).
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from airflow_provider_sengo.archive.schema import TRANSACTIONS
from airflow_provider_sengo.archive.tables import WRITER, batches_of, exactly, literal, partitions

Leaving = Mapping[str, Collection[str]]  # day -> ids of the rows that leave it; every day is written anew


class _Told:
    """Remembers the error that an iterator ended with."""

    error: BaseException | None = None

    def by(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with self:
            yield from batches

    def __enter__(self) -> None:
        """Nothing yet."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, GeneratorExit):  # that is only delta-rs, which wants no more
            self.error = error


class Rewrite:
    """Days of one project and type as a snapshot has them; use as a context manager.

    ``left``: the rows that leave, with every column of the table. The others wait in a file: memory stays
    bounded, and delta-rs never reads a table while it writes it.
    """

    def __init__(self, table: DeltaTable, project: str, type_: str, leaving: Leaving) -> None:
        self._table, self._project, self._type, self._leaving = table, project, type_, leaving
        standing = pa.schema(table.schema().to_arrow())
        self._newer = [field for field in standing if field.name not in TRANSACTIONS.names]
        self._schema = pa.schema([*TRANSACTIONS, *self._newer])  # columns of a newer release come last
        self._stay = 0

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="sengo-rewrite-"))
            self._path = str(Path(folder) / "stay.arrow")
            self.left = self._set_aside()
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._opened.close()

    def commit(self, coming: Iterable[pa.RecordBatch]) -> None:
        """Replace the days by the rows that stay and those that come, in one commit or not at all.

        Whatever ``coming`` raises ends it without a commit, and comes out as it is.
        """
        told = _Told()
        where = (
            f"project = {literal(self._project)} AND type = {literal(self._type)}"
            f" AND day IN ({', '.join(map(literal, sorted(self._leaving)))})"
        )
        try:
            write_deltalake(
                self._table,
                pa.RecordBatchReader.from_batches(self._schema, told.by(self._rows(coming))),
                mode="overwrite",
                schema_mode="merge",
                predicate=where,
                writer_properties=WRITER,
            )
        except DeltaError:
            if told.error is not None:  # delta-rs has only its text
                raise told.error from None
            raise

    def _set_aside(self) -> pa.Table:
        """Write the rows that stay to the file; return those that leave."""
        left = []
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(self._path, self._schema, options=options) as writer:
            for day, ids in self._leaving.items():
                leaving = pa.array(sorted(ids), pa.string())
                for batch in batches_of(self._table, partitions(self._project, self._type, [day]), None):
                    rows = exactly(pa.Table.from_batches([batch]), TRANSACTIONS)
                    leaves = pc.is_in(rows["id"], value_set=leaving)
                    stay = rows.filter(pc.invert(leaves))
                    self._stay += stay.num_rows
                    writer.write_table(stay)
                    left.append(rows.filter(leaves))
        return pa.concat_tables([self._schema.empty_table(), *left])

    def _rows(self, coming: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        stay, pool = 0, pa.system_memory_pool()  # gives memory back
        with pa.OSFile(self._path) as file, pa.ipc.open_stream(file, memory_pool=pool) as reader:
            for batch in reader:
                stay += batch.num_rows
                yield batch
        if stay != self._stay:
            raise RuntimeError(f"{self._stay} rows were to stay, {stay} came back: nothing was committed")
        newer_by_id = self._newer_by_id()
        for batch in coming:
            yield self._with_newer(batch, newer_by_id)

    def _newer_by_id(self) -> dict[str, dict[str, object]]:
        """What a newer release put into its own columns of the rows that leave; their next versions keep it."""
        rows = self.left.select(["id", *(field.name for field in self._newer)]) if self._newer else None
        return {row["id"]: row for row in rows.to_pylist()} if rows else {}

    def _with_newer(self, batch: pa.RecordBatch, newer_by_id: dict[str, dict[str, object]]) -> pa.RecordBatch:
        arrays = []
        for field in self._schema:
            if field.name in batch.schema.names:
                arrays.append(batch[field.name])
            else:
                known = [newer_by_id.get(each, {}).get(field.name) for each in batch["id"].to_pylist()]
                arrays.append(pa.array(known, field.type))
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)
