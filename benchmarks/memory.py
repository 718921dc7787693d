"""Row 4: memory while a gigabyte is drained, after it, at rest, and over a long steady run."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.access_log import lines_for, write_access_log
from benchmarks.charts import Chart, Curves
from benchmarks.context import Context
from benchmarks.figures import Finding, spread
from benchmarks.processes import memory_mb
from benchmarks.report import Outcome, Table
from benchmarks.steady import Writer
from benchmarks.whole_path import BrokenRunError, fresh_run, wait_for

_REST = 5.0
_RATE = 1_000  # lines a second of the steady run
_FLAT = 1.05


def memory(context: Context) -> Outcome:
    """Measure all of it, without workers."""
    peak, after = _drain(context)
    rest = _at_rest(context)
    steady = _steady(context)
    early, late = _halves(steady)
    minutes = f"{context.sizes.soak_minutes:g} min at {_RATE:,} lines/s"
    return Outcome(
        title="Memory",
        findings=[
            (4, _most(f"peak, {context.sizes.drained_mb:,} MB drained, no workers", 100, peak)),
            (4, _most("at rest", 60, rest)),
            (4, Finding(what=f"{minutes}, end to start", limit=_FLAT, measured=late / early)),
        ],
        tables=[
            Table(
                head=("", "MB"),
                rows=[
                    ("at rest, after the first line", f"{rest:.0f}"),
                    (f"peak while {context.sizes.drained_mb:,} MB are drained", f"{peak:.0f}"),
                    ("at rest after that", f"{after:.0f}"),
                    ("steady, the second quarter", f"{early:.1f}"),
                    ("steady, the last quarter", f"{late:.1f}"),
                ],
            )
        ],
        charts=[
            Chart(
                name="memory",
                panels=[
                    Curves(
                        title=f"Memory at {_RATE:,} lines/s",
                        across="seconds",
                        unit="MB",
                        lines={"shipper": steady},
                    )
                ],
            )
        ],
    )


def _most(what: str, limit: float, measured: float) -> Finding:
    return Finding(what=what, limit=limit, measured=measured, unit="MB", digits=0)


def _drain(context: Context) -> tuple[float, float]:
    """Return the peak while a large log is drained, and what is left when that is over."""
    log = context.work / "large.log"
    lines = lines_for(context.sizes.drained_mb * 1_000_000)
    context.progress.say(f"memory: writing {lines:,} lines")
    write_access_log(log, lines)
    try:
        with fresh_run(log, context.target) as process:
            context.progress.say(f"memory: draining {log.stat().st_size / 1e6:,.0f} MB")
            peak = wait_for(process, lines, context.target)
            time.sleep(_REST)
            return peak, memory_mb(process.pid, "VmRSS")
    finally:
        log.unlink()


def _at_rest(context: Context) -> float:
    log = context.work / "short.log"
    write_access_log(log, 1)
    with fresh_run(log, context.target) as process:
        context.progress.say("memory: at rest")
        wait_for(process, 1, context.target)
        time.sleep(_REST)
        return memory_mb(process.pid, "VmRSS")


def _steady(context: Context) -> list[tuple[float, float]]:
    """Return (second, MB) while a log grows steadily."""
    seconds = context.sizes.soak_minutes * 60
    step = max(seconds / 300, 0.2)
    readings = []
    with fresh_run(context.work / "steady.log", context.target) as process:
        with Writer(context.work / "steady.log", _RATE, seconds) as writer:
            while (passed := writer.seconds()) < seconds:
                context.progress.say(f"memory: steady for {seconds:.0f} s")
                readings.append((round(passed, 1), memory_mb(process.pid, "VmRSS")))
                time.sleep(step)
        wait_for(process, writer.written, context.target)
        if context.target.counts().events != writer.written:
            raise BrokenRunError("steady: lines came twice")
    return readings


def _halves(steady: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the medians of the second quarter and of the last: start-up is in the first."""
    figures = [mb for _, mb in steady]
    quarter = len(figures) // 4
    return spread(figures[quarter : 2 * quarter]).median, spread(figures[-quarter:]).median
