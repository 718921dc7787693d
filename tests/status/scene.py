"""A shipper with something to show: an hour behind it, logs of three programs, dead letters.

All lines are invented. `python -m tests.status.screenshots` takes the pictures of the docs of it.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from shipper.devcollector.server import DevCollector
from shipper.store.history import KEPT_SECONDS, STEP_SECONDS, Condition, Flow, Levels, Step
from shipper.store.store import Store
from tests.program import Running, running
from tests.status.site import page_port

BAD = [
    '203.0.113.77 - - [yesterday] "GET /shop/basket HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (X11)"',
    '198.51.100.23 - - [26/Nov/2026:09:12:44 +0000] "POST /shop/pay HTTP/1.1" 9999 311 "-" "-"',
    "upstream timed out (110: Connection timed out) while reading response header",
]
_PATHS = ["/", "/shop", "/shop/basket", "/shop/item/17", "/shop/item/4711", "/about", "/help"]
_AGENTS = ["Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "Mozilla/5.0 (iPhone)"]


def access(rng: random.Random) -> str:
    """Return a line of an access log."""
    at = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    path, agent = rng.choice(_PATHS), rng.choice(_AGENTS)
    status, size = rng.choice([200, 200, 200, 304, 404]), rng.randrange(200, 20_000)
    address = f"203.0.113.{rng.randrange(1, 255)}"
    return f'{address} - - [{at}] "GET {path} HTTP/1.1" {status} {size} "-" "{agent}"'


def api(rng: random.Random) -> str:
    """Return a line of a program that logs JSON."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    took = rng.randrange(2, 900)
    said = f'"message": "order {rng.randrange(10_000)} was taken", "duration_ms": {took}'
    return f'{{"time": "{at}", "level": "info", {said}}}'


class Scene:
    """Logs below *directory*, and a configuration that ships them to *collector*."""

    def __init__(self, directory: Path, collector: DevCollector) -> None:
        self.directory = directory
        self.rng = random.Random(7)
        self.shop = directory / "logs" / "shop-access.log"
        self.api = directory / "logs" / "orders.log"
        self.shop.parent.mkdir()
        self.config = directory / "shipper.yaml"
        self.config.write_text(
            f"state: {directory}/state\n"
            f"collector: {{url: '{collector.url}'}}\n"
            "sources:\n"
            f"  - {{name: shop, paths: ['{self.shop}'], grammar: nginx_access}}\n"
            f"  - {{name: orders, paths: ['{self.api}'], grammar: json_lines}}\n"
            "status: {listen: '127.0.0.1:0'}\n"
        )

    def write(self, lines: int) -> None:
        """Let the programs log."""
        with self.shop.open("a") as shop, self.api.open("a") as orders:
            for _ in range(lines):
                shop.write(access(self.rng) + "\n")
                orders.write(api(self.rng) + "\n")

    def fail(self) -> None:
        """Let them log what no grammar takes."""
        with self.shop.open("a") as shop:
            shop.writelines(f"{line}\n" for line in BAD)

    def remember_an_hour(self) -> None:
        """Put an hour on record as it may have been: a busy one, with an outage of minutes."""
        store, now = Store.open(self.directory / "state"), int(time.time())
        try:
            for back in range(KEPT_SECONDS - STEP_SECONDS, 0, -STEP_SECONDS):
                store.history.note(Condition(now * 1000), {}, self._step(now - back, back))
        finally:
            store.close()

    def _step(self, at: int, back: int) -> Step:
        made = int(10 * (900 + 380 * math.sin(back / 430) + 120 * self.rng.random()))
        down, after = 1_500 < back < 1_800, 1_380 < back <= 1_500
        waits = made * (1_800 - back) // 10 if down else 300 * (back - 1_380) * 10 if after else 0
        delivered = 0 if down else made + (26_000 if after else 0)
        lag = int(waits * 90) if down or after else self.rng.randrange(0, 40_000)
        flow = Flow(made, made * 180, made, 0, delivered, delivered // 400, 0, 0, 3 * down, 0)
        return Step(at, STEP_SECONDS * 1000, flow, Levels(lag, waits, waits * 60, waits and 90))


@contextmanager
def playing(scene: Scene) -> Iterator[tuple[Running, str]]:
    """Start the shipper of *scene*; yield it and the URL of its page."""
    with running("run", "-c", scene.config) as program:
        port = page_port(program.wait_for("status.listening"))
        yield program, f"http://127.0.0.1:{port}/"
