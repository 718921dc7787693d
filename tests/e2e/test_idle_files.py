"""More files than may be open, and no collector: files are closed while their events wait."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from tests.arrivals import Arrivals, adds_up, collector, free_port, numbered
from tests.program import eventually, running, shipper

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

FILES = 100
# 128 descriptors are kept for all else, so this leaves 32 for logs. The hard limit, too: the
# program raises the soft one.
FEW = ("sh", "-ec", 'ulimit -n 160; exec "$@"', "sh")


class Site:
    """Logs, a configuration whose collector may be away, and how many lines were written."""

    def __init__(self, directory: Path, port: int) -> None:
        self.logs = [directory / "logs" / f"{number}.log" for number in range(FILES)]
        self.logs[0].parent.mkdir()
        self.config = directory / "shipper.yaml"
        self.config.write_text(
            f"state: {directory}/state\n"
            f"collector: {{url: 'http://127.0.0.1:{port}', retry: {{first: 0.05, cap: 0.2}}}}\n"
            f"sources: [{{name: web, paths: ['{directory}/logs/*.log'], grammar: nginx_access}}]\n"
        )
        self.lines = 0
        self._rng = random.Random(73)

    def write(self) -> None:
        """Write a line to each log, in any order."""
        for log in self._rng.sample(self.logs, FILES):
            self.lines += 1
            with log.open("ab") as file:
                file.write(numbered(self.lines))

    def all_queued(self) -> bool:
        """Tell whether each line waits for the collector."""
        told = shipper("status", "-c", self.config, "--json")
        return told.returncode == 0 and json.loads(told.stdout)["queued_events"] == self.lines


def test_closed_for_idleness_while_events_are_unsent(tmp_path: Path) -> None:
    """73: Files that are closed and opened again while no collector listens: each line once."""
    port = free_port()
    site = Site(tmp_path, port)
    with running("run", "-v", "-c", site.config, under=FEW) as program:
        for _ in range(3):
            site.write()
            eventually(site.all_queued)
        with collector(port) as back:
            eventually(lambda: back.counts().good >= site.lines)
            assert program.stop() == 0
            assert Arrivals(back).lost(range(1, site.lines + 1)) == set()
            assert back.counts().good == site.lines
    log = "".join(program.log)
    assert " files.crowded " in log
    again = set(re.findall(r" file\.opened path=(\S+) .*offset=[1-9]", log))
    assert len(again) > FILES // 2, "hardly any file was closed and opened again"
    adds_up(site.config)
