# SPDX-License-Identifier: Apache-2.0
"""How the tests of the envelope read an answer, and how the gateway says success or refuses."""

from __future__ import annotations

from airflow_provider_sengo.protocol.envelope import ListingPage, success_data, success_page
from airflow_provider_sengo.protocol.http import Response

EXTRA = {"currentPage": 1, "totalPages": 1, "totalRecords": 1}
SUCCESS = {"responseCode": 200, "responseMessage": "success"}


def read(response: Response) -> bytes:
    return success_data(response, call_name="get_balance", redact=lambda text: text.replace("s3cret", "***"))


def read_page(response: Response, page: int = 1) -> ListingPage:
    return success_page(response, page=page, call_name="list_rows", redact=str)


def refused(code: object, message: object, **more: object) -> dict[str, object]:
    return {"responseCode": code, "responseMessage": message, **more}
