"""The status: how far behind reading is, and how long that will take, from the state alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.cli import run_cli
from shipper.event.chunk import TIMEOUT, Parse, Reject
from shipper.model import Ledger
from shipper.store.history import Condition
from shipper.store.lock import sender_lock
from shipper.store.store import Progress, Store
from tests.store.samples import begin

CONFIG = """
state: {0}/state
collector: {{url: "http://127.0.0.1:9"}}
sources: [{{name: web, paths: ["{0}/*.log"], grammar: logfmt}}]
"""


class Place:
    """A state directory, and the command that looks into it."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.config = home / "shipper.yaml"
        self.config.write_text(CONFIG.format(home))
        self.store = Store.open(home / "state")
        self._capsys = capsys

    def log(self, name: str, size: int, *, read: int = 0) -> None:
        """Put a log of *size* bytes on record of which *read* were read."""
        (self.home / name).write_bytes(bytes(size))
        last = begin(self.store, path=str(self.home / name), inode=size)
        self.store.commit([Progress(last.at(read, b"", size), Parse((), (), Ledger()))], 1)

    def pace(self, rate: float, unread: int, *, age: float = 0.0) -> None:
        """Say what a shipper would have said *age* seconds ago."""
        self.store.note_pace(rate, unread, int((time.time() - age) * 1000))

    def text(self) -> str:
        """Return what is said of how far behind reading is."""
        lines = self._run()
        (behind,) = [line for line in lines.splitlines() if line.startswith("behind:")]
        return behind.removeprefix("behind:").strip()

    def json(self) -> tuple[Any, ...]:
        """Return the unread bytes, the bytes a second, and the seconds left."""
        status = json.loads(self._run("--json"))
        return (
            status["unread_bytes"],
            status["read_bytes_per_second"],
            status["eta_seconds"],
        )

    def slow(self) -> tuple[dict[str, int], list[str]]:
        """Return how often which grammar took too long, and the lines that say so."""
        lines = self._run().splitlines()
        said = [line.removeprefix("slow:").strip() for line in lines if line.startswith("slow:")]
        return json.loads(self._run("--json"))["slow_grammars"], said

    def note_aside(self, events: int, *, seconds: int) -> None:
        """Say that *events* are set aside, the first for so many seconds."""
        at_ms = int(time.time() * 1000)
        condition = Condition(
            at_ms, set_aside_events=events, oldest_set_aside_seconds=float(seconds)
        )
        self.store.history.note(condition, {}, None)

    def set_aside(self) -> tuple[int, float, list[str]]:
        """Return what is told of it: events, seconds, and the lines that say so."""
        start = "set aside:"
        lines = self._run().splitlines()
        said = [line.removeprefix(start).strip() for line in lines if line.startswith(start)]
        status = json.loads(self._run("--json"))
        return status["set_aside_events"], status["oldest_set_aside_seconds"], said

    def _run(self, *arguments: str) -> str:
        assert run_cli(["status", "-c", str(self.config), *arguments]) == 0
        return self._capsys.readouterr().out


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """Make a state directory that no shipper uses."""
    place = Place(tmp_path, capsys)
    yield place
    place.store.close()


@pytest.fixture
def running(place: Place) -> Iterator[Place]:
    """Make a state directory that this process holds, as a shipper does."""
    with sender_lock(place.home / "state"):
        yield place


def test_nothing_is_behind(running: Place) -> None:
    """Where all is read there is nothing to wait for."""
    running.pace(5_000.0, 0)
    assert running.json() == (0, 5_000.0, 0.0)
    assert running.text() == "nothing"


def test_how_long_it_will_take(running: Place) -> None:
    """What is unread by the pace of reading: bytes, files, time and rate."""
    for number in range(3):
        running.log(f"{number}.log", 100 + number)
    running.log("read.log", 200, read=200)
    running.pace(50_000.0, 12_300_000)
    assert running.json() == (12_300_000, 50_000.0, 246.0)
    assert running.text() == "12.3 MB in 3 files, about 4 min at 50.0 kB/s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_100, "118 min"),
        (7_200, "2 h"),
        (1e6, "12 days"),
    ],
)
def test_the_unit_of_the_time(running: Place, seconds: float, said: str) -> None:
    """The time that is left is said in a unit that fits it."""
    running.pace(1_000.0, int(1_000 * seconds))
    assert f"about {said} at 1.0 kB/s" in running.text()


def test_nothing_is_being_read(running: Place) -> None:
    """A shipper that stands still, because its queue is full perhaps, has no time to tell."""
    running.log("a.log", 700)
    running.pace(0.0, 700)
    assert running.json() == (700, 0.0, None)
    assert running.text() == "700 bytes in 1 file, and nothing is being read"


@pytest.mark.parametrize("age", [61.0, -61.0])
def test_an_old_pace_tells_nothing(running: Place, age: float) -> None:
    """A pace of more than a minute ago, or from the future, is not that of today."""
    running.log("a.log", 700)
    running.pace(50_000.0, 5, age=age)
    assert running.json() == (700, None, None)
    assert running.text() == "700 bytes in 1 file"


def test_a_pace_without_a_shipper_tells_nothing(place: Place) -> None:
    """A shipper that was stopped a moment ago will not read on."""
    place.log("a.log", 700)
    place.pace(50_000.0, 5)
    assert place.json() == (700, None, None)


def test_no_pace_on_record(running: Place) -> None:
    """A shipper that has just begun has said nothing yet."""
    assert running.json() == (0, None, None)


def test_the_slow_grammar_is_named(place: Place) -> None:
    """Of all sources together: what to mend, and how often it happened."""
    slow = tuple(Reject(offset, b"x", "mine", TIMEOUT, "") for offset in range(3))
    for source in ("web", "db"):
        at = begin(place.store, source=source, path=f"/logs/{source}", inode=len(source))
        place.store.commit([Progress(at, Parse((), slow, Ledger()))], 1)
    assert place.slow() == ({"mine": 6}, ["mine: 6 records took it longer than a match may"])


def test_no_grammar_is_slow(place: Place) -> None:
    """Nothing is said where nothing happened."""
    assert place.slow() == ({}, [])


def test_what_is_set_aside(running: Place) -> None:
    """How many events fail while others pass, and for how long, is told by name."""
    assert running.set_aside() == (0, 0, [])
    running.note_aside(12, seconds=340)
    said = "12 events fail while others pass, the oldest for 6 min"
    assert running.set_aside() == (12, 340, [said])
    running.note_aside(1, seconds=20)
    assert running.set_aside()[2] == ["1 event fails while others pass, the oldest for 20 s"]


def test_nothing_is_set_aside_where_nobody_sends(place: Place) -> None:
    """A stop forgets what was set aside: the next start tries it like any other."""
    place.note_aside(12, seconds=340)
    assert place.set_aside() == (0, 0, [])
