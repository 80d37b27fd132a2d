# SPDX-License-Identifier: Apache-2.0
"""A week with something to do for upkeep, and what the tests look at before and after."""

from __future__ import annotations

from datetime import timedelta

import pyarrow.compute as pc
from archive_world import NEXT_DAY, PROJECT, Clock, World
from deltalake import write_deltalake

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.rewrite import Rewrite
from airflow_provider_sengo.archive.tables import SCHEMAS

# As the simulator's and IPv6 hosts are spelled in the folders of partitions: %3A, %5B.
PROJECTS = (PROJECT, "127.0.0.1:8800-0a1b2c3d", "[::1]:80-00000000")


def busy_week(world: World, projects: tuple[str, ...] = (PROJECT,)) -> None:
    """Days read again and again: new rows, changed ones, and ones that wander from day to day."""
    world.clock = Clock(days.closed_at(NEXT_DAY) + timedelta(hours=1))
    for project in projects:
        world.gateway.rows.clear()
        for nth in range(3):
            world.gateway.put(f"new-{nth}")
            world.gateway.put("changes", fee=nth)
            world.gateway.put(f"next-{nth}", "pending", day=NEXT_DAY)
            world.read(project=project)
            world.read(NEXT_DAY, project=project)


def scatter(world: World, id: str) -> None:
    """Let a row stand in a file of its own, as other writers leave them, earlier releases among them.

    Not by ``DeltaTable.delete``: in deltalake 1.3.0 it fails where a folder's name is escaped.
    """
    table = world.archive.tables.open("transactions")
    rows = world.archive.tables.scan("transactions", pc.field("id") == id)
    (row,) = rows.to_pylist()
    with Rewrite(table, row["project"], row["type"], {row["day"]: [id]}) as rewrite:
        rewrite.commit([])
    write_deltalake(table, rows, mode="append")


def content(world: World) -> dict[str, list[str]]:
    """Every row of every table, as text in one order."""
    return {name: sorted(map(repr, world.archive.tables.scan(name).to_pylist())) for name in SCHEMAS}


def live(world: World, name: str) -> set[str]:
    """The data files that hold the rows of a table."""
    return {uri.rsplit("/", 1)[-1] for uri in world.archive.tables.open(name).file_uris()}
