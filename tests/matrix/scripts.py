"""Faults as scripts: what a collector on a real socket does to requests until the fault ends."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from urllib.parse import parse_qsl

import orjson

from tests.faults import OK, Request, Wire, answer
from tests.outbox import number_of

PEMS = Path(__file__).parents[1] / "certificates"
_STAMP = re.compile(rb'(?<=\{)"stm":"\d{13}",|(?<=[?&])stm=\d{13}')

Play = Callable[["Collector", Wire, Request], bool]
"""Does something to a request; tells whether the connection goes on."""


def events_of(request: Request) -> Iterator[tuple[int, bytes]]:
    """The number of each event of a request, and its bytes but for the time of sending."""
    if request.line.startswith(b"GET"):
        query = request.line.split()[1].partition(b"?")[2]
        yield number_of(dict(parse_qsl(query.decode()))), _STAMP.sub(b"", b"?" + query)
        return
    for event in request.body[request.body.index(b"[") + 1 : -2].split(b',{"stm"'):
        whole = event if event.startswith(b"{") else b'{"stm"' + event
        yield number_of(orjson.loads(whole)), _STAMP.sub(b"", whole)


class Collector:
    """Takes events, but for the first `left` times, at which it plays a fault instead."""

    def __init__(self, play: Play, left: int) -> None:
        self.copies: dict[int, list[bytes]] = {}
        self.left = left
        self.hits = 0
        self.bad: frozenset[int] = frozenset()
        self.refusal = 400
        self.connect: Callable[[Collector, Wire], bool] = lambda _it, _wire: True
        self.secured: Callable[[Collector], ssl.SSLContext] | None = None
        self._play = play
        self._lock = threading.Lock()

    def hit(self) -> bool:
        """Tell whether the fault is still on; one time of it is over then."""
        with self._lock:
            self.left -= 1
            self.hits += self.left >= 0
            return self.left >= 0

    def take(self, request: Request) -> None:
        with self._lock:
            for number, event in events_of(request):
                self.copies.setdefault(number, []).append(event)

    def scene(self, wire: Wire) -> None:
        if self.secured is not None:
            wire.secure(self.secured(self))
        if not self.connect(self, wire):
            return
        while (request := wire.request()) is not None:
            if self.bad and any(number in self.bad for number, _ in events_of(request)):
                self.hits += 1
                wire.say(answer(self.refusal, b"no such thing"))
            elif self._play is not healthy and self.hit():
                if not self._play(self, wire, request):
                    return
            else:
                self.take(request)
                wire.say(OK)


def healthy(_it: Collector, _wire: Wire, _request: Request) -> bool:
    raise AssertionError("never played")


def status(code: int, **headers: str) -> Play:
    def play(it: Collector, wire: Wire, request: Request) -> bool:
        if 200 <= code < 300:
            it.take(request)
        wire.say(answer(code, b"words", **headers))
        return True

    return play


def interim(_it: Collector, wire: Wire, _request: Request) -> bool:
    wire.say(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    return False


def reset_after_body(_it: Collector, wire: Wire, _request: Request) -> bool:
    wire.reset()
    return False


def lost_answer(it: Collector, wire: Wire, request: Request) -> bool:
    it.take(request)
    wire.reset()
    return False


def cut_answer(it: Collector, wire: Wire, request: Request) -> bool:
    it.take(request)
    wire.say(b"HTTP/1.1 20")
    return False


def late_answer(it: Collector, wire: Wire, request: Request) -> bool:
    """Takes the events, and answers when nobody waits any more."""
    it.take(request)
    return never(it, wire, request)


def never(_it: Collector, wire: Wire, _request: Request) -> bool:
    wire.leaving.wait(0.4)
    return False


def drip(_it: Collector, wire: Wire, _request: Request) -> bool:
    wire.drip(OK, 0.03)
    return False


def garbage(_it: Collector, wire: Wire, _request: Request) -> bool:
    wire.say(b"\x16\x03\x01 no HTTP\r\n\r\n")
    return False


def endless_head(_it: Collector, wire: Wire, _request: Request) -> bool:
    wire.say(b"HTTP/1.1 200 OK\r\n")
    while not wire.leaving.is_set():
        wire.say(b"X: y\r\n" * 1000)
    return False


def endless_body(it: Collector, wire: Wire, request: Request) -> bool:
    """Takes the events, says so, and then talks on and on."""
    it.take(request)
    wire.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    with suppress(OSError):
        while not wire.leaving.is_set():
            wire.say(b"5\r\nspam \r\n" * 1000)
    return False


def flapping(seed: int) -> Play:
    """Something else each time, and now and then nothing."""
    rng = Random(seed)
    plays = [status(s) for s in (200, 500, 502, 503, 404, 429, 408)]
    plays += [lost_answer, cut_answer, reset_after_body, garbage, endless_body, interim]

    def play(it: Collector, wire: Wire, request: Request) -> bool:
        return rng.choice(plays)(it, wire, request)

    return play


# What happens before a request is there


def reset_at_once(it: Collector, wire: Wire) -> bool:
    if it.hit():
        wire.reset()
        return False
    return True


def reset_in_body(it: Collector, wire: Wire) -> bool:
    if it.hit():
        wire.sock.recv(150)
        wire.reset()
        return False
    return True


def deaf(it: Collector, wire: Wire) -> bool:
    if it.hit():
        wire.leaving.wait(0.4)
        return False
    return True


def certificate(name: str) -> Callable[[Collector], ssl.SSLContext]:
    """Shows the certificate *name* while the fault is on, then the right one."""
    contexts = {}
    for each in (name, "server"):
        contexts[each] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[each].load_cert_chain(PEMS / f"{each}.pem")
    return lambda it: contexts[name if it.hit() else "server"]
