# SPDX-License-Identifier: Apache-2.0
"""Arguments are checked before anything is built, and no refusal quotes a value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.sengo_arguments import (
    ID_CHARACTERS_MAX,
    check_path,
    checked_networks,
    checked_reference,
    checked_text,
    checked_url,
    listing_query,
)

DAY = date(2025, 3, 5)


def test_a_listing_sends_all_four_parameters():
    """The query holds page, status, day and type, in the order of the page's sample."""
    assert listing_query(DAY, "cashIn", "success", 1) == "page=1&status=success&date=2025-03-05&type=cashIn"
    assert listing_query(DAY, "send", "refunded", 12) == "page=12&status=refunded&date=2025-03-05&type=send"


@pytest.mark.parametrize("day", ["2025-03-05", datetime(2025, 3, 5, tzinfo=UTC), None, 20250305])
def test_a_day_is_a_date(day):
    """Text and datetimes are refused, for their zone would be a guess."""
    with pytest.raises(ValueError, match=r"^day: must be a datetime\.date"):
        listing_query(day, "cashIn", "success", 1)


@pytest.mark.parametrize("word", ["", "a b", "a&b=c", "a\n", "é", "a1", "a" * 33, None, 1])
def test_type_and_status_are_words(word):
    """Nothing that could become another parameter passes as a type or a status."""
    with pytest.raises(ValueError, match=r"^type: must be one word"):
        listing_query(DAY, word, "success", 1)
    with pytest.raises(ValueError, match=r"^status: must be one word"):
        listing_query(DAY, "cashIn", word, 1)


@pytest.mark.parametrize("page", [0, -1, True, 1.0, "", "x", None])
def test_pages_count_from_one(page):
    """A page is a whole number above zero."""
    with pytest.raises(ValueError, match=r"^page: must be whole pages above zero"):
        listing_query(DAY, "cashIn", "success", page)


@pytest.mark.parametrize(
    ("given_id", "path"),
    [
        ("66e934f6-f5d6-4f1c-bb3d-450ec2873782", "/check/66e934f6-f5d6-4f1c-bb3d-450ec2873782"),
        ("a/b", "/check/a%2Fb"),
        ("../balance", "/check/..%2Fbalance"),
        ("a?resendCallback=true", "/check/a%3FresendCallback%3Dtrue"),
        ("a#b%2F", "/check/a%23b%252F"),
        ("a b", "/check/a%20b"),
        ("é", "/check/%C3%A9"),
        ("...", "/check/..."),
    ],
)
def test_ids_cannot_leave_their_place_in_the_path(given_id, path):
    """Slashes, question marks, percent signs and all else but letters and digits are quoted."""
    assert check_path(given_id) == path


@pytest.mark.parametrize(
    "given_id", ["", ".", "..", " ", " a", "a ", "a\n", "a\0b", "\ud800", "\u200b", None, 1, b"a"]
)
def test_ids_that_are_none_are_refused(given_id):
    """Empty, dots, blanks around and unprintable characters would ask for something else."""
    with pytest.raises(ValueError, match=r"^id or reference: must be printable"):
        check_path(given_id)


def test_ids_have_a_limit():
    """An id longer than any real one is refused before it makes a URL."""
    assert check_path("a" * ID_CHARACTERS_MAX)
    with pytest.raises(ValueError, match="at most 200"):
        check_path("a" * (ID_CHARACTERS_MAX + 1))


@given(st.text())
def test_any_id_is_quoted_whole_or_refused(text):
    """Unquoting the one path segment gives back exactly the id."""
    try:
        path = check_path(text)
    except ValueError:
        return
    assert path.isascii()
    assert path.count("/") == 2
    assert unquote(path.removeprefix("/check/")) == text


@pytest.mark.parametrize("reference", ["A", "order-42", "0" * 64, "-"])
def test_references_of_the_safe_alphabet_pass(reference):
    """Letters, digits and hyphens, up to 64, are sent as they are."""
    assert checked_reference(reference) == reference


@pytest.mark.parametrize("reference", ["", "a" * 65, "a_b", "a/b", "a b", "a\n", "é", "\uff11", None, 42])
def test_other_references_are_refused(reference):
    """Anything else, an int included, is refused with the rule."""
    with pytest.raises(ValueError, match=r"^reference: must be 1 to 64 ASCII letters"):
        checked_reference(reference)


@pytest.mark.parametrize("value", ["", " ", "\n", None, 1])
def test_text_is_text(value):
    """A name is refused if it is empty, blank or no text."""
    with pytest.raises(ValueError, match=r"^view_name: must be text"):
        checked_text(value, "view_name")
    assert checked_text("Kopi 42", "view_name") == "Kopi 42"


@pytest.mark.parametrize(
    "url", ["http://your-site-callback.com/notify", "https://h:8443/p?q=1", "https://sengo.id", "HTTP://H/"]
)
def test_absolute_urls_pass(url):
    """The samples' own URLs, ports and queries are sent as they are."""
    assert checked_url(url, "callback_url") == url


@pytest.mark.parametrize(
    "url",
    ["", "/notify", "example.org", "ftp://h/", "https://", "https:///p", "https://:80/", "https://h:x/",
     "https://[::1/", "https://h/a b", "https://h/\n", "https://é/", "javascript:alert(1)", None, 1],
)  # fmt: skip
def test_other_urls_are_refused(url):
    """A relative, broken or non-http URL is refused with the rule."""
    with pytest.raises(ValueError, match=r"^callback_url: must be an absolute http or https URL"):
        checked_url(url, "callback_url")


def test_networks_pass_as_given():
    """Addresses and networks of both families are sent as they were written."""
    networks = ["0.0.0.0/0", "203.0.113.7", "203.0.113.7/24", "2001:db8::/32"]
    assert checked_networks(networks) == networks
    assert checked_networks(tuple(networks)) == networks


@pytest.mark.parametrize("ip", [[], (), "0.0.0.0/0", None, {"0.0.0.0/0"}])
def test_networks_are_a_list(ip):
    """A single text instead of a list is refused, not read letter by letter."""
    with pytest.raises(ValueError, match=r"^ip: must be a list"):
        checked_networks(ip)


@pytest.mark.parametrize("network", ["", "x", "1.2.3", "1.2.3.4/33", "1.2.3.4 ", 1, None])
def test_a_wrong_network_is_named_by_its_place(network):
    """The index of the wrong entry is told, its text is not."""
    with pytest.raises(ValueError, match=r"^ip\[1\]: must be an address or a network"):
        checked_networks(["0.0.0.0/0", network])
