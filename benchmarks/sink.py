"""A counting sink in a process of its own: native where there is a C compiler, else in Python.

Rule 1: whichever it is, it has one command language (`sink.c` says it), so that figures differ in
        cost only.
Rule 2: it knows of each line, by its serial number, whether and when it came.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.cache import ROOT, kept

_SOURCE = Path(__file__).with_name("sink.c")
IN_PYTHON = (sys.executable, "-m", "benchmarks.python_sink")


class Counts(NamedTuple):
    """What came since the last reset; `last_new` is a moment of `time.monotonic`, 0 if none."""

    requests: int
    body_bytes: int
    events: int
    distinct: int
    last_new: float
    cpu_seconds: float


class Sink:
    """A running sink: `port` to send to, `counts` to ask."""

    def __init__(self, process: subprocess.Popen[str], *, native: bool) -> None:
        self._process = process
        self.native = native
        self.port = int(self._answer())

    def counts(self) -> Counts:
        """Return what came since the last reset."""
        *counts, last_new, cpu = self._ask("counts").split()
        requests, size, events, distinct = map(int, counts)
        return Counts(requests, size, events, distinct, float(last_new), float(cpu))

    def times(self, first: int, count: int) -> list[float]:
        """Return when each of *count* serials came, from *first* on; 0.0: it did not."""
        self._send(f"times {first} {count}")
        return [float(self._answer()) for _ in range(count)]

    def reset(self) -> None:
        """Count from zero."""
        self._ask("reset")

    def _ask(self, command: str) -> str:
        self._send(command)
        return self._answer()

    def _send(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the sink ended")
        return line


@contextmanager
def sink(command: tuple[str, ...] | None = None) -> Iterator[Sink]:
    """Run a sink for the length of a block; *command* takes the place of the best there is."""
    command = command or native() or IN_PYTHON
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield Sink(process, native=command != IN_PYTHON)
        finally:
            process.kill()


def native() -> tuple[str, ...] | None:
    """Return the command of the native sink, compiled if need be; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    digest = hashlib.blake2b(_SOURCE.read_bytes(), digest_size=8).hexdigest()
    program = kept(f"sink-{digest}")
    if not program.exists():
        fresh = program.with_suffix(".new")
        command: list[str | Path] = [compiler, "-O2", "-o", fresh, _SOURCE]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            return None
        fresh.rename(program)
    return (str(program),)
