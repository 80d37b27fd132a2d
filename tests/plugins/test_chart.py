# SPDX-License-Identifier: Apache-2.0
"""Bars by day: exact sums, honest scales, small paths."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from airflow_provider_sengo.archive.report import Total
from airflow_provider_sengo.plugins.chart import HEIGHT, charts, scale_top, short

FIRST = date(2026, 11, 1)
DAYS = [FIRST + timedelta(days=offset) for offset in range(3)]


def total(day: int, status: str | None, channel: str | None, rows: int, amount: int) -> Total:
    return Total("cashIn", FIRST + timedelta(days=day), status, channel, rows, amount)


def heights(path: str) -> list[float]:
    return [float(height) for height in re.findall(r"v-([\d.]+)h", path)]


def test_four_charts_split_number_and_sum_by_status_and_channel():
    """Status of all, channel of the successful ones."""
    number, amount, paid, paid_amount = charts(
        [
            total(0, "success", "qris", 3, 300),
            total(0, "expired", "qris", 1, 50),
            total(2, "success", "retail", 1, 10**18),
            total(2, "brandNew", None, 2, 7),
            total(1, None, None, 1, 0),
        ],
        DAYS,
    )
    assert [(each.name, each.values) for each in number.series] == [
        ("success", (3, 0, 1)),
        ("expired", (1, 0, 0)),
        ("other", (0, 1, 2)),
    ]
    assert number.total == 8
    assert amount.total == 300 + 50 + 10**18 + 7
    assert [(each.name, each.values) for each in paid.series] == [("qris", (3, 0, 0)), ("retail", (0, 0, 1))]
    assert {each.colour for each in paid.series} & {each.colour for each in number.series} == set()
    assert [each.name for each in paid_amount.series] == ["retail", "qris"]
    colours = [{each.name: each.colour for each in chart.series} for chart in (paid, paid_amount)]
    assert colours[0] == colours[1]


def test_a_day_outside_the_chart_is_not_drawn():
    """Totals may reach further than the days asked for; neither bars nor sums have them."""
    (number, amount, *_) = charts([total(day, "success", "qris", 1, 10) for day in (-1, 0, 2, 3)], DAYS)
    assert [each.values for each in number.series] == [(1, 0, 1)]
    assert (number.total, amount.total) == (2, 20)


def test_bars_are_stacked_to_scale():
    """The highest of the scale fills the height."""
    (number, *_) = charts([total(0, "success", "qris", 15, 1), total(0, "failed", "qris", 5, 1)], DAYS)
    assert number.ticks == ("20", "10", "0")
    drawn = [heights(path) for path in re.findall(r'd="([^"]*)"', number.svg)]
    assert drawn == [[150.0], [50.0]]
    assert sum(height for path in drawn for height in path) == HEIGHT


def test_many_channels_are_joined():
    """The largest keep their names; nothing is left out of the sum."""
    (*_, paid, _) = charts([total(0, "success", f"channel-{n}", n, 1) for n in range(1, 12)], DAYS)
    assert [each.name for each in paid.series][:2] == ["channel-11", "channel-10"]
    assert paid.series[-1].name == "all others"
    assert paid.total == sum(range(1, 12))


def test_markup_in_a_channel_stays_text():
    """Names are for the template to escape; none gets into the drawing."""
    (*_, paid, _) = charts([total(0, "success", "<script>", 1, 1)], DAYS)
    assert "script" not in paid.svg


def test_no_transactions_no_drawing():
    """And a negative amount has no bar."""
    assert all(each.series == () and str(each.svg) == "" for each in charts([], DAYS))
    (_, amount, *_) = charts([total(0, "success", "qris", 1, -5)], DAYS)
    assert str(amount.svg) == ""
    assert amount.total == -5


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 2), (1, 2), (3, 4), (10, 10), (11, 20), (99, 100), (101, 200), (10**18 + 1, 2 * 10**18)],
)
def test_a_scale_ends_at_a_round_number(highest, top):
    """Never below the highest bar, and its half is whole."""
    assert scale_top(highest) == top
    assert top % 2 == 0


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (2500, "2.5 k"), (4 * 10**7, "40 m"), (10**9, "1 bn")]
)
def test_scale_labels_are_short(value, text):
    """Thousands, millions, billions."""
    assert short(value).replace("\N{NO-BREAK SPACE}", " ") == text
