"""What goes on while the shipper is killed: writers and their rotators, each a way to live with.

Rule 1: `written` are the numbers of the lines that were written, `excused` those that nobody can
        promise: written between the copy and the truncation of a copytruncate.
Rule 2: all of it follows from the random numbers handed in, but for the pace, which is the clock's
        and the shipper's: when it is far behind, nothing is written, so that no rotated file goes
        before it was read.
"""

from __future__ import annotations

import gzip
import os
import random
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shipper.devcollector.server import DevCollector
from tests.arrivals import numbered

WEB = 'sources: [{{name: web, paths: ["{logs}/*.log*"], grammar: nginx_access}}]\n'
_SENT = re.compile(rb"/n/(\d{8})")
KEPT = 300  # rotated files: so many that what is deleted was read long ago
MOST_BEHIND = 50_000  # lines; KEPT files hold some 300,000
TRACES = (
    'grammars: {{directories: ["{logs}/grammars"]}}\n'
    'sources: [{{name: app, paths: ["{logs}/*.log*"], grammar: trace,'
    " multiline: {{preset: java, timeout: 4s}}}}]\n"
)
GRAMMAR = r"""
name: trace
title: a numbered message with a stack trace
schema: iglu:com.example/trace/jsonschema/1-0-0
match: ['(?s)^(?<path>/n/\d{8}) (?<text>.*)$']
fields:
  path: {description: the number}
  text: {description: message and trace, max_length: 65535}
samples: [{line: /n/00000001 a, expect: {path: /n/00000001, text: a}}]
"""


class Workload(threading.Thread):
    """Writes numbered lines in pieces of any size, and rotates the log by rename now and then."""

    config = WEB

    def __init__(self, logs: Path, rng: random.Random) -> None:
        super().__init__()
        self.rng = rng
        self.logs = logs
        self.written: set[int] = set()
        self.excused: set[int] = set()
        self.stopping = threading.Event()
        self.arrived: Callable[[], int] = lambda: 0
        self._rotations = 0
        self._rest: dict[Path, bytes] = {}

    def run(self) -> None:
        while not self.stopping.is_set():
            if len(self.written) - self.arrived() < MOST_BEHIND:
                self.step()
            time.sleep(self.rng.uniform(0.0, 0.01))
        for log in list(self._rest):
            self.complete(log)

    def step(self) -> None:
        """Write a little; perhaps rotate."""
        log = self.log()
        data = self._rest.pop(log, b"") + self.lines(self.rng.randrange(1, 40))
        cut = self.rng.randrange(len(data))
        append(log, data[:cut])
        self._rest[log] = data[cut:]
        if self.rng.random() < 0.02:
            self.complete(log)
            self.rotate(log)

    def log(self) -> Path:
        """Choose the log to write to."""
        return self.logs / "access.log"

    def lines(self, count: int) -> bytes:
        """Return *count* new lines."""
        first = len(self.written) + 1
        self.written.update(range(first, first + count))
        return b"".join(map(self.line, range(first, first + count)))

    def line(self, number: int) -> bytes:
        """Return the line, or the lines, of a number."""
        return numbered(number)

    def complete(self, log: Path) -> None:
        """Write what is left of the last line: it belongs to this file."""
        append(log, self._rest.pop(log, b""))

    def rotate(self, log: Path) -> Path:
        """Rename the log.

        The new name stays within the glob: a file that comes and goes between two lives of the
        shipper, and whose last name no glob names, can't be known (docs/known-limits.md).
        """
        return log.rename(self.rotated(log))

    def rotated(self, log: Path) -> Path:
        """Return the next name that a rotation gives, and delete what is old."""
        self._rotations += 1
        old = f"*.log.{self._rotations - KEPT}"
        for path in (*self.logs.glob(old), *self.logs.glob(f"{old}.gz")):
            path.unlink()
        return log.with_name(f"{log.name}.{self._rotations}")


class Compressing(Workload):
    """As gzip does it: the archive grows beside the rotated file, which is then removed."""

    def rotate(self, log: Path) -> Path:
        return self.compress(super().rotate(log))

    def compress(self, plain: Path) -> Path:
        """Make an archive of a file, in two writes."""
        packed = gzip.compress(plain.read_bytes(), 6)
        archive = plain.with_name(f"{plain.name}.gz")
        cut = self.rng.randrange(len(packed))
        append(archive, packed[:cut])
        time.sleep(self.rng.choice((0.0, 0.05)))
        append(archive, packed[cut:])
        plain.unlink()
        return archive


