"""A shipper with a status page, in a process of its own, and a collector behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shipper.devcollector.server import DevCollector
from tests.devcollector.test_app import Client
from tests.program import Running, running


class Site:
    """A configuration in *directory*: a log, its grammar, and where the page is served."""

    def __init__(self, directory: Path, collector: DevCollector) -> None:
        self.directory = directory
        self.collector = collector
        self.config = directory / "shipper.yaml"
        self.log = directory / "access.log"
        self.log.touch()
        self.configure()

    def configure(self, status: str = "listen: '127.0.0.1:0'", more: str = "") -> None:
        self.config.write_text(
            f"state: {self.directory}/state\n"
            f"collector: {{url: '{self.collector.url}', retry: {{first: 0.05, cap: 0.2}}}}\n"
            f"sources: [{{name: web, paths: ['{self.log}'], grammar: nginx_access}}]\n"
            f"status: {{{status}}}\n{more}"
        )

    @contextmanager
    def run(self, command: str = "run") -> Iterator[tuple[Running, Client]]:
        """Start the program; yield it, and a client of its page."""
        with running(command, "-c", self.config) as program:
            yield program, Client(page_port(program.wait_for("status.listening")))


def page_port(line: str) -> int:
    """Return the port that a line of the log says the page is at."""
    (port,) = re.findall(r'at="?http://127\.0\.0\.1:(\d+)', line)
    return int(port)
