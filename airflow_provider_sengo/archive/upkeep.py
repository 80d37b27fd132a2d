# SPDX-License-Identifier: Apache-2.0
"""What keeps the tables quick to read and small to store; rows are never touched.

Three things a table: small files are folded into larger ones (compaction), what the log says is put into
one file (checkpoint), and files that nothing refers to any more are deleted once they are old (vacuum).
Everything may go on while days are archived and tables are read; running it again does nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pyarrow.fs as pa_fs
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.fs import DeltaStorageHandler

from airflow_provider_sengo.archive.tables import COMMIT_TRIES, SCHEMAS, WRITER, Tables, until_landed

log = logging.getLogger(__name__)

KEEP_DAYS = 30  # so far back the tables can be read as they were
# A reader, or a writer at work, may hold on to a file that was replaced meanwhile. None works for a week;
# it is Delta's own bound as well, and delta-rs refuses less.
KEEP_DAYS_MIN = 7
COMPACT_TASKS = 2  # partitions at once: each costs memory
COMPACT_SPILL_BYTES = 256 << 20


class TableUpkeep(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to a table. ``files_before``, ``files_after``: those that hold its rows.

    ``files_removed``, ``bytes_removed``: what vacuum deleted. ``checkpoint``: the version it was made of,
    None where the last one is as new. ``put_off``: others wrote in between each time, so small files stay.
    """

    files_before: int
    files_after: int
    files_removed: int
    bytes_removed: int
    checkpoint: int | None
    put_off: bool


def keep_up(
    tables: Tables, *, keep_days: int = KEEP_DAYS, sleep: Callable[[float], None] = time.sleep
) -> dict[str, TableUpkeep]:
    """Look after each table that is there; returns what was done, by its name.

    Files are deleted once nothing has referred to them for ``keep_days``. Raises ValueError for less than
    ``KEEP_DAYS_MIN``, before anything is done; OSError if the storage failed ``STORAGE_TRIES`` times.
    Vacuum and checkpoint are tried once: OSError or ``tables.StorageError`` comes out at once.
    """
    if keep_days < KEEP_DAYS_MIN:
        raise ValueError(
            f"keep_days: must be at least {KEEP_DAYS_MIN}, since a reader may still need the files"
        )
    return {
        name: _keep_up_table(tables, name, table, keep_days, sleep)
        for name in SCHEMAS
        if (table := tables.open(name)) is not None
    }


def _keep_up_table(
    tables: Tables, name: str, table: DeltaTable, keep_days: int, sleep: Callable[[float], None]
) -> TableUpkeep:
    before = len(table.file_uris())
    compacted = _compact(tables, name, sleep)
    newest = tables.make(name)
    files = pa_fs.PyFileSystem(DeltaStorageHandler(tables.address(name), tables.storage_options))
    removed, size = _vacuum(newest, files, keep_days)
    done = TableUpkeep(
        files_before=before,
        files_after=len(newest.file_uris()),
        files_removed=removed,
        bytes_removed=size,
        checkpoint=_checkpoint(tables.make(name), files),
        put_off=not compacted,
    )
    log.info("%s: %s", name, done)
    return done


def _compact(tables: Tables, name: str, sleep: Callable[[float], None]) -> bool:
    """Fold small files, partition by partition; False if rivals won ``COMMIT_TRIES`` times.

    A merge that began before finds its file gone and is decided again, as after any rival's commit.
    """

    def compact() -> None:
        tables.make(name).optimize.compact(
            max_concurrent_tasks=COMPACT_TASKS,
            max_spill_size=COMPACT_SPILL_BYTES,
            writer_properties=WRITER,
        )

    try:
        until_landed(compact, sleep=sleep)
    except CommitFailedError:
        log.warning(
            "%s: others wrote %s times in between; its small files are left for next time", name, COMMIT_TRIES
        )
        return False
    return True


def _vacuum(table: DeltaTable, files: pa_fs.FileSystem, keep_days: int) -> tuple[int, int]:
    """Delete what nothing has referred to for so long; returns how many files and bytes.

    ``full``: also what writers left that were killed before their commit, by the age of the file.
    """
    hours = int(timedelta(days=keep_days).total_seconds() // 3600)
    doomed = table.vacuum(retention_hours=hours, dry_run=True, full=True)
    if not doomed:
        return 0, 0
    live = {_file_name(uri) for uri in table.file_uris()}
    if rows := sorted(live.intersection(map(_file_name, doomed))):
        raise RuntimeError(
            f"vacuum would delete files that hold rows, {rows[0]} for one; nothing was deleted"
        )
    # A path with special characters is told twice, with and without them quoted; one of the two is there.
    size = sum(info.size or 0 for info in files.get_file_info(doomed))
    table.vacuum(retention_hours=hours, dry_run=False, full=True)
    return len(set(map(_file_name, doomed))), size


def _file_name(path: str) -> str:
    """A data file's own name: unique in a table, however the folders above it are spelled."""
    return path.rsplit("/", 1)[-1]


def _checkpoint(table: DeltaTable, files: pa_fs.FileSystem) -> int | None:
    """Put the log's newest state into one file; None if the last checkpoint holds it already."""
    version = int(table.version())
    if _last_checkpoint(files) >= version:
        return None
    table.create_checkpoint()
    return version


def _last_checkpoint(files: pa_fs.FileSystem) -> int:
    """The version of the last checkpoint, -1 without one."""
    try:
        with files.open_input_stream("_delta_log/_last_checkpoint") as stream:
            return int(json.loads(stream.read())["version"])
    except FileNotFoundError:
        return -1
