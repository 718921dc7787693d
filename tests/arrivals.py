"""The oracle of the end-to-end tests: numbered lines, and what of them came to a collector.

Rule 1: a line is known by the number in its request target; a number is written once.
Rule 2: an event may come again, but only with its id and its very bytes (`stm` apart, which is
        the time of sending).
"""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from shipper.cli.collector import known_schemas
from shipper.devcollector.app import Intercept
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from tests.program import shipper

_NUMBER = re.compile(rb'"GET /n/(\d{8}) ')
LINE_BYTES = 89


def numbered(number: int, agent: str = "curl/8") -> bytes:
    """Return the line *number*, in nginx's format: LINE_BYTES, if the *agent* is not another."""
    time = "23/Nov/2026:10:00:00 +0000"
    target = f"/n/{number:08d}"
    return f'192.0.2.7 - - [{time}] "GET {target} HTTP/1.1" 200 5 "-" "{agent}"\n'.encode()


def numbers_in(data: bytes) -> set[int]:
    """Return the numbers of the lines in *data*."""
    return {int(number) for number in _NUMBER.findall(data)}


@contextmanager
def collector(
    port: int = 0, intercept: Intercept | None = None, grammars: Sequence[Path] = ()
) -> Iterator[DevCollector]:
    """Start a development collector that remembers all that comes; it may be left and reentered."""
    shelf = known_schemas(Library(grammars))
    with DevCollector(shelf, port=port, max_events=5_000_000, intercept=intercept) as it:
        yield it


def free_port() -> int:
    """Return a port where nothing listens, and from where the kernel connects nowhere.

    Whoever asks for a port that is closed just now could else be given it as its own.
    """
    low, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    while True:
        port = random.randrange(low - 10_000, low)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Arrivals:
    """What came to *collectors*, taken together: by number the ids and the fact, and the gaps."""

    def __init__(self, *collectors: DevCollector) -> None:
        self.ids: dict[int, set[str]] = {}
        self.facts: dict[int, dict[str, Any]] = {}
        self.gaps: list[dict[str, Any]] = []
        self._payloads: dict[str, str] = {}
        for each in collectors:
            assert each.counts().bad == 0, each.bad(3)
            for item in each.good():
                self._take(item)

    def lost(self, written: Iterable[int]) -> set[int]:
        """Return the numbers that were *written* and never came; none may come besides, or twice.

        Twice means with two ids: the same event again is what a cut request costs.
        """
        numbers = set(written)
        assert self.ids.keys() - numbers == set(), "lines are invented"
        doubled = [number for number, ids in self.ids.items() if len(ids) > 1]
        assert doubled == [], f"lines have two ids: {doubled[:3]} to {doubled[-3:]}, {len(doubled)}"
        return numbers - self.ids.keys()

    def _take(self, item: dict[str, Any]) -> None:
        sent = item["rawEvent"]["parameters"]
        payload = str(sorted((k, v) for k, v in sent.items() if k != "stm"))
        known = self._payloads.setdefault(sent["eid"], payload)
        assert known == payload, f"{sent['eid']} came with other bytes"
        fact = item["event"]["unstruct_event"]["data"]
        if "/gap/" in fact["schema"]:
            if known is payload:
                self.gaps.append(fact["data"])
        else:
            number = int(fact["data"]["path"].removeprefix("/n/"))
            self.ids.setdefault(number, set()).add(sent["eid"])
            self.facts[number] = fact["data"]


def adds_up(config: Path) -> str:
    """Run the audit; fail unless everything that was read is accounted for. Return its words."""
    done = shipper("audit", "-c", config)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
