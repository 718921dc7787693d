"""Every fault on the way, for POST and GET, with a small and a large backlog, on real sockets.

After the fault ends, what the collector has and what is buried is what was queued; what is buried
has its reason; what came twice is the same to the byte, but for the time of sending.

`make fault-test` plays the same with larger backlogs, longer faults and four senders at a time.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from shipper.collector.client import Address, HttpCollector
from shipper.collector.tls import Tls
from shipper.emitter import Emitter, Sending
from shipper.event.batch import pack
from shipper.model import Clock
from shipper.sending.outbox import Outbox
from shipper.service.threads import Crew
from shipper.store.store import Store
from tests.faults import FaultServer
from tests.matrix import scripts
from tests.matrix.scripts import Collector, Play, status
from tests.outbox import NOW_MS, Reports, Time, event, number_of

REAL = Clock(wall=time.time, monotonic=time.monotonic)
HOST = "collector.example.com"

ANSWERS: dict[str, Play] = {
    **{str(code): status(code) for code in (200, 204, 299, 404, 405, 407, 410, 451)},
    **{str(code): status(code) for code in (400, 401, 403, 408, 413, 422, 425, 429)},
    **{str(code): status(code) for code in (500, 501, 502, 503, 504, 507, 599, 600)},
    **{str(code): status(code, Location="/there") for code in (301, 302, 303, 307, 308)},
    "503 and a wish": status(503, Retry_After="7"),
    "429 and a date": status(429, Retry_After="Wed, 01 Jan 2098 00:00:00 GMT"),
    "103": scripts.interim,
    "reset after the body": scripts.reset_after_body,
    "answer lost": scripts.lost_answer,
    "answer cut": scripts.cut_answer,
    "answer late": scripts.late_answer,
    "never answers": scripts.never,
    "drips": scripts.drip,
    "garbage": scripts.garbage,
    "endless head": scripts.endless_head,
    "endless body": scripts.endless_body,
    "flapping": scripts.flapping(1),
    "flapping differently": scripts.flapping(2),
}
CONNECTIONS = {
    "reset before the body": scripts.reset_at_once,
    "reset in the body": scripts.reset_in_body,
    "accepts and is deaf": scripts.deaf,
}
SLOW = {"never answers", "drips", "answer late", "accepts and is deaf", "endless head"}
WISHES = {"503 and a wish", "429 and a date"}
TAKEN = {"answer lost", "answer cut", "answer late"}


class Case:
    """A queue, and a collector that has a fault."""

    def __init__(self, stack: ExitStack, state: Path, method: str, count: int) -> None:
        self.store = Store.open(state)
        stack.callback(self.store.close)
        self.stack, self.method, self.count = stack, method, count
        for start in range(0, count, 50):
            numbers = range(start, min(start + 50, count))
            self.store.enqueue("web", pack([event(n, 250) for n in numbers], 180_000), NOW_MS)
        self.time, self.reports = Time(), Reports()

    def serve(self, it: Collector, port: int = 0) -> FaultServer:
        return self.stack.enter_context(FaultServer(it.scene, port=port))

    def emitter(self, url: str, clock: Clock, tls: Tls, senders: int) -> Emitter:
        client = HttpCollector(
            Address(url=url, tls=tls, proxy="", connect_timeout=0.4, read_timeout=0.2)
        )
        self.stack.callback(client.close)
        slow = senders == 1  # time passes in no time
        sending = Sending(
            method=self.method,
            max_bytes=15_000,
            least=senders,
            first_pause=0.5 if slow else 0.02,
            longest_pause=60.0 if slow else 0.1,
            misconfigured_pause=30.0 if slow else 0.1,
        )
        outbox = Outbox(self.store, self.reports, clock)
        return Emitter(outbox, client, sending=sending, rng=Random(3))

    def drain(self, url: str, senders: int, tls: Tls | None = None) -> Emitter:
        """Send until the queue is empty: turn by turn in virtual time, or by threads in real."""
        clock = self.time.clock if senders == 1 else REAL
        emitter = self.emitter(url, clock, tls or Tls(), senders)
        if senders == 1:
            turns = 0
            while self.store.backlog().events:
                wait = emitter.turn()
                self.time.now += 1.0 if wait is None else wait
                turns += 1
                assert turns < 100_000, f"stuck: {emitter.trouble}"
            return emitter
        crew = Crew()
        bell = crew.bell()
        for number in range(senders):
            crew.start(f"sender-{number}", emitter.turn, bell, lambda: 0.02)
        end = time.monotonic() + 100
        while self.store.backlog().events and not crew.crash:
            assert time.monotonic() < end, f"stuck: {emitter.trouble}"
            time.sleep(0.01)
        assert crew.join(10) == []
        assert crew.crash is None
        return emitter

    def check(self, it: Collector, emitter: Emitter, buried: frozenset[int] = frozenset()) -> None:
        letters = self.store.dead_letters.page(limit=100_000)
        found = {number_of(orjson.loads(letter.event or b"")) for letter in letters}
        assert found == buried
        assert len(letters) == len(buried), "buried once each"
        assert all(letter.reason == "rejected" and letter.detail for letter in letters)
        assert set(it.copies) == set(range(self.count)) - buried, "nothing is lost"
        assert all(len(set(copies)) == 1 for copies in it.copies.values()), "twins are equal"
        assert it.hits, "the fault was there"
        assert emitter.trouble == ""
        assert emitter.failing_for() == 0
        counters = self.store.counters()
        assert counters.get(("delivered", "web"), 0) == self.count - len(buried)


class Scale:
    """How much of it: the short form and the long one."""

    def __init__(self, long: bool) -> None:
        self.long = long
        self.senders = 4 if long else 1

    def count(self, method: str, backlog: str) -> int:
        if backlog == "small":
            return 7
        post, get = (8_000, 500) if self.long else (300, 80)
        return post if method == "post" else get

    def hits(self, name: str) -> int:
        return (5 if self.long else 2) if name in SLOW else (20 if self.long else 5)


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> Scale:
    return Scale(request.config.getoption("--long", default=False))


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Callable[[str, int], Case]]:
    with ExitStack() as stack:
        yield lambda method, count: Case(stack, tmp_path / "state", method, count)


every_way = pytest.mark.parametrize("method", ["post", "get"])
every_size = pytest.mark.parametrize("backlog", ["small", "large"])
MakeCase = Callable[[str, int], Case]


@every_way
@every_size
@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str, method: str, backlog: str, scale: Scale, case: MakeCase) -> None:
    """Whatever a collector answers to some requests, or fails to answer."""
    made = case(method, scale.count(method, backlog))
    it = Collector(ANSWERS[name], scale.hits(name))
    refused = name in ("400", "413", "422")
    if refused:
        it.left, it.bad, it.refusal = 0, frozenset(range(3, made.count, 17)), int(name)
    if name == "429 and a date":
        it.left = 1
    senders = 1 if name in WISHES else scale.senders  # what is wished for passes in no time
    emitter = made.drain(made.serve(it).url, senders)
    made.check(it, emitter, it.bad)
    if name in TAKEN:
        assert any(len(copies) > 1 for copies in it.copies.values()), "the same was sent again"


@every_way
@every_size
@pytest.mark.parametrize("name", CONNECTIONS)
def test_connections(name: str, method: str, backlog: str, scale: Scale, case: MakeCase) -> None:
    """Connections that break or are silent before a request has arrived."""
    made = case(method, scale.count(method, backlog))
    it = Collector(scripts.healthy, 2 if name in SLOW else 5)
    it.connect = CONNECTIONS[name]
    emitter = made.drain(made.serve(it).url, scale.senders)
    made.check(it, emitter)


@every_way
@every_size
@pytest.mark.parametrize("certificate", ["expired", "other"])
def test_certificates(
    certificate: str, method: str, backlog: str, scale: Scale, case: MakeCase
) -> None:
    """A certificate that has expired, or is for another name, until it is replaced."""
    made = case(method, scale.count(method, backlog))
    it = Collector(scripts.healthy, 4)
    it.secured = scripts.certificate(certificate)
    url = made.serve(it).url.replace("http:", "https:")
    emitter = made.drain(url, scale.senders, Tls(ca=scripts.PEMS / "authority.pem"))
    made.check(it, emitter)


@every_way
@every_size
def test_unknown_host(
    method: str, backlog: str, scale: Scale, case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the collector is not known for some time."""
    made = case(method, scale.count(method, backlog))
    it = Collector(scripts.healthy, 4)
    port = made.serve(it).port
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        if host == HOST and it.hit():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve("127.0.0.1" if host == HOST else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    emitter = made.drain(f"http://{HOST}:{port}", scale.senders)
    made.check(it, emitter)


@every_way
@every_size
def test_closed_port(method: str, backlog: str, scale: Scale, case: MakeCase) -> None:
    """Nobody listens, then somebody does."""
    made = case(method, scale.count(method, backlog))
    it = Collector(scripts.healthy, 0)
    it.hits = 1  # the port is closed before it is there
    with FaultServer(it.scene) as gone:
        port = gone.port
    url = f"http://127.0.0.1:{port}"
    early = made.emitter(url, made.time.clock, Tls(), 1)
    for _ in range(12):
        made.time.now += early.turn() or 0
    assert "Connection refused" in early.trouble
    assert made.store.backlog().events == made.count
    made.serve(it, port)
    made.check(it, made.drain(url, scale.senders))
