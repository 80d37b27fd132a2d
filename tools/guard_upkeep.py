# SPDX-License-Identifier: Apache-2.0
"""The guards of rewriting days, of upkeep and of storage that fails: no row is dropped, none is doubled."""

from __future__ import annotations

from guard_list import Guard

UPKEEP = [
    Guard(
        "upkeep: no file that holds rows is ever deleted",
        "archive/upkeep.py",
        "if rows := sorted(live.intersection(map(_file_name, doomed))):",
        "if rows := []:",
        "tests/archive/test_archive_upkeep_deletion.py",
    ),
    Guard(
        "upkeep: a reader's files are kept for days",
        "archive/upkeep.py",
        "    if keep_days < KEEP_DAYS_MIN:\n",
        "    if False:\n",
        "tests/archive/test_archive_upkeep_deletion.py",
    ),
    Guard(
        "storage: what may have been appended is looked for before it is appended again",
        "archive/tables.py",
        "if next(tries) == 1 or not self.scan(name, where, [key]).num_rows:",
        "if True:",
        "tests/archive/test_archive_object_storage.py -k commit_that_fails",
    ),
    Guard(
        "rewrite: rows that nothing replaces stay",
        "archive/rewrite.py",
        "rows.filter(pc.invert(leaves))",
        "rows.slice(0, 0)",
        "tests/archive/test_archive_rewrite.py",
    ),
    Guard(
        "rewrite: rows that were set aside come back",
        "archive/rewrite.py",
        "                yield batch\n        if stay",
        "                batch.validate()\n        if stay",
        "tests/archive/test_archive_rewrite.py",
    ),
    Guard(
        "rewrite: nothing but the days of this type is replaced",
        "archive/rewrite.py",
        ' AND type = {literal(self._type)}"',
        '"',
        "tests/archive/test_archive_rewrite.py",
    ),
    Guard(
        "rewrite: what a rival wrote since is never overwritten",
        "archive/rewrite.py",
        "            write_deltalake(\n                self._table,",
        "            self._table.update_incremental()\n            write_deltalake(\n                self._table,",
        "tests/archive/test_archive_rewrite.py",
    ),
    Guard(
        "rewrite: a version that was read twice is written once",
        "archive/merge.py",
        " and id_hash not in once",
        "",
        "tests/archive/test_archive_merge.py",
    ),
]
