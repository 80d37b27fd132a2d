# SPDX-License-Identifier: Apache-2.0
"""Every row version that a day's reading showed, on local disk until it is committed.

A temporary Arrow file, so that memory stays bounded and a commit that lost a race is tried again without
asking the gateway again. Nothing here knows Delta Lake.

In memory stays one integer an id: the digest and the rank of the version that counts so far. Of several
versions of an id the most final one counts, of equally final ones the later.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from airflow_provider_sengo.archive.rows import Row, hash63
from airflow_provider_sengo.archive.schema import SPOOLED, row_batch

BATCH_ROWS = 3_200  # 32 pages of 100: larger batches cost memory, smaller ones time
BATCH_BYTES = 8 << 20  # and no batch of huge records outgrows memory
RANK_MASK = 3


def version(digest: int, rank: int) -> int:
    """A row version as one integer: which bytes, and how final."""
    return digest << 2 | rank


def hash_id(identity: str) -> int:
    """The 63-bit hash under which an id is remembered while a day is read."""
    return hash63(identity.encode("utf-8", "surrogatepass"))


def rank_of(version_: int) -> int:
    """The rank in a version."""
    return version_ & RANK_MASK


class Spool:
    """Collects rows of one (project, day, type); use as a context manager, the file goes with it."""

    def __init__(self, day: date) -> None:
        self.day = day
        self.latest: dict[int, int] = {}  # hash of the id -> version that counts
        self.repeated: set[int] = set()  # ids of which several versions were kept, maybe one twice
        self.refused: list[pa.RecordBatch] = []  # versions less final than one seen before in this reading
        self._rows: list[Row] = []
        self._hashes: list[int] = []
        self._bytes = 0
        self._listing = ""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="sengo-archive-")
        self._path = Path(self._folder.name) / "rows.arrow"
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._writer: pa.ipc.RecordBatchStreamWriter | None = pa.ipc.new_stream(
            self._path, SPOOLED, options=options
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()  # what was not written yet nobody needs any more
        finally:
            self._folder.cleanup()

    def add(self, rows: Sequence[Row], id_hashes: Sequence[int], *, listing: str) -> None:
        """Keep what is new: an id not seen yet, or another version of one."""
        if listing != self._listing:
            self._flush()
            self._listing = listing
        for row, id_hash in zip(rows, id_hashes, strict=True):
            this = version(row.digest, row.rank)
            standing = self.latest.get(id_hash)
            if standing == this:
                continue
            if standing is not None:
                if rank_of(standing) > row.rank:
                    self.refused.append(row_batch([row], [id_hash], listing=listing, listed_day=self.day))
                    continue
                self.repeated.add(id_hash)
            self.latest[id_hash] = this
            self._rows.append(row)
            self._hashes.append(id_hash)
            self._bytes += len(row.raw)
        if len(self._rows) >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
            self._flush()

    def add_found_by_id(self, row: Row, id_hash: int) -> None:
        """Keep a row that no listing showed and that was asked for by its id."""
        self._flush()
        if id_hash in self.latest:
            self.repeated.add(id_hash)
        self.latest[id_hash] = version(row.digest, row.rank)
        assert self._writer is not None
        self._writer.write_batch(row_batch([row], [id_hash], listing="", listed_day=None))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Everything kept so far, in order; may be read again and again. Ends the adding."""
        self.close()
        pool = pa.system_memory_pool()
        # Not mapped: what was read of a mapped file counts as this process's memory.
        with pa.OSFile(str(self._path)) as file, pa.ipc.open_stream(file, memory_pool=pool) as reader:
            yield from reader

    def close(self) -> None:
        """Write what is still held; no row can be added after."""
        if self._writer is not None:
            self._flush()
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if self._rows:
            assert self._writer is not None
            batch = row_batch(self._rows, self._hashes, listing=self._listing, listed_day=self.day)
            self._writer.write_batch(batch)
            self._rows, self._hashes, self._bytes = [], [], 0
