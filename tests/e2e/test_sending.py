"""The real program on its way to the collector: certificates that change, collectors that go."""

from __future__ import annotations

import json
import re
import shutil
import ssl
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from tests.faults import OK, FaultServer, Wire
from tests.program import eventually, running, shipper

pytestmark = pytest.mark.e2e

PEMS = Path(__file__).parents[1] / "certificates"
_CONFIG = """
state: {home}/state
collector: {{url: {urls}, retry: {{first: 0.05, cap: 0.2}}, {more}}}
sources: [{{name: web, paths: ['{home}/access.log'], grammar: nginx_access}}]
"""
_LINE = '192.0.2.9 - - [23/Nov/2026:10:00:00 +0000] "GET /{} HTTP/1.1" 200 5 "-" "x"\n'


class Site:
    """A log, and a configuration that sends it to *urls*."""

    def __init__(self, home: Path, *urls: str, more: str = "") -> None:
        self.log = home / "access.log"
        self.config = home / "shipper.yaml"
        self.config.write_text(_CONFIG.format(home=home, urls=json.dumps(urls), more=more))
        self.lines = 0

    def write(self, count: int = 10) -> None:
        with self.log.open("a") as log:
            for _ in range(count):
                self.lines += 1
                log.write(_LINE.format(self.lines))


class Door:
    """A collector that wants to know who calls; `seen` are the names, `paths` what they brought."""

    def __init__(self, authority: Path) -> None:
        self.seen: list[str] = []
        self.paths: Counter[str] = Counter()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(PEMS / "server.pem")
        self._context.load_verify_locations(authority)
        self._context.verify_mode = ssl.CERT_REQUIRED

    def scene(self, wire: Wire) -> None:
        wire.secure(self._context)
        assert isinstance(wire.sock, ssl.SSLSocket)
        subject = (wire.sock.getpeercert() or {})["subject"]
        name = str(dict(pair[0] for pair in subject)["commonName"])  # type: ignore[misc]
        while (request := wire.request()) is not None:
            self.paths.update(re.findall(rb'\\"path\\":\\"/(\d+)', request.body))
            self.seen.append(name)
            wire.say(OK)


def test_a_client_certificate_that_is_exchanged(tmp_path: Path) -> None:
    """Mutual TLS: the new certificate is shown without a restart; all lines arrive, each once.

    What is shown changes with the file, even where the first half of it comes before the rest.
    """
    mine = tmp_path / "mine.pem"
    shutil.copy(PEMS / "client_one.pem", mine)
    door = Door(PEMS / "authority.pem")
    with FaultServer(door.scene) as server:
        tls = f"tls: {{ca: {PEMS}/authority.pem, certificate: {mine}}}"
        site = Site(tmp_path, server.url.replace("http:", "https:"), more=tls)
        site.write()
        with running("run", "-c", site.config) as program:
            eventually(lambda: sum(door.paths.values()) == site.lines)
            assert set(door.seen) == {"Shipper one"}
            whole = (PEMS / "client_two.pem").read_bytes()
            for part in (whole[: len(whole) // 2], whole):
                mine.write_bytes(part)
                site.write()
                eventually(lambda: sum(door.paths.values()) == site.lines)

            def is_shown() -> bool:
                site.write(1)
                eventually(lambda: sum(door.paths.values()) == site.lines)
                return door.seen[-1] == "Shipper two"

            eventually(is_shown)
            assert program.stop() == 0
            assert not any("unavailable" in line for line in program.log)
    assert set(door.paths.values()) == {1}


def test_the_second_collector_until_the_first_is_back(tmp_path: Path) -> None:
    """Failover and recovery: the events go where they are taken, to the first if it is there."""
    schemas = known_schemas(Library())
    with ExitStack() as stack:
        first = DevCollector(schemas)
        second = stack.enter_context(DevCollector(schemas))
        with first:
            site = Site(tmp_path, first.url, second.url)
            site.write()
            program = stack.enter_context(running("run", "-c", site.config))
            eventually(lambda: first.counts().good == 10)
            assert second.counts().total == 0
        site.write()
        program.wait_for(f"collector.changed to={_host(second.url)}")
        eventually(lambda: second.counts().good == 10)
        with DevCollector(schemas, port=first.port) as back:

            def has_taken() -> bool:
                site.write(1)
                return back.counts().good > 0

            eventually(has_taken)
            program.wait_for(f"collector.changed to={_host(first.url)}")
            eventually(lambda: back.counts().good + second.counts().good + 10 == site.lines)
            taken = Counter(e["event"]["event_id"] for e in (*second.good(), *back.good()))
            assert set(taken.values()) == {1}
            assert program.stop() == 0
        done = shipper("audit", "-c", site.config)
        assert done.returncode == 0, done.stdout


def _host(url: str) -> str:
    return url.partition("//")[2]
