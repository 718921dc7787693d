"""How a run ends: by signals, with a collector that takes its time."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from shipper.devcollector.app import Answer
from tests.arrivals import Arrivals, adds_up, collector, numbered
from tests.program import eventually, running, shipper

pytestmark = pytest.mark.e2e

LINES = 20


def configure(directory: Path, url: str) -> Path:
    """Write a log and a configuration; return that."""
    (directory / "app.log").write_bytes(b"".join(map(numbered, range(1, LINES + 1))))
    config = directory / "shipper.yaml"
    config.write_text(
        f"state: {directory}/state\n"
        f"collector: {{url: '{url}', retry: {{first: 0.05, cap: 0.2}}}}\n"
        f"sources: [{{name: web, paths: ['{directory}/app.log'], grammar: nginx_access}}]\n"
    )
    return config


def catches(pid: int, number: signal.Signals) -> bool:
    """Tell whether the process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(re.findall(r"^SigCgt:\t([0-9a-f]+)$", status, re.MULTILINE)[0], 16)
    return bool(caught >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_waits_for_an_answer_within_the_grace_time(
    tmp_path: Path, number: signal.Signals
) -> None:
    """74: The request under way when the signal comes is answered late: it is not sent again."""
    asked = threading.Event()
    slow = Answer(200, delay=1.5, counted=True)

    def answer(*_: object) -> Answer:
        asked.set()
        return slow

    with collector(intercept=answer) as to:
        config = configure(tmp_path, to.url)
        with running("run", "-c", config) as program:
            assert asked.wait(30)
            began = time.monotonic()
            assert program.stop(number) == 0, "".join(program.log)
            assert time.monotonic() - began < 8  # the grace time is 10 s
        assert "queued=0" in program.wait_for("service.stopped")
        assert shipper("run", "-c", config, "--once").returncode == 0
        assert to.counts().total == LINES
    adds_up(config)


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """While a stop waits for its request, another SIGTERM kills; nothing is lost by that."""
    asked = threading.Event()
    answers = [Answer(200, delay=60.0)]

    def answer(*_: object) -> Answer | None:
        asked.set()
        return answers[0] if answers else None

    with collector(intercept=answer) as to:
        config = configure(tmp_path, to.url)
        with running("run", "-c", config, "--grace", "60") as program:
            assert asked.wait(30)
            program.process.send_signal(signal.SIGTERM)
            eventually(lambda: not catches(program.process.pid, signal.SIGTERM))
            assert program.process.poll() is None
            began = time.monotonic()
            assert program.stop(signal.SIGTERM) == -signal.SIGTERM
            assert time.monotonic() - began < 2
        answers.clear()
        assert shipper("run", "-c", config, "--once").returncode == 0
        assert Arrivals(to).lost(range(1, LINES + 1)) == set()
    adds_up(config)


def test_a_stop_ends_in_time_while_another_program_holds_the_state(tmp_path: Path) -> None:
    """It says who holds it; what was not on record is read, and sent, at the next start."""
    with collector() as to:
        config = configure(tmp_path, to.url)
        with running("run", "-c", config, "--grace", "2") as program:
            eventually(lambda: to.counts().total == LINES)
            with closing(sqlite3.connect(tmp_path / "state" / "state.db")) as other:
                other.isolation_level = None
                other.execute("BEGIN IMMEDIATE")
                with (tmp_path / "app.log").open("ab") as log:
                    log.write(numbered(LINES + 1))
                paused = program.wait_for("pump.paused")
                began = time.monotonic()
                assert program.stop(signal.SIGTERM) == 0, "".join(program.log)
                assert time.monotonic() - began < 8, "waiting for the lock takes 10 s each time"
        assert f"locked by another process (pid {os.getpid()}, " in paused
        assert shipper("run", "-c", config, "--once").returncode == 0
        assert Arrivals(to).lost(range(1, LINES + 2)) == set()
    adds_up(config)
