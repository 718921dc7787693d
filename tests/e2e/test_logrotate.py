"""Debian's logrotate, the real one, against a running shipper while a program writes its log."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.devcollector.app import Answer
from shipper.devcollector.server import DevCollector
from tests.arrivals import LINE_BYTES, Arrivals, adds_up, collector, numbered, numbers_in
from tests.e2e.writer import writing
from tests.program import eventually, running, shipper

LOGROTATE = shutil.which("logrotate", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(LOGROTATE is None, reason="needs logrotate: apt-get install logrotate"),
]

RATE = 1500.0  # lines a second
ROTATIONS = 4
# A name a second: logrotate does not rotate to a name that is there.
DATEEXT = "dateext\n dateformat -%Y%m%d-%s"
MODES = {
    "create": "create",
    "compress": "create\n compress",
    "delaycompress": "create\n compress\n delaycompress",
    "dateext": f"create\n {DATEEXT}",
    "dateext-compress": f"create\n compress\n {DATEEXT}",
}


class Site:
    """A directory with a log, logrotate's configuration, the shipper's, and a state of both."""

    def __init__(self, directory: Path, url: str, more: str = "") -> None:
        self.logs = directory / "logs"
        self.logs.mkdir()
        self.log = self.logs / "access.log"
        self.config = directory / "shipper.yaml"
        self.config.write_text(
            f"state: {directory}/state\n"
            f'collector: {{url: "{url}", retry: {{first: 0.05, cap: 0.2}}}}\n'
            f"tail: {{rotate_grace: 2s}}\n{more}"
            f"sources: [{{name: web, paths: ['{self.log}*'], grammar: nginx_access}}]\n"
        )
        self._rules = directory / "logrotate.conf"
        self._state = directory / "logrotate.state"

    def rotated_by(self, options: str, writer: int = 0) -> None:
        """Have the log rotated with *options*; the process *writer* is told to reopen it."""
        script = f"postrotate\n  kill -HUP {writer}\n endscript" if writer else ""
        rules = f"{self.log} {{\n rotate 100\n missingok\n {options}\n {script}\n}}\n"
        self._rules.write_text(rules)

    def rotate(self) -> None:
        """Run logrotate now."""
        command = [str(LOGROTATE), "--force", "--state", str(self._state), str(self._rules)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    def there(self) -> set[int]:
        """Return the numbers of the lines that some file still has."""
        data = (
            gzip.decompress(p.read_bytes()) if p.suffix == ".gz" else p.read_bytes()
            for p in self.logs.iterdir()
        )
        return set().union(*map(numbers_in, data))


@pytest.fixture
def development() -> Iterator[DevCollector]:
    with collector() as it:
        yield it


def under_load(site: Site, to: DevCollector, options: str, *, reopens: bool) -> int:
    """Rotate while lines are written and shipped; return how many lines were written."""
    with running("run", "-v", "-c", site.config) as program, writing(site.log, RATE) as writer:
        site.rotated_by(options, writer.pid if reopens else 0)
        program.wait_for("service.started")
        for _ in range(ROTATIONS):
            time.sleep(1.05 if "dateext" in options else 0.6)  # this is the load
            site.rotate()
        time.sleep(0.5)
        lines = writer.stop()
        there = len(site.there())
        eventually(lambda: to.counts().good >= there)
        assert program.stop() == 0, "".join(program.log)
    return lines


def finds_nothing_more(site: Site, to: DevCollector) -> bool:
    """Run once more; tell whether nothing came of it."""
    before = to.counts()
    done = shipper("run", "-c", site.config, "--once")
    assert done.returncode == 0, done.stderr
    return to.counts() == before


@pytest.mark.parametrize("options", MODES.values(), ids=MODES.keys())
def test_a_log_that_logrotate_renames(
    tmp_path: Path, development: DevCollector, options: str
) -> None:
    """11, 56: Renamed, compressed at once or later, dated: each line arrives under one id."""
    site = Site(tmp_path, development.url)
    lines = under_load(site, development, options, reopens=True)

    assert len(list(site.logs.iterdir())) == ROTATIONS + 1
    arrived = Arrivals(development)
    assert arrived.lost(range(1, lines + 1)) == set()
    assert arrived.gaps == []
    assert finds_nothing_more(site, development)
    adds_up(site.config)


@pytest.mark.parametrize("more", ["", "compress", "compress\n delaycompress"])
def test_a_log_that_logrotate_copies_and_truncates(
    tmp_path: Path, development: DevCollector, more: str
) -> None:
    """21, 22: What is missing was written between copy and truncation; nothing comes twice."""
    site = Site(tmp_path, development.url)
    lines = under_load(site, development, f"copytruncate\n {more}", reopens=False)

    written = set(range(1, lines + 1))
    destroyed = written - site.there()
    arrived = Arrivals(development)
    lost = arrived.lost(written)
    told = sum(gap["bytes"] for gap in arrived.gaps)
    print(f"{lines} lines, {len(destroyed)} destroyed, {len(lost)} lost, {told} bytes told")  # noqa: T201
    assert lost <= destroyed
    assert told <= len(lost) * LINE_BYTES
    assert finds_nothing_more(site, development)
    adds_up(site.config)


class Shut:
    """A collector's answers that is shut until it is opened."""

    def __init__(self) -> None:
        self.open = False

    def __call__(self, *_: object) -> Answer | None:
        return None if self.open else Answer(503)


def truncated_unread(site: Site, to: DevCollector, shut: Shut) -> str:
    """Have the log truncated while the queue is full; return what was logged of that."""
    with running("run", "-v", "-c", site.config) as program:
        program.wait_for("pump.paused")
        site.log.with_name("access.log-late").write_bytes(numbered(7_001))
        program.wait_for("access.log-late")  # so the log was looked at after its last line
        site.rotate()
        told = program.wait_for("file.truncated")
        site.log.write_bytes(numbered(7_002))
        shut.open = True
        eventually(lambda: {7_001, 7_002} <= Arrivals(to).ids.keys())
        assert program.stop() == 0, "".join(program.log)
    return told


def test_logrotate_truncates_what_could_not_be_read_yet(tmp_path: Path) -> None:
    """23: The queue is full, the copy out of sight: event, dead letter and ledger tell the loss."""
    (tmp_path / "elsewhere").mkdir()
    shut = Shut()
    with collector(intercept=shut) as to:
        site = Site(tmp_path, to.url, "queue: {max_bytes: 1000000}\n")
        site.rotated_by(f"copytruncate\n olddir {tmp_path}/elsewhere")
        # What does not compress fills the queue soon.
        lines = [numbered(number, os.urandom(300).hex()) for number in range(1, 6_001)]
        site.log.write_bytes(b"".join(lines))
        told = truncated_unread(site, to, shut)
        arrived = Arrivals(to)
    lost = arrived.lost([*range(1, 6_001), 7_001, 7_002])
    size = sum(len(lines[number - 1]) for number in lost)
    assert 0 < len(lost) < 6_000
    assert f"lost_bytes={size}" in told
    assert [gap["bytes"] for gap in arrived.gaps] == [size]
    listed = shipper("dead-letters", "list", "-c", site.config, "--json").stdout
    (letter,) = map(json.loads, listed.splitlines())
    assert letter["reason"] == "gap"
    assert f"at least {size} bytes" in letter["detail"]
    assert f"{size:,} bytes lost" in adds_up(site.config)
