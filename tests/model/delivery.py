"""The collector of the walks: a real server whose answers are scripted, and what it may see.

Rule 1: what is sent is what was queued, byte for byte but for `stm`, however often it is sent. What
        is sent for the first time is sent in the order of the queue, within one log, unless a
        request failed since it was queued.
Rule 2: what left the queue was taken by the collector, or was refused when it was alone and is a
        dead letter. What is still there is what was queued.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Self

import orjson

from shipper.collector.client import Address, HttpCollector
from shipper.collector.verdict import Verdict
from shipper.event.batch import unpack
from tests.faults import FaultServer, Wire, answer, refused_url
from tests.model.oracle import Oracle
from tests.model.world import Life
from tests.shipping import Shipper

TAKE, REFUSE, BUSY, CUT, DOWN = "take", "refuse", "busy", "cut", "down"
NOTHING_CAME = b""
_STAMP = re.compile(rb'\{"stm":"\d{13}",')
_EID = re.compile(rb'"eid":"([0-9a-f-]{36})"')
_ANSWERS = {TAKE: answer(200), REFUSE: answer(400), BUSY: answer(503)}


class Post:
    """A collector that serves all walks of a process, and the way to it.

    `script` are its next answers; when they are over, it takes everything. With `cut` it takes the
    events, and is gone before it answers; with `down` nobody listens. `seen` are the requests that
    came, with their answers.
    """

    def __init__(self) -> None:
        self._server = FaultServer(self._serve)
        self._here = HttpCollector(Address(url=self._server.url, read_timeout=10.0))
        self._gone = HttpCollector(Address(url=refused_url(), read_timeout=10.0))
        self.script: list[str] = []
        self.seen: list[tuple[bytes, str]] = []

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._here.close()
        self._gone.close()
        self._server.__exit__(kind, error, trace)

    def post(self, body: bytes) -> Verdict:
        """Send *body* to the server, or to where none is."""
        if self.script[:1] == [DOWN]:
            del self.script[0]
            self.seen.append((NOTHING_CAME, DOWN))
            return self._gone.post(body)
        return self._here.post(body)

    def get(self, query: str) -> Verdict:
        """Send a query."""
        return self._here.get(query)

    def request_line(self, query: str) -> int:
        """Return the bytes of a request line."""
        return self._here.request_line(query)

    def _serve(self, wire: Wire) -> None:
        while (request := wire.request()) is not None:
            self._server.requests.clear()
            said = self.script.pop(0) if self.script else TAKE
            said = BUSY if said == DOWN else said
            self.seen.append((request.body, said))
            if said == CUT:
                wire.reset()
                return
            wire.say(_ANSWERS[said])


class Delivery:
    """What became of the events of a walk."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._sent: set[str] = set()
        self._furthest: dict[Life, int] = {}
        self._failures = 0
        self._failures_before: dict[str, int] = {}
        self._taken: set[str] = set()
        self._alone: set[str] = set()

    def check(self, shipper: Shipper, seen: list[tuple[bytes, str]]) -> None:
        """Look at the requests that were *seen*, and at what is left."""
        for eid in self._oracle.events:
            self._failures_before.setdefault(eid, self._failures)
        for body, said in seen:
            if body != NOTHING_CAME:
                self._request(body, said)
            self._failures += said != TAKE
        there = {_eid(payload) for payload in self._queued(shipper)}
        buried = {
            _eid(letter.event)
            for letter in shipper.store.dead_letters.each()
            if letter.event is not None
        }
        assert buried <= self._alone, "a dead letter that the collector has not refused by itself"
        assert not buried & there, "a dead letter is still in the queue"
        gone = self._oracle.events.keys() - there
        assert gone <= self._taken | buried, "an event left the queue, and nobody has it"

    def _queued(self, shipper: Shipper) -> list[bytes]:
        payloads = [p for queued in shipper.queue() for p in unpack(queued.batch).split(b"\n")]
        for payload in payloads:
            assert self._oracle.events[_eid(payload)] == payload, "it changed in the queue"
        return payloads

    def _request(self, body: bytes, said: str) -> None:
        eids = [event["eid"] for event in orjson.loads(body)["data"]]
        for eid in eids:
            assert eid in self._oracle.events, f"{eid} was sent, and is in no queue"
            self._in_order(eid)
        plain = _STAMP.sub(b"{", body)
        events = b",".join(self._oracle.events[eid] for eid in eids)
        assert plain.endswith(b'"data":[' + events + b"]}"), "sent bytes are not those queued"
        if said in (TAKE, CUT):
            self._taken.update(eids)
        if said == REFUSE and len(eids) == 1:
            self._alone.update(eids)

    def _in_order(self, eid: str) -> None:
        life = self._oracle.life(eid)
        if eid in self._sent or life is None:
            return
        self._sent.add(eid)
        place = self._oracle.place(eid)
        overtaken = place < self._furthest.get(life, -1)
        failed = self._failures > self._failures_before[eid]
        assert failed or not overtaken, f"{eid} was overtaken"
        self._furthest[life] = max(place, self._furthest.get(life, -1))


def _eid(payload: bytes) -> str:
    found = _EID.search(payload)
    assert found is not None, payload
    return found[1].decode()
