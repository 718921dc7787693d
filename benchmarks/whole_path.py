"""The whole path: a log file through the real program to a counting sink."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.sink import Sink


class Run(NamedTuple):
    """One run: lines/s, CPU µs a line (start-up included), peak memory in MB."""

    lines_a_second: float
    cpu_us: float
    peak_mb: float


def run_once(log: Path, lines: int, target: Sink, max_bytes: int, workers: int = 0) -> Run:
    """Ship *log* with a fresh state; raises RuntimeError unless each line arrived once."""
    state = log.parent / f"state-{time.time_ns()}"
    config = log.with_suffix(".yaml")
    config.write_text(
        f"state: {state}\nworkers: {workers}\n"
        f'collector: {{url: "http://127.0.0.1:{target.port}", max_bytes: {max_bytes}}}\n'
        f"sources: [{{name: web, paths: ['{log}'], grammar: nginx_access}}]\n"
    )
    target.reset()
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "shipper", "run", "-c", config, "--once"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    counts = target.counts()
    if process.returncode or counts[1:] != (lines, lines):
        raise RuntimeError(f"exit {process.returncode}, (requests, events, lines) = {counts}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(lines / took, cpu / lines * 1e6, usage.ru_maxrss / 1024)
