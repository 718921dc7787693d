"""Chromium without a window, for tests that look at the page as people do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP = {"width": 1240, "height": 900}
PHONE = {"width": 390, "height": 844}

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed (Debian's package chromium)"
)


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium; its own sandbox needs rights that root has not in a container."""
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def tab(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Open *url* in a window of its own; at the end nothing may have gone wrong in it.

    That is an error of a script, or a violation of the page's policy. An answer that is a refusal,
    or ends with the server, is no such thing.
    """
    context = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    fine = ("Failed to load resource", "net::ERR_")
    try:
        page.goto(url)
        yield page
        assert [text for text in wrong if not any(words in text for words in fine)] == []
    finally:
        context.close()
