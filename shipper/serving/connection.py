"""One HTTP connection that can't be held for nothing: bounded in number, in time, and in its head.

Rule 1: a request's head has a time limit from its first byte on, the first one of a connection
        from the connect on: who sends a byte now and then is let go of.
Rule 2: there is a most of connections. One more ends the one that has been quiet longest; where
        none is quiet, the one whose body has been coming longest, if that is longer than a body may
        take then (it is told 408); where there is none, the new one is answered 503.
Rule 3: an answer leaves in one piece: some clients read once, and take what came for all of it.
Rule 4: blank lines before a request are skipped, as some clients send one behind a body.
"""

from __future__ import annotations

import asyncio
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# How long a server that ends waits for the first request of a connection that it has accepted.
_LAST_CALL = 0.5
_CLOSE = b"Content-Length: 0\r\nConnection: close\r\n\r\n"
_LATE = b"HTTP/1.1 408 Request Timeout\r\n" + _CLOSE
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n" + _CLOSE


class _Joining:
    """A transport that writes at once what is written to it in one step of the loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        data = b"".join(self._pieces)
        self._pieces.clear()
        if data:
            self._transport.write(data)


class Connection(H11Protocol):
    """A connection of uvicorn's; `limited` makes the class for one server."""

    head_seconds: float
    body_seconds: float
    """How long a body may take to come before its connection makes room for another."""
    most: int
    quiet: dict[Connection, None]
    """Those that wait for a request, the one that has done so longest first."""
    coming: dict[Connection, float]
    """Those whose body is on its way, the longest first, and since when."""
    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin, if there is room."""
        super().connection_made(cast(asyncio.Transport, _Joining(transport, self.loop)))
        if len(self.connections) - self.most > 0 and not self._make_room():
            self._end(_BUSY)
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        self._watch()
        if self._is_idle() and self.timeout_keep_alive_task is None:
            again = self.timeout_keep_alive_handler  # what came was a blank line
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, again)

    def handle_events(self) -> None:
        """Go on with what came, blank lines left out."""
        if self.conn.their_state is h11.IDLE:
            buffer = self.conn._receive_buffer  # h11 gives no other way to look ahead
            while buffer._data.startswith((b"\r\n", b"\n")):
                buffer._extract(buffer._data.index(b"\n") + 1)
        super().handle_events()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def shutdown(self) -> None:
        """End: at once between two requests, a moment later where the first is about to come."""
        if self.cycle is None:
            self.loop.call_later(_LAST_CALL, self._end, b"")
        else:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves it after a reset, for ten minutes
        self._forget()

    def _watch(self) -> None:
        """Keep the time of a head that is not complete (rule 1), and who may make room (rule 2)."""
        state = None if self.transport.is_closing() else self.conn.their_state
        if state is not h11.IDLE:
            self._forget(coming=state is not h11.SEND_BODY)
            if state is h11.SEND_BODY:
                self.coming.setdefault(self, self.loop.time())
            return
        self.quiet.setdefault(self)
        if self.deadline is None and not self._is_idle():
            self.deadline = self.loop.call_later(self.head_seconds, self._end, _LATE)

    def _is_idle(self) -> bool:
        """Tell whether it is between two requests, with nothing of the next."""
        waits = self.conn.their_state is h11.IDLE and not self.transport.is_closing()
        return waits and self.cycle is not None and not len(self.conn._receive_buffer)

    def _forget(self, *, coming: bool = True) -> None:
        """Keep no more times; that of a body only if it is *coming* no more either."""
        self.quiet.pop(self, None)
        if coming:
            self.coming.pop(self, None)
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _make_room(self) -> bool:
        oldest = next(iter(self.quiet), None)
        if oldest is not None:
            oldest._end(b"")
            return True
        slowest, since = next(iter(self.coming.items()), (None, 0.0))
        if slowest is None or self.loop.time() - since < self.body_seconds:
            return False
        slowest._give_up()
        return True

    def _give_up(self) -> None:
        """End amid the body of a request."""
        self._forget()
        if not self.cycle.response_started:
            self.transport.write(_LATE)
        self.transport.close()

    def _end(self, answer: bytes) -> None:
        self._forget()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # it is being answered
        elif not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def limited(most: int, head_seconds: float, body_seconds: float = 1.0) -> type[Connection]:
    """Return the class of the connections of one server, with limits of its own."""
    limits = {"most": most, "head_seconds": head_seconds, "body_seconds": body_seconds}
    return type("LimitedConnection", (Connection,), {**limits, "quiet": {}, "coming": {}})
