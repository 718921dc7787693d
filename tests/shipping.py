"""A shipper without threads, network or waiting: real files, real state, turn by turn.

`Logs` is a directory of log files and what applications and rotators do to them. `Shipper` is a
store, a fleet and a pump over it, with a clock that only moves when told. `Shipper.kill` leaves
behind what SIGKILL leaves behind.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shipper.event.batch import unpack
from shipper.event.builder import Envelope
from shipper.event.piece import Inline
from shipper.event.recipe import Policy, Recipe
from shipper.grammar.grammar import Grammar
from shipper.grammar.library import Library
from shipper.model import Clock, Ledger
from shipper.pump import Pace, Pump
from shipper.service.books import Books
from shipper.store.order import Queued
from shipper.store.store import Store
from shipper.tail.chunk import Limits
from shipper.tail.fleet import Fleet, Source
from shipper.tail.glob import Exclude, Glob
from shipper.tail.streams import OpenStreams

_ANY_LINE = r"""
name: any_line
title: any line at all
schema: iglu:com.example/any_line/jsonschema/1-0-0
match: ['(?s)^(?=(?:t=(?<when>\d+))?)(?<message>.*)$']
time: {field: when, formats: [epoch_s], timezone: UTC, optional: true}
fields:
  message: {description: the whole line, max_length: 65535}
samples:
  - {line: anything, expect: {message: anything}}
"""
FIRST_STATE = "state-0"  # the directory of the state, before it was first left behind by a kill
SWEEP = 0.25
GRACE = 60.0


class Event(NamedTuple):
    """An event in the queue: its id, the line it was made of, and its bytes."""

    eid: str
    line: str
    payload: bytes


@dataclass
class FakeClock:
    """A clock that stands still until it is moved."""

    wall: float = 1_795_000_000.0
    monotonic: float = 1_000.0

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.wall, monotonic=lambda: self.monotonic)

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@dataclass
class Reports:
    """What was reported, in order."""

    all: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def __call__(self, name: str, /, **facts: object) -> None:
        self.all.append((name, facts))

    def names(self) -> list[str]:
        return [name for name, _ in self.all]

    def of(self, name: str) -> list[dict[str, object]]:
        return [facts for known, facts in self.all if known == name]


class Logs:
    """A directory of logs. Names are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self.root / name

    def append(self, name: str, *lines: str) -> None:
        """Write whole lines at the end, as a logger does."""
        self.write(name, "".join(f"{line}\n" for line in lines).encode())

    def write(self, name: str, data: bytes) -> None:
        """Write bytes at the end."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        with self.path(name).open("ab") as file:
            file.write(data)

    def rename(self, old: str, new: str) -> None:
        self.path(new).parent.mkdir(parents=True, exist_ok=True)
        self.path(old).rename(self.path(new))

    def rotate(self, name: str, *, keep: int = 5) -> None:
        """Rename NAME.1 to NAME.2 and so on, then NAME to NAME.1, as logrotate does."""
        for number in range(keep, 0, -1):
            if self.path(f"{name}.{number}").exists():
                self.rename(f"{name}.{number}", f"{name}.{number + 1}")
        self.rename(name, f"{name}.1")

    def copy(self, old: str, new: str) -> None:
        shutil.copy(self.path(old), self.path(new))

    def truncate(self, name: str, size: int = 0) -> None:
        os.truncate(self.path(name), size)

    def delete(self, name: str) -> None:
        self.path(name).unlink()

    def replace(self, name: str, *lines: str) -> None:
        """Put a new file in the place of the old one at once, as editors do."""
        self.append(f".{name}.new", *lines)
        self.path(f".{name}.new").rename(self.path(name))


def any_line(directory: Path) -> Grammar:
    """Return a grammar that takes any line, loaded as users' grammars are."""
    file = directory / "grammars" / "any_line.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_ANY_LINE, encoding="utf-8")
    return Library([file.parent]).get("any_line")


@cache
def _shared_grammar() -> Grammar:
    """Return `any_line`, loaded once a process."""
    with tempfile.TemporaryDirectory() as directory:
        return any_line(Path(directory))


def stamped(number: int, text: str) -> str:
    """Return a line that carries its own time, so that it makes the same bytes whenever read."""
    return f"t={1_795_000_000 + number} {text}"


def recipe(policy: Policy, max_bytes: int) -> Recipe:
    """Return the recipe by which any line becomes an event that fits *max_bytes*."""
    return Recipe([_shared_grammar()], Envelope(app_id="test", max_bytes=max_bytes), policy)


