"""The tools for queue, state and dead letters while the program ships."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from tests.program import eventually, running, shipper

pytestmark = pytest.mark.e2e

_AWAY = "http://127.0.0.1:9"
_CONFIG = """
state: {state}
collector: {{url: "{url}", max_bytes: {max_bytes}, retry: {{first: 0.05, cap: 0.2}}}}
sources: [{{name: web, paths: ['{log}'], grammar: nginx_access}}]
queue: {{min_free: 0, max_bytes: {room}, when_full: {when_full}}}
"""
_LINE = '192.0.2.9 - - [23/Nov/2026:10:00:00 +0000] "GET /{} HTTP/1.1" 200 5 "-" "x"\n'


class Site:
    """A log, a state and the configuration that names them; `lines` counts what was written."""

    def __init__(self, home: Path) -> None:
        self.log = home / "access.log"
        self.config = home / "shipper.yaml"
        self._settings = {
            "state": str(home / "state"),
            "log": str(self.log),
            "url": _AWAY,
            "max_bytes": "180kB",
            "room": "1GB",
            "when_full": "pause",
        }
        self.lines = 0
        self.log.touch()
        self.set()

    def set(self, **settings: str) -> None:
        """Change the configuration; a program that runs takes it up."""
        self._settings.update(settings)
        self.config.write_text(_CONFIG.format(**self._settings))

    def write(self, count: int, target: Callable[[int], str] = str) -> None:
        """Add so many lines."""
        with self.log.open("a") as log:
            for number in range(self.lines, self.lines + count):
                log.write(_LINE.format(target(number)))
        self.lines += count

    def do(self, *arguments: str | Path, stdin: str = "") -> str:
        """Run a command that has to succeed; return what it printed."""
        done = shipper(*arguments, "-c", self.config, stdin=stdin)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def stats(self) -> dict[str, Any]:
        """Return the figures of the queue."""
        found: dict[str, Any] = json.loads(self.do("queue", "stats", "--json"))
        return found


@contextmanager
def _written_to(site: Site) -> Iterator[None]:
    """Go on writing lines."""
    stopping = threading.Event()

    def write() -> None:
        while not stopping.wait(0.02):
            site.write(20)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stopping.set()
        writer.join()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def collector() -> Iterator[DevCollector]:
    with DevCollector(known_schemas(Library()), max_events=5_000_000) as it:
        yield it


def _arrived(collector: DevCollector) -> dict[str, str]:
    """Return the lines' events by id; what came twice came with the same bytes."""
    found: dict[str, str] = {}
    for event in collector.good():
        parameters = {k: v for k, v in event["rawEvent"]["parameters"].items() if k != "stm"}
        text = json.dumps(parameters, sort_keys=True)
        assert found.setdefault(parameters["eid"], text) == text
    return found


def _all_arrived(collector: DevCollector, site: Site) -> bool:
    return len(_arrived(collector)) == site.lines


def test_the_queue_is_handled_while_it_ships(
    tmp_path: Path, site: Site, collector: DevCollector
) -> None:
    """All queue tools and a backup, in an outage and as it drains: the audit adds up."""
    file = tmp_path / "backlog.ndjson"
    tools = [
        ("queue", "stats"),
        ("queue", "peek"),
        ("queue", "check"),
        ("queue", "compact"),
        ("queue", "export", "-o", str(file)),
    ]
    with running("run", "-c", site.config) as program, _written_to(site):
        program.wait_for("collector.unavailable")
        eventually(lambda: site.stats()["events"] > 500)
        for number, tool in enumerate([*tools, ("state", "backup", str(tmp_path / "0.db"))]):
            assert site.do(*tool) or number > 3, tool
        exported = file.read_text().splitlines(keepends=True)
        assert len(exported) >= 500
        site.set(url=collector.url)
        for round_ in range(1, 3):
            for tool in [*tools, ("state", "backup", str(tmp_path / f"{round_}.db"))]:
                site.do(*tool)
        eventually(lambda: len(_arrived(collector)) > 500)
        before = len(list(collector.good()))
        taken = site.do("queue", "import", "-", stdin="".join(exported))
        assert f"{len(exported):,} events" in taken
        eventually(lambda: len(list(collector.good())) >= before + len(exported))
    # the writer has stopped, the program was killed: what is left goes out, and all adds up
    site.do("run", "--once")
    assert _all_arrived(collector, site)
    site.do("audit")


def test_dead_letters_are_handled_while_it_ships(site: Site, collector: DevCollector) -> None:
    """Letters are replayed and discarded while events go out; each line arrives or is counted."""
    site.set(url=collector.url, max_bytes="4kB")
    site.write(8, lambda number: f"{number}{'x' * 5_000}")
    with running("run", "-c", site.config) as program, _written_to(site):
        program.wait_for("service.started")
        eventually(lambda: site.do("dead-letters", "list", "--json").count("too_large") >= 8)
        site.do("dead-letters", "discard", "1", "--yes")
        site.set(max_bytes="180kB")
        program.wait_for("config.reloaded")
        site.do("dead-letters", "replay", "--reason", "too_large")
        eventually(lambda: sum("xxxx" in text for text in _arrived(collector).values()) == 7)
    site.do("run", "--once")
    assert len(_arrived(collector)) == site.lines - 1
    site.do("audit")


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_a_full_queue_that_drops_in_an_outage(
    site: Site, collector: DevCollector, policy: str
) -> None:
    """Collector away, then back by a reload: what did not arrive is told of, to the last event.

    The reload ends the outage, and that is said, too.
    """
    site.set(room="1MB", when_full=policy)
    site.write(1)
    with running("run", "-c", site.config) as program:
        program.wait_for("collector.unavailable")
        while not any(" queue.dropped" in line for line in program.log):
            site.write(10_000, lambda number: f"{number}/{random.randbytes(12).hex()}")
            site.stats()
            assert site.lines < 2_000_000
        site.set(url=collector.url)
        assert "after_seconds=" in program.wait_for(" collector.available", 60)
        assert program.stop() == 0
    site.do("run", "--once")
    gaps = [text for text in _arrived(collector).values() if "/gap/" in text]
    dropped = sum(site.stats()["dropped"].values())
    assert dropped == sum(_missing_by(json.loads(gap)) for gap in gaps) > 0
    assert len(_arrived(collector)) - len(gaps) + dropped == site.lines
    site.do("audit")


def _missing_by(parameters: dict[str, str]) -> int:
    """Return how many events a gap event says are missing."""
    count: int = json.loads(parameters["ue_pr"])["data"]["data"]["events"]
    return count
