"""What becomes of connections where there may be no more of them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shipper.serving.connection import Connection, limited
from shipper.serving.listening import listen
from shipper.serving.server import ServerThread, settings
from shipper.serving.wire import guarded
from tests.program import eventually

_HALF = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
_HOUR = 3600.0


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


class Site:
    """A server, and what it knows of its connections."""

    def __init__(self, port: int, connection: type[Connection], stack: ExitStack) -> None:
        self.connection = connection
        self._port = port
        self._stack = stack

    def connect(self, data: bytes = b"") -> socket.socket:
        """Connect, send *data*, and return when the server has taken both."""
        known, seen = self.connection.coming if data else self.connection.quiet, set[Connection]()
        seen.update(known)
        wire = socket.create_connection(("127.0.0.1", self._port), 20)
        self._stack.enter_context(wire)
        wire.sendall(data)
        eventually(lambda: bool(set(known) - seen))
        return wire

    def refused(self) -> bytes:
        """Connect; return what is said to that."""
        with socket.create_connection(("127.0.0.1", self._port), 20) as wire:
            return told(wire)


@contextmanager
def serving(most: int, body_seconds: float = _HOUR) -> Iterator[Site]:
    app = Starlette(routes=[Route("/", guarded(echo), methods=["GET", "POST"])])
    connection = limited(most, _HOUR, body_seconds)
    listener = listen("the test", "127.0.0.1", 0)
    server = ServerThread(settings(app, connection), [listener], "test")
    server.start()
    try:
        with ExitStack() as stack:
            yield Site(listener.getsockname()[1], connection, stack)
    finally:
        server.stop()


def told(wire: socket.socket) -> bytes:
    """The status line, or nothing if the other side ended without a word."""
    return wire.recv(1000).partition(b"\r\n")[0]


def asked(wire: socket.socket) -> bool:
    wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return told(wire) == b"HTTP/1.1 200 OK"


def test_the_one_that_is_quiet_longest_makes_room() -> None:
    """Not the one that asked since, nor the one whose body is coming."""
    with serving(3, body_seconds=0.0) as site:
        first, second = site.connect(), site.connect()
        body = site.connect(_HALF)
        assert asked(first)
        assert asked(site.connect())
        assert told(second) == b""
        body.sendall(b" more")
        assert told(body) == b"HTTP/1.1 200 OK"
        assert asked(first)


def test_the_body_that_has_been_coming_longest_makes_room() -> None:
    """Where nobody is quiet; it is told why, and the others go on."""
    with serving(2, body_seconds=0.0) as site:
        first, second = site.connect(_HALF), site.connect(_HALF)
        first.sendall(b".")  # coming longest is not the same as silent longest
        assert asked(site.connect())
        assert told(first) == b"HTTP/1.1 408 Request Timeout"
        second.sendall(b" more")
        assert told(second) == b"HTTP/1.1 200 OK"


def test_where_no_room_can_be_made_it_is_503() -> None:
    """As many young bodies as connections: one more is sent away, until one of them is done."""
    with serving(2) as site:
        first, second = site.connect(_HALF), site.connect(_HALF)
        assert site.refused() == b"HTTP/1.1 503 Service Unavailable"
        first.sendall(b" more")
        assert told(first) == b"HTTP/1.1 200 OK"
        assert asked(site.connect())
        second.sendall(b" more")
        assert told(second) == b"HTTP/1.1 200 OK"


def test_a_connection_that_was_reset_leaves_nothing() -> None:
    """Neither among the quiet nor among those whose body comes."""
    with serving(10) as site:
        for wire in (site.connect(_HALF), site.connect()):
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.close()
        eventually(lambda: not site.connection.quiet and not site.connection.coming)
