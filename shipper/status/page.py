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

if TYPE_CHECKING:
    from shipper.config.status import StatusConfig
    from shipper.serving.server import ServerThread
    from shipper.status.app import Desk
    from shipper.status.view import View

_WHO: Final = "the status page"
_MOST_CONNECTIONS: Final = 200
_HEAD_SECONDS: Final = 10.0


class StatusPage:
    """The page of one process; a `Window`."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._listeners = Listeners(_WHO)
        self._server: ServerThread | None = None
        self._desk: Desk | None = None

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
        from shipper.status.view import view_of

        desk = _desk(view_of(config, parts, CLOCK, self._report))
        self._desk, self._server = desk, self._serve(desk, config.status, failed)
        self._server.start()
        at = ",".join(self._listeners.names())
        self._report("status.listening", at=at, token=desk.token.place)
        if desk.token.missing:
            self._report("status.powerless", why=desk.token.missing)

    def _serve(
        self, desk: Desk, status: StatusConfig, failed: Callable[[BaseException], None]
    ) -> ServerThread:
        from shipper.serving.connection import limited
        from shipper.serving.server import ServerThread, settings
        from shipper.status.app import create_app

        connection = limited(_MOST_CONNECTIONS, _HEAD_SECONDS)
        served = settings(create_app(desk, status), connection)
        return ServerThread(served, self._listeners.shared(), "status-page", failed)

    def stop(self) -> None:
        """Answer who is there, and serve no more."""
        if self._desk is not None:
            self._desk.close()
            self._desk = None
        if self._server is not None:
            self._server.stop()
            self._server = None

    def close(self) -> None:
        """Close what is open."""
        self._listeners.close()


def _places(config: Config) -> list[Address]:
    status = config.status
    return [] if status is None else addresses(status.address, status.unix_socket)


def _desk(view: View) -> Desk:
    """Return what the handlers of *view* work with."""
    from shipper.status.app import Desk
    from shipper.status.events import Feed
    from shipper.status.playground import bench_of
    from shipper.status.token import token_of
    from shipper.status.workshop import Workshop

    return Desk(view, Feed(view), Workshop(bench_of(view.config)), token_of(view.config))
