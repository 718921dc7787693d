"""The whole path: log files through a real program to a counting sink.

Rule 1: each run has a fresh state, and counts only if each line arrived, and arrived once.
Rule 2: time is from the start of the program to the arrival of the last line, processor time all
        that the program and its children took until they ended, start-up included.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from benchmarks.processes import busy_seconds, memory_mb
from benchmarks.sink import Sink

_STALLED = 30.0  # seconds without a new line
_LOOK = 0.05


class BrokenRunError(RuntimeError):
    """A run whose figures say nothing: lines are missing or came twice, or the program failed."""


class Run(NamedTuple):
    """One run; `peak_mb` is that of all its processes, `others` the cores that others took."""

    lines: int
    seconds: float
    cpu: float
    peak_mb: float
    requests: int
    others: float

    @property
    def lines_a_second(self) -> float:
        """Return how many lines arrived a second."""
        return self.lines / self.seconds

    @property
    def cpu_us(self) -> float:
        """Return the processor time of a line in microseconds."""
        return self.cpu / self.lines * 1e6


Prepare = Callable[[Path, int, Path], Sequence[str | Path]]
"""(log or glob, port of the collector, empty directory) → command that ships the log there."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A program that ships logs; one that does not `end` by itself is told to."""

    name: str
    prepare: Prepare
    ends: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)


def shipper(name: str, *, workers: int = 0, max_bytes: int = 180_000, more: str = "") -> Contender:
    """Return our own program; *more* is configuration, in YAML, at the top level."""

    def prepare(log: Path, port: int, fresh: Path) -> Sequence[str | Path]:
        config = write_config(
            fresh, log, port, f"workers: {workers}\n{more}", f"max_bytes: {max_bytes}"
        )
        return [sys.executable, "-m", "shipper", "run", "-c", config, "--once"]

    return Contender(name=name, prepare=prepare)


def write_config(
    fresh: Path, log: Path, port: int, more: str = "", collector: str = "read_timeout: 30s"
) -> Path:
    """Write a configuration that ships *log*, a path or a glob, and keeps its state in *fresh*."""
    config = fresh / "shipper.yaml"
    config.write_text(
        f"state: {fresh / 'state'}\n{more}\n"
        f'collector: {{url: "http://127.0.0.1:{port}", {collector}}}\n'
        f"sources: [{{name: web, paths: ['{log}'], grammar: nginx_access}}]\n"
    )
    return config


def run_once(contender: Contender, log: Path, lines: int, target: Sink) -> Run:
    """Ship *log* with a fresh state. Raises BrokenRunError unless each line arrived once."""
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as name:
        fresh = Path(name)
        command = contender.prepare(log, target.port, fresh)
        target.reset()
        os.sync()  # what the run before wrote is not to be this one's
        with started(command, fresh / "output", contender.environment) as process:
            return _followed(process, contender, lines, target)


@contextmanager
def fresh_run(log: Path, target: Sink) -> Iterator[subprocess.Popen[bytes]]:
    """Run our program on *log* for the length of a block, with a fresh state and its defaults."""
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as name:
        config = write_config(Path(name), log, target.port)
        target.reset()
        with running(config, Path(name) / "output") as process:
            yield process


@contextmanager
def running(config: Path, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run our program for the length of a block, and stop it in good order."""
    with started([sys.executable, "-m", "shipper", "run", "-c", config], output) as process:
        yield process
        process.terminate()
        if process.wait():
            raise BrokenRunError(f"exit {process.returncode}")


@contextmanager
def started(
    command: Sequence[str | Path], output: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command*, which may say something in *output*; it has ended after the block."""
    with output.open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=said, env={**os.environ, **(environment or {})}
        )
    try:
        yield process
    except BrokenRunError as error:
        raise BrokenRunError(f"{error}: {output.read_text(errors='replace')[-2000:]}") from error
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()


def _followed(
    process: subprocess.Popen[bytes], contender: Contender, lines: int, target: Sink
) -> Run:
    began, busy, sink_cpu, own = _moment(target)
    peak = wait_for(process, lines, target)
    if not contender.ends:
        os.kill(process.pid, signal.SIGTERM)  # send_signal would reap it, and its costs be gone
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    ended, busy_then, sink_then, own_then = _moment(target)
    counts = target.counts()
    if process.returncode or (counts.events, counts.distinct) != (lines, lines):
        raise BrokenRunError(f"exit {process.returncode}, {counts} of {lines} lines")
    cpu = usage.ru_utime + usage.ru_stime
    others = busy_then - busy - cpu - (sink_then - sink_cpu) - (own_then - own)
    return Run(
        lines=lines,
        seconds=counts.last_new - began,
        cpu=cpu,
        peak_mb=peak,  # not ru_maxrss: that begins with what this process had when it forked
        requests=counts.requests,
        others=max(0.0, others / (ended - began)),
    )


def _moment(target: Sink) -> tuple[float, float, float, float]:
    return time.monotonic(), busy_seconds(), target.counts().cpu_seconds, time.process_time()


def wait_for(process: subprocess.Popen[bytes], lines: int, target: Sink) -> float:
    """Wait until *lines* lines arrived or the program ended; return its peak memory in MB.

    Raises BrokenRunError if nothing new comes for half a minute.
    """
    peak, news, distinct = 0.0, time.monotonic(), 0
    while distinct < lines and not ended(process):
        peak = max(peak, memory_mb(process.pid))
        time.sleep(_LOOK)
        before, distinct = distinct, target.counts().distinct
        if distinct > before:
            news = time.monotonic()
        elif time.monotonic() - news > _STALLED:
            raise BrokenRunError(f"nothing new for {_STALLED:.0f} s; {distinct} of {lines} came")
    return max(peak, memory_mb(process.pid))


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether *process* has ended; what it used can be asked for still."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
