# SPDX-License-Identifier: Apache-2.0
"""Transactions made up from a seed: the same seed, credential, day and type give the same plans. Pure."""

import random
from collections.abc import Iterator

from .clock import DAY_S, day_start_s, day_text
from .plan import Plan
from .settings import SimulatorSettings

CASH_IN_CHANNELS = ("qris", "virtualAccount", "eWallet", "retail")
# Minutes until an unpaid transaction expires.
EXPIRY_MINUTES = {"qris": 30, "virtualAccount": 360, "eWallet": 15, "retail": 240, "disbursement": 60}
HOUR_S = 3_600


def fee_rupiah(channel: str, amount: int) -> int:
    """85 of 10,000 for QRIS, as the sample shows; the others are made up (no tariff is published)."""
    if channel == "qris":
        return amount * 85 // 10_000
    if channel == "eWallet":
        return amount * 15 // 1_000
    return 5_000 if channel == "retail" else 3_000


def random_id(rng: random.Random) -> str:
    """UUID-like (version 4 digits in place), from the seed."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def make_plan(rng: random.Random, *, reference: str, type: str, created_s: float) -> Plan:
    """A transaction with channel, amount and fee payer at random, not yet decided: it will expire."""
    channel = "disbursement" if type == "cashOut" else CASH_IN_CHANNELS[int(rng.random() * 4)]
    amount = 500 * int(20 + 2_000 * rng.random() ** 3)
    return Plan(
        id=random_id(rng),
        reference=reference,
        type=type,
        channel=channel,
        amount=amount,
        fee=fee_rupiah(channel, amount),
        customer_pays=rng.random() < 0.5,
        created_s=created_s,
        expires_s=created_s + EXPIRY_MINUTES[channel] * 60,
    )


def seed_day(
    settings: SimulatorSettings, credential: int, day: int, type: str, *, until_s: float | None = None
) -> Iterator[Plan]:
    """The plans of one day and type, oldest first, spread over the day (or over what has passed of it)."""
    rng = random.Random(f"{settings.seed}|{credential}|{day}|{type}")
    fates = _fates(settings, rng)
    start_s = day_start_s(day)
    span_s = DAY_S if until_s is None else max(0.0, min(DAY_S, until_s - start_s))
    prefix = f"{'IN' if type == 'cashIn' else 'OUT'}-{day_text(day).replace('-', '')}"
    for number, fate in enumerate(fates):
        created_s = start_s + int(span_s * (number + rng.random()) / len(fates))
        plan = make_plan(rng, reference=f"{prefix}-{number:06}", type=type, created_s=created_s)
        decide(plan, fate, rng, settings.multi_day_expiry_days_max)
        yield plan


def _fates(settings: SimulatorSettings, rng: random.Random) -> list[str]:
    """Each share rounded to whole rows, at least one if the share isn't zero; the rest is paid."""
    shares = {
        "expired": settings.expired_share,
        "failed": settings.failed_share,
        "multi_day": settings.multi_day_share,
        "late": settings.late_share,
    }
    fates: list[str] = []
    for fate, share in shares.items():
        rows = max(1, round(share * settings.per_day)) if share else 0
        fates += [fate] * min(rows, settings.per_day - len(fates))
    fates += ["success"] * (settings.per_day - len(fates))
    rng.shuffle(fates)
    return fates


def decide(plan: Plan, fate: str, rng: random.Random, expiry_days_max: int = 5) -> None:
    """Write a fate into the plan: when it will be paid or fail."""
    life_s = plan.expires_s - plan.created_s
    if fate == "success":
        plan.paid_s = plan.created_s + 1 + int(life_s * 0.9 * rng.random() ** 2)
    elif fate == "failed":
        plan.failed_s = plan.created_s + 1 + int(life_s * 0.9 * rng.random())
    elif fate == "late":
        plan.paid_s = plan.expires_s + HOUR_S + int(71 * HOUR_S * rng.random())
    elif fate == "multi_day":
        plan.expires_s = plan.created_s + DAY_S * rng.randint(1, max(1, expiry_days_max))
        at_s = plan.created_s + 1 + int((plan.expires_s - plan.created_s - 2) * rng.random())
        draw = rng.random()
        if draw < 0.6:
            plan.paid_s = at_s
        elif draw < 0.8:
            plan.failed_s = at_s
    if plan.paid_s is not None:
        plan.settles_s = plan.paid_s + DAY_S
