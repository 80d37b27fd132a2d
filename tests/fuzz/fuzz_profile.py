# SPDX-License-Identifier: Apache-2.0
"""How hard these tests try: ``quick`` unless ``HYPOTHESIS_PROFILE=long``; every run can be repeated.

Nothing is set globally, since other folders' properties run in the same process. ``HYPOTHESIS_SEED`` chooses
the examples: 0 in the quick profile, else a new one for each run, which a failing test prints.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
LONG = PROFILE == "long"
SEED = int(os.environ.get("HYPOTHESIS_SEED") or (random.SystemRandom().getrandbits(32) if LONG else 0))
MORE_IN_LONG = 40  # times the examples of the quick profile
HANG_S = 20.0  # a thousand times what the slowest example takes; only what never ends gets there


def fuzz(examples: int) -> Callable[[Any], Any]:
    """Settings of one property; goes above ``@given``."""
    bounds = settings(
        max_examples=examples * (MORE_IN_LONG if LONG else 1),
        deadline=None,  # a shared machine may stop for a second; ``bounded`` finds what hangs
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[*HealthCheck],
        print_blob=True,
    )
    return lambda test: seed(SEED)(bounds(test))


class Hangs(BaseException):
    """Not an ``Exception``, so that nothing under test can swallow it."""


@contextmanager
def bounded() -> Iterator[None]:
    """End what does not end by itself."""

    def give_up(*_: object) -> None:
        raise Hangs(f"still running after {HANG_S:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
