"""Many files at once: one that is written faster than it can be read, and quiet ones.

Real process, real inotify, a collector that only notes when a line came: judging each event would
take the time that is measured.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipper.devcollector.app import Answer
from tests.arrivals import LINE_BYTES, collector, numbered
from tests.program import eventually, running

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

COLD = 500
WRITES = 60
PATIENCE = 2.0
# Appends 20 MB a second, several times what one process parses, and no more than a disk can spare.
_HOT = """
import sys, time
path, block, most = sys.argv[1], sys.argv[2].encode() * 700, int(sys.argv[3])
with open(path, "ab", buffering=0) as log:
    while log.tell() < most:
        log.write(block)
        time.sleep(0.003)
"""


@contextmanager
def written_without_a_pause(log: Path, most: int = 1 << 30) -> Iterator[None]:
    """Have a process write to *log* all the time, *most* bytes at most."""
    line = numbered(0).decode().replace("/n/", "/h/")
    command = [sys.executable, "-c", _HOT, str(log), line, str(most)]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.kill()


class Stopwatch:
    """A collector's answers: notes when numbered lines come, and counts those of the hot file."""

    def __init__(self) -> None:
        self.came: dict[int, float] = {}
        self.hot = 0

    def __call__(self, _method: str, _target: str, body: bytes) -> Answer:
        now = time.monotonic()
        self.hot += body.count(b"/h/0")
        for number in re.findall(rb"/n/(\d{8})", body):
            self.came.setdefault(int(number), now)
        return Answer(200)


def configured(directory: Path, url: str) -> Path:
    config = directory / "shipper.yaml"
    config.write_text(
        f"state: {directory}/state\ncollector: {{url: '{url}'}}\n"
        f"sources: [{{name: web, paths: ['{directory}/logs/*.log'], grammar: nginx_access}}]\n"
    )
    return config


def written_to(logs: list[Path]) -> dict[int, float]:
    """Write a line to one log after the other; return by number when that was."""
    wrote: dict[int, float] = {}
    for number, path in enumerate(logs):
        wrote[number] = time.monotonic()
        with path.open("ab") as log:
            log.write(numbered(number))
        time.sleep(0.1)
    return wrote


def test_cold_files_beside_a_hot_one(tmp_path: Path) -> None:
    """63: One file at full speed, 500 quiet ones: what these get arrives within two seconds."""
    cold = [tmp_path / "logs" / f"cold-{number}.log" for number in range(COLD)]
    hot = tmp_path / "logs/hot.log"
    hot.parent.mkdir()
    for number, path in enumerate(cold):
        path.write_bytes(numbered(90_000_000 + number))
    watch = Stopwatch()
    with (
        collector(intercept=watch) as to,
        running("run", "-c", configured(tmp_path, to.url)) as program,
    ):
        eventually(lambda: len(watch.came) == COLD)
        with written_without_a_pause(hot):
            eventually(lambda: watch.hot > 10_000)
            wrote = written_to(random.Random(63).sample(cold, WRITES))
            eventually(lambda: wrote.keys() <= watch.came.keys())
            backlog = hot.stat().st_size - watch.hot * LINE_BYTES
        assert program.process.poll() is None
    waits = sorted(watch.came[number] - at for number, at in wrote.items())
    told = f"median {waits[WRITES // 2]:.2f} s, longest {waits[-1]:.2f} s"
    print(f"{told}; {watch.hot} hot events came, {backlog >> 20} MiB wait")  # noqa: T201
    assert backlog > 10_000_000, "the hot file was never ahead"
    assert waits[-1] < PATIENCE
