# SPDX-License-Identifier: Apache-2.0
"""How values are written on the pages, and that they can be read in light and dark."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from airflow_provider_sengo.archive.coverage import State
from airflow_provider_sengo.plugins import page
from airflow_provider_sengo.plugins.state_calendar import LOOKS

STYLE = page._STYLE
TEXT_CONTRAST_MIN = 4.5  # WCAG 2.2, level AA
BAR_CONTRAST_MIN = 1.9  # bars are told by legend and table as well; they must be seen against the page


def colours(text: str) -> dict[str, str]:
    """The variables of one colour scheme."""
    return dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,6})", text))


LIGHT, DARK = (colours(part) for part in STYLE.split("@media (prefers-color-scheme:dark)", 1))
SCHEMES = {"light": LIGHT, "dark": {name: DARK[name] for name in LIGHT}}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_can_be_read(scheme: str) -> None:
    """Every pair of text and ground of the style."""
    has = SCHEMES[scheme]
    states = [(f"{name}-t", name) for name in ("green", "blue", "grey", "amber", "red", "violet")]
    plain = [(text, ground) for text in ("text", "muted", "link") for ground in ("bg", "soft")]
    weak = {pair: contrast(has[pair[0]], has[pair[1]]) for pair in states + plain}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < TEXT_CONTRAST_MIN} == {}
    bars = {f"c{number}": contrast(has[f"c{number}"], has["bg"]) for number in range(11)}
    assert {name: ratio for name, ratio in bars.items() if ratio < BAR_CONTRAST_MIN} == {}


def test_every_state_has_a_letter_of_its_own_and_a_style() -> None:
    """No two states look alike to who sees no colour."""
    assert set(LOOKS) == set(State)
    assert len({look.letter for look in LOOKS.values()}) == len(State)
    assert [state for state in State if f".s-{state}" not in STYLE] == []


def test_the_style_loads_nothing_and_ends_no_element() -> None:
    """It stands inside the page as it is."""
    assert re.findall(r"url\(|@import|</|//", STYLE) == []
    assert "color-scheme:light dark" in STYLE
    assert ":focus-visible" in STYLE


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "under 1 s"), (0.4, "under 1 s"), (1, "1 s"), (59.9, "59 s"), (60, "1 min"), (61, "1 min 1 s")),
        *((3600, "1 h"), (3605, "1 h"), (3725, "1 h 2 min"), (90_061, "1 d 1 h"), (172_800, "2 d")),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    """The rest does not matter to a reader."""
    assert page.duration(seconds) == text


def test_values_are_written_for_people() -> None:
    """Thousands apart, Jakarta's time, a dash for what is not known."""
    assert page.number(1234567) == "1,234,567"
    assert page.rupiah(-1200).replace("\N{NO-BREAK SPACE}", " ") == "Rp -1,200"
    assert page.number(None) == page.rupiah(None) == page.when(None) == "\N{EN DASH}"
    assert page.when(datetime(2026, 11, 22, 20, 0, tzinfo=UTC)) == "2026-11-23 03:00:00"
    assert page.long_day(date(2026, 11, 2)) == "Monday, 2 November 2026"


def test_a_template_escapes_and_misses_nothing() -> None:
    """Whatever is put into a page is text, and what was forgotten is an error."""
    shown = page.show("message.html", title="<b>", text="<i>").body.decode()
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert Markup.escape("<i>") in shown
    with pytest.raises(UndefinedError):
        page.show("message.html", title="only")
