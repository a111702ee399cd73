"""The site as a browser has it: served from this computer, in Chromium, with all that it asked for written down."""

from __future__ import annotations

import atexit
import contextlib
import functools
import http.server
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Playwright, sync_playwright

CHROMIUM = "/usr/bin/chromium"
# Root's Chromium has no sandbox of its own, and nothing but what a page asks for goes out.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SECONDS = 120  # for a computer that others use too


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Visit:
    """A page, where the site is, and what was asked for and complained of."""

    page: Page
    home: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def builder(self, more: str = "") -> Page:
        """The builder, when it has its first answer."""
        self.page.goto(f"{self.home}/builder/index.html{more}")
        self.page.wait_for_selector("body[data-ready]", timeout=SECONDS * 1000)
        return self.page

    def elsewhere(self) -> list[str]:
        """What was asked of anybody but the site."""
        return [url for url in self.asked if not url.startswith((f"{self.home}/", "data:", "blob:"))]


@functools.cache
def _playwright() -> Playwright:
    """One for a process: its loop goes on between visits."""
    started = sync_playwright().start()
    atexit.register(started.stop)
    return started


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def visiting(site: Path, **context: Any) -> Iterator[Visit]:
    with served(site) as home, tempfile.TemporaryDirectory() as profile:
        browser = _playwright().chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=[*FLAGS], **context
        )
        page = browser.new_page()
        page.set_default_timeout(SECONDS * 1000)
        visit = Visit(page, home)
        browser.on("request", lambda request: visit.asked.append(request.url))
        page.on("console", lambda said: visit.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        try:
            yield visit
        finally:
            browser.close()
