# SPDX-License-Identifier: Apache-2.0
"""Canonical bodies and the gateways' signatures.

A body is built once, here, and signed as those bytes; nothing else may build one. The text is what PHP's
``json_encode`` writes by default, and ``php_json`` refuses all that PHP would write differently after
decoding it: so a gateway that checks the bytes it received and one that encodes the decoded body again both
accept it. senangPay signs a few fields joined without a separator instead, before they are form-encoded: so
its signatures are no fingerprints, and nothing may be looked up by one. No key, token or body may appear in
an error text.

Sources: docs.sengo.id/authentication (formula); php.net/json_encode, measured against PHP 8.2;
laravel/framework, ``Str::INVISIBLE_CHARACTERS`` and ``TrimStrings``; guide.senangpay.com, pages "Tokenization
API" and "Query APIs".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator

from airflow_provider_sengo.exceptions import SignatureMismatch

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1  # beyond, PHP decodes to a float
NESTING_MAX = 511  # PHP's json_decode gives up at 512

# What PHP's trim() or Laravel's TrimStrings, which runs before the body is read, would cut off an end:
# trim()'s own six, PCRE's \s under /u, and Laravel's list of invisible characters.
_BLANKS = (
    "\t\n\v\f\r\0 "
    "\x85\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e"
    "\u2000-\u200f\u2028\u2029\u202f\u205f\u2060-\u2065\u206a-\u206f\u2800\u3000\u3164\ufeff\uffa0"
    "\U0001d159\U0001d173-\U0001d17a\U000e0020"
)
_BLANK_AT_AN_END = re.compile(f"[{_BLANKS}]|.*[{_BLANKS}]\\Z", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def php_json(body: object) -> bytes:
    """The bytes PHP's ``json_encode`` writes for ``body``; decoding and encoding them again changes nothing.

    Takes str, bool, None, int, list and dict with str keys; the order of keys is kept.
    Raises: ValueError naming the place (``additionalInfo.callback``) and the rule, never the value, for
    what PHP would encode differently the second time: floats, ``{}``, ints beyond 64 bits, U+007F, lone
    surrogates, empty strings, strings that begin or end with a blank, dicts that read as lists, nesting
    of 512 and more.
    """
    _check_stable(body)
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    # A slash occurs only inside JSON strings, so this is exact.
    return text.replace("/", "\\/").encode("ascii")


def _check_stable(body: object) -> None:
    """Walk without recursion: a worker's stack may already be deep when a hook is called."""
    waiting: list[tuple[str, object, int]] = [("", body, 1)]
    while waiting:
        path, value, depth = waiting.pop()
        rule = _broken_rule(value, depth)
        if rule:
            raise ValueError(f"{path or 'the body'}: {rule}.")
        waiting.extend((at, child, depth + 1) for at, child in _children(path, value))


