"""A counting sink: the cheapest collector that still tells loss and doubles apart.

It answers each POST with 200 and keeps the serial numbers (``?r=NNNNNNN``) of the lines behind the
events. It runs in a process of its own, so that its work is not the shipper's.
"""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

_SERIAL = re.compile(rb"\?r=(\d{7})")
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Sink:
    """A running sink: `port` to send to, `counts` to ask."""

    def __init__(self, port: int, pipe: Connection) -> None:
        self.port = port
        self._pipe = pipe

    def counts(self) -> tuple[int, int, int]:
        """Return (requests, events, distinct lines) since the last reset."""
        self._pipe.send("counts")
        counts: tuple[int, int, int] = self._pipe.recv()
        return counts

    def reset(self) -> None:
        """Count from zero."""
        self._pipe.send("reset")
        self._pipe.recv()


@contextmanager
def sink() -> Iterator[Sink]:
    """Run a sink for the length of a block."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Sink(ours.recv(), ours)
    finally:
        process.terminate()
        process.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.requests = self.events = 0
        self.lines: set[bytes] = set()

    def count(self, body: bytes) -> None:
        serials = _SERIAL.findall(body)
        with self.lock:
            self.requests += 1
            self.events += len(serials)
            self.lines.update(serials)


class _Talk(socketserver.StreamRequestHandler):
    rbufsize = 1 << 20

    def handle(self) -> None:
        while length := self._body_length():
            self._server().count(self.rfile.read(length))
            self.wfile.write(_ANSWER)

    def _body_length(self) -> int:
        length = 0
        for line in iter(self.rfile.readline, b"\r\n"):
            if not line:
                return 0
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return length

    def _server(self) -> _Server:
        assert isinstance(self.server, _Server)
        return self.server


def _serve(pipe: Connection) -> None:
    server = _Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(server.server_address[1])
    while True:
        if pipe.recv() == "reset":
            server.reset()
            pipe.send(None)
        else:
            pipe.send((server.requests, server.events, len(server.lines)))
