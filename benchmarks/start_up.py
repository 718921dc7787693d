"""Row 8: how long it takes to say a version, and until the first line is at the collector."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.access_log import write_access_log
from benchmarks.context import Context
from benchmarks.figures import Finding, Spread, spread
from benchmarks.report import Outcome, Table
from benchmarks.whole_path import fresh_run, wait_for


def start_up(context: Context) -> Outcome:
    """Measure some starts."""
    times = 5 + 2 * context.sizes.rounds
    context.progress.say("start-up: --version")
    program = Path(sys.executable).with_name("shipper")
    bare = _times([sys.executable, "-c", "pass"], times)
    version = _times([program, "--version"], times)
    ready = spread([_ready(context) for _ in range(times)])
    names = ("Python by itself", "`shipper --version`", "`shipper run`, to the first arrival")
    return Outcome(
        title="Start-up",
        findings=[
            (8, _finding("`shipper --version`", 0.15, version)),
            (8, _finding("`shipper run`: a line that waits is at the collector", 1.0, ready)),
        ],
        tables=[
            Table(
                head=("", "seconds"),
                rows=[
                    (name, each.shown(3))
                    for name, each in zip(names, (bare, version, ready), strict=True)
                ],
            )
        ],
    )


def _finding(what: str, limit: float, seconds: Spread) -> Finding:
    return Finding(what=what, limit=limit, measured=seconds.median, unit="s")


def _times(command: Sequence[str | Path], times: int) -> Spread:
    """Return the seconds that *command* takes."""
    found = []
    for _ in range(times):
        began = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        found.append(time.monotonic() - began)
    return spread(found)


def _ready(context: Context) -> float:
    context.progress.say("start-up: run")
    log = context.work / "first.log"
    write_access_log(log, 1)
    began = time.monotonic()
    with fresh_run(log, context.target) as process:
        wait_for(process, 1, context.target)
        return context.target.counts().last_new - began
