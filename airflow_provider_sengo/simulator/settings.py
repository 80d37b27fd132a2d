# SPDX-License-Identifier: Apache-2.0
"""Every switch of the simulator, with its unit in its name.

One frozen record; ``World.configure`` and ``PATCH /_control/settings`` replace it by a changed copy.
What SenGo does not document is a switch here, never a constant elsewhere.
"""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from .clock import as_seconds
from .senangpay_settings import SenangPaySettings

CLIENT_KEY = "SC-SIMULATOR"
CLIENT_TOKEN = "simulator-token-0001"  # noqa: S105 - public and made up

TYPES = ("cashIn", "cashOut")
STATUSES = ("pending", "success", "expired", "failed")
CHOICES = {
    "verify": ("raw", "reencode", "both"),
    "date_by": ("created", "paid", "expired"),
    "order": ("newest", "oldest", "hash"),
    "error_style": ("code", "text", "http200", "html"),
    "fee_payer": ("customer", "merchant"),
    "payout_total": ("minus", "plus"),
    "qris_content": ("emv", "lorem"),
}
PAGE_SIZE_MAX = 10_000  # a page of this many rows is about 7 MB
DAYS_MAX = 3_660
# What the seeded ledger depends on: changing one of these makes it anew.
SEED_FIELDS = frozenset(
    {"seed", "days", "per_day", "expired_share", "failed_share", "late_share", "multi_day_share"}
    | {"multi_day_expiry_days_max", "extra_credentials", "now"}
)


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All options; the defaults are the documented behaviour, or the assumption that breaks most clients."""

    # the seeded ledger
    seed: int = 1
    days: int = 7  # seeded Asia/Jakarta days, today included
    per_day: int = 60  # rows a day and type
    expired_share: float = 0.12
    failed_share: float = 0.06
    late_share: float = 0.02  # success hours to days after having expired
    multi_day_share: float = 0.05  # pending for days, then paid, failed or expired
    multi_day_expiry_days_max: int = 5
    traffic_continues: bool = True  # days that the clock enters later get rows, too
    opening_balance_rupiah: int = 1_000_000_000

    # the clock
    now: str | None = None  # ISO; Asia/Jakarta if it names no zone; None = the machine's time
    frozen: bool = False

    # what the documents leave open
    verify: str = "both"
    laravel_input: bool = False  # trim strings, "" -> null before re-encoding
    date_by: str = "created"
    day_zone: str = "Asia/Jakarta"
    order: str = "newest"
    page_size: int = 10
    retention_days: int = 7
    reference_memory_days: int | None = None  # a used reference is refused so long; None = for ever
    check_lag_s: float = 0.0  # /check answers 404 so long after POST /qris
    check_lag_requests: int = 0  # and to so many /check of that payment
    empty_total_pages: int = 1
    refuse_statuses: tuple[str, ...] = ()  # answered with 422 by GET /transactions
    error_style: str = "code"
    fee_payer: str = "customer"  # of payments created here
    payout_total: str = "minus"  # total of a payout whose fee the customer pays: amount - fee
    dates_in_single: bool = False  # paidDate and settleDate in create and check answers
    qris_content: str = "emv"
    expiry_minutes_default: int = 30
    expiry_minutes_max: int = 14 * 24 * 60
    amount_min_rupiah: int = 1
    projects_enabled: bool = True

    # payments
    auto_pay_after_s: float | None = None
    callbacks: bool = False  # delivered to loopback addresses only

    # the other gateway
    senangpay: SenangPaySettings = SenangPaySettings()

    # credentials: key -> token; each has its own ledger
    extra_credentials: dict[str, str] = {}

    # speed
    latency_ms: float = 0.0
    requests_per_second: float | None = None
    burst: int = 10
    retry_after_s: int = 1  # of the rate limit's 429
    requests_kept: int = 1_000  # entries of the request log

    # the server
    host: str = "127.0.0.1"
    port: int = 0  # 0 = a free one

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}")
        if not 1 <= self.page_size <= PAGE_SIZE_MAX:
            raise ValueError(f"page_size must be 1..{PAGE_SIZE_MAX}")
        if not 0 <= self.days <= DAYS_MAX or self.per_day < 0 or self.retention_days < 1:
            raise ValueError(f"days must be 0..{DAYS_MAX}, per_day not negative, retention_days at least 1")
        shares = (self.expired_share, self.failed_share, self.late_share, self.multi_day_share)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError("shares must not be negative nor sum up to more than 1")
        try:
            ZoneInfo(self.day_zone)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError("day_zone must be a zone name such as Asia/Jakarta or UTC") from error
        if self.now is not None:
            as_seconds(self.now)

    def changed(self, changes: dict[str, Any]) -> "SimulatorSettings":
        """A copy with changes merged in (also into ``senangpay``); types are checked, unknown names refused."""
        try:
            changes = msgspec.to_builtins(changes)
            merged = msgspec.to_builtins(self) | changes
            if isinstance(changes.get("senangpay"), dict):
                merged["senangpay"] = msgspec.to_builtins(self.senangpay) | changes["senangpay"]
            return msgspec.convert(merged, SimulatorSettings, strict=True)
        except (msgspec.ValidationError, TypeError) as error:
            raise ValueError(str(error)) from error


# msgspec works a type out when it is first read; two threads that both come first crash the process.
msgspec.json.Decoder(SimulatorSettings)
