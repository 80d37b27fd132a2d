# SPDX-License-Identifier: Apache-2.0
"""What counts as success and as a page, and which error everything else is."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from envelope_answers import EXTRA, SUCCESS, read, read_page, refused

from airflow_provider_sengo.exceptions import (
    DuplicateReference,
    NotAuthorized,
    NotFound,
    Rejected,
    Unavailable,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol.envelope import MESSAGE_CHARACTERS_MAX, ListingPage
from airflow_provider_sengo.protocol.odd_page import split_page

HTML = "<!DOCTYPE html><html><body>It works? client-token</body></html>"


@pytest.mark.parametrize("message", ["success", "Success", "SUCCESS"])
@pytest.mark.parametrize("status", [200, 201])
def test_success_is_three_things_at_once(answer, message, status):
    """HTTP 2xx, responseCode 200 and responseMessage "success" in any case give the data's own bytes."""
    body = f'{{"responseCode": 200, "responseMessage": "{message}", "responseData": {{"a" : 1.50}} }}'
    assert read(answer(body, status)) == b'{"a" : 1.50}'


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (refused(True, "success"), "$.responseCode"),
        (refused(200.0, "success"), "$.responseCode"),
        (refused("200", "success"), "$.responseCode"),
        (refused(None, "success"), "$.responseCode"),
        (refused(0, "success"), "$.responseCode"),
        (refused(201, "success"), "$.responseCode"),
        ({"responseMessage": "success"}, "$.responseCode"),
        (refused(200, "succes"), "$.responseMessage"),
        (refused(200, "success "), "$.responseMessage"),
        (refused(200, True), "$.responseMessage"),
        (refused(200, None), "$.responseMessage"),
        (refused(200, "TRANSACTION_NOT_FOUND"), "$.responseMessage"),
        ({"responseCode": 200}, "$.responseMessage"),
        ({}, "$.responseCode"),
        ([], "$"),
        ("null", "$"),
        ("1", "$"),
        ("", "$"),
        (b'{"responseCode":200,"responseMessage":"success","responseData":{"a":"\xff"}}', "$"),
        ('{"responseCode":200,"responseMessage":"success","responseData":{"a":1}', "$"),
        ('{"responseCode":200,"responseMessage":"success","responseData":{"a":1}}}', "$"),
        ("[" * 100_000, "$"),
        (HTML, "$"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_odd_2xx_is_no_success(answer, body, path):
    """One of the three missing, a wrong type, HTML or cut JSON is UnexpectedResponse with the place."""
    with pytest.raises(UnexpectedResponse, match=r"^SenGo's answer to get_balance is HTTP 200") as error:
        read(answer(body))
    assert error.value.json_path == path
    assert "client-token" not in str(error.value)


@pytest.mark.parametrize(
    ("http", "body", "kind"),
    [
        (404, refused(500, "x"), Unavailable),
        (500, refused(404, "TRANSACTION_NOT_FOUND"), Unavailable),
        (429, refused(409, "DUPLICATE_REFERENCE"), Unavailable),
        (403, refused(404, "TRANSACTION_NOT_FOUND"), NotAuthorized),
        (404, refused(401, "x"), NotAuthorized),
        (404, refused(404, "UNAUTHORIZED"), NotAuthorized),
        (404, refused(409, "x"), DuplicateReference),
        (404, refused(404, "DUPLICATE_REFERENCE"), DuplicateReference),
        (404, refused(404, "REQUEST_INVALID"), Rejected),
        (500, refused(200, "success"), Unavailable),
        (400, refused(200, "success"), Rejected),
        (422, {"message": "The amount field is required.", "errors": {}}, Rejected),
        (409, {"message": "Conflict"}, DuplicateReference),
    ],
    ids=str,
)
def test_where_parts_disagree_the_careful_reading_wins(answer, http, body, kind):
    """A refusal is never read as "not found" while another part of it says something else."""
    with pytest.raises(Rejected) as error:
        read(answer(body, http))
    assert type(error.value) is kind


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        "",
        "null",
        "[]",
        {},
        {"message": "The route api/check could not be found."},
        {"message": "TRANSACTION"},
        refused(None, None),
        refused(200, "success"),
        refused(404, "success"),
    ],
    ids=lambda body: str(body)[:40],
)
@pytest.mark.parametrize("status", [404, 405])
def test_a_404_of_something_else_is_no_evidence(answer, body, status):
    """Without the gateway's own "not found" a 404 points to the base URL and its field, not to the payment."""
    with pytest.raises(
        UnexpectedResponse, match="path of the connection's base URL is probably wrong"
    ) as error:
        read(answer(body, status))
    assert (error.value.json_path, error.value.http_status) == ("$", status)
    text = str(error.value)
    assert "ends in /api; see the connection's field 'host'" in text
    assert all(words not in text for words in ("get_balance", "(at ", "newer release"))


