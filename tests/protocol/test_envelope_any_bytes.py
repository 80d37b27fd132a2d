# SPDX-License-Identifier: Apache-2.0
"""No answer breaks the readers of the envelope, and none holds them up."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec
from envelope_answers import SUCCESS, read, read_page
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.exceptions import SenGoProviderError
from airflow_provider_sengo.protocol.http import Response


def test_pages_are_read_fast(answer):
    """Reading 200 pages of 100 rows takes a small part of a second: the bound is ten times the norm."""
    row = {"id": "66e934f6-f5d6-4f1c-bb3d-450ec2873782", "qris": {"content": "0" * 250, "url": ""}}
    extra = {"currentPage": 1, "totalPages": 200, "totalRecords": 20_000}
    response = answer(SUCCESS | {"responseData": [row] * 100, "responseExtra": extra})
    start_s = time.process_time()
    for _ in range(200):
        read_page(response)
    assert time.process_time() - start_s < 0.1


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.sampled_from(["success", "UNAUTHORIZED", "TRANSACTION_NOT_FOUND", 200, 404, 500]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["responseCode", "responseMessage", "responseData", "responseExtra", "message",
                         "currentPage", "totalPages", "totalRecords", "x"]), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip
_body = (
    st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace")) | _json.map(msgspec.json.encode)
)


@given(_body, st.integers(min_value=200, max_value=599))
def test_no_answer_breaks_the_readers(body, status):
    """Whatever comes back, the readers return or raise one of this package's errors."""
    response = Response(status, {}, body, datetime(2025, 3, 23, tzinfo=UTC))
    for reader in (read, read_page):
        said = ""
        try:
            reader(response)
        except SenGoProviderError as error:
            said = str(error)
        assert said.isprintable()
