# SPDX-License-Identifier: Apache-2.0
"""The search: transactions by id or by the merchant's reference, and what became of them.

What is personal, and shown only when it is asked for, is decided in ``masking``.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from airflow_provider_sengo.archive import report
from airflow_provider_sengo.archive.tables import Tables
from airflow_provider_sengo.plugins.masking import masked
from airflow_provider_sengo.plugins.page import show
from airflow_provider_sengo.plugins.source import archive_tables

router = APIRouter()

QUESTION_CHARACTERS_MAX = 200
RAW_CHARACTERS_MAX = 4000  # of a record's own bytes
PERSONAL = "personal"  # ``?show=personal`` asks for what is masked otherwise


class Found(NamedTuple):
    """A transaction as it stands, and the versions that it replaced or refused, newest first.

    ``cut``: its bytes are longer than what is shown. ``more``: there are versions that are not shown.
    """

    row: dict[str, Any]
    cut: bool
    versions: list[dict[str, Any]]
    more: bool


@router.get("/search")
def search_page(
    q: str = "", asked: Annotated[str, Query(alias="show")] = "", project: str = ""
) -> HTMLResponse:
    """What the archive knows of an id or reference, over all projects."""
    question, personal = q.strip(), asked == PERSONAL
    too_long = len(question) > QUESTION_CHARACTERS_MAX
    found: list[Found] = []
    with archive_tables() as tables:
        places = report.find(tables, question) if question and not too_long else []
        for place in places[: report.FOUND_MAX]:
            row = report.transaction(tables, place, raw=personal)
            if row is not None:
                found.append(_shown(tables, row, personal=personal))
    return show(
        "search.html",
        question=question[:QUESTION_CHARACTERS_MAX],
        too_long=too_long,
        limit=QUESTION_CHARACTERS_MAX,
        raw_max=RAW_CHARACTERS_MAX,
        versions_max=report.VERSIONS_MAX,
        found=found,
        more=len(places) > report.FOUND_MAX,
        personal=personal,
        project=project,
    )


def _shown(tables: Tables, row: dict[str, Any], *, personal: bool) -> Found:
    """The row with its bytes as text, and its versions; or all of it without what is personal."""
    found = report.versions(tables, row["project"], row["type"], row["id"])
    versions, more = found[: report.VERSIONS_MAX], len(found) > report.VERSIONS_MAX
    if not personal:
        return Found(masked(row), False, [masked(each) for each in versions], more)
    text = (row["raw"] or b"").decode("utf-8", "replace")
    cut = len(text) > RAW_CHARACTERS_MAX
    return Found({**row, "raw": text[:RAW_CHARACTERS_MAX]}, cut, versions, more)