def test_a_404_that_says_200_inside_is_no_evidence(answer):
    """Not even the code counts for "not found" beside a responseCode of 200."""
    with pytest.raises(UnexpectedResponse):
        read(answer(refused(200, "TRANSACTION_NOT_FOUND"), 404))


@pytest.mark.parametrize(
    ("status", "kind"), [(401, NotAuthorized), (403, NotAuthorized), (429, Unavailable), (502, Unavailable)]
)
@pytest.mark.parametrize("body", [HTML, "", b"\xff\xfe", "[1]"])
def test_pages_of_proxies_keep_their_status(answer, status, kind, body):
    """A firewall's or a load balancer's page means what its status says, and none of it is quoted."""
    with pytest.raises(kind) as error:
        read(answer(body, status))
    assert error.value.http_status == status
    assert "html" not in str(error.value).lower()


@pytest.mark.parametrize("status", [400, 402, 409, 413, 422])
def test_other_pages_are_unexpected(answer, status):
    """A refusal without a JSON object proves nothing about the payment."""
    with pytest.raises(UnexpectedResponse, match=f"HTTP {status} with a body that is not a JSON object"):
        read(answer(HTML, status))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "body", [SUCCESS | {"responseData": {}}, refused(404, "TRANSACTION_NOT_FOUND"), refused(500, "x"), HTML]
)
def test_redirects_are_named_and_not_followed(answer, status, body):
    """A redirect says that it is not followed, whatever its body claims."""
    with pytest.raises(UnexpectedResponse, match=r"redirect .HTTP 30\d.*never followed"):
        read(answer(body, status, {"location": "https://elsewhere/"}))


def test_the_gateways_message_is_one_bounded_redacted_line(answer):
    """Line breaks, control and direction characters become blanks, secrets go before the cut."""
    message = "a\nb\x1b[31m\u202ec\u2028d s3cret" + "!" * 500
    with pytest.raises(Rejected) as error:
        read(answer(refused(422, message), 422))
    text = str(error.value)
    assert text.isprintable()
    assert "s3cret" not in text
    assert "a b [31m c d ***!!!" in text
    assert text.count("!") < MESSAGE_CHARACTERS_MAX < len(text)
    assert ".... Mend" not in text


def test_an_error_body_with_an_unreadable_part_keeps_its_status(answer):
    """A part that does not decode hides a code, but neither the status nor the class."""
    with pytest.raises(NotFound):
        read(answer('{"responseCode":404,"responseMessage":"Maaf","responseData":1e999}', 404))


def test_a_page_keeps_the_bytes_of_its_rows(answer):
    """Rows come as they were sent, blanks, order, floats and all, with the page's numbers."""
    body = (
        '{"responseExtra":{"totalRecords":3,"currentPage":2,"totalPages":2,"perPage":2},'
        '"responseCode":200,"responseMessage":"success","responseData":[ {"id" : 1.0, "id":"\\u00e9"} ,null]}'
    )
    assert read_page(answer(body), 2) == ListingPage(2, 2, 3, (b'{"id" : 1.0, "id":"\\u00e9"}', b"null"))


