"""Connections to a collector that can neither hang nor mislead: urllib3's, with deadlines.

Rule 1: sending a request and receiving its answer may each take one timeout as a whole, however
        slowly the bytes drip; a socket's own timeout would only bound the time between two.
Rule 2: a kept connection that the other side has closed meanwhile says so (`StaleError`), so
        that its request can be repeated on a fresh one.
Rule 3: a connection on which an interim answer (1xx) came is not used again: the final answer
        would be taken for the next request's.
Rule 4: the head of an answer has at most 256 KiB, whatever the number and length of its lines; of
        what follows no more is read either, chunks' sizes and trailers included.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import TYPE_CHECKING, Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3 import HTTPResponse


_PART_BYTES = 256 * 1024


class StaleError(ConnectionResetError):
    """A connection that had carried answers before was closed by the other side."""


class PatientHTTPConnection(HTTPConnection):
    """A plain connection that keeps the rules above.

    `patience` is what sending may take, in seconds. `timeout` is urllib3's: the connect timeout,
    until the pool sets the read timeout for the answer.
    """

    def __init__(self, *args: Any, patience: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._patience = patience
        self._deadline = 0.0
        self._answered = False
        self.response_class = self._answer  # type: ignore[assignment]  # a factory will do

    def connect(self) -> None:
        """Connect, within the connect timeout; a proxy's tunnel is asked for in that time too."""
        self._answered = False
        self._deadline = time.monotonic() + float(self.timeout or self._patience)
        super().connect()

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request, within `patience`."""
        if self.sock is None:
            self.connect()
        self._deadline = time.monotonic() + self._patience
        super().request(*args, **options)

    def send(self, data: Any) -> None:
        """Send bytes, within what is left of `patience`."""
        if self.sock is not None:
            self.sock.settimeout(_left(self._deadline))
        super().send(data)  # one call, for which the timeout holds as a whole, with TLS too

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself does
        """Return the answer: its head within the timeout, its body within what is left of that."""
        try:
            response = super().getresponse()
        except ConnectionError as error:
            if self._answered:
                raise StaleError(error.errno, "the connection was closed while idle") from error
            raise
        self._answered = True
        return response

    def _answer(self, sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
        timed = _Timed(sock, time.monotonic() + float(self.timeout or self._patience))
        return _Answer(timed, **options)  # type: ignore[arg-type]  # of the socket, it wants a file


class PatientHTTPSConnection(PatientHTTPConnection, HTTPSConnection):
    """A connection with TLS that keeps the rules above."""


class _Answer(http.client.HTTPResponse):
    def begin(self) -> None:
        reader = cast(_Reader, self.fp.raw)  # `_Timed` made it
        super().begin()
        reader.left = _PART_BYTES
        if self.status < 200:
            self.will_close = True  # rule 3


class _Timed:
    """A socket whose file must be read before a deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._deadline))


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self.left = _PART_BYTES
        # The file keeps the socket open for as long as it is read, as http.client expects.
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._sock.settimeout(_left(self._deadline))
        count = self._file.readinto(buffer)
        self.left -= count or 0
        if self.left < 0:  # after the head nobody hears of it: the status is known
            raise OSError(f"the head of the answer is longer than {_PART_BYTES} bytes")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
