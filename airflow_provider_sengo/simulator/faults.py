# SPDX-License-Identifier: Apache-2.0
"""Which request is hit by which fault: a seeded choice by request number, so that a run can be repeated.

What a fault does to the answer is in ``answers`` and ``asgi``; here is only the choice.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

# Faults that hit before the gateway did anything; after the others a POST has been carried out.
BEFORE_PROCESSING = frozenset({"http_500", "rate_429", "redirect", "refuse", "no_connection"})
# Faults that show the gateway's own answer, changed: unprocessed, the work is done and taken back.
SHOWS_ANSWER = frozenset({"truncated", "cut_json", "oversize", "empty_page", "http_status", "tamper"})
SIGN_CHOICES = ("keep", "again", "blank")
DETAILS: dict[str, dict[str, Any]] = {
    "http_500": {"status": 500, "code": "PAYMENT_INTERNAL_ERROR"},
    "reset": {},  # the connection is reset once the request was read
    "no_connection": {},  # nothing is sent; a server that has accepted can only reset
    "timeout": {"hold_s": 60.0},  # no byte comes, and then the connection is reset
    "truncated": {"share": 0.5},  # Content-Length tells all, this share of the body comes
    "soft_error": {"status": 500, "code": "PAYMENT_INTERNAL_ERROR"},  # HTTP 200, the error in its body
    "empty_page": {},  # right totals, no rows (listings only)
    "cut_json": {"share": 0.5},  # whole HTTP, JSON cut
    "rate_429": {"retry_after_s": 1, "retry_after_as": "seconds"},  # or "date", or "none"
    "html": {"status": 200},
    "slow": {"delay_s": 1.0},
    "redirect": {"status": 302, "location": "http://127.0.0.1:9/elsewhere"},
    "oversize": {"body_bytes": 64 * 1024 * 1024},
    "refuse": {"status": 403, "code": "UNAUTHORIZED"},  # any documented refusal
    "http_status": {"status": 201, "empty": False},  # the gateway's answer under another status
    # The answer's JSON with fields set and removed by dotted path; ``sign`` says what becomes of its
    # hash: it stays, is right again, or is made with the stray blank of senangPay's page.
    "tamper": {"fields": {}, "remove": (), "sign": "keep"},
}
FIRST_TRIES_MAX = 1_000_000  # distinct requests remembered for ``first_try_only``


@dataclass
class Fault:
    """One kind of fault and when it strikes."""

    name: str
    rate: float
    max_times: int | None = None
    endpoint: str | None = None  # "GET /transactions"
    first_try_only: bool = False
    match: str | None = None  # text in the request target, such as "page=3&"
    # Numbers (from 1) among the requests that match: exactly these, whatever the rate.
    at: tuple[int, ...] = ()
    processed: bool | None = None  # whether the gateway did its work before the fault; None = by kind
    details: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    struck: int = 0
    tried: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.name not in DETAILS:
            raise ValueError(f"no such fault: {self.name}; there are {', '.join(sorted(DETAILS))}")
        unknown = set(self.details) - set(DETAILS[self.name])
        if unknown:
            raise ValueError(f"{self.name} has no detail {', '.join(sorted(unknown))}")
        if not 0 <= self.rate <= 1:
            raise ValueError("rate must be 0..1")
        self.details = DETAILS[self.name] | self.details
        if self.details.get("sign", "keep") not in SIGN_CHOICES:
            raise ValueError(f"sign must be one of {', '.join(SIGN_CHOICES)}")
        if self.name == "no_connection" and self.processed:
            raise ValueError("what was never sent can't be processed")
        if self.processed is None:
            self.processed = self.name not in BEFORE_PROCESSING

    def strikes(self, seed: int, endpoint: str, target: str) -> bool:
        """Decide for the next request; the same seed and order of requests give the same decisions."""
        if self.endpoint not in (None, endpoint) or (self.match is not None and self.match not in target):
            return False
        self.seen += 1
        is_first_try = target not in self.tried
        if self.first_try_only and len(self.tried) < FIRST_TRIES_MAX:
            self.tried.add(target)
        if (self.first_try_only and not is_first_try) or self.struck == self.max_times:
            return False
        return self.seen in self.at if self.at else draw(seed, self.name, self.seen) < self.rate


def draw(seed: int, name: str, number: int) -> float:
    """A number in 0..1 that depends on its arguments alone."""
    digest = hashlib.blake2b(f"{seed}|{name}|{number}".encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 2**56


class FaultPlan:
    """The faults switched on, in the order they were set; the first that strikes is the one."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}

    def set(self, fault: Fault) -> None:
        """Switch a fault on; a second of the same name, endpoint, match and numbers replaces the first."""
        self._faults[f"{fault.name} {fault.endpoint} {fault.match} {fault.at}"] = fault

    def clear(self, name: str | None = None) -> None:
        """Switch one kind off, or all."""
        self._faults = {key: one for key, one in self._faults.items() if name not in (None, one.name)}

    def choose(self, seed: int, endpoint: str, target: str) -> Fault | None:
        """The fault for this request, if any."""
        if not self._faults:
            return None
        struck = [one for one in self._faults.values() if one.strikes(seed, endpoint, target)]
        if not struck:
            return None
        struck[0].struck += 1
        return struck[0]

    def report(self) -> list[dict[str, Any]]:
        """Each fault with how often it was asked and struck."""
        names = ("name", "rate", "max_times", "endpoint", "first_try_only", "match", "at", "processed")
        return [
            {name: getattr(one, name) for name in (*names, "details", "seen", "struck")}
            for one in self._faults.values()
        ]