@pytest.mark.parametrize(
    ("data", "extra", "path"),
    [
        ({}, EXTRA, "$.responseData"),
        (None, EXTRA, "$.responseData"),
        ("[]", EXTRA, "$.responseData"),
        ([1], None, "$.responseExtra"),
        ([1], [], "$.responseExtra"),
        ([1], {"currentPage": 1, "totalPages": 1}, "$.responseExtra.totalRecords"),
        ([1], EXTRA | {"currentPage": True}, "$.responseExtra.currentPage"),
        ([1], EXTRA | {"currentPage": "1"}, "$.responseExtra.currentPage"),
        ([1], EXTRA | {"totalPages": -1}, "$.responseExtra.totalPages"),
        ([1], EXTRA | {"totalPages": 1.0}, "$.responseExtra.totalPages"),
        ([1], EXTRA | {"totalRecords": None}, "$.responseExtra.totalRecords"),
        ([1], EXTRA | {"currentPage": 2}, "$.responseExtra.currentPage"),
        ([], EXTRA, "$.responseData"),
    ],
)
def test_a_page_with_an_odd_envelope_is_refused(answer, data, extra, path):
    """A wrong type, another page, or no rows where rows must be is an error with its place."""
    body = SUCCESS | {"responseData": data, "responseExtra": extra}
    with pytest.raises(UnexpectedResponse, match="answer to list_rows") as error:
        read_page(answer(body))
    assert error.value.json_path == path


@pytest.mark.parametrize("missing", ["responseData", "responseExtra"])
def test_a_page_without_rows_or_numbers_is_refused(answer, missing):
    """Neither the rows nor the pager may be absent."""
    body = SUCCESS | {"responseData": [1], "responseExtra": EXTRA}
    del body[missing]
    with pytest.raises(UnexpectedResponse) as error:
        read_page(answer(body))
    assert error.value.json_path == f"$.{missing}"


@pytest.mark.parametrize(
    ("page", "total_pages", "total_records"), [(1, 0, 0), (1, 1, 0), (3, 2, 9), (2, 1, 5)]
)
def test_an_empty_page_that_may_be_empty_passes(answer, page, total_pages, total_records):
    """A listing without records, and a page past the end, have no rows."""
    extra = {"currentPage": page, "totalPages": total_pages, "totalRecords": total_records}
    found = read_page(answer(SUCCESS | {"responseData": [], "responseExtra": extra}), page)
    assert found == ListingPage(page, total_pages, total_records, ())


def test_a_refused_page_is_its_error(answer):
    """An error inside a listing's 200 is that error, never the end of the listing."""
    with pytest.raises(Unavailable):
        read_page(answer(refused(500, "error", responseData=[], responseExtra=EXTRA)))


UNSOUND = b'{"id":"a","fee":NaN}'


def unsound_page(more: bytes = b"") -> bytes:
    """A page with a row that strict decoders refuse, and with more fields in its pager."""
    pager = b'{"currentPage":1,"totalPages":1,"totalRecords":1' + more + b"}"
    envelope = b'{"responseCode":200,"responseMessage":"success","responseData":[%b],"responseExtra":%b}'
    return envelope % (UNSOUND, pager)


def deep_page(depth: int) -> bytes:
    return unsound_page(b',"later":' + b"[" * depth + b"]" * depth)


def deepest() -> int:
    """About how deep a field may be nested to be read, which differs between releases of Python."""
    return bisect_left(range(200_000), x=True, key=lambda depth: split_page(deep_page(depth)) is None) - 1


def test_a_page_with_an_unsound_row_keeps_it(answer):
    """A NaN in one record costs no page; the envelope around it is judged as any other."""
    assert read_page(answer(unsound_page())) == ListingPage(1, 1, 1, (UNSOUND,))
    with pytest.raises(UnexpectedResponse) as error:
        read_page(answer(unsound_page(b',"totalPages":"1"')))
    assert error.value.json_path == "$.responseExtra.totalPages"


@pytest.mark.parametrize(
    "body", [HTML.encode(), b"", b"[]", unsound_page()[:-1], unsound_page() + b"}"], ids=len
)
def test_a_page_that_cannot_be_taken_apart_is_refused_whole(answer, body):
    """A page of HTML or a cut one: its rows are not guessed at, so none is lost unnoticed."""
    with pytest.raises(UnexpectedResponse, match="answer to list_rows") as error:
        read_page(answer(body))
    assert error.value.json_path == "$"


def test_what_can_be_read_but_not_written_again_is_our_error(answer):
    """A field just as deep as Python can read is too deep to be written: no RecursionError."""
    limit = deepest()
    said = set()
    for depth in range(limit - 30, limit + 30):
        page = answer(deep_page(depth))
        try:
            read_page(page)
        except UnexpectedResponse as error:
            said.add((str(error).partition(" (at ")[0], error.json_path))
    assert ("SenGo's answer to list_rows is nested too deeply", "$.responseExtra") in said
