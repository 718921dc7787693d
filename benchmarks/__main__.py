"""``python -m benchmarks``: the whole path and its stages, on a log made for it."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmarks.access_log import write_access_log
from benchmarks.backlog import measure
from benchmarks.idle_files import idle_files
from benchmarks.sink import sink
from benchmarks.stages import stages
from benchmarks.whole_path import Run, run_once


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000, help="lines of the log")
    parser.add_argument("--rounds", type=int, default=3, help="runs of the whole path")
    parser.add_argument("--idle", type=int, metavar="FILES", help="measure quiet files instead")
    parser.add_argument(
        "--events", type=int, metavar="EVENTS", help="measure a backlog of so many instead"
    )
    options = parser.parse_args()
    if options.events is not None and options.events < 100_000:
        parser.error("--events: fewer than 100000 say nothing")
    if options.events:
        _backlog(options.events)
        return
    if options.idle:
        _idle(options.idle, options.rounds)
        return
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as directory:
        log = Path(directory) / "access.log"
        write_access_log(log, options.lines)
        mean = log.stat().st_size / options.lines
        print(f"{options.lines:,} lines of {mean:.0f} bytes")
        _whole_path(log, options.lines, options.rounds)
        costs = stages(log)
        print("\nstage: µs of CPU a line")
        floor = costs["bare match and groups()"]
        for name, cost in costs.items():
            print(f"  {name:<26}{cost:8.2f}{cost / floor:8.2f} × the bare match")


def _backlog(events: int) -> None:
    with tempfile.TemporaryDirectory(prefix="shipper-backlog-") as directory:
        found = measure(Path(directory), events)
    print(f"a backlog of {events:,} events")
    print(f"  into an empty queue   {found.first_rate:12,.0f} events/s")
    print(f"  at the end            {found.last_rate:12,.0f} events/s")
    print(f"  out of the queue      {found.leaving_rate:12,.0f} events/s")
    print(f"  disk                  {found.disk_bytes:12.1f} bytes an event")
    print(f"  check and open        {found.opening * 1000:12.0f} ms")
    print(f"  how much waits, peek  {found.looking * 1000:12.2f} ms")
    print(f"  start to first try    {found.started:12.2f} s")
    print(f"  peak memory           {found.memory_mb:12.0f} MB")
    print(f"  queue check           {found.checking:12.1f} s")


def _whole_path(log: Path, lines: int, rounds: int) -> None:
    print("\nwhole path, median of", rounds, "runs: lines/s, CPU µs a line, peak MB of a process")
    ways = [(workers, max_bytes) for workers in (0, 2) for max_bytes in (180_000, 500_000)]
    with sink() as target:
        rows = [
            [run_once(log, lines, target, size, workers) for workers, size in ways]
            for _ in range(rounds)
        ]
    for (workers, size), *runs in zip(ways, *rows, strict=True):
        median = Run(*map(statistics.median, zip(*runs, strict=True)))
        print(
            f"  {workers} workers, requests of {size:,} bytes: {median.lines_a_second:9,.0f}"
            f"{median.cpu_us:8.1f}{median.peak_mb:8.0f}"
        )


def _idle(files: int, rounds: int) -> None:
    print(f"{files:,} quiet files: % of a core, MB, descriptors, watches; then after churn")
    with tempfile.TemporaryDirectory(prefix="shipper-idle-") as directory, sink() as target:
        for reading in idle_files(Path(directory), files, target, rounds):
            print(
                f"  {reading.core:8.2%}{reading.memory_mb:8.0f}"
                f"{reading.descriptors:8}{reading.watches:6}"
            )


main()
