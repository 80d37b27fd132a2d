# SPDX-License-Identifier: Apache-2.0
"""One wall clock for all processes of ``make soak``, the gateway included, that can be moved while they run.

It stands in a file of sixteen bytes: seconds ahead of the machine's clock, and the instant at which it stands
still (not a number: it runs). Every look reads the file, so that a move reaches a task in the middle of its
work. Monotonic time, and so every wait, stays the machine's.
"""

from __future__ import annotations

import importlib
import math
import mmap
import struct
import time
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

FORM = struct.Struct("dd")


class SharedClock:
    """The clock of a file; ``set`` makes the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: mmap.mmap | None = None

    def set(self, now_s: float, *, frozen: bool) -> None:
        """Move it; from there it runs on, or stands still."""
        if not self._path.exists():
            self._path.write_bytes(bytes(FORM.size))
        with self._path.open("r+b") as file:
            file.write(FORM.pack(now_s - time.time(), now_s if frozen else math.nan))

    def now_s(self) -> float:
        """Seconds since the epoch."""
        if self._seen is None:
            with self._path.open("rb") as file:
                self._seen = mmap.mmap(file.fileno(), FORM.size, prot=mmap.PROT_READ)
        ahead_s: float
        stands_at_s: float
        ahead_s, stands_at_s = FORM.unpack(self._seen[:])
        return time.time() + ahead_s if math.isnan(stands_at_s) else stands_at_s


class _SteeredType(type):
    """``datetime`` in all but ``now``."""

    clock: SharedClock

    def __getattr__(cls, name: str) -> Any:
        return getattr(datetime, name)

    def __call__(cls, *values: Any, **named: Any) -> Any:
        return datetime(*values, **named)  # noqa: DTZ001 - as the caller wants it

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, datetime)

    def now(cls, tz: tzinfo | None = None) -> datetime:
        """The shared clock's time."""
        return datetime.fromtimestamp(cls.clock.now_s(), tz)


class SteeredDatetime(metaclass=_SteeredType):
    """Stands for ``datetime`` in the modules that look at the clock."""


def steer(path: str, modules: Sequence[str]) -> None:
    """Let these modules, those of them that look at the clock, look at the shared one from now on."""
    _SteeredType.clock = SharedClock(Path(path))
    for name in modules:
        module = importlib.import_module(name)
        if getattr(module, "datetime", None) is datetime:
            vars(module)["datetime"] = SteeredDatetime
