"""Serves the status page beside the work, in a thread of its own: the window of `run`.

The web stack is loaded when there is a page: it takes a fifth of the time of a start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from shipper.config.models import Config
from shipper.model import Report
from shipper.service.assemble import CLOCK, Parts
from shipper.serving.listeners import Address, Listeners, addresses
from shipper.status.view import view_of

if TYPE_CHECKING:
    from shipper.serving.server import ServerThread

_WHO: Final = "the status page"
_MOST_CONNECTIONS: Final = 200
_HEAD_SECONDS: Final = 10.0


class StatusPage:
    """The page of one process; a `Window`."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._listeners = Listeners(_WHO)
        self._server: ServerThread | None = None

    def open(self, config: Config) -> None:
        """Listen where *config* says, beside what is open. Raises CollectorError."""
        self._listeners.open(_places(config))

    def start(self, config: Config, parts: Parts, failed: Callable[[BaseException], None]) -> None:
        """Serve the page of *parts*, if *config* wants it. Raises CollectorError."""
        places = _places(config)
        self._listeners.open(places)
        self._listeners.keep(places)
        if config.status is None:
            return
        from shipper.serving.connection import limited
        from shipper.serving.server import ServerThread, settings
        from shipper.status.app import create_app

        app = create_app(view_of(config, parts, CLOCK), config.status)
        connection = limited(_MOST_CONNECTIONS, _HEAD_SECONDS)
        sockets = self._listeners.shared()
        self._server = ServerThread(settings(app, connection), sockets, "status-page", failed)
        self._server.start()
        self._report("status.listening", at=",".join(self._listeners.names()))

    def stop(self) -> None:
        """Answer who is there, and serve no more."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def close(self) -> None:
        """Close what is open."""
        self._listeners.close()


def _places(config: Config) -> list[Address]:
    status = config.status
    return [] if status is None else addresses(status.address, status.unix_socket)
