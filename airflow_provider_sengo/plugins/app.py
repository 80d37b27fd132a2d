# SPDX-License-Identifier: Apache-2.0
"""The application behind the pages: who may see them, and what an error looks like.

Each route demands Airflow's login and the right to see plugins; Airflow adds nothing of the kind by itself.
There is no description of the routes for machines, since it would be open to everybody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from airflow_provider_sengo.plugins import archive_page, day_page, downloads, qr_page, search_page
from airflow_provider_sengo.plugins.page import show
from airflow_provider_sengo.plugins.source import ArchiveUnavailable, BadQuestion

log = logging.getLogger(__name__)

_ERRORS = {
    401: ("Not logged in", "Log in to Airflow, then open this page again."),
    403: ("Not allowed", "Your Airflow account may not see this page. Ask whoever administers Airflow."),
    404: ("No such page", "There is nothing at this address."),
}


def _now() -> datetime:
    return datetime.now(UTC)


def build_application(clock: Callable[[], datetime] = _now) -> FastAPI:
    """The pages as one application; ``clock`` tells the time, aware."""
    guards = [Depends(requires_access_view(AccessView.PLUGINS))]
    application = FastAPI(dependencies=guards, openapi_url=None, docs_url=None, redoc_url=None)
    application.state.clock = clock
    for page in (archive_page, day_page, search_page, downloads, qr_page):
        application.include_router(page.router)
    application.exception_handler(HTTPException)(_refused)
    application.exception_handler(RequestValidationError)(_not_understood)
    application.exception_handler(BadQuestion)(_bad_question)
    application.exception_handler(ArchiveUnavailable)(_unavailable)
    return application


def _refused(request: Request, error: HTTPException) -> HTMLResponse:
    title, text = _ERRORS.get(error.status_code, ("This does not work", "The address cannot be used so."))
    page = show("message.html", status=error.status_code, title=title, text=text)
    page.headers.update(error.headers or {})
    return page


def _not_understood(request: Request, error: RequestValidationError) -> HTMLResponse:
    fields = sorted({str(each["loc"][-1]) for each in error.errors()})
    text = f"The address lacks something, or holds something odd: {', '.join(fields)}."
    return show("message.html", status=400, title="This address is not understood", text=text)


def _bad_question(request: Request, error: BadQuestion) -> HTMLResponse:
    return show("message.html", status=400, title="This address is not understood", text=str(error))


def _unavailable(request: Request, error: ArchiveUnavailable) -> HTMLResponse:
    if error.__cause__ is not None:
        log.warning("%s", error.title, exc_info=error.__cause__)
    return show("message.html", status=error.status, title=error.title, text=str(error))
