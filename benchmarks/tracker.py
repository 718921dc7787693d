"""Row 3: page views through the library, until all are delivered; beside snowplow-tracker's best.

Every way runs in a process of its own, in turns; each event has to arrive once.
``python -m benchmarks.tracker`` measures this row alone, with ``--peer PYTHON``, the interpreter of
an environment that has snowplow-tracker, if that is to be compared.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.context import Context
from benchmarks.figures import Finding, ratios, spread
from benchmarks.peers import MissingPeerError, snowplow_tracker
from benchmarks.report import Outcome, Table
from benchmarks.sink import Sink, sink
from benchmarks.whole_path import BrokenRunError

_OURS = """
import sys, time
from shipper import Emitter, Tracker
url, queue, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
emitter = Emitter(collector=url, queue=queue, {options})
tracker = Tracker(emitter, namespace="bench", app_id="bench")
began = time.perf_counter()
for number in range(count):
    receipt = tracker.track_page_view(f"https://example.com/?r={{number:07d}}", "Title")
receipt.result()
queued = time.perf_counter() - began
assert emitter.flush(60) == 0
print(queued, time.perf_counter() - began)
"""
_PEER = """
import sys, time, requests
from snowplow_tracker import AsyncEmitter, Tracker
url, _, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
emitter = AsyncEmitter(url, batch_size=50, session=requests.Session())
tracker = Tracker("bench", emitter, app_id="bench")
began = time.perf_counter()
for number in range(count):
    tracker.track_page_view(f"https://example.com/?r={number:07d}", "Title")
queued = time.perf_counter() - began
tracker.flush()
print(queued, time.perf_counter() - began)
"""
WAYS = {
    "blocking, outlives the process": _OURS.format(options=""),
    "asynchronous, outlives a power cut": _OURS.format(
        options='blocking=False, durability="power"'
    ),
}
PEER = "snowplow-tracker, nothing on disk"


def main() -> None:
    """Measure and print the medians."""
    parser = argparse.ArgumentParser(prog="benchmarks.tracker", description=__doc__)
    parser.add_argument("--peer", metavar="PYTHON", help="has snowplow-tracker")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=6_000)
    options = parser.parse_args()
    ways: dict[str, tuple[str | Path, str]]
    ways = {name: (sys.executable, script) for name, script in WAYS.items()}
    if options.peer:
        ways[PEER] = (options.peer, _PEER)
    with sink() as collector:
        seconds = _in_turns(ways, collector, options.rounds, options.events)
    for name, runs in seconds.items():
        queued, total = (spread(each).shown(3) for each in zip(*runs, strict=True))
        print(f"{name:36} queued {queued} s, delivered {total} s")


def tracked(context: Context) -> Outcome:
    """Measure all ways; the first round warms up and counts for nothing."""
    ways: dict[str, tuple[str | Path, str]]
    ways, notes = {name: (sys.executable, script) for name, script in WAYS.items()}, []
    context.progress.say("looking for snowplow-tracker")
    try:
        ways[PEER] = (snowplow_tracker(), _PEER)
    except MissingPeerError as error:
        notes.append(f"Left out: {error}.")
    context.progress.say("tracked events")
    events = context.sizes.tracked
    runs = _in_turns(ways, context.target, context.sizes.rounds + 3, events)
    totals = {name: [total for _, total in each[1:]] for name, each in runs.items()}
    rows = [
        (name, *(spread(each).shown(3) for each in zip(*found[1:], strict=True)))
        for name, found in runs.items()
    ]
    return Outcome(
        title=f"{events:,} tracked events",
        findings=[(3, finding) for finding in findings(totals, notes)],
        tables=[Table(head=("", "in the queue, s", "all delivered, s"), rows=rows)],
        notes=notes,
    )


def findings(totals: Mapping[str, Sequence[float]], notes: Sequence[str]) -> list[Finding]:
    """Return what row 3 asks for; *totals* are the seconds until all was delivered."""
    process, power = WAYS
    beside = ratios(totals[process], totals[PEER]).median if PEER in totals else None
    return [
        Finding(
            what=f"until all are delivered, {process}",
            limit=1.5,
            measured=beside,
            unit="× snowplow-tracker",
            why="; ".join(notes),
        ),
        Finding(
            what=f"until all are delivered, {power}",
            limit=1.0,
            measured=ratios(totals[power], totals[process]).median,
            unit="× the former",
        ),
    ]


def _in_turns(
    ways: Mapping[str, tuple[str | Path, str]], collector: Sink, rounds: int, events: int
) -> dict[str, list[tuple[float, float]]]:
    """Return the seconds until all was queued, and until all was delivered."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    url = f"http://127.0.0.1:{collector.port}"
    for _ in range(rounds):
        for name, (python, script) in ways.items():
            collector.reset()
            seconds[name].append(_run(python, script, url, events))
            counts = collector.counts()
            if (counts.events, counts.distinct) != (events, events):
                raise BrokenRunError(f"{name}: {counts} of {events} events")
    return seconds


def _run(python: str | Path, script: str, url: str, count: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as queue:
        done = subprocess.run(
            [python, "-c", script, url, queue, str(count)],
            capture_output=True,
            text=True,
            check=True,
        )
    queued, total = map(float, done.stdout.split())
    return queued, total


if __name__ == "__main__":
    main()
