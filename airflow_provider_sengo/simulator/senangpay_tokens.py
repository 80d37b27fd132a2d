# SPDX-License-Identifier: Apache-2.0
"""The vault of stored cards: card tokens that are enabled or not, and charge or decline. Pure."""

import hashlib
from typing import Any

import msgspec

TEST_CARD = "5111111111111118"  # the sandbox's only card that works
TEST_CVV = "100"
# What the dashboard says of failed card payments; that ``msg`` equals these texts is Unconfirmed.
# Source: guide.senangpay.com, "why does payment fail".
DECLINES = {
    "1": "Unknown Error",
    "2": "Bank Declined Transaction",
    "3": "No Reply from Bank",
    "4": "Expired Card",
    "5": "Insufficient funds",
    "6": "Error Communicating with Bank",
    "7": "Payment Server System Error",
    "8": "Transaction Type Not Supported",
    "9": "Bank declined transaction (Do not contact Bank)",
    "A": "Transaction Aborted",
    "C": "Transaction Cancelled",
    "D": "Deferred transaction has been received and is awaiting processing",
    "F": "3D Secure Authentication failed",
    "I": "Card Security Code verification failed",
}


class CardToken(msgspec.Struct, kw_only=True):
    """One stored card."""

    token: str
    enabled: bool
    decline: str | None  # the message of every charge; None = charges go through
    last_four: str
    brand: str  # "mc" or "vs", as the return of the tokenization page says
    toggles: int = 0


def new_token(seed: int, number: int, *, enabled: bool, decline: str | None, card: str) -> CardToken:
    """A token of 64 hex digits that follows from its arguments; ``decline`` is a text or a dashboard code."""
    if not (card.isascii() and card.isdigit() and len(card) >= 4):
        raise ValueError("a card number is digits")
    digest = hashlib.sha256(f"{seed}|card token|{number}".encode()).hexdigest()
    return CardToken(
        token=digest,
        enabled=enabled,
        decline=None if decline is None else DECLINES.get(decline, decline),
        last_four=card[-4:],
        brand="vs" if card.startswith("4") else "mc",
    )


def told(card: CardToken) -> dict[str, Any]:
    """The truth of a token, for tests."""
    told: dict[str, Any] = msgspec.to_builtins(card)
    return told