class Shipper:
    """A reading side that is turned by hand."""

    def __init__(
        self,
        home: Path,
        *patterns: str,
        sources: Sequence[Source] | None = None,
        limits: Limits | None = None,
        pace: Pace | None = None,
        policy: Policy | None = None,
        line_bytes: int = 1 << 20,
        max_bytes: int = 180_000,
        stdin: Callable[[], int] | None = None,
    ) -> None:
        """Ship what *patterns* name (below ``home/logs``), or what *sources* do.

        The pattern ``-`` is standard input, which *stdin* opens.
        """
        self.home = home
        self.logs = Logs(home / "logs")
        self.clock = FakeClock()
        self.reports = Reports()
        self.sources = [self.source("logs", *patterns)] if sources is None else list(sources)
        self.stdin = stdin
        self.limits = limits or Limits()
        self.pace = pace or Pace(sweep=SWEEP)
        self.recipe = recipe(
            policy or Policy(line_bytes=line_bytes, long_lines="dead_letter"), max_bytes
        )
        self._lives = itertools.count()
        self.state = home / FIRST_STATE
        self._seen = 0
        self.start()

    def source(
        self, name: str, *patterns: str, exclude: Sequence[str] = (), from_end: bool = False
    ) -> Source:
        """Make a source of patterns relative to the logs."""
        globs = tuple(Glob(str(self.logs.path(pattern))) for pattern in patterns if pattern != "-")
        stdin = "-" in patterns
        return Source(name, globs, Exclude(exclude), from_end=from_end, stdin=stdin)

    # Life and death

    def start(self, *sources: Source) -> None:
        """Start on the state that is there, with other *sources* if any are given."""
        self.sources = list(sources) or self.sources
        self.store = Store.open(self.state)
        self.streams = OpenStreams(self.reports, self.stdin)
        self._assemble()

    def _assemble(self) -> None:
        clock = self.clock.clock()
        recipes = {source.name: self.recipe for source in self.sources}
        books = Books(self.store, recipes, self.store.namespace("test-host"), clock)
        self.fleet = Fleet(
            self.sources,
            books,
            self.reports,
            limits=self.limits,
            grace=GRACE,
            streams=self.streams,
        )
        parser = Inline(recipes)
        self.pump = Pump(self.fleet, self.store, parser, self.reports, pace=self.pace, clock=clock)

    def reconfigure(self, *sources: Source) -> None:
        """Go on with other *sources*, as after a reload."""
        self.pump.drain(sources)
        self.fleet.close()
        self.sources = list(sources)
        self._assemble()

    def stop(self) -> None:
        """Stop in good order."""
        self.pump.drain()
        self._close()

    def _close(self) -> None:
        self.fleet.close()
        self.streams.close()
        self.store.close()

    def remains(self) -> Path:
        """Return a copy of the state as it is on disk at this moment."""
        after = self.home / f"state-{next(self._lives) + 1}"
        after.mkdir()
        for name in ("state.db", "state.db-wal"):
            if (self.state / name).exists():
                shutil.copy(self.state / name, after / name)
        return after

    def kill(self, remains: Path | None = None) -> None:
        """Die as by SIGKILL: what is left is what is on disk, or was when *remains* was made."""
        after = remains or self.remains()
        self._close()
        self.state = after

    def restart(self, *sources: Source) -> None:
        """Stop in good order, and start again."""
        self.stop()
        self.start(*sources)

    # Turns

    def turn(self, times: int = 1) -> Shipper:
        """Take turns, each late enough for a sweep."""
        for _ in range(times):
            self.clock.pass_(SWEEP)
            self.pump.turn()
        return self

    def catch_up(self) -> Shipper:
        """Take turns until nothing is left to read."""
        for _ in range(10_000):
            if self.turn().pump.caught_up:
                return self
        raise AssertionError(f"never caught up: {list(self.fleet.tailers())}")

    def after_grace(self) -> Shipper:
        """Let the grace time of rotated files pass, and finish with them."""
        self.catch_up()
        self.clock.pass_(GRACE + 1)
        return self.turn(2).catch_up()

    # What came of it

    def queue(self, after: int = 0) -> Iterator[Queued]:
        while batches := self.store.peek(after, 1 << 40):
            yield from batches
            after = batches[-1].id

    def events(self) -> list[Event]:
        """Return the events in the queue, oldest first."""
        return events_of(self.queue())

    def lines(self) -> list[str]:
        """Return the lines in the queue, oldest first."""
        return [event.line for event in self.events()]

    def new_lines(self) -> list[str]:
        """Catch up; return the lines that came into the queue since this was last asked."""
        lines = self.catch_up().lines()
        fresh = lines[self._seen :]
        self._seen = len(lines)
        return fresh

    def ledger(self) -> Ledger:
        """Return the ledger of all sources."""
        total = Ledger()
        for ledger in self.store.ledgers().values():
            total = total.plus(ledger)
        return total


def events_of(batches: Iterable[Queued]) -> list[Event]:
    """Return the events of *batches*, but for those that tell of gaps."""
    payloads = [p for queued in batches for p in unpack(queued.batch).split(b"\n")]
    return [_event(payload) for payload in payloads if b"/gap/" not in payload]


def _event(payload: bytes) -> Event:
    members = orjson.loads(payload)
    data = orjson.loads(members["ue_pr"])["data"]["data"]
    return Event(members["eid"], data["message"], payload)


Make = Callable[..., Shipper]


@contextmanager
def shippers(directory: Path) -> Iterator[Make]:
    """Make shippers below *directory*; at the end each is stopped, and its ledger has to add up."""
    made: list[Shipper] = []

    def make(*patterns: str, home: str = "home", **options: Any) -> Shipper:
        made.append(Shipper(directory / home, *patterns, **options))
        return made[-1]

    try:
        yield make
    finally:
        for shipper in made:
            ledger = shipper.ledger()
            shipper.stop()
            assert ledger.adds_up(), ledger


def open_descriptors() -> int:
    """Return how many descriptors this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
