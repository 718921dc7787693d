"""Runs the development collector: inside a test or a demo, or as a program of its own."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from starlette.applications import Starlette

from shipper.devcollector.app import Intercept, create_app
from shipper.devcollector.present import BadFilter, GoodFilter, bad_items, good_items
from shipper.devcollector.record import Counts, Record
from shipper.devcollector.schemas import SchemaSource
from shipper.errors import CollectorError, ShipperError

_START_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 2
_IDLE_SECONDS: Final = 610  # the collector's own, longer than common load balancers keep one
_MAX_HEAD_BYTES: Final = 128 * 1024  # larger than the limits in wire.py, which answer in words


class DevCollector:
    """A development collector in a thread of its own, ready when entered.

    *port* 0 takes a free one. *intercept* scripts faults, see `Answer`. Raises CollectorError if
    the address can't be listened on.
    """

    def __init__(
        self,
        schemas: SchemaSource,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        max_events: int = 200_000,
        intercept: Intercept | None = None,
    ) -> None:
        self._address = (host, port)
        self._record = Record(max_events=max_events)
        self._app = create_app(schemas, record=self._record, intercept=intercept)
        self._running: tuple[_Server, threading.Thread] | None = None
        self.url = ""
        self.port = 0

    def __enter__(self) -> Self:
        listener = _listen(*self._address)
        self.port = listener.getsockname()[1]
        self.url = _url(self._address[0], self.port)
        server = _Server(_config(self._app))
        thread = threading.Thread(
            target=server.run, args=([listener],), name="dev-collector", daemon=True
        )
        thread.start()
        self._running = server, thread
        if not server.is_up.wait(_START_SECONDS) or not server.started:
            self.__exit__(None, None, None)
            raise ShipperError(f"the development collector did not start on {self.url}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._running:
            server, thread = self._running
            server.should_exit = True
            thread.join()
            self._running = None

    def counts(self) -> Counts:
        """Return how many events came, good and bad."""
        return self._record.counts()

    def good(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the good events as ``/micro/good`` does, the newest first."""
        items = good_items(self._record.newest(), GoodFilter(limit=limit))
        return list(islice(items, self._record.max_events))

    def bad(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the bad rows as ``/micro/bad`` does, the newest first."""
        items = bad_items(self._record.newest(), BadFilter(limit=limit))
        return list(islice(items, self._record.max_events))

    def reset(self) -> None:
        """Forget everything, and count from zero."""
        self._record.reset()


def serve(
    schemas: SchemaSource,
    host: str,
    port: int,
    ready: Callable[[str], None],
    *,
    max_events: int = 200_000,
) -> Counts:
    """Serve in this thread until SIGINT or SIGTERM; return what was counted.

    *ready* is called with the URL once requests are answered. Raises CollectorError if the address
    can't be listened on.
    """
    record = Record(max_events=max_events)
    listener = _listen(host, port)
    url = _url(host, listener.getsockname()[1])
    server = _Server(_config(create_app(schemas, record=record)), lambda: ready(url))
    server.run([listener])
    return record.counts()


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is up, and returns when a signal stops it."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        self.is_up = threading.Event()
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell those who wait."""
        await super().startup(sockets)
        self.is_up.set()
        if self._ready:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM. Uvicorn would raise them again after a clean stop."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
    )


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:  # getaddrinfo would take it modulo 65,536
        raise _cant_listen(host, port, "there is no such port", errno.EADDRNOTAVAIL)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        return _bound(*found[0][:3], address=found[0][4])
    except OSError as error:
        why = error.strerror or str(error)
        raise _cant_listen(host, port, why, error.errno or 0) from error


def _cant_listen(host: str, port: int, why: str, number: int) -> CollectorError:
    remedies = {
        errno.EADDRINUSE: "stop what listens there, or choose another port (0 takes a free one)",
        errno.EACCES: "ports below 1024 are for root: choose a higher one",
    }
    remedy = remedies.get(number, "name an address of this machine and a port from 0 to 65535")
    what = f"the development collector can't listen on {host}:{port}: {why}"
    return CollectorError(what, remedy)


def _bound(family: int, kind: int, protocol: int, *, address: Any) -> socket.socket:
    # With the protocol named, asyncio sends small answers at once. Without it, it leaves Nagle's
    # algorithm on, and each request waits 40 ms for the acknowledgement of the answer's head.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
