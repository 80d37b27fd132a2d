# SPDX-License-Identifier: Apache-2.0
"""The guards of the archive's upkeep and of storage that fails: no row is dropped, none is doubled."""

from __future__ import annotations

from guard_list import Guard

UPKEEP = [
    Guard(
        "upkeep: no file that holds rows is ever deleted",
        "archive/upkeep.py",
        "if rows := sorted(live.intersection(map(_file_name, doomed))):",
        "if rows := []:",
        "tests/archive/test_archive_upkeep.py",
    ),
    Guard(
        "upkeep: a reader's files are kept for days",
        "archive/upkeep.py",
        "    if keep_days < KEEP_DAYS_MIN:\n",
        "    if False:\n",
        "tests/archive/test_archive_upkeep.py",
    ),
    Guard(
        "storage: what may have been appended is looked for before it is appended again",
        "archive/tables.py",
        "if attempt == 1 or not self.scan(name, where, [key]).num_rows:",
        "if True:",
        "tests/archive/test_archive_object_storage.py -k commit_that_fails",
    ),
    Guard(
        "storage: a busy day takes late changes",
        "archive/merge.py",
        "            streamed_exec=False,\n",
        "            streamed_exec=False,\n            max_spill_size=256 << 20,\n",
        "tests/archive/test_archive_merge_big.py",
    ),
]
