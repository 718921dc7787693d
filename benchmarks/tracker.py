"""6,000 page views through the library, until all are delivered; beside snowplow-tracker's best.

``python -m benchmarks.tracker --peer PYTHON``: the interpreter of an environment that has
snowplow-tracker. Every way runs in a process of its own, in turns; each event has to arrive once.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile

from benchmarks.sink import sink

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
    ways = {name: (sys.executable, script) for name, script in WAYS.items()}
    if options.peer:
        ways[PEER] = (options.peer, _PEER)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    with sink() as collector:
        for _ in range(options.rounds):
            for name, (python, script) in ways.items():
                collector.reset()
                url = f"http://127.0.0.1:{collector.port}"
                seconds[name].append(_run(python, script, url, options.events))
                _, _, distinct = collector.counts()
                assert distinct == options.events, f"{name}: {distinct} of {options.events} came"
    for name, runs in seconds.items():
        queued, total = (statistics.median(each) for each in zip(*runs, strict=True))
        spread = max(run[1] for run in runs) - min(run[1] for run in runs)
        print(f"{name:36} queued {queued:6.3f} s, delivered {total:6.3f} s (spread {spread:.3f})")


def _run(python: str, script: str, url: str, count: int) -> tuple[float, float]:
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
