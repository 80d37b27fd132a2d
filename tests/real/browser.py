# SPDX-License-Identifier: Apache-2.0
"""The system's Chromium on pages of this machine: what they ask for, what they complain of, how they look."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    StorageState,
    expect,
    sync_playwright,
)
from witnesses import is_absent

from airflow_provider_sengo.links import URL_PREFIX

SCREENSHOTS = Path(__file__).parents[2] / ".screenshots"
WAIT_MS = 60_000  # at most, for one thing to be seen; a busy machine draws Airflow's pages slowly
DESK = {"width": 1280, "height": 1000}
PHONE = {"width": 390, "height": 844}
ARGUMENTS = (
    "--no-sandbox",  # root, as in a container, gets none; only pages of this machine are opened
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Without it: a failure where witnesses are required, else a skip that says so."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        is_absent("chromium is not installed (apt-get install chromium), so no page was opened")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Seen:
    """What the pages of a context asked for, and what they should not do.

    What Airflow's own pages write to the console (an answer that came too late) is not ours to judge.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []  # each begins with the address that it is about
        self.uncaught: list[str] = []
        self.dialogs: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", self._listen)
        context.on("weberror", lambda error: self.uncaught.append(str(error.error)))
        context.on("dialog", self._dismiss)

    def _listen(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(f"{said.location['url']}: {said.text}")

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def others_asked(self, *own: str) -> list[str]:
        """The requests that went elsewhere than to these origins."""
        return [
            url
            for url in self.requests
            if (parts := urlsplit(url)).scheme not in ("data", "blob")
            and f"{parts.scheme}://{parts.netloc}" not in own
        ]


@contextmanager
def watched_page(
    browser: Browser, airflow: str, simulator: str, *, state: StorageState | None = None, dark: bool = False
) -> Iterator[tuple[Page, Seen]]:
    """A page in a context of its own. In the end nobody but these two was asked, and nothing has gone wrong."""
    context = browser.new_context(
        viewport=DESK, storage_state=state, color_scheme="dark" if dark else "light", locale="en-GB"
    )
    context.set_default_timeout(WAIT_MS)
    seen = Seen(context)
    try:
        yield context.new_page(), seen
    finally:
        context.close()
    assert seen.requests
    assert seen.others_asked(airflow, simulator) == []
    assert seen.dialogs == []
    assert seen.uncaught == []
    assert [error for error in seen.errors if error.startswith((f"{airflow}{URL_PREFIX}", simulator))] == []


def photograph(page: Page, name: str, *, whole: bool = False) -> None:
    """For people to look at; git ignores the folder."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)
