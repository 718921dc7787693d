"""A queue, a collector and an emitter between them, for the stories of sending."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import orjson

from shipper.collector.client import Address, HttpCollector
from shipper.devcollector.app import Answer
from shipper.devcollector.schemas import Memory
from shipper.devcollector.server import DevCollector
from shipper.emitter import Emitter, Sending
from shipper.event.batch import pack
from shipper.model import Clock
from shipper.sending.outbox import Outbox
from shipper.store.store import Store

NOW_MS = 1_795_417_200_000
Judge = Callable[[list[dict[str, str]], bytes], Answer | None]


def eid(number: int) -> str:
    return str(UUID(int=number, version=5))


def event(number: int, size: int = 0) -> bytes:
    """A good event; padded to *size* bytes."""
    text = b'{"e":"pv","eid":"%s","dtm":"1795417200123","p":"web","tv":"test-1","page":"%s"}'
    short = text % (eid(number).encode(), b"")
    return text % (eid(number).encode(), b"x" * max(0, size - len(short)))


def number_of(payload: dict[str, str]) -> int:
    """The number that `event` was made with."""
    return UUID(payload["eid"]).int & 0xFFFFFF


class Time:
    """A clock that stands still until it is moved on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.clock = Clock(wall=lambda: NOW_MS / 1000 + self.now, monotonic=lambda: self.now)


class Reports:
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.all: list[tuple[str, dict[str, object]]] = []

    def __call__(self, name: str, /, **facts: object) -> None:
        self.all.append((name, facts))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.all]


class Post:
    """The collector's side: remembers every request, and answers as `judge` says.

    `judge` gets the events of a request and its body; None takes them.
    """

    def __init__(self) -> None:
        self.judge: Judge = lambda _events, _body: None
        self.bodies: list[bytes] = []
        self.targets: list[str] = []
        self.sent: list[list[int]] = []
        self.stamps: list[str] = []
        self.in_flight = 0
        self._lock = threading.Lock()

    def intercept(self, method: str, target: str, body: bytes) -> Answer | None:
        if method == "POST":
            events = orjson.loads(body)["data"]
        else:
            events = [dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))]
        with self._lock:
            self.bodies.append(body)
            self.targets.append(target)
            self.sent.append([number_of(e) for e in events])
            self.stamps += [e["stm"] for e in events]
        return self.judge(events, body)

    @property
    def order(self) -> list[int]:
        """The numbers of all events, in the order of their arrival."""
        return [number for request in self.sent for number in request]


class Rig:
    """Store, collector and emitter. `emitter()` makes one; `drain` turns it until idle."""

    def __init__(self, store: Store, server: DevCollector, post: Post) -> None:
        self.store = store
        self.server = server
        self.post = post
        self.time = Time()
        self.reports = Reports()
        self._clients: list[HttpCollector] = []

    def queue(self, *numbers: int, size: int = 0, max_bytes: int = 180_000) -> None:
        """Queue events as one pump's commit would."""
        events = [event(number, size) for number in numbers]
        self.store.enqueue("web", pack(events, max_bytes), NOW_MS)

    def outbox(self, clock: Clock | None = None) -> Outbox:
        return Outbox(self.store, self.reports, clock or self.time.clock)

    def emitter(
        self,
        *,
        url: str = "",
        clock: Clock | None = None,
        outbox: Outbox | None = None,
        **sending: Any,
    ) -> Emitter:
        """Make one with an *outbox* of its own, if none is given."""
        client = HttpCollector(Address(url=url or self.server.url, read_timeout=10.0))
        self._clients.append(client)
        outbox = outbox or self.outbox(clock)
        return Emitter(outbox, client, sending=Sending(**sending), rng=Random(7))

    def drain(self, emitter: Emitter, turns: int = 2000) -> int:
        """Turn until nothing is left to send; pauses pass in no time. Returns how many turns."""
        for number in range(turns):
            wait = emitter.turn()
            if wait is None:
                return number
            self.time.now += wait
        raise AssertionError(f"still not idle after {turns} turns")

    def good(self) -> list[int]:
        """The numbers of the events that the collector took, sorted."""
        return sorted(number_of(item["rawEvent"]["parameters"]) for item in self.server.good())

    def letters(self) -> list[tuple[int, str, str]]:
        """The dead letters: number of the event, reason, detail."""
        page = self.store.dead_letters.page()
        return [
            (number_of(orjson.loads(letter.event or b"")), letter.reason, letter.detail)
            for letter in page
        ]

    def count(self, name: str) -> int:
        return self.store.counters().get((name, "web"), 0)

    def close(self) -> None:
        for client in self._clients:
            client.close()


@contextmanager
def rig(state: Path) -> Iterator[Rig]:
    """A rig with an empty queue in *state*."""
    post = Post()
    store = Store.open(state)
    with DevCollector(Memory({}), intercept=post.intercept) as server:
        it = Rig(store, server, post)
        try:
            yield it
        finally:
            it.close()
            store.close()
