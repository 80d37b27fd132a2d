# SPDX-License-Identifier: Apache-2.0
"""What holds of bodies and signatures whatever text they are made of."""

from __future__ import annotations

import hashlib
import json

from hypothesis import assume, given
from hypothesis import strategies as st
from senangpay_samples import MERCHANT, SECRET

from airflow_provider_sengo.protocol.signing import php_json, senangpay_query_signature, senangpay_signature

_blank_free = st.text(st.characters(exclude_characters="\x7f", exclude_categories=["Cs"])).map(
    lambda text: f"a{text}z"
)
_scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _blank_free
_bodies = st.recursive(
    _scalars, lambda inner: st.lists(inner) | st.dictionaries(_blank_free, inner, min_size=1), max_leaves=30
)


@given(_bodies)
def test_decoding_and_encoding_again_changes_nothing(body):
    """The text is a fixed point, compact and pure ASCII, and means the body it was made of."""
    content = php_json(body)
    decoded = json.loads(content)
    assert decoded == body
    assert php_json(decoded) == content
    assert content.isascii()
    assert content.count(b"/") == content.count(b"\\/")


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=10,
)


@given(_anything)
def test_any_other_body_is_a_value_error(body):
    """Whatever is given, the answer is a fixed point or a ValueError, never another exception."""
    try:
        content = php_json(body)
    except ValueError:
        return
    assert php_json(json.loads(content)) == content


@given(st.text(), st.text())
def test_other_text_signs_otherwise(one, other):
    """Lone surrogates, as a query string can bring them, included."""
    assume(one != other)
    assert senangpay_signature(SECRET, one) != senangpay_signature(SECRET, other)
    md5 = hashlib.md5(f"{MERCHANT}{SECRET}{one}".encode("utf-8", "surrogatepass")).hexdigest()
    assert senangpay_query_signature(MERCHANT, SECRET, one, hash_type="md5") == md5
