# SPDX-License-Identifier: Apache-2.0
"""Every documented answer, bent at every place in every way, cut at every byte, or made up: an error of ours."""

from __future__ import annotations

import json
import tracemalloc
from bisect import bisect_left
from contextlib import suppress
from itertools import product

import pytest
from documented_answers import KEY, SECRET_KEY, TOKEN, documented
from fuzz_profile import LONG, bounded, fuzz
from hypothesis import given
from hypothesis import strategies as st
from mutations import CANARY, VALUES, bent, paths
from reading_on import use

from airflow_provider_sengo.exceptions import Rejected, SenGoProviderError, UnexpectedResponse

ANSWERS = {answer.name: answer for answer in documented()}
STATUSES = (200, 201, 204, 301, 302, 400, 401, 403, 404, 405, 409, 422, 429, 500, 503, 599)
SPELLED = (TOKEN, KEY, SECRET_KEY, TOKEN.replace("/", "\\/"), TOKEN.upper(), "a" * 64)
MEMORY_PER_BYTE = 120  # of a body; a Python dict of one member in each five bytes is that large

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(SPELLED),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=12,
)
names = st.sampled_from(
    [
        *("responseCode", "responseMessage", "responseData", "responseExtra", "message", "currentPage"),
        *("totalPages", "totalRecords", "id", "status", "msg", "data", "hash", "token", "order_id"),
        *("amount_paid", "transaction_id", "payment_info", "order_detail", "qris", "content"),
    ]
)
values = anything | st.sampled_from([0, 1, 200, 404, 422, 500, "success", "0", "1", [], {}])
envelopes = st.dictionaries(names, values | st.dictionaries(names, values, max_size=4), max_size=6)


@pytest.mark.parametrize("name", ANSWERS)
def test_bent_at_every_place(name: str) -> None:
    """One place bent in each way: what comes out is an error of ours without the value, or a meaning that holds."""
    answer = ANSWERS[name]
    statuses = STATUSES if LONG else sorted({answer.response.status, 404})
    for path in paths(answer.document):
        if any(isinstance(name, int) and name > 0 for name in path) and not LONG:
            continue  # rows are alike
        with bounded():
            for value, status in product(VALUES, statuses):
                use(answer, answer.read(bent(answer.document, path, value), status))


@pytest.mark.parametrize("name", ANSWERS)
def test_cut_at_every_byte(name: str) -> None:
    """An answer that ends early is never a success, and a row of it is never taken for whole."""
    answer = ANSWERS[name]
    body = answer.response.body.rstrip()
    whole = answer.read(body)
    assert isinstance(whole, SenGoProviderError) is (
        answer.response.status != 200 or isinstance(whole, Rejected)
    )
    with bounded():
        for end in range(len(body)):
            meaning = answer.read(body[:end])
            use(answer, meaning)
            assert isinstance(meaning, SenGoProviderError)


def deepest() -> int:
    """How deep a list may be nested for Python to read it from here, which differs between releases."""

    def is_too_deep(depth: int) -> bool:
        try:
            json.loads("[" * depth + "]" * depth)
        except RecursionError:
            return True
        return False

    return bisect_left(range(200_000), x=True, key=is_too_deep) - 1


@pytest.mark.parametrize("name", ANSWERS)
def test_every_depth(name: str) -> None:
    """However deep an answer is nested, below, at and beyond what Python reads or writes: no RecursionError."""
    answer = ANSWERS[name]
    deep = [(b"[", b"]", b""), (b'{"a":', b"}", b"1"), (b"[", b"]", b"NaN")]
    limit = deepest()
    document = answer.document | {"later": None}
    for path in [path for path in paths(document) if len(path) in (1, 2)][:12]:
        each = path == ("responseExtra",) or LONG  # what is taken apart, and written and read once more
        with bounded():
            for depth, (opening, closing, core) in product(
                range(limit - 80, limit + 10, 1 if each else 14), deep
            ):
                body = bent(document, path, opening * depth + core + closing * depth)
                use(answer, answer.read(body))