def _children(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield (f"{path}.{key}" if path else str(key)), child
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield f"{path}[{index}]", child


def _broken_rule(value: object, depth: int) -> str:
    """The rule that ``value`` itself breaks, or empty; ``depth`` of the outermost value is 1."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if INT64_MIN <= value <= INT64_MAX else "an int must fit 64 bits, or PHP makes it a float"
    if isinstance(value, str):
        return broken_text_rule(value)
    if isinstance(value, list | dict):
        if depth > NESTING_MAX:
            return "nested 512 levels or deeper, which PHP does not decode"
        return _broken_keys_rule(value) if isinstance(value, dict) else ""
    return f"a {type(value).__name__} is not allowed; use str, int, bool, None, list or dict"


def broken_text_rule(text: str) -> str:
    """The rule that ``text`` breaks as a value in a body that PHP reads, or empty."""
    if not text:
        return "an empty string is not allowed (the gateway may read it as null); leave the field out"
    if _BLANK_AT_AN_END.match(text):
        return "must not begin or end with a blank or an invisible character (the gateway may trim it)"
    return _broken_character_rule(text)


def _broken_character_rule(text: str) -> str:
    if "\x7f" in text:
        return "U+007F (DEL) is not allowed"
    if _SURROGATE.search(text):
        return "a lone surrogate is not text"
    return ""


def _broken_keys_rule(value: dict[object, object]) -> str:
    if not value:
        return "an empty object is not allowed (PHP writes it back as []); leave the field out"
    for key in value:
        if not isinstance(key, str):
            return f"a key must be a str, not {type(key).__name__}"
        if key.startswith("\0"):
            return "a key must not start with NUL"
        rule = _broken_character_rule(key)
        if rule:
            return f"in a key: {rule}"
    if all(key == str(index) for index, key in enumerate(value)):
        return "keys 0, 1, ... in order read as a list in PHP; use a list or other keys"
    return ""


def sengo_signature(client_key: str, client_token: str, body: bytes = b"") -> str:
    """``X-Signature``: HMAC-SHA512 over key and body with the token as secret, 128 lower-case hex digits.

    A GET signs the key alone; neither path nor query is signed. Source: docs.sengo.id/authentication.
    """
    return hmac.new(client_token.encode(), client_key.encode() + body, hashlib.sha512).hexdigest()


def verify_sengo_signature(client_key: str, client_token: str, body: bytes, signature: str) -> None:
    """Pass if ``signature`` is that of the received ``body``; compared in constant time.

    Raises: SignatureMismatch. Unconfirmed: that SenGo signs its callbacks at all, and that it does so
    over the raw bytes; so a callback is a hint either way, to be confirmed with ``get_transaction``.
    """
    expected = sengo_signature(client_key, client_token, body)
    given = signature.strip().lower().encode("utf-8", "replace")
    if not hmac.compare_digest(expected.encode(), given):
        raise SignatureMismatch(
            "The X-Signature of this callback does not verify: trust nothing in it, and ask "
            "get_transaction for the payment instead."
        )


def senangpay_signature(secret_key: str, *fields: str) -> str:
    """HMAC-SHA256 of the joined fields with the secret key as key only, 64 lower-case hex digits.

    Fields are the unencoded values, in the order of the formula. Source: guide.senangpay.com, Tokenization API.
    """
    return hmac.new(_utf8(secret_key), _utf8("".join(fields)), hashlib.sha256).hexdigest()


def senangpay_charge_signature(
    merchant_id: str,
    secret_key: str,
    *,
    name: str,
    email: str,
    phone: str,
    detail: str,
    order_id: str,
    amount: str,
) -> str:
    """``hash`` of a request to pay_cc; ``amount`` in sen. It does not cover the card token."""
    return senangpay_signature(secret_key, merchant_id, name, email, phone, detail, order_id, amount)


def senangpay_charge_answer_signature(
    merchant_id: str,
    secret_key: str,
    *,
    status: str,
    order_id: str,
    transaction_id: str,
    amount_paid: str,
    message: str,
) -> str:
    """``hash`` of an answer of pay_cc, over its values as received.

    The page prints a blank after the order id. Unconfirmed: that it is an artefact of the page's layout, as
    clients' code says; an answer signed with it does not verify.
    """
    return senangpay_signature(
        secret_key, merchant_id, status, order_id, transaction_id, amount_paid, message
    )


def senangpay_tokenization_signature(merchant_id: str, secret_key: str, *, order_id: str) -> str:
    """``hash`` of the URL that a browser opens to store a card."""
    return senangpay_signature(secret_key, merchant_id, order_id)


def senangpay_tokenization_return_signature(
    merchant_id: str,
    secret_key: str,
    *,
    order_id: str,
    status_id: str,
    token: str,
    cc_num: str,
    cc_type: str,
    message: str,
) -> str:
    """``hash`` of what comes back from there. Other than in an answer of pay_cc, the order id is first."""
    return senangpay_signature(secret_key, merchant_id, order_id, status_id, token, cc_num, cc_type, message)


def senangpay_query_signature(merchant_id: str, secret_key: str, *fields: str, hash_type: str) -> str:
    """``hash`` of a query, by the dashboard's Hash Type: ``sha256`` (HMAC-SHA256) or ``md5``.

    Here, and only here, the secret key is part of the message too. Source: guide.senangpay.com, Query APIs.
    """
    if hash_type == "md5":  # the gateway's choice; nothing of ours relies on its strength
        message = _utf8("".join((merchant_id, secret_key, *fields)))
        return hashlib.md5(message, usedforsecurity=False).hexdigest()
    return senangpay_signature(secret_key, merchant_id, secret_key, *fields)


def verify_senangpay_signature(expected: str, given: str, *, what: str) -> None:
    """Pass if the two are equal but for the case of letters; compared in constant time.

    Raises: SignatureMismatch saying that ``what`` does not verify.
    """
    if not hmac.compare_digest(_utf8(expected.lower()), _utf8(given.lower())):
        raise SignatureMismatch(f"The hash of {what} does not verify: trust nothing in it.")


def _utf8(text: str) -> bytes:
    # Text from a query string may hold lone surrogates; they must neither fail nor look like other text.
    return text.encode("utf-8", "surrogatepass")
