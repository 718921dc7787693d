"""``python -m benchmarks``: all that docs/performance.md claims, measured anew.

Without options everything runs, peers are fetched, and the figures go into docs/performance.md. It
takes about 20 minutes. Parts that were measured are kept, so that one can be measured again by
itself; the document shows the newest of each.
"""

from __future__ import annotations

import argparse
import compileall
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import shipper
from benchmarks.backlog import backlog
from benchmarks.beside_peers import beside_peers
from benchmarks.context import QUICK, Context, Progress, Sizes
from benchmarks.growth import growth
from benchmarks.idle_files import idle_files
from benchmarks.latency import latency
from benchmarks.memory import memory
from benchmarks.processes import busy_seconds
from benchmarks.records import keep, kept_record, publish, record_of, revision
from benchmarks.report import Outcome, Record, generated
from benchmarks.sink import Sink, sink
from benchmarks.stages import stages
from benchmarks.start_up import start_up
from benchmarks.tracker import tracked

PARTS: dict[str, Callable[[Context], Outcome]] = {
    "peers": beside_peers,
    "tracker": tracked,
    "memory": memory,
    "latency": latency,
    "backlog": backlog,
    "growth": growth,
    "start-up": start_up,
    "stages": stages,
}
OF_ROW = {
    "1": "peers",
    "2": "peers",
    "3": "tracker",
    "4": "memory",
    "5": "latency",
    "6": "backlog",
    "7": "growth",
    "8": "start-up",
    "stages": "stages",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the document. Returns 1 if a part failed."""
    options = _options(arguments)
    sizes = _sizes(options)
    # What an installation does once would else be paid at each start, where Python may not write.
    compileall.compile_dir(str(Path(shipper.__file__).parent), quiet=1)
    with sink() as target:
        if not target.native:
            print("no C compiler: the sink is in Python and takes more of the processors")
        if options.idle:
            _idle(options.idle, sizes.rounds, target)
            return 0
        records, failures = _measured(options, sizes, target)
    print(generated(records))
    for failure in failures:
        print(failure, file=sys.stderr)
    if _whole(options):
        print(publish({name: kept_record(name) for name in PARTS}))
    return 1 if failures else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes; nothing is written")
    parser.add_argument(
        "--row", action="append", choices=OF_ROW, help="only this row of the table; repeatable"
    )
    parser.add_argument("--resume", action="store_true", help="skip what this revision has")
    parser.add_argument("--lines", type=int, help="lines of the log")
    parser.add_argument("--rounds", type=int, help="runs of the whole path")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="length of the steady run")
    parser.add_argument("--events", type=int, help="only row 6, with a backlog of so many events")
    parser.add_argument("--idle", type=int, metavar="FILES", help="measure quiet files instead")
    options = parser.parse_args(arguments)
    if options.events is not None and options.events < 100_000:
        parser.error("--events: fewer than 100000 say nothing")
    if options.events:
        options.row = ["6"]
    return options


def _sizes(options: argparse.Namespace) -> Sizes:
    asked = {
        "lines": options.lines,
        "rounds": options.rounds,
        "soak_minutes": options.soak,
        "backlog": options.events,
    }
    given = {name: size for name, size in asked.items() if size is not None}
    return dataclasses.replace(QUICK if options.quick else Sizes(), **given)


def _whole(options: argparse.Namespace) -> bool:
    """Tell whether the sizes are those that the document is about, or larger."""
    return not (options.quick or options.lines or options.rounds or options.events)


def _measured(
    options: argparse.Namespace, sizes: Sizes, target: Sink
) -> tuple[list[Record], list[str]]:
    """Return what was measured, and what failed."""
    wanted = list(dict.fromkeys(OF_ROW[row] for row in options.row or OF_ROW))
    records, failures, progress = [], [], Progress()
    for name in wanted:
        record = kept_record(name) if options.resume else None
        if record is None or record.revision != revision():
            try:
                outcome, others = _part(name, sizes, target, progress)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                failures.append(f"{name}: {error}")
                continue
            record = record_of(outcome, others, quick=not _whole(options))
            keep(name, record)
        records.append(record)
    progress.done()
    return records, failures


def _part(name: str, sizes: Sizes, target: Sink, progress: Progress) -> tuple[Outcome, float]:
    """Return what the part *name* found, and how many cores others took meanwhile."""
    began, before = time.monotonic(), busy_seconds() - _own_seconds(target)
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as work:
        outcome = PARTS[name](Context(sizes, target, Path(work), progress))
    took = time.monotonic() - began
    return outcome, max(0.0, (busy_seconds() - _own_seconds(target) - before) / took)


def _own_seconds(target: Sink) -> float:
    return sum(os.times()[:4]) + target.counts().cpu_seconds


def _idle(files: int, rounds: int, target: Sink) -> None:
    print(f"{files:,} quiet files: % of a core, MB, descriptors, watches; then after churn")
    with tempfile.TemporaryDirectory(prefix="shipper-idle-") as directory:
        for reading in idle_files(Path(directory), files, target, rounds):
            print(
                f"  {reading.core:8.2%}{reading.memory_mb:8.0f}"
                f"{reading.descriptors:8}{reading.watches:6}"
            )


if __name__ == "__main__":
    sys.exit(main())
