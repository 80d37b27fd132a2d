# SPDX-License-Identifier: Apache-2.0
"""The guard inside the MERGE itself: a second place where the same rule holds."""

from collections import Counter
from datetime import UTC, datetime

import pyarrow as pa
from archive_world import DAY, PROJECT, record

from airflow_provider_sengo.archive.compare import Comparison, Partition
from airflow_provider_sengo.archive.merge import Counts, _merge, _reader, commit
from airflow_provider_sengo.archive.rows import read_row
from airflow_provider_sengo.archive.spool import Spool, hash_id
from airflow_provider_sengo.archive.store import Archive

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
PARTITION = Partition(PROJECT, "cashIn", DAY)


def spooled(*raws):
    spool = Spool(DAY)
    spool.__enter__()
    rows = [read_row(raw) for raw in raws]
    spool.add(rows, [hash_id(row.id) for row in rows], listing="success")
    return spool


def test_a_merge_that_was_decided_on_stale_facts_still_refuses_a_less_final_version(tmp_path):
    """Even if the comparison missed it, a success in the table is not overwritten by an expired version."""
    archive = Archive(str(tmp_path))
    with spooled(record("a", "success")) as standing:
        commit(archive.tables, PARTITION, standing, read_id="first", now=NOW)
    table = archive.tables.open("transactions")
    with spooled(record("a", "expired")) as later:
        stale = Comparison(dict(later.latest), {}, {}, False, [], 0)
        counts = Counts(Counter(), Counter())
        _merge(table, PARTITION, stale, _reader(later, PARTITION, stale.open, {}, NOW, counts))
    rows: pa.Table = archive.transactions(PROJECT)
    assert rows["status"].to_pylist() == ["success"]
