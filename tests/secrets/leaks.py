# SPDX-License-Identifier: Apache-2.0
"""Where a secret could be read: an error with all that it hangs on; and the spellings that it could have there."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it hangs on, also what ``from None`` hides."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        more = [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        waiting += [each for each in more if each is not None]


def texts(error: BaseException) -> Iterator[str]:
    """Whatever a log or a page could show of it."""
    for one in chain(error):
        yield "".join(traceback.format_exception(one))
        yield f"{one} {one!r} {vars(one)} {one.args}"


def assert_hidden(text: str, secrets: Iterable[str]) -> None:
    """None of them is there: as it is, in a URL, in a form or in JSON, in small letters or large."""
    text = text.lower()
    for secret in secrets:
        for spelling in (secret, quote(secret, safe=""), quote_plus(secret), secret.replace("/", "\\/")):
            assert spelling.lower() not in text
