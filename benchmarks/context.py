"""What the parts of the benchmarks share: sizes, the sink, a place to work, who tells how far."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.sink import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured: lines and events, rounds, seconds, megabytes."""

    lines: int = 500_000
    rounds: int = 5
    tracked: int = 6_000
    drained_mb: int = 1_000
    soak_minutes: float = 1.0
    latency_seconds: float = 20.0
    backlog: int = 10_000_000
    growth_lines: tuple[int, ...] = (100_000, 1_000_000, 10_000_000)
    growth_files: tuple[int, ...] = (1, 10, 100, 1_000)
    stage_lines: int = 50_000


QUICK = Sizes(
    lines=50_000,
    rounds=1,
    tracked=1_000,
    drained_mb=20,
    soak_minutes=0.1,
    latency_seconds=3.0,
    backlog=200_000,
    growth_lines=(20_000, 50_000),
    growth_files=(1, 100),
    stage_lines=10_000,
)


@dataclass(slots=True)
class Progress:
    """Tells how far it is, on standard error: on a terminal in one line, else a line each."""

    began: float = field(default_factory=time.monotonic)
    last: str = ""

    def say(self, words: str) -> None:
        """Tell that *words* begins, or goes on."""
        if words == self.last and not sys.stderr.isatty():
            return
        self.last = words
        elapsed = int(time.monotonic() - self.began)
        line = f"[{elapsed // 60:3}:{elapsed % 60:02}] {words}"
        if sys.stderr.isatty():
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def done(self) -> None:
        """Leave the terminal as it was."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What a part is given; `work` is a directory that goes away at the end."""

    sizes: Sizes
    target: Sink
    work: Path
    progress: Progress
