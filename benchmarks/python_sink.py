"""The sink of ``sink.c`` in Python, for machines without a C compiler; it costs more."""

from __future__ import annotations

import re
import socketserver
import sys
import threading
import time

_SERIAL = re.compile(rb"\?r=(\d{7})")
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self.requests = self.bytes = self.events = 0
            self.last_new = 0.0
            self.moments: dict[int, float] = {}

    def count(self, body: bytes) -> None:
        serials, now = list(map(int, _SERIAL.findall(body))), time.monotonic()
        with self.lock:
            self.requests += 1
            self.bytes += len(body)
            self.events += len(serials)
            before = len(self.moments)
            for serial in serials:
                self.moments.setdefault(serial, now)
            if len(self.moments) > before:
                self.last_new = now

    def counts(self) -> str:
        with self.lock:
            counts = (self.requests, self.bytes, self.events, len(self.moments), self.last_new)
        return " ".join(map(str, (*counts, time.process_time())))


class _Talk(socketserver.StreamRequestHandler):
    rbufsize = 1 << 20
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while self.rfile.readline():
            headers = dict(self._headers())
            if headers.get(b"expect") == b"100-continue":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert isinstance(self.server, _Server)
            self.server.count(self._body(headers))
            self.wfile.write(_ANSWER)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        lines = [line.partition(b":") for line in iter(self.rfile.readline, b"\r\n") if line]
        return [(name.lower(), value.strip().lower()) for name, _, value in lines]

    def _body(self, headers: dict[bytes, bytes]) -> bytes:
        if headers.get(b"transfer-encoding") != b"chunked":
            return self.rfile.read(int(headers.get(b"content-length", 0)))
        pieces = []
        while length := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(length + 2)[:length])
        self.rfile.readline()
        return b"".join(pieces)


def main() -> None:
    """Serve until standard input ends."""
    server = _Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        if command == "counts":
            print(server.counts(), flush=True)
        elif command == "reset":
            server.reset()
            print("done", flush=True)
        else:
            first, count = map(int, numbers)
            found = (server.moments.get(serial, 0.0) for serial in range(first, first + count))
            print("\n".join(f"{moment:.6f}" for moment in found), flush=True)


if __name__ == "__main__":
    main()
