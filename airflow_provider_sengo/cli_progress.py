# SPDX-License-Identifier: Apache-2.0
"""How far the reading of a day has come: a bar on a terminal, a plain line now and then elsewhere.

Both go to standard error and say the same: page, pages, rows, rows a second, time left of the listing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

LINE_EVERY_S = 10.0  # a log grows slowly, and a short run leaves nothing in it
BAR_CELLS_MIN, BAR_CELLS_MAX = 8, 30
REFRESH_PER_S = 8
LAST_STATUS = "success"  # the listing that a day ends with
OnPage = Callable[[str, int, int, int], None]


class Tally:
    """What has been read of one day. Pages and time left are those of the listing in hand, rows all so far."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.status = ""
        self.pages = 1
        self.rows = 0
        self._seen: set[int] = set()
        self._clock = clock
        self._day_from_s = self._listing_from_s = clock()

    def take(self, status: str, page: int, pages: int, rows: int) -> None:
        """Count a page; its number 1 seen again begins another pass over the listing."""
        if status != self.status or (page == 1 and 1 in self._seen):
            self.status, self._seen, self._listing_from_s = status, set(), self._clock()
        self._seen.add(page)
        self.pages = max(pages, page, 1)
        self.rows += rows

    @property
    def page(self) -> int:
        """How many pages of the listing have come."""
        return min(len(self._seen), self.pages)

    @property
    def title(self) -> str:
        """The day, and the listing in hand."""
        return f"{self.name} {self.status}".strip()

    def rate_text(self) -> str:
        """Rows a second since the day was begun."""
        return f"{self.rows / max(self._clock() - self._day_from_s, 0.001):,.0f} rows/s"

    def left_text(self) -> str:
        """How long the rest of the listing takes if it goes on like this."""
        if not self._seen:
            return "waiting"
        if self.page == self.pages:
            return "archiving" if self.status == LAST_STATUS else "0 s left"
        passed_s = self._clock() - self._listing_from_s
        # The first page starts the clock, so it counts only while it is alone.
        left_s = passed_s * (self.pages - self.page) / max(self.page - 1, 1)
        minutes, seconds = divmod(round(left_s), 60)
        return f"{minutes} min {seconds} s left" if minutes else f"{seconds} s left"


class Lines:
    """For a file, a pipe or cron: one line each ``LINE_EVERY_S`` of reading."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._told_at_s = clock()

    @contextmanager
    def day(self, name: str) -> Iterator[OnPage]:
        """What to tell of each page while the day is read."""
        tally = Tally(name, self._clock)

        def on_page(status: str, page: int, pages: int, rows: int) -> None:
            tally.take(status, page, pages, rows)
            if self._clock() - self._told_at_s >= LINE_EVERY_S:
                self._told_at_s = self._clock()
                self._stream.write(
                    f"{tally.title}: page {tally.page:,} of {tally.pages:,}, {tally.rows:,} rows,"
                    f" {tally.rate_text()}, {tally.left_text()}\n"
                )
                self._stream.flush()

        yield on_page


class Bars:
    """For a terminal: one bar that is redrawn while a day is read, and gone when results are printed."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream, force_terminal=True)

    @contextmanager
    def day(self, name: str) -> Iterator[OnPage]:
        """What to tell of each page while the day is read."""
        from rich.live import Live

        tally = Tally(name)
        # Standard output is not redirected: it has results, which are printed between two bars.
        live = Live(
            BarLine(tally),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            refresh_per_second=REFRESH_PER_S,
        )
        with live:
            yield tally.take


class BarLine:
    """One line of the terminal's width; what has no room is left out, the least important first."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        tally = self._tally
        texts = {
            "title": tally.title,
            "pages": f"{tally.page:,}/{tally.pages:,} pages",
            "rows": f"{tally.rows:,} rows",
            "rate": tally.rate_text(),
            "left": tally.left_text(),
        }
        width = options.max_width
        bar_cells = BAR_CELLS_MIN
        for dispensable in ("rate", "rows", "bar", "left", "pages"):
            needed = sum(len(text) + 1 for text in texts.values()) + bar_cells
            if needed <= width:
                break
            if dispensable == "bar":
                bar_cells = 0
            else:
                del texts[dispensable]
        grid = Table.grid(padding=(0, 1, 0, 0))
        cells: list[Text | ProgressBar] = [
            Text(text, no_wrap=True, overflow="ellipsis") for text in texts.values()
        ]
        if bar_cells:
            room = width - sum(len(text) + 1 for text in texts.values()) - 1
            bar = ProgressBar(
                total=tally.pages, completed=tally.page, width=max(BAR_CELLS_MIN, min(room, BAR_CELLS_MAX))
            )
            cells.insert(1, bar)
        grid.add_row(*cells)
        yield grid


def progress(stream: TextIO) -> Lines | Bars:
    """What suits the stream: a bar needs a terminal that can redraw a line."""
    can_redraw = stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    return Bars(stream) if can_redraw else Lines(stream)
