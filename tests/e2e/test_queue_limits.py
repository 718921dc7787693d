"""The real program when more waits than may: by age, by size, and in the write-ahead log."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from shipper.store.space import MOST_WAL
from tests.program import Running, eventually, running, shipper

pytestmark = pytest.mark.e2e

_CONFIG = """
state: {home}/state
collector: {{url: "{url}", retry: {{first: 0.05, cap: 0.2}}}}
sources: [{{name: web, paths: ['{home}/access.log'], grammar: nginx_access}}]
queue: {{min_free: 0, {queue}}}
"""
_AWAY = "http://127.0.0.1:9"


class Site:
    """A log, and a program whose collector is away at first."""

    def __init__(self, home: Path, queue: str) -> None:
        self.home = home
        self.config = home / "shipper.yaml"
        self.config.write_text(_CONFIG.format(home=home, url=_AWAY, queue=queue))
        self.lines = 0

    def write(self, count: int, noise: int = 0) -> None:
        """Write lines with so many bytes in each that can't be compressed."""
        with (self.home / "access.log").open("a") as log:
            for _ in range(count):
                self.lines += 1
                target = f"/{self.lines}?{os.urandom(noise).hex()}"
                when = "23/Nov/2026:10:00:00 +0000"
                log.write(f'192.0.2.9 - - [{when}] "GET {target} HTTP/1.1" 200 5 "-" "x"\n')

    def come_back(self, collector: DevCollector) -> None:
        self.config.write_text(self.config.read_text().replace(_AWAY, collector.url))

    def bytes_of(self, name: str) -> int:
        return (self.home / "state" / name).stat().st_size

    def audit(self) -> str:
        done = shipper("audit", "-c", self.config)
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture
def collector() -> Iterator[DevCollector]:
    with DevCollector(known_schemas(Library()), max_events=100_000) as it:
        yield it


def _paused(program: Running) -> str:
    return program.wait_for("pump.paused")


def test_what_has_waited_too_long_pauses_reading(tmp_path: Path, collector: DevCollector) -> None:
    """queue.max_age with `pause`: reading stops, what waits stays; with the collector all goes."""
    site = Site(tmp_path, "max_age: 1s")
    site.write(10)
    with running("run", "-c", site.config) as program:
        assert "longest time" in _paused(program)
        site.write(10)
        site.come_back(collector)
        program.wait_for("pump.resumed")
        eventually(lambda: collector.counts().good == site.lines)
        assert program.stop() == 0
    site.audit()


def test_what_has_waited_too_long_goes(tmp_path: Path, collector: DevCollector) -> None:
    """queue.max_age with `drop_oldest`: what is old goes, is told in an event, and is counted."""
    site = Site(tmp_path, "max_age: 1s, when_full: drop_oldest")
    site.write(10)
    with running("run", "-c", site.config) as program:

        def is_told() -> bool:
            site.write(1)
            return any("queue.dropped" in line for line in program.log)

        eventually(is_told)
        site.come_back(collector)
        eventually(lambda: bool(_gaps(collector)))
        site.write(1)
        eventually(lambda: f"/{site.lines}?" in json.dumps(list(collector.good())))
        assert program.stop() == 0
    lost = sum(gap["events"] for gap in _gaps(collector))
    assert lost >= 10
    assert collector.counts().good - len(_gaps(collector)) == site.lines - lost
    assert {gap["cause"] for gap in _gaps(collector)} == {"queue_age"}
    assert "queue_age" in site.audit()


def _gaps(collector: DevCollector) -> list[dict[str, Any]]:
    data = [event["event"]["unstruct_event"]["data"] for event in collector.good()]
    return [each["data"] for each in data if "/gap/" in each["schema"]]


def test_the_files_stay_within_their_limits(tmp_path: Path, collector: DevCollector) -> None:
    """Six times what the queue may hold: the state stops at its limit, and nothing is lost."""
    site = Site(tmp_path, "max_bytes: 1MB")
    site.write(6_000, noise=1_000)
    with running("run", "-c", site.config) as program:
        assert "the queue is full" in _paused(program)
        eventually(lambda: site.bytes_of("state.db") > 0)
        # Over its limit by no more than one turn of reading brings.
        assert site.bytes_of("state.db") < 3_000_000
        assert site.bytes_of("state.db-wal") < 20_000_000
        site.come_back(collector)
        eventually(lambda: collector.counts().good == site.lines, 60)
        assert site.bytes_of("state.db") < 3_000_000
        assert program.stop() == 0
    site.audit()


def test_a_reader_without_an_end(tmp_path: Path, collector: DevCollector) -> None:
    """A write-ahead log that can't be cut pauses reading; when the reader ends, it is cut."""
    site = Site(tmp_path, "max_bytes: 1GB")
    site.come_back(collector)
    site.write(10)
    with running("run", "-c", site.config) as program:
        eventually(lambda: collector.counts().good == 10)
        with closing(sqlite3.connect(tmp_path / "state" / "state.db")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM file").fetchone()
            os.truncate(tmp_path / "state" / "state.db-wal", MOST_WAL + 1)  # sparse: costs nothing
            site.write(10)
            assert "the write-ahead log is too long" in _paused(program)
            assert site.bytes_of("state.db-wal") > MOST_WAL
        program.wait_for("pump.resumed")
        eventually(lambda: collector.counts().good == site.lines)
        assert site.bytes_of("state.db-wal") < 20_000_000
        assert program.stop() == 0
    site.audit()
