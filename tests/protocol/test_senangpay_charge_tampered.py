# SPDX-License-Identifier: Apache-2.0
"""An answer to a charge whose hash is wrong or missing proves nothing, whatever it says."""

from __future__ import annotations

import pytest
from charge_answers import DECLINED, PAID, WITH_BLANK, refused

from airflow_provider_sengo.exceptions import Rejected, SignatureMismatch
from airflow_provider_sengo.protocol import senangpay


@pytest.mark.parametrize(
    "change",
    [
        {"status": 0},
        {"status": "0"},
        {"order_id": "1235"},
        {"order_id": "1234 "},
        {"order_id": None},
        {"transaction_id": "14951544812821"},
        {"transaction_id": " 14951544812820"},
        {"transaction_id": None},
        {"amount_paid": 100},
        {"amount_paid": "1000 "},
        {"amount_paid": None},
        {"msg": "payment was successful"},
        {"hash": WITH_BLANK},
        {"hash": "0" * 64},
        {"hash": PAID["hash"][:-1]},
        {"hash": f" {PAID['hash']}"},
        {"hash": 0},
        {"hash": ""},
        {"hash": None},
    ],
    ids=str,
)
def test_any_tampering_with_a_success_is_a_mismatch(change, answer):
    """Every signed field, the hash itself, its absence, and the blank that the page prints."""
    error = refused(answer, PAID | change)
    assert isinstance(error, SignatureMismatch)
    assert "look the order up" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"status": 0, "msg": "Invalid hash"},
        {"status": 0, "msg": "Invalid Merchant"},
        {"status": "0", "msg": "Invalid token"},
        {"status": 0, "msg": "Duplicate order id", "hash": ""},
        {"status": 0, "msg": "Credit card is disabled", "hash": None},
        {"status": 0},
        DECLINED | {"hash": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [200, 400, 422])
def test_a_refusal_without_a_hash_proves_nothing(body, status, answer):
    """It is told apart from a verified decline, and says to look the order up."""
    error = refused(answer, body, status)
    assert type(error) is Rejected
    assert (error.code, error.http_status) == (senangpay.UNVERIFIED, status)
    assert body.get("msg", "") in str(error)
    assert "look the order up" in str(error)


def test_a_refusal_with_a_wrong_hash_trusts_nothing_but_shows_what_it_says(answer):
    """The formula of declines is not published for every case, so a person needs the words."""
    error = refused(answer, DECLINED | {"hash": "0" * 64})
    assert isinstance(error, SignatureMismatch)
    assert "It says: Insufficient funds." in str(error)
