"""The proof of the promise: kill the real process at random moments, and lose nothing.

A workload writes and rotates logs while shippers are started and killed: while they work, and while
they start. In the end the collector has every line that was written, under one id each; where a
request was cut, an event came again, with the same id and the same bytes.
"""

from __future__ import annotations

import random
import signal
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from shipper.devcollector.server import DevCollector
from tests.arrivals import LINE_BYTES, Arrivals, adds_up, collector, free_port
from tests.kill.workloads import (
    Churning,
    Compressing,
    Copytruncate,
    Several,
    Traces,
    Workload,
    record,
    up_and_down,
)
from tests.program import Running, running, shipper

CONFIG = """
state: {directory}/state
namespace: kill-test
collector: {{url: "{url}", max_bytes: 20000, retry: {{first: 0.05, cap: 0.2}}}}
tail: {{rotate_grace: 2s}}
"""
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


class Trial:
    """A workload, a shipper that is killed, a collector, and what came of it."""

    pauses = 0.0
    """How many of the lives are stopped for a while before they end, as on a starved machine."""

    def __init__(self, directory: Path, kind: type[Workload], kills: int, seed: int) -> None:
        print(f"{kind.__name__}: kills {kills}, seed {seed}")  # noqa: T201  # to run it again
        self.config = directory / "shipper.yaml"
        self.kills = kills
        self.rng = random.Random(seed + 1)
        (directory / "logs").mkdir()
        self.workload = kind(directory / "logs", random.Random(seed))
        self._directory = directory

    def run(self, to: DevCollector, *, flapping: bool = False) -> Arrivals:
        """Kill again and again, then let one live to the end; return what came to *to*."""
        settings = CONFIG + self.workload.config
        logs = self._directory / "logs"
        self.config.write_text(settings.format(directory=self._directory, url=to.url, logs=logs))
        self.workload.arrived = lambda: to.counts().good
        self.workload.start()
        try:
            with up_and_down(to, random.Random(self.rng.random())) if flapping else nullcontext():
                for _ in range(self.kills):
                    self._live_and_die()
        finally:
            self.workload.stopping.set()
            self.workload.join()
        last = shipper("run", "-c", self.config, "--once")
        assert last.returncode == 0, last.stderr
        print(f"{len(self.workload.written)} lines, {to.counts().good} events came")  # noqa: T201
        print(adds_up(self.config))  # noqa: T201  # shown if lines are missing: where they went
        letters = shipper("dead-letters", "list", "-c", self.config)
        print(letters.stdout)  # noqa: T201
        return Arrivals(to)

    def _live_and_die(self) -> None:
        """Strike at any moment of the work; now and then before it began."""
        with running("run", "-c", self.config) as program:
            if self.rng.random() < 0.3:
                time.sleep(self.rng.uniform(0.0, 0.8))
            else:
                program.wait_for("service.started")
                time.sleep(self.rng.uniform(0.0, 0.6))
            if self.rng.random() < self.pauses:
                self._pause(program)
            assert program.process.poll() is None, "".join(program.log)
            assert program.stop(signal.SIGKILL) == -signal.SIGKILL

    def _pause(self, program: Running) -> None:
        """Let it stand still, at times for longer than the grace time, and go on for a while."""
        program.process.send_signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.0, 3.0))
        program.process.send_signal(signal.SIGCONT)
        time.sleep(self.rng.uniform(0.0, 0.6))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed") or random.randrange(1 << 32))


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often the main workload is killed."""
    return int(request.config.getoption("--kills"))


@pytest.fixture
def fewer(kills: int) -> int:
    """How often each of the other workloads is killed."""
    return max(min(kills, 8), kills // 20)


def test_no_line_is_lost_or_doubled_however_often_the_process_is_killed(
    tmp_path: Path, kills: int, seed: int
) -> None:
    """65: However often and whenever the process is killed, each line arrives under one id."""
    trial = Trial(tmp_path, Workload, kills, seed)
    with collector() as to:
        assert trial.run(to).lost(trial.workload.written) == set()


def test_rotated_and_compressed_while_it_is_killed(tmp_path: Path, fewer: int, seed: int) -> None:
    """56, 65: A rotated log, and the archive that is made of it: each line under one id."""
    trial = Trial(tmp_path, Compressing, fewer, seed)
    with collector() as to:
        assert trial.run(to).lost(trial.workload.written) == set()


def test_copied_and_truncated_while_it_is_killed(tmp_path: Path, fewer: int, seed: int) -> None:
    """22, 65: Only what was written between copy and truncation may be missing; nothing twice."""
    trial = Trial(tmp_path, Copytruncate, fewer, seed)
    with collector() as to:
        arrived = trial.run(to)
    lost = arrived.lost(trial.workload.written)
    told = sum(gap["bytes"] for gap in arrived.gaps)
    print(f"{len(trial.workload.excused)} between, {len(lost)} lost, {told} bytes told")  # noqa: T201
    assert lost <= trial.workload.excused
    assert told <= len(lost) * LINE_BYTES


def test_records_of_many_lines_while_it_is_killed(tmp_path: Path, fewer: int, seed: int) -> None:
    """61, 65: Stack traces, rotated in their midst: each record once, and whole."""
    trial = Trial(tmp_path, Traces, fewer, seed)
    with collector(grammars=[tmp_path / "logs/grammars"]) as to:
        arrived = trial.run(to)
    assert arrived.lost(trial.workload.written) == set()
    for number, fact in arrived.facts.items():
        text = record(number).decode().removesuffix("\n")
        assert f"{fact['path']} {fact['text']}" == text


def test_several_logs_and_a_collector_that_comes_and_goes(
    tmp_path: Path, fewer: int, seed: int
) -> None:
    """65, 69: Both ends die again and again: each line of each log arrives under one id."""
    trial = Trial(tmp_path, Several, fewer, seed)
    with collector(free_port()) as to:
        assert trial.run(to, flapping=True).lost(trial.workload.written) == set()


def test_small_logs_that_come_and_go_while_it_is_killed(
    tmp_path: Path, fewer: int, seed: int
) -> None:
    """32, 65: Rotated all the time, soon deleted, inodes used again: each line under one id.

    Some of the lives are paused amid it, for longer than the grace time of rotated files.
    """
    trial = Trial(tmp_path, Churning, fewer, seed)
    trial.pauses = 0.3
    assert isinstance(trial.workload, Churning)
    with collector(intercept=trial.workload.hear) as to:
        assert trial.run(to).lost(trial.workload.written) == set()
