"""A server on a real socket that does to a client whatever the test says."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from types import TracebackType
from typing import NamedTuple, Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Request(NamedTuple):
    """One request as it came; `connection` counts from 0."""

    connection: int
    line: bytes
    headers: dict[str, str]
    body: bytes


class Wire:
    """The server's end of one connection."""

    def __init__(self, server: FaultServer, number: int, sock: socket.socket) -> None:
        self._server = server
        self._file = sock.makefile("rb")
        self.sock = sock
        self.number = number
        self.leaving = server.leaving

    def request(self) -> Request | None:
        """Read one whole request; None when the client has closed."""
        line = self._file.readline()
        if not line:
            return None
        headers = {}
        while (header := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = header.decode("latin-1").partition(":")
            assert name.lower() not in headers, f"{name} came twice"
            headers[name.lower()] = value.strip()
        body = self._file.read(int(headers.get("content-length", 0)))
        request = Request(self.number, line, headers, body)
        self._server.requests.append(request)
        return request

    def secure(self, context: ssl.SSLContext) -> None:
        """Go on with TLS."""
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self._file.close()
        self._file = self.sock.makefile("rb")

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes, every: float) -> None:
        """Send *data* byte by byte, until the client or the server leaves."""
        for byte in data:
            self.say(bytes([byte]))
            if self.leaving.wait(every):
                return

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._file.close()
        self.sock.close()


Scene = Callable[[Wire], None]


def answering(*answers: bytes) -> Scene:
    """Answer requests on one connection with *answers*, the last of them for ever."""

    def scene(wire: Wire) -> None:
        index = 0
        while wire.request() is not None:
            wire.say(answers[min(index, len(answers) - 1)])
            index += 1

    return scene


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An answer as bytes; underscores in header names stand for dashes."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} So", f"Content-Length: {len(body)}", *lines])
    return f"{head}\r\n\r\n".encode() + body


class FaultServer:
    """Plays the n-th scene on the n-th connection; the last one on all that follow."""

    def __init__(self, *scenes: Scene, port: int = 0) -> None:
        self._scenes = scenes
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests: list[Request] = []
        self.connections = 0
        self._shut = False
        self.leaving = threading.Event()
        self._threads: list[threading.Thread] = []
        self._wires: list[Wire] = []

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leaving.set()
        self.shut()
        for wire in self._wires:
            with suppress(OSError):
                wire.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a scene does not end"

    def shut(self) -> None:
        """Refuse all further connections."""
        self._shut = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(10)
        self._listener.close()

    def _accept(self) -> None:
        while not self._shut:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                self.leaving.wait(0.01)
                continue  # there were no descriptors left, for a moment
            if self._shut:
                sock.close()
                return
            scene = self._scenes[min(self.connections, len(self._scenes) - 1)]
            wire = Wire(self, self.connections, sock)
            self._wires.append(wire)
            self.connections += 1
            self._spawn(partial(self._play, scene, wire))

    def _play(self, scene: Scene, wire: Wire) -> None:
        try:
            scene(wire)
        except (OSError, ValueError):
            pass  # the client left, or the scene had closed the wire
        finally:
            wire.close()

    def _spawn(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()


@cache
def refused_url() -> str:
    """An address on which nothing listens, and nothing will: the port is kept by not listening."""
    keeper = socket.socket()
    keeper.bind(("127.0.0.1", 0))
    port = keeper.getsockname()[1]
    keeper.detach()  # open until the process ends
    return f"http://127.0.0.1:{port}"
