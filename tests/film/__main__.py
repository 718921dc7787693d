"""Records the film of the docs: `make film`, with a Docker engine, the image and Chromium.

Rule 1: everything is real: the engine, the image, the collector, a shell that is typed into, and
        the page in a browser, whose pictures are taken at the moments that their captions say.
Rule 2: nothing that was there before is touched: containers, network and volume have names of
        their own and are removed at the end; an earlier one with such a name is an error.
"""

from __future__ import annotations

import os
import pty
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.film.cast import Cast, Printed, Shown
from tests.film.svg import film
from tests.status.browser import CHROMIUM, browser
from tests.status.scene import access

OUT = Path(__file__).parents[2] / "docs" / "film"
IMAGE = os.environ.get("IMAGE", "snowplow-logfile-source")
MOST_BYTES = 600_000
_PROMPT = "$ "
_WINDOW = {"width": 1240, "height": 900}
_LINES = 2_000
_A_KEY = 0.025
_TO_READ = 1.5

CONFIG = """\
collector: {url: "http://collector:9090"}
sources:
  - {name: shop, paths: [/logs/*access*.log], grammar: nginx_access}
status: {listen: "0.0.0.0:8080", hosts: localhost}
"""
NETWORK = "docker network create shop"
COLLECTOR = (
    "docker run -d --name collector --network shop -p 127.0.0.1:9090:9090 \\\n"
    "  snowplow-logfile-source collector --listen 0.0.0.0:9090"
)
SHIPPER = (
    "docker run -d --name shipper --network shop --read-only --tmpfs /tmp \\\n"
    '  -v "$PWD/logs:/logs:ro" -v "$PWD/shipper.yaml:/etc/shipper/shipper.yaml:ro" \\\n'
    "  -v shop-state:/var/lib/shipper -p 127.0.0.1:8080:8080 snowplow-logfile-source"
)
COUNTS = "curl -s http://127.0.0.1:9090/micro/all; echo"
BAD_LINE = "echo 'the disk is full' >> logs/access.log"
AUDIT = "docker exec shipper shipper audit -c /etc/shipper/shipper.yaml"


class Desk:
    """A shell on a terminal, which is typed into; all that it prints is kept with its time."""

    def __init__(self, folder: Path) -> None:
        command = ["bash", "--noprofile", "--norc", "--noediting", "-i"]
        environ = {**os.environ, "PS1": _PROMPT, "PS2": "> ", "TERM": "dumb", "HISTFILE": ""}
        self._ours, theirs = pty.openpty()
        self._shell = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environ,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.began = time.monotonic()
        self.printed: list[Printed] = []
        self._await(_PROMPT)
        self.printed.clear()
        self.began = time.monotonic()
        self.printed.append(Printed(0.0, _PROMPT))

    @property
    def now(self) -> float:
        return time.monotonic() - self.began

    def type(self, command: str) -> str:
        """Type a command; return what it printed, when the shell asks for the next one."""
        before = len(self.printed)
        for key in command + "\n":
            os.write(self._ours, key.encode())
            self.rest(_A_KEY)
        self._await("\n" + _PROMPT, before)
        return "".join(printed.text for printed in self.printed[before:])

    def rest(self, seconds: float) -> None:
        """Let a reader read."""
        until = self.now + seconds
        while (left := until - self.now) > 0:
            self._read(left)

    def _await(self, ending: str, since: int = 0) -> None:
        until = self.now + 60
        while not "".join(p.text for p in self.printed[since:]).replace("\r", "").endswith(ending):
            assert self.now < until, self.printed[since:]
            self._read(0.1)

    def _read(self, seconds: float) -> None:
        if select.select([self._ours], [], [], seconds)[0]:
            text = os.read(self._ours, 65_536).decode()
            self.printed.append(Printed(round(self.now, 3), text))

    def close(self) -> None:
        os.close(self._ours)
        self._shell.wait(10)


class Camera:
    """A browser that waits for the page, and takes its picture when it shows something."""

    def __init__(self, desk: Desk, page: Page) -> None:
        self._desk, self._page = desk, page
        self.started = 0.0
        self.shown: list[Shown] = []
        self.pictures: dict[str, bytes] = {}

    def take(self, name: str, view: str, until: Callable[[Page], None]) -> None:
        """Take a picture of a view when it is as wanted."""
        self._page.goto(f"http://127.0.0.1:8080/{view}")
        until(self._page)
        at = self._desk.now
        self.pictures[name] = self._page.screenshot()
        said = f"http://127.0.0.1:8080/{view}, {at - self.started:.1f} s after docker run"
        self.shown.append(Shown(round(at, 3), name, said))


