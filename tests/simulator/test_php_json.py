# SPDX-License-Identifier: Apache-2.0
"""What PHP makes of JSON: values recorded from PHP 8.2 in the fact sheet, section 4."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.simulator.php_json import PhpJsonError, php_decode, php_encode

FLOATS = {
    10000.0: "10000",
    1e15: "1000000000000000",
    1e16: "10000000000000000",
    1e17: "1.0e+17",
    1e22: "1.0e+22",
    0.0001: "0.0001",
    0.00001: "1.0e-5",
    5e-324: "5.0e-324",
    1.5e-7: "1.5e-7",
    -0.0: "-0",
    0.1: "0.1",
    -1234.5: "-1234.5",
}


@pytest.mark.parametrize(("number", "text"), FLOATS.items())
def test_floats_are_written_as_php_does(number, text):
    """PHP drops zero fractions and always has a fraction in a mantissa."""
    assert php_encode(number) == text


@pytest.mark.parametrize(
    ("sent", "again"),
    [
        ("{}", "[]"),
        ('{"a":{}}', '{"a":[]}'),
        ('{"0":1,"1":2}', "[1,2]"),
        ('{"1":1,"0":2}', '{"1":1,"0":2}'),
        ('{"a":1,"b":2,"a":3}', '{"a":3,"b":2}'),
        ('{ "a" : "x/y" }', r'{"a":"x\/y"}'),
        ('{"a":"é😀\\u007f"}', '{"a":"\\u00e9\\ud83d\\ude00\x7f"}'),
        ('{"a":10000.0}', '{"a":10000}'),
        ('{"a":18446744073709551616}', '{"a":1.8446744073709552e+19}'),
        ('{"a":-9223372036854775808}', '{"a":-9223372036854775808}'),
        (r'{"a":"\b\f\n\r\t\"\\\u0001\u2028<>&"}', r'{"a":"\b\f\n\r\t\"\\\u0001\u2028<>&"}'),
    ],
)
def test_decoding_and_encoding_again_changes_what_php_changes(sent, again):
    """Bodies that are no fixed point of PHP's decode and encode come back changed as PHP changes them."""
    assert php_encode(php_decode(sent.encode())) == again


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'a':1}", b'{"a":NaN}', b'{"a":"\xff"}', rb'{"a":"\ud800"}', b"[" * 512 + b"]" * 512],
)
def test_what_php_cannot_decode_is_refused(body):
    """Broken text, NaN, invalid UTF-8, lone surrogates and deep nesting do not decode."""
    with pytest.raises(PhpJsonError):
        php_decode(body)


def test_infinity_decodes_but_does_not_encode():
    """1e400 becomes infinite in PHP, and then ``json_encode`` fails."""
    with pytest.raises(PhpJsonError):
        php_encode(php_decode(b'{"a":1e400}'))


SAFE_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"))
SAFE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | SAFE_TEXT,
    lambda inner: (
        st.lists(inner) | st.dictionaries(SAFE_TEXT.filter(lambda s: not s.isdigit()), inner, min_size=1)
    ),
)


@given(SAFE)
def test_safe_bodies_agree_with_the_one_line_rule(value):
    """For bodies without floats, empty objects and U+007F the fact sheet's one-liner is PHP's text."""
    line = json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/")
    assert php_encode(value) == line
    assert php_encode(php_decode(line.encode())) == line


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back_as_the_same_number(number):
    """The shortest digits are enough to get the double back."""
    assert float(php_encode(number)) == number


def test_the_deepest_nesting_comes_back():
    """511 levels decode and encode, as in PHP; brackets within strings are no levels."""
    deep = "[" * 511 + "]" * 511
    assert php_encode(php_decode(deep.encode())) == deep
    assert php_decode(b'"' + b"[" * 600 + b'\\""') == "[" * 600 + '"'
