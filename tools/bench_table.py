# SPDX-License-Identifier: Apache-2.0
"""The document that ``make bench`` writes: a section for each part, its aims beside what was measured."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
PACKAGES = ("aiohttp", "requests", "pyarrow", "deltalake", "apache-airflow", "apache-airflow-providers-http")

HEAD = """\
# Benchmarks

Written by `make bench`; a part alone is measured anew by `make bench PART=archive ROUNDS=5`. The gateway is the
simulator, a process of its own on the same machine, on loopback, without TLS. Look at ratios, not at seconds.
Figures are medians of interleaved rounds; "net" is without start-up (start of Python, imports, 1,000 rows at 0 ms),
taken off on both sides; peaks of memory "above imports" are without what the imports alone took.
"""


@dataclass(frozen=True)
class Aim:
    """One promise about speed: what was wanted, what came out."""

    what: str
    wanted: str
    measured: str
    met: bool


@dataclass
class Section:
    """What one part found. ``words``: a paragraph above the table; ``notes``: one below it."""

    title: str
    heads: tuple[str, ...]
    words: str
    rows: list[tuple[str, ...]] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    notes: str = ""

    def markdown(self, rounds: str) -> str:
        """The section as it stands in the document."""
        parts = [f"## {self.title}", self.words, table(self.heads, self.rows)]
        if self.aims:
            words = [
                (aim.what, aim.wanted, aim.measured, "met" if aim.met else "missed") for aim in self.aims
            ]
            parts.append(table(("aim", "wanted", "measured", ""), words))
        parts += [self.notes] if self.notes else []
        return "\n\n".join([*parts, f"{facts()}; {rounds}."]) + "\n"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def facts() -> str:
    """The machine and the versions that the figures depend on; nothing that names the machine."""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores, {platform.machine()},"
        f" Python {platform.python_version()}, {versions}"
    )


def at_most(what: str, limit: float, measured: float, form: str) -> Aim:
    """An aim from above; ``form`` is a format with one place."""
    return Aim(what, f"at most {form.format(limit)}", form.format(measured), measured <= limit)


def at_least(what: str, limit: float, measured: float, form: str) -> Aim:
    """An aim from below."""
    return Aim(what, f"at least {form.format(limit)}", form.format(measured), measured >= limit)


def merged(new: dict[str, str], order: Iterable[str]) -> str:
    """The whole document: new sections by title, and those that stand and were not measured anew."""
    standing = {}
    if DOCUMENT.exists():
        for text in re.split(r"^(?=## )", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]:
            standing[text.splitlines()[0].removeprefix("## ")] = text.rstrip("\n") + "\n"
    sections = standing | new
    return "\n".join([HEAD, *(sections[title] for title in order if title in sections)])