class Copytruncate(Compressing):
    """Copies the log, and truncates it: lines are written between the two. Half are compressed."""

    def step(self) -> None:
        """Write whole lines: a line that is cut in two by a truncation is none."""
        log = self.log()
        append(log, self.lines(self.rng.randrange(1, 40)))
        if self.rng.random() < 0.02:
            self.rotate(log)

    def rotate(self, log: Path) -> Path:
        copy = self.rotated(log)
        shutil.copyfile(log, copy)
        for _ in range(self.rng.randrange(3)):
            before = len(self.written)
            append(log, self.lines(self.rng.randrange(1, 4)))
            self.excused.update(range(before + 1, len(self.written) + 1))
            time.sleep(self.rng.choice((0.0, 0.0, 0.02)))  # a disk that takes its time
        os.truncate(log, 0)
        return copy if self.rng.random() < 0.5 else self.compress(copy)


class Churning(Workload):
    """Rotates small logs all the time, and keeps few: a new one has the inode of one that is gone.

    What is deleted has arrived before, line by line: `hear` listens at the collector's door.
    """

    behind = 400  # lines
    kept = 4

    def __init__(self, logs: Path, rng: random.Random) -> None:
        super().__init__(logs, rng)
        self.heard: set[int] = set()
        self._old: deque[tuple[Path, range]] = deque()
        self._first = 1

    def hear(self, _method: str, _target: str, body: bytes) -> None:
        """Take note of the lines in a request."""
        self.heard.update(int(number) for number in _SENT.findall(body))

    def step(self) -> None:
        if self.rng.random() < 0.3 and self._rest:
            (log,) = self._rest
            self.complete(log)
            self.rotate(log)
        if len(self.written) - len(self.heard) < self.behind:
            log = self.log()
            data = self._rest.pop(log, b"") + self.lines(self.rng.randrange(1, 8))
            cut = self.rng.randrange(len(data))
            append(log, data[:cut])
            self._rest[log] = data[cut:]

    def rotated(self, log: Path) -> Path:
        self._rotations += 1
        path = log.with_name(f"{log.name}.{self._rotations}")
        self._old.append((path, range(self._first, len(self.written) + 1)))
        self._first = len(self.written) + 1
        while len(self._old) > self.kept and self.heard.issuperset(self._old[0][1]):
            self._old.popleft()[0].unlink()
        return path


class Traces(Workload):
    """Records of several lines; the log is rotated in the midst of them."""

    config = TRACES

    def __init__(self, logs: Path, rng: random.Random) -> None:
        super().__init__(logs, rng)
        (logs / "grammars").mkdir()
        (logs / "grammars/trace.yaml").write_text(GRAMMAR)

    def line(self, number: int) -> bytes:
        return record(number)

    def complete(self, log: Path) -> None:
        """End the last line, but not always the last record."""
        rest = self._rest.pop(log, b"")
        end = rest.find(b"\n") + 1 if not self.stopping.is_set() else len(rest)
        append(log, rest[:end])
        self._rest[log] = rest[end:]


class Several(Workload):
    """Several logs at once, each with its own rotations, parsed by two workers."""

    config = "workers: 2\n" + WEB

    def log(self) -> Path:
        return self.logs / f"{self.rng.choice('abcdef')}.log"


def record(number: int) -> bytes:
    """Return what an application logs under a *number*: every third time without a trace."""
    lines = [f"/n/{number:08d} the basket could not be saved"]
    if number % 3:
        lines.append(f"com.example.shop.BasketException: no shelf {number}")
        lines += [f"\tat com.example.shop.Basket.m{n}(Basket.java:{n})" for n in range(number % 5)]
        lines.append("\tat com.example.shop.Main.main(Main.java:7)")
    return "".join(f"{line}\n" for line in lines).encode()


def append(log: Path, data: bytes) -> None:
    """Write *data* at the end of a log, in one call."""
    with log.open("ab", buffering=0) as file:
        file.write(data)


@contextmanager
def up_and_down(collector: DevCollector, rng: random.Random) -> Iterator[None]:
    """Close and open a *collector* again and again; it is open at the end."""
    over = threading.Event()

    def flap() -> None:
        while not over.wait(rng.uniform(0.2, 1.5)):
            collector.__exit__(None, None, None)
            over.wait(rng.uniform(0.0, 1.5))
            collector.__enter__()

    thread = threading.Thread(target=flap)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
