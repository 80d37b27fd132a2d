# SPDX-License-Identifier: Apache-2.0
"""Stacked bars by day as an inline SVG, with their scale and legend as values for a template.

Pure. One path a series, so that a year of bars stays small. The SVG holds no text: it stretches to any
width, and the labels around it keep their size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from airflow_provider_sengo.archive.report import Total

WIDTH, HEIGHT = 1000, 200  # units of the SVG's own, stretched to the space there is
GAP = 0.2  # of a bar's place left empty
OTHER = "other"
STATUS_COLOURS = {
    "success": 0,
    "pending": 1,
    "expired": 2,
    "failed": 3,
    OTHER: 4,
}  # classes c0 to c4 of the style
CHANNEL_COLOURS = range(5, 11)  # c5 to c10: green and red mean something, so channels have neither


class Series(NamedTuple):
    """One colour of the bars: what it stands for and its value on each day."""

    name: str
    colour: int
    values: tuple[int, ...]

    @property
    def total(self) -> int:
        """The sum over all days."""
        return sum(self.values)


class Chart(NamedTuple):
    """A chart and what stands around it; ``ticks`` from the top of the scale to 0."""

    title: str
    money: bool
    days: tuple[date, ...]
    series: tuple[Series, ...]
    ticks: tuple[str, ...]
    svg: Markup

    @property
    def total(self) -> int:
        """The sum of all bars."""
        return sum(each.total for each in self.series)


def charts(totals: Sequence[Total], days: Sequence[date]) -> list[Chart]:
    """Number and sum by status, of all transactions, and by channel, of the successful ones."""
    paid = [total for total in totals if total.status == "success"]

    def rows(total: Total) -> int:
        return total.rows

    def amount(total: Total) -> int:
        return total.amount_sum

    colours = _channel_colours(paid)
    return [
        _chart("Number by status", False, days, _statuses(totals, days, rows)),
        _chart("Sum by status", True, days, _statuses(totals, days, amount)),
        _chart("Number of successes by channel", False, days, _channels(paid, days, rows, colours)),
        _chart("Sum of successes by channel", True, days, _channels(paid, days, amount, colours)),
    ]


def _status(total: Total) -> str:
    return total.status if total.status in STATUS_COLOURS else OTHER


def _channel(total: Total) -> str:
    return total.channel or OTHER


def _by_day(
    totals: Iterable[Total],
    days: Sequence[date],
    key: Callable[[Total], str],
    value: Callable[[Total], int],
) -> dict[str, list[int]]:
    """What each key has on each day."""
    place = {day: index for index, day in enumerate(days)}
    found: dict[str, list[int]] = {}
    for total in totals:
        if total.day in place:
            found.setdefault(key(total), [0] * len(days))[place[total.day]] += value(total)
    return found


def _statuses(
    totals: Iterable[Total], days: Sequence[date], value: Callable[[Total], int]
) -> tuple[Series, ...]:
    """One series a status, in the order of their colours."""
    found = _by_day(totals, days, _status, value)
    return tuple(
        Series(name, colour, tuple(found[name])) for name, colour in STATUS_COLOURS.items() if name in found
    )


def _channel_colours(paid: Iterable[Total]) -> dict[str, int]:
    """A colour for each of the channels with the largest sums: the same in both charts of channels."""
    sums: dict[str, int] = {}
    for total in paid:
        sums[_channel(total)] = sums.get(_channel(total), 0) + total.amount_sum
    ranked = sorted(sums, key=lambda name: (-sums[name], name))
    return dict(zip(ranked, CHANNEL_COLOURS[:-1], strict=False))


def _channels(
    paid: Iterable[Total],
    days: Sequence[date],
    value: Callable[[Total], int],
    colours: Mapping[str, int],
) -> tuple[Series, ...]:
    """One series a channel that has a colour, the largest first, all the others as one."""
    found = _by_day(paid, days, _channel, value)
    ranked = sorted(found, key=lambda name: (-sum(found[name]), name))
    kept = [Series(name, colours[name], tuple(found[name])) for name in ranked if name in colours]
    if rest := [found[name] for name in ranked if name not in colours]:
        joined = tuple(sum(values) for values in zip(*rest, strict=True))
        kept.append(Series("all others", CHANNEL_COLOURS[-1], joined))
    return tuple(kept)


def _chart(title: str, money: bool, days: Sequence[date], series: tuple[Series, ...]) -> Chart:  # noqa: FBT001  # two kinds of unit
    heights = [sum(max(each.values[place], 0) for each in series) for place in range(len(days))]
    top = scale_top(max(heights, default=0))
    ticks = (short(top), short(top // 2), "0")
    paths = []
    base = [0.0] * len(days)
    for each in series:
        drawn = _bars(each.values, base, top, len(days))
        if drawn:
            paths.append(Markup('<path class="c{}" d="{}"/>').format(each.colour, drawn))
    return Chart(title, money, tuple(days), series, ticks, Markup("").join(paths))


def _bars(values: Sequence[int], base: list[float], top: int, count: int) -> str:
    """A path of one rectangle for each value that is not 0; ``base`` grows by what was drawn."""
    step = WIDTH / count
    width = step * (1 - GAP)
    parts = []
    for place, value in enumerate(values):
        if value <= 0:  # an odd amount below 0 has no bar; the table beneath tells it
            continue
        height = value * HEIGHT / top
        left, bottom = place * step + step * GAP / 2, HEIGHT - base[place]
        parts.append(f"M{left:.1f} {bottom:.1f}v-{height:.1f}h{width:.1f}v{height:.1f}z")
        base[place] += height
    return "".join(parts)


def scale_top(highest: int) -> int:
    """The smallest even round number (2, 4, 6, 8, 10 and so on by tens) that is not below the highest bar."""
    unit = 1
    while unit * 10 < highest:
        unit *= 10
    return next(factor * unit for factor in (2, 4, 6, 8, 10) if factor * unit >= highest)


def short(value: int) -> str:
    """A number for a scale: 2,500 is 2.5 k."""
    for size, letter in ((10**12, "tn"), (10**9, "bn"), (10**6, "m"), (10**3, "k")):
        if value >= size:
            return f"{value / size:g}\N{NO-BREAK SPACE}{letter}"
    return str(value)
