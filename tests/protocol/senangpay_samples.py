# SPDX-License-Identifier: Apache-2.0
"""The example values of senangPay's pages, from which its printed hashes are made."""

from __future__ import annotations

MERCHANT, SECRET, QUERY_SECRET = "543160464805574", "53-784", "21245-957"
BUYER = {"name": "Abu Bin Ali", "email": "ahmad@google.com", "phone": "0109876543"}
ORDER = {"detail": "Order for product id #4", "order_id": "123", "amount": "200"}
ANSWER = {
    "status": "1",
    "order_id": "1234",
    "transaction_id": "14951544812820",
    "amount_paid": "1000",
    "message": "Payment was successful",
}
CARD_TOKEN = "6bcc32c3cf4c6de03f4b3c967a36606d965d54cd51eb6cb7507555e2ad7b4521"
