# SPDX-License-Identifier: Apache-2.0
"""Pages that are not sound JSON text are taken apart without touching a record's bytes."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.exceptions import UnexpectedResponse
from airflow_provider_sengo.protocol.http import Response
from airflow_provider_sengo.protocol.odd_page import split_page
from airflow_provider_sengo.protocol.sengo import Credentials, list_rows

CREDENTIALS = Credentials(
    base_url="https://api.sandbox.sengo.id/api", client_key="SC-X", client_token="token-x"
)
ROWS = [
    rb'{"id":"a","viewName":"\ud83d"}',
    b'{"id":"b","viewName":"caf\xe9"}',
    b'{"id": "c", "fee": NaN }',
    b'{"id":"d"}',
]


def body(rows, code=b"200"):
    return (
        b' { "responseCode":'
        + code
        + b',"responseMessage":"success", "responseData" : [ '
        + b" ,\n".join(rows)
        + b' ], "responseExtra":{"currentPage":1,"totalPages":1,"totalRecords":%d} } ' % len(rows)
    )


def page(data, status=200):
    call = list_rows(CREDENTIALS, day=date(2026, 11, 21), type="cashIn", status="success", page=1)
    return call.parse(Response(status, {}, data, datetime(2026, 11, 22, tzinfo=UTC)))


def test_a_page_with_unsound_records_keeps_every_byte_of_every_record():
    """Half a surrogate pair, bytes that are not UTF-8 and NaN cost no record of the page."""
    assert list(page(body(ROWS)).rows) == ROWS


def test_an_unsound_page_is_held_to_the_same_envelope():
    """An error inside, a missing total or a cut body stays an error, however odd the rows are."""
    with pytest.raises(Exception, match="500"):
        page(body(ROWS, b"500"))
    with pytest.raises(UnexpectedResponse):
        page(body(ROWS).replace(b'"totalRecords"', b'"total"'))
    with pytest.raises(UnexpectedResponse):
        page(body(ROWS)[:-30])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b'{"a":1',
        b'{"a":1}x',
        b'{"a" 1}',
        b'{"a":1;}',
        b"{1:1}",
        b'{"responseData":[',
        b"{" * 9999,
    ],
)
def test_what_has_no_borders_is_not_taken_apart(data):
    """Text that is not an object of names and values gives nothing."""
    assert split_page(data) is None


def test_an_empty_list_and_other_data_are_left_alone():
    """No records are no rows, and data that is not a list stays in the envelope."""
    assert split_page(b'{"responseData":[ ]}') == ({}, [])
    assert split_page(b'{"responseData":{"a":1}}') == ({"responseData": {"a": 1}}, [])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(data):
    """Whatever comes, the answer is a split or None."""
    split_page(data)
    split_page(b'{"responseData":[' + data)
