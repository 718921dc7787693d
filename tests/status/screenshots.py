"""Takes the pictures of docs/status-page.md: `make screenshots`, with Chromium installed.

Rule 1: what they show is a real shipper at work on invented lines (`scene`); only the hour before
        it started was put on record by hand.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.arrivals import collector
from tests.status.browser import CHROMIUM, PHONE, browser
from tests.status.scene import BAD, Scene, access, api, playing

OUT = Path(__file__).parents[2] / "docs" / "status-page"
MOST_BYTES = 150_000
WINDOW = {"width": 1240, "height": 900}
SHORT = {"width": 1240, "height": 800}


def main() -> None:
    """Take all pictures anew."""
    if CHROMIUM is None:
        sys.exit("chromium is not installed: apt-get install chromium")
    OUT.mkdir(exist_ok=True)
    expect.set_options(timeout=60_000)
    place = Path(tempfile.gettempdir()) / "shop"
    place.mkdir()
    try:
        with (
            collector() as to,
            busy(Scene(place, to)) as scene,
            browser() as chromium,
            playing(scene) as (_, url),
        ):
            for scheme in ("light", "dark"):
                take_all(chromium, url, scheme, scene)
    finally:
        shutil.rmtree(place)


@contextmanager
def busy(scene: Scene) -> Iterator[Scene]:
    """Let programs log all the time, for the length of a block."""
    scene.remember_an_hour()
    scene.write(3_000)
    scene.fail()
    stopping = threading.Event()

    def log() -> None:
        while not stopping.wait(0.2):
            scene.write(100)

    thread = threading.Thread(target=log)
    thread.start()
    try:
        yield scene
    finally:
        stopping.set()
        thread.join()


def take_all(chromium: Browser, url: str, scheme: str, scene: Scene) -> None:
    """Take the pictures of one colour scheme."""
    with window(chromium, WINDOW, scheme) as page:
        page.goto(url)
        expect(page.locator('[data-part="requests"]')).to_contain_text("on average")
        expect(page.locator(".chart")).to_have_count(2)
        expect(page.get_by_role("heading", level=1)).to_have_text("All is well")
        expect(page.locator('[data-part="tiles"]')).not_to_contain_text("– events")
        save(page, f"overview-{scheme}", full=True)
        page.goto(f"{url}#/dead-letters")
        expect(page.locator(".letter")).to_have_count(len(BAD))
        page.set_viewport_size(SHORT)  # type: ignore[arg-type]  # as below
        save(page, f"dead-letters-{scheme}")
    with window(chromium, SHORT, scheme) as page:
        page.goto(f"{url}#/playground")
        lines = [access(scene.rng), BAD[0], api(scene.rng)]
        page.get_by_label("Lines").fill("\n".join(lines))
        expect(page.locator(".result")).to_have_count(len(lines))
        save(page, f"playground-{scheme}")
    with window(chromium, PHONE, scheme) as page:
        page.goto(url)
        expect(page.locator(".chart")).to_have_count(2)
        expect(page.locator('[data-part="tiles"]')).not_to_contain_text("– events")
        save(page, f"phone-{scheme}")


@contextmanager
def window(chromium: Browser, size: dict[str, int], scheme: str) -> Iterator[Page]:
    """Open a window of a colour scheme."""
    context = chromium.new_context(
        viewport=size,  # type: ignore[arg-type]  # a dict of just those two
        color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def save(page: Page, name: str, *, full: bool = False) -> None:
    """Take a picture, which is to be small enough for a repository."""
    file = OUT / f"{name}.png"
    page.screenshot(path=file, full_page=full)
    size = file.stat().st_size
    assert size <= MOST_BYTES, f"{file} has {size} bytes"


if __name__ == "__main__":
    main()
