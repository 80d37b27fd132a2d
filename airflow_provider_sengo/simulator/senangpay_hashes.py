# SPDX-License-Identifier: Apache-2.0
"""senangPay's hashes, written for the simulator alone: values in, lower-case hex out. Pure.

Source: guide.senangpay.com, tokenization and query pages. In the tokenization family the secret is only the
key; in the query family it stands in the message, too.
"""

import hashlib
import hmac


def keyed(secret: str, *parts: str) -> str:
    """HMAC-SHA256 over the parts put together, nothing between them."""
    return hmac.new(secret.encode(), "".join(parts).encode(), hashlib.sha256).hexdigest()


def charge_request(secret: str, merchant_id: str, fields: dict[str, str]) -> str:
    """``hash`` of a ``pay_cc`` request; the card token is not in it."""
    names = ("name", "email", "phone", "detail", "order_id", "amount")
    return keyed(secret, merchant_id, *(fields[name] for name in names))


def charge_answer(secret: str, merchant_id: str, fields: dict[str, object], *, blank: str = "") -> str:
    """``hash`` of a ``pay_cc`` answer over the values as sent; ``blank`` is the page's stray one."""
    status, order_id, transaction_id, amount_paid, msg = (
        str(fields.get(name, "")) for name in ("status", "order_id", "transaction_id", "amount_paid", "msg")
    )
    return keyed(secret, merchant_id, status, order_id + blank + transaction_id, amount_paid, msg)


def token_request(secret: str, merchant_id: str, order_id: str) -> str:
    """``hash`` that opens the tokenization page."""
    return keyed(secret, merchant_id, order_id)


def token_return(
    secret: str,
    merchant_id: str,
    *,
    order_id: str,
    status_id: str,
    token: str,
    cc_num: str,
    cc_type: str,
    msg: str,
) -> str:
    """``hash`` of the tokenization's return and callback: here the order id stands before the status."""
    return keyed(secret, merchant_id, order_id, status_id, token, cc_num, cc_type, msg)


def query(secret: str, merchant_id: str, *asked: str, hash_type: str) -> str:
    """``hash`` of a query: over merchant id, secret and what is asked for."""
    message = "".join((merchant_id, secret, *asked))
    if hash_type == "md5":
        return hashlib.md5(message.encode()).hexdigest()  # noqa: S324 - senangPay's older hash type
    return keyed(secret, message)


def same_hash(given: str, wanted: str) -> bool:
    """Compare in constant time, capitals or not."""
    return hmac.compare_digest(given.lower().encode("utf-8", "surrogatepass"), wanted.encode())