def story(desk: Desk, camera: Camera, delivered: int) -> None:
    """Type what the docs say, and look at the page as one would."""
    desk.type("wc -l logs/access.log && cat shipper.yaml")
    desk.rest(_TO_READ)
    desk.type(NETWORK)
    desk.type(COLLECTOR)
    _until_it_answers("http://127.0.0.1:9090/health")
    desk.rest(_TO_READ)
    desk.type(SHIPPER)
    camera.started = desk.now
    _until_it_answers("http://127.0.0.1:8080/readyz")
    camera.take("events", "", lambda page: _all_is_well(page, delivered))
    desk.rest(_TO_READ)
    desk.type(COUNTS)
    camera.take("charts", "", _charts)
    desk.rest(_TO_READ)
    desk.type(BAD_LINE)
    camera.take("letter", "#/dead-letters", _a_letter)
    desk.rest(2 * _TO_READ)
    desk.type(AUDIT)
    desk.rest(_TO_READ)


def _all_is_well(page: Page, delivered: int) -> None:
    expect(page.locator('[data-part="tiles"]')).to_contain_text(f"{delivered:,} in all")
    expect(page.locator('[data-part="tiles"]')).to_contain_text("all files are read to their ends")
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well")


def _charts(page: Page) -> None:
    expect(page.locator(".chart").first).to_be_visible()
    expect(page.locator('[data-part="tiles"]')).not_to_contain_text("– events")


def _a_letter(page: Page) -> None:
    expect(page.locator(".letter")).to_contain_text("the disk is full")


def _until_it_answers(url: str) -> None:
    for _ in range(600):
        asked = subprocess.run(["curl", "-sf", "-o", os.devnull, url], check=False)
        if asked.returncode == 0:
            return
        time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")


def docker(*arguments: str) -> str:
    """Ask the engine; return its answer."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def shop() -> Iterator[Path]:
    """Make the folder that the film is played in; at the end all is gone."""
    names = docker("ps", "-a", "--format", "{{.Names}}").split()
    taken = {"shipper", "collector"} & set(names)
    if taken or "shop-state" in docker("volume", "ls", "-q").split():
        raise SystemExit("remove first: containers shipper and collector, volume shop-state")
    folder = Path(tempfile.mkdtemp(prefix="film-")) / "shop"
    (folder / "logs").mkdir(parents=True)
    rng = random.Random(7)
    lines = (access(rng) + "\n" for _ in range(_LINES))
    (folder / "logs" / "access.log").write_text("".join(lines))
    (folder / "shipper.yaml").write_text(CONFIG)
    for place in (folder.parent, folder, folder / "logs"):
        place.chmod(0o755)
    try:
        yield folder
    finally:
        rubbish = (["rm", "-f", "shipper", "collector"], ["network", "rm", "shop"],
                   ["volume", "rm", "shop-state"])  # fmt: skip
        for arguments in rubbish:
            subprocess.run(["docker", *arguments], capture_output=True, check=False)
        shutil.rmtree(folder.parent)


def record(folder: Path) -> tuple[Cast, dict[str, bytes]]:
    """Play the story in *folder*; return the terminal's cast, and the page's pictures."""
    expect.set_options(timeout=60_000)
    desk = Desk(folder)
    with browser() as chromium:
        page = chromium.new_page(viewport=_WINDOW, locale="en-GB", timezone_id="UTC")  # type: ignore[arg-type]  # a dict of just those two
        camera = Camera(desk, page)
        story(desk, camera, _LINES)
    desk.close()
    version = docker("version", "--format", "{{.Server.Version}}").partition("+")[0]
    made = f"Recorded {datetime.now(UTC):%Y-%m-%d} with Docker {version}; typing by a script"
    return Cast(made, desk.printed, camera.shown), camera.pictures


def main() -> None:
    """Record the film anew."""
    if CHROMIUM is None:
        sys.exit("chromium is not installed: apt-get install chromium")
    docker("image", "inspect", "--format", "{{.Id}}", IMAGE)
    if IMAGE != "snowplow-logfile-source":
        docker("tag", IMAGE, "snowplow-logfile-source")
    with shop() as folder:
        cast, pictures = record(folder)
    OUT.mkdir(exist_ok=True)
    (OUT / "first-events.cast").write_text(cast.dump(), encoding="utf-8")
    for name, picture in pictures.items():
        (OUT / f"{name}.png").write_bytes(picture)
    made = film(cast, pictures)
    assert len(made) <= MOST_BYTES, f"the film has {len(made)} bytes"
    (OUT / "first-events.svg").write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
