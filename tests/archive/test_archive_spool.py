# SPDX-License-Identifier: Apache-2.0
"""Row versions kept on disk until they are committed."""

from __future__ import annotations

from pathlib import Path

import pytest
from archive_world import DAY, record

from airflow_provider_sengo.archive import spool as module
from airflow_provider_sengo.archive.rows import read_row
from airflow_provider_sengo.archive.spool import Spool, hash_id, rank_of, version


def add(spool: Spool, *raws: bytes, listing: str = "success") -> None:
    rows = [read_row(raw) for raw in raws]
    spool.add(rows, [hash_id(row.id) for row in rows], listing=listing)


def kept(spool: Spool) -> list[tuple[str, str]]:
    """What the spool holds: (id, listing), in order."""
    return [
        pair
        for batch in spool.batches()
        for pair in zip(batch["id"].to_pylist(), batch["listing"].to_pylist(), strict=True)
    ]


@pytest.mark.parametrize("rank", range(4))
def test_version(rank):
    """A version tells bytes and rank."""
    assert rank_of(version(2**63 - 1, rank)) == rank
    assert version(5, rank) != version(6, rank)


def test_keeps_each_version_once():
    """A version is kept once; a newer as final one counts; a less final one is refused."""
    with Spool(DAY) as spool:
        add(spool, record("a", "expired"), record("b"), listing="expired")
        add(spool, record("a", "expired"), listing="failed")
        add(spool, record("a", "failed"), listing="failed")
        add(spool, record("a"), record("c"))
        add(spool, record("a", "pending"))
        assert kept(spool) == [
            ("a", "expired"),
            ("b", "expired"),
            ("a", "failed"),
            ("a", "success"),
            ("c", "success"),
        ]
        assert kept(spool) == kept(spool)  # as often as a lost race asks for
        assert spool.latest[hash_id("a")] == version(read_row(record("a")).digest, 3)
        assert [batch["status"].to_pylist() for batch in spool.refused] == [["pending"]]


@pytest.mark.parametrize(("name", "limit"), [("BATCH_ROWS", 2), ("BATCH_BYTES", 500)])
def test_batches_are_bounded(monkeypatch, name, limit):
    """Batches are written when they hold so many rows or bytes."""
    monkeypatch.setattr(module, name, limit)
    with Spool(DAY) as spool:
        for number in range(5):
            add(spool, record(str(number)))
        assert [batch.num_rows for batch in spool.batches()] == [2, 2, 1]


def test_found_by_id_has_no_listing():
    """A row asked for by id is of no listing and no listing's day."""
    with Spool(DAY) as spool:
        add(spool, record("a", "pending"))
        spool.add_found_by_id(read_row(record("b")), hash_id("b"))
        batches = list(spool.batches())
        assert [batch["last_listed_day"].to_pylist() for batch in batches] == [[str(DAY)], [None]]
        assert kept(spool)[1] == ("b", "")


def test_nothing_is_left_behind():
    """The file goes with the spool, after an error too; an empty spool has no rows."""
    with Spool(DAY) as spool:
        assert kept(spool) == []
    with pytest.raises(ZeroDivisionError), Spool(DAY) as spool:  # noqa: PT012  # the folder is known inside only
        folder = Path(spool._folder.name)
        assert folder.exists()
        raise ZeroDivisionError
    assert not folder.exists()
