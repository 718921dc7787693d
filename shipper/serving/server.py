"""Runs an ASGI application on sockets: in this thread until a signal, or in one of its own."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from shipper.errors import ShipperError
from shipper.serving.wire import origin_form

_START_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 2
_IDLE_SECONDS: Final = 610  # the collector's own, longer than common load balancers keep one
# How many connections are accepted before those that are open have a turn, and how many wait for it
# in the kernel. One number would do for both where nobody floods.
_ACCEPT_AT_ONCE: Final = 64
_BACKLOG: Final = 1024
_MAX_HEAD_BYTES: Final = 128 * 1024  # larger than the limits in wire.py, which answer in words


class Server(uvicorn.Server):
    """A uvicorn server that says when it is up, and returns when a signal stops it."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        self.is_up = threading.Event()
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell those who wait."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_BACKLOG)
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


class ServerThread:
    """A server in a thread of its own, which closes *sockets* at its end.

    *failed* is called in it, with the error, if it ends by one.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        sockets: Sequence[socket.socket],
        name: str,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._name = name
        self._sockets = list(sockets)
        self._failed = failed
        self._server = Server(config)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Return when requests are answered. Raises ShipperError if that does not come."""
        self._thread.start()
        if not self._server.is_up.wait(_START_SECONDS) or not self._server.started:
            self.stop()
            raise ShipperError(f"the thread {self._name} did not begin to serve")

    def stop(self) -> None:
        """Answer what is under way, as far as that is quick, and end."""
        self._server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        try:
            self._server.run(self._sockets)
        except BaseException as error:
            if self._failed is None:
                raise
            self._failed(error)


def settings(app: ASGIApp, connection: type[H11Protocol] = H11Protocol) -> uvicorn.Config:
    """Return how *app* is served."""
    return uvicorn.Config(
        origin_form(app),
        http=connection,
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
        backlog=_ACCEPT_AT_ONCE,
    )
