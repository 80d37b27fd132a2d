# SPDX-License-Identifier: Apache-2.0
"""One call of each endpoint, as the documentation has it."""

from __future__ import annotations

from datetime import date

from airflow_provider_sengo.protocol import sengo

DAY = date(2025, 3, 5)
QRIS = {
    "reference": "REFF012",
    "amount": 10000,
    "view_name": "Merchant Name",
    "callback_url": "http://your-site-callback.com/notify",
    "expiry_minutes": 30,
}
PROJECT = {"name": "Project SenGo", "domain": "https://sengo.id", "ip": ["0.0.0.0/0"]}
CALLS = {
    "get_balance": sengo.get_balance,
    "list_transactions": lambda credentials: sengo.list_transactions(
        credentials, day=DAY, type="cashIn", status="success"
    ),
    "list_rows": lambda credentials: sengo.list_rows(
        credentials, day=DAY, type="cashIn", status="success", page=1
    ),
    "get_transaction": lambda credentials: sengo.get_transaction(credentials, "REF12"),
    "get_row": lambda credentials: sengo.get_row(credentials, "REF12"),
    "create_qris": lambda credentials: sengo.create_qris(credentials, **QRIS),
    "create_project": lambda credentials: sengo.create_project(credentials, **PROJECT),
}
BASE = "https://api.sandbox.sengo.id/api"
