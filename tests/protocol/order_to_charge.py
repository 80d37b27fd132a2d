# SPDX-License-Identifier: Apache-2.0
"""The one order that every way of charging it once is tried on: its id, its amount and the charge of a card."""

from __future__ import annotations

from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.http import Call

ORDER, AMOUNT = "ORDER1001", 2_450  # sen


def charge_call(credentials: senangpay.SenangPayCredentials, token: str) -> Call[senangpay.CardPayment]:
    return senangpay.charge_token(
        credentials,
        name="Siti Nurhaliza",
        email="siti@example.my",
        detail="Order 1001",
        phone="0123456789",
        order_id=ORDER,
        amount_sen=AMOUNT,
        token=token,
    )
