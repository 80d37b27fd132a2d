# SPDX-License-Identifier: Apache-2.0
"""What a payment's state machine may ask of the world, as values.

Pure. A generator yields one of these or a ``Call`` and is sent the answer; a failed call is thrown in as
an error of this package. Who drives it (a hook, a test) does what is asked and decides nothing.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Steps = Generator[Any, Any, T]


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep so many seconds; answered by None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Keep, where it survives this process, that the next call may have been sent; answered by None."""


@dataclass(frozen=True, slots=True)
class Unmark:
    """Take the mark back: the call provably was not sent; answered by None."""


@dataclass(frozen=True, slots=True)
class Now:
    """Answered by the present instant, aware."""


@dataclass(frozen=True, slots=True)
class FindInArchive:
    """Answered by the archived row of a reference (a mapping with ``status``, ``amount``, ...), or None."""

    reference: str
