# SPDX-License-Identifier: Apache-2.0
"""Where senangPay is, who asks, and what of that may be shown.

Nothing here sends or signs. The secret key is only ever hashed with, never sent; the merchant id is public
(it stands in payment URLs) and is kept out of ``repr`` all the same. No error text holds a value that was
given. Source: guide.senangpay.com, Tokenization API (hosts: its OpenAPI description, since the page's table
prints the production host twice).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, urlsplit

from airflow_provider_sengo.protocol.sengo_credentials import check_base_url

BASE_URLS = {
    "sandbox": "https://sandbox.senangpay.my",
    "production": "https://app.senangpay.my",
}
HASH_TYPES = ("sha256", "md5")

_MERCHANT_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)  # digits in all samples; safe in a path
_SECRET_KEY = re.compile(r"[!-~]+", re.ASCII)
_SIGNATURE = re.compile(r"(?<![0-9a-f])[0-9a-f]{32,}(?![0-9a-f])", re.IGNORECASE)  # MD5 has 32 digits


@dataclass(frozen=True, kw_only=True)
class SenangPayCredentials:
    """Where senangPay is and who asks; ``repr`` shows neither merchant id nor secret key.

    ``base_url`` ends before ``/apiv1``; plain http only to loopback. ``hash_type``: the dashboard's Hash
    Type, which counts for queries only.
    Raises: ValueError naming the field and the rule, never the value.
    """

    base_url: str
    merchant_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    hash_type: str = "sha256"

    def __post_init__(self) -> None:
        if not isinstance(self.merchant_id, str) or not _MERCHANT_ID.fullmatch(self.merchant_id):
            raise ValueError(
                "merchant_id: must be 1 to 64 ASCII digits (or letters and hyphens), as text; take it from "
                "the dashboard's profile settings."
            )
        if not isinstance(self.secret_key, str) or not _SECRET_KEY.fullmatch(self.secret_key):
            raise ValueError("secret_key: must be printable ASCII without blanks, and not empty.")
        if self.hash_type not in HASH_TYPES:
            raise ValueError(f"hash_type: must be one of {', '.join(HASH_TYPES)}.")
        check_base_url(self.base_url)

    @property
    def gate_key(self) -> str:
        """Host and the merchant id's fingerprint: whose calls share one pace."""
        fingerprint = hashlib.sha256(self.merchant_id.encode()).hexdigest()[:8]
        return f"{urlsplit(self.base_url).netloc.lower()}-{fingerprint}"

    def redact(self, text: str, *more_secrets: str) -> str:
        """``text`` without the secret key, ``more_secrets`` (card tokens, buyers' data) and hashes.

        Each is found plain, percent-encoded, form-encoded and JSON-escaped, in either case of letters.
        """
        spellings = {
            spelling: f"<{label}>"
            for label, secret in (
                *(("hidden", secret) for secret in more_secrets),
                ("secret_key", self.secret_key),
            )
            for spelling in _spellings(secret)
        }
        for spelling in sorted(spellings, key=len, reverse=True):
            text = re.sub(re.escape(spelling), spellings[spelling], text, flags=re.IGNORECASE)
        return _SIGNATURE.sub("<hash>", text)


def _spellings(secret: str) -> Iterator[str]:
    if secret:
        encoded = secret.encode("utf-8", "replace")
        yield from (secret, quote(encoded, safe=""), quote(encoded), quote_plus(encoded))
        yield secret.replace("/", "\\/")