@fuzz(150)
@given(data=st.data())
def test_bent_at_several_places(data: st.DataObject) -> None:
    """Two places bent, bytes flipped, any status: as with one."""
    answer = data.draw(st.sampled_from([*ANSWERS.values()]))
    document = answer.document
    for _ in range(2):
        path = data.draw(st.sampled_from([*paths(document)]))
        body = bent(document, path, data.draw(st.sampled_from(VALUES) | anything.map(_as_bytes)))
        if len(body) > 20_000 or body.count(b"[") > 80:
            break  # deep or long enough
        with suppress(ValueError):
            document = json.loads(body)
    noise = data.draw(
        st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=3)), max_size=3)
    )
    for place, piece in noise:
        at = place % (len(body) + 1)
        body = body[:at] + piece + body[at + 1 :]
    with bounded():
        use(answer, answer.read(body, data.draw(st.sampled_from(STATUSES))))


def _as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


@fuzz(150)
@given(
    name=st.sampled_from([*ANSWERS]),
    body=st.binary() | st.text().map(str.encode) | envelopes.map(_as_bytes) | anything.map(_as_bytes),
    status=st.sampled_from(STATUSES) | st.integers(200, 599),
    retry_after=st.none() | st.text(),
)
def test_made_up(name: str, body: bytes, status: int, retry_after: str | None) -> None:
    """Any body with any status and any Retry-After: an error of ours, or a meaning that holds."""
    headers = {} if retry_after is None else {"retry-after": retry_after}
    with bounded():
        use(ANSWERS[name], ANSWERS[name].read(body, status, headers))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_message_that_tells_a_secret(name: str) -> None:
    """A gateway that repeats a secret in its message, however spelled, does not get it into an error or a result."""
    answer = ANSWERS[name]
    fields = [path for path in paths(answer.document) if path in (("responseMessage",), ("msg",))]
    assert fields
    for path, secret in product(fields, answer.hidden):
        for told in (
            secret,
            secret.upper(),
            f"{secret}{secret}",
            f"\\u200b{secret}\\n",
            secret.replace("/", "\\/"),
        ):
            with bounded():
                meaning = answer.read(bent(answer.document, path, b'"' + told.encode() + b'"'))
            use(answer, meaning)
            assert secret.lower() not in f"{meaning}".lower()


@pytest.mark.parametrize("name", ANSWERS)
def test_memory(name: str) -> None:
    """A large answer takes memory in proportion to its bytes, and no more."""
    answer = ANSWERS[name]
    size = 200_000
    pieces = [
        b"[" * size,
        b"[]," * (size // 3),
        b'"a":1,' * (size // 6),
        b"1" * size,
        b'"' + b"a" * size + b'"',
    ]
    pieces += [b"{" + b'"a":1,' * (size // 6) + b'"b":1}', b"[" + b"0," * (size // 2) + b"0]"]
    message = "responseMessage" if "responseMessage" in answer.document else "msg"
    bodies = [bent(answer.document, (message,), piece) for piece in pieces] + [pieces[0], pieces[4]]
    for body in bodies:
        tracemalloc.start()
        try:
            with bounded():
                meaning = answer.read(body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        use(answer, meaning)
        assert peak < MEMORY_PER_BYTE * len(body)


def test_the_bending_itself() -> None:
    """Every value that is bent in stands in the document, so nothing here passes for want of trying."""
    document = {"a": [1, {"b": "text"}]}
    assert [*paths(document)] == [(), ("a",), ("a", 0), ("a", 1), ("a", 1, "b")]
    assert bent(document, ("a", 1, "b"), b"NaN") == b'{"a": [1, {"b": NaN}]}'
    assert bent(document, ("a", 0), b"(removed)") == b'{"a": [{"b": "text"}]}'
    twice = f'{{"a": [1, {{"b": "text", "b": "{CANARY}"}}]}}'
    assert bent(document, ("a", 1, "b"), b"(twice)") == twice.encode()
    assert bent(document, (), b"nul") == b"nul"
    oddest = ANSWERS["balance, get_balance"].read(b"{")
    assert isinstance(oddest, UnexpectedResponse)
