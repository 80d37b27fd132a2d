# SPDX-License-Identifier: Apache-2.0
"""Turns a template into a page: escaped, with its style inside it, and forbidden to load anything.

Templates get values; no question to the archive is asked here.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import date, datetime
from importlib.resources import files
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from airflow_provider_sengo.archive import days

MISSING = "\N{EN DASH}"

_TEMPLATES = Environment(
    loader=PackageLoader("airflow_provider_sengo.plugins"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = (files("airflow_provider_sengo.plugins") / "templates" / "style.css").read_text("utf-8")
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

# No script, and nothing from elsewhere; Airflow shows the page in a frame of its own origin. A QR code is
# an image inside the page.
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def show(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The page of a template."""
    text = _TEMPLATES.get_template(template).render(values)
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def number(value: int | None) -> str:
    """A whole number with its thousands apart."""
    return MISSING if value is None else f"{value:,}"


def rupiah(value: int | None) -> str:
    """An amount of whole rupiah."""
    return MISSING if value is None else f"Rp\N{NO-BREAK SPACE}{value:,}"


def when(moment: datetime | None) -> str:
    """An instant in Jakarta's time, to the second; at the ends of the calendar as it was sent."""
    if moment is None:
        return MISSING
    try:
        moment = moment.astimezone(days.JAKARTA)
    except OverflowError:
        return f"{moment.isoformat(' ', 'seconds')}"
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def duration(seconds: float) -> str:
    """How long something took or will take, in two units at most."""
    whole = int(seconds)
    if whole < 1:
        return "under 1 s"
    units = (("d", whole // 86_400), ("h", whole // 3600 % 24), ("min", whole // 60 % 60), ("s", whole % 60))
    first = next(place for place, (_, count) in enumerate(units) if count)
    return " ".join(f"{count} {unit}" for unit, count in units[first : first + 2] if count)


def long_day(day: date) -> str:
    """A day with its weekday."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


_TEMPLATES.filters.update(
    number=number,
    rupiah=rupiah,
    when=when,
    duration=duration,
    long_day=long_day,
    plain=lambda v: MISSING if v in (None, "") else v,
)
_TEMPLATES.globals.update(style=Markup(_STYLE))  # noqa: S704  # a file of this package
