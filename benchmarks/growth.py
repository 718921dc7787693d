"""Row 7: whether a line costs the same, however much there is: lines, files, bytes, grammars.

What the program costs before its first line is measured by itself and taken off, for it would hide
what 100,000 lines cost.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from benchmarks.access_log import access_lines, write_access_log, write_lines_of
from benchmarks.charts import Chart, Curves
from benchmarks.context import Context
from benchmarks.figures import Finding, spread
from benchmarks.processes import cpu_seconds
from benchmarks.report import Outcome, Table
from benchmarks.steady import LINE, write_in_turns
from benchmarks.whole_path import fresh_run, run_once, shipper, wait_for
from shipper.event.builder import Envelope
from shipper.event.chunk import parse_chunk
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.grammar.auto import Auto
from shipper.grammar.library import Library

_WITHIN = 1.2
_WIDTHS = (100, 1_000, 10_000)
_GRAMMARS = (1, 10, 40)
_RATE = 10_000  # lines a second into all files that are being written
_OURS = shipper("shipper")
_LIMITS = {
    "lines": "µs a line",
    "files": "µs a line",
    "files being written": "µs a line",
    "bytes a line": "ns a byte",
    "grammars in auto": "µs a line",
}


def growth(context: Context) -> Outcome:
    """Measure what a line costs along each of the four ways to grow."""
    start = _start_up(context)
    costs = {
        "lines": _by_lines(context, start),
        "files": _by_files(context, start),
        "files being written": _by_written(context),
        "bytes a line": _by_width(context, start),
        "grammars in auto": _by_grammars(context),
    }
    return Outcome(
        title="Growth",
        findings=[(7, finding(what, cost)) for what, cost in costs.items()],
        tables=[table_of(what, cost) for what, cost in costs.items()],
        charts=[
            Chart(
                name="growth",
                panels=[
                    Curves(
                        title=f"Processor time by {what}",
                        across=what,
                        unit=_LIMITS[what],
                        lines={"": list(cost.items())},
                    )
                    for what, cost in costs.items()
                ],
            )
        ],
        notes=[
            f"Start-up, {start:.2f} s of processor time, is not in these figures. "
            f"Files being written get {_RATE:,} lines/s in all, a few each time: this is what it "
            "costs to keep up, not to catch up."
        ],
    )


def finding(what: str, cost: Mapping[float, float]) -> Finding:
    """Return how the dearest is to the first: what gets cheaper as it grows is no fault."""
    figures = list(cost.values())
    worst = max(figures) / figures[0]
    ends = f"{min(cost):,.0f} to {max(cost):,.0f} {what}"
    return Finding(what=f"{_LIMITS[what]}, {ends}", limit=_WITHIN, measured=worst, unit="×")


def table_of(what: str, cost: Mapping[float, float]) -> Table:
    """Return the costs in one row."""
    head = (what, *(f"{size:,.0f}" for size in cost))
    return Table(head=head, rows=[(_LIMITS[what], *(f"{each:.2f}" for each in cost.values()))])


def _start_up(context: Context) -> float:
    log = context.work / "one.log"
    write_access_log(log, 1)
    context.progress.say("growth: start-up")
    return spread([run_once(_OURS, log, 1, context.target).cpu for _ in range(3)]).median


def _cost(context: Context, log: Path, lines: int, start: float) -> float:
    """Return the seconds of processor time of shipping *log*, but for start-up."""
    rounds = max(1, min(context.sizes.rounds, 1_500_000 // lines))
    return (
        spread([run_once(_OURS, log, lines, context.target).cpu for _ in range(rounds)]).median
        - start
    )


def _by_lines(context: Context, start: float) -> dict[float, float]:
    cost: dict[float, float] = {}
    log = context.work / "growing.log"
    for lines in context.sizes.growth_lines:
        context.progress.say(f"growth: {lines:,} lines")
        write_access_log(log, lines)
        cost[lines] = _cost(context, log, lines, start) / lines * 1e6
    log.unlink()
    return cost


def _by_files(context: Context, start: float) -> dict[float, float]:
    cost: dict[float, float] = {}
    total = context.sizes.lines
    for files in context.sizes.growth_files:
        context.progress.say(f"growth: {total:,} lines in {files:,} files")
        folder = context.work / f"files-{files}"
        folder.mkdir()
        each = total // files
        for number in range(files):
            write_access_log(folder / f"{number:04}.log", each, number * each)
        lines = each * files
        cost[files] = _cost(context, folder / "*.log", lines, start) / lines * 1e6
        for log in folder.iterdir():
            log.unlink()
    return cost


def _by_written(context: Context) -> dict[float, float]:
    """Return the costs while so many files grow at once, at one rate in all.

    The sizes take turns: half a core's work is slower or faster by a fifth from one run to another.
    """
    costs: dict[float, list[float]] = {files: [] for files in context.sizes.growth_files}
    for number in range(min(3, context.sizes.rounds)):
        for files, found in costs.items():
            context.progress.say(f"growth: {_RATE:,} lines/s into {files:,} files, {number}")
            folder = context.work / f"written-{number}-{files}"
            folder.mkdir()
            found.append(_written(context, folder, int(files)))
    return {files: spread(found).median for files, found in costs.items()}


def _written(context: Context, folder: Path, files: int) -> float:
    logs = [folder / f"{number:04}.log" for number in range(files)]
    for number, log in enumerate(logs):
        log.write_text(LINE.format(number))
    with fresh_run(folder / "*.log", context.target) as process:
        wait_for(process, files, context.target)
        time.sleep(1.0)
        before = cpu_seconds(process.pid)
        lines = write_in_turns(logs, _RATE, context.sizes.latency_seconds / 2, first=files)
        wait_for(process, files + lines, context.target)
        return (cpu_seconds(process.pid) - before) / lines * 1e6


def _by_width(context: Context, start: float) -> dict[float, float]:
    cost: dict[float, float] = {}
    log = context.work / "wide.log"
    for width in _WIDTHS:
        context.progress.say(f"growth: lines of {width:,} bytes")
        lines = context.sizes.lines * 4 // (4 + width // 250)
        write_lines_of(log, lines, width)
        cost[width] = _cost(context, log, lines, start) / (lines * width) * 1e9
    log.unlink()
    return cost


def _by_grammars(context: Context) -> dict[float, float]:
    library = Library()
    ours = library.get("nginx_access")
    # One in so many of all there are, for neighbours by name are of one family.
    others = [library.get(name) for name in library.names() if name != ours.name]
    sampled = others[:: max(1, len(others) // (max(_GRAMMARS) - 1))]
    cost: dict[float, float] = {}
    for count in _GRAMMARS:
        context.progress.say(f"growth: {count} grammars in auto")
        cost[count] = _parse_us(Auto([ours, *sampled[: count - 1]]), context.sizes.stage_lines)
    return cost


def _parse_us(auto: Auto, lines: int) -> float:
    chunk = "".join(access_lines(lines)).encode()
    recipe = Recipe([auto], Envelope())
    origin = Origin(EventIds(uuid.UUID(int=0)), "/var/log/access.log")
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        parse = parse_chunk(chunk, 0, recipe, origin, 0)
        best = min(best, time.process_time() - began)
        if parse.ledger.events != lines:
            raise RuntimeError(f"{parse.ledger.events} events of {lines} lines")
    return best / lines * 1e6
