"""The receiver within the service: its server, the thread that commits, the spool's thread.

Rule 1: the server stops before the threads: who waits for a commit is answered first.
Rule 2: each commit rings for the senders.

The web stack is loaded when there is a receiver: it takes a fifth of the time of a start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shipper.config.models import Config
from shipper.config.receiver import ReceiverConfig
from shipper.errors import ConfigError, Problem
from shipper.model import Report
from shipper.service.assemble import CLOCK, limits_of
from shipper.service.threads import Crew
from shipper.serving.listeners import Address, Listeners, addresses
from shipper.store.store import Store

if TYPE_CHECKING:
    from shipper.receiver.intake import Intake
    from shipper.serving.server import ServerThread

_HEAD_SECONDS = 10.0
_LOOK = 1.0


class Receiving:
    """The receiver of one configuration, if that has one."""

    def __init__(self, config: Config, store: Store, listeners: Listeners, report: Report) -> None:
        self._config = config
        self._store = store
        self._listeners = listeners
        self._report = report
        self._server: ServerThread | None = None
        self._intake: Intake | None = None

    def start(self, crew: Crew, ring: Callable[[], None]) -> None:
        """Receive, with threads of *crew*; *ring* tells the senders that something was queued.

        Raises CollectorError if an address can't be listened on.
        """
        places = addresses_of(self._config)
        self._listeners.open(places)
        self._listeners.keep(places)
        if self._config.receiver is None:
            return
        if places:
            self._serve(self._config.receiver, crew, ring)
        if self._config.receiver.spool:
            self._spool(self._config.receiver, crew, ring)

    def stop(self) -> None:
        """Answer who is there, and listen no more (rule 1)."""
        if self._server is not None:
            self._server.stop()

    def close(self) -> None:
        """Send away who still waits, when no thread is left to commit for them."""
        if self._intake is not None:
            self._intake.close()

    def _serve(self, receiver: ReceiverConfig, crew: Crew, ring: Callable[[], None]) -> None:
        from shipper.receiver.app import Doors, create_app
        from shipper.receiver.intake import Intake
        from shipper.serving.connection import limited
        from shipper.serving.server import ServerThread, settings

        limits, most = limits_of(self._config), self._config.collector.max_bytes
        bell = crew.bell()
        intake = Intake(self._store, self._report, limits, most, CLOCK, (bell.ring, ring))
        self._intake = intake
        crew.start("intake", intake.turn, bell, lambda: _LOOK)
        doors = Doors(
            request_bytes=most, paths=receiver.paths, max_body_bytes=receiver.max_body_bytes
        )
        app = create_app(intake, doors, self._report, CLOCK)
        connection = limited(receiver.max_connections, _HEAD_SECONDS)
        sockets = self._listeners.shared()
        self._server = ServerThread(settings(app, connection), sockets, "receiver", crew.fail)
        self._server.start()
        self._report("receiver.listening", at=",".join(self._listeners.names()))

    def _spool(self, receiver: ReceiverConfig, crew: Crew, ring: Callable[[], None]) -> None:
        from shipper.receiver.spool import Spool

        limits, most = limits_of(self._config), self._config.collector.max_bytes
        spool = Spool(receiver.spool, self._store, self._report, limits, most, CLOCK)

        def turn() -> float | None:
            more = spool.turn()
            if more is not None:
                ring()
            return more

        crew.start("spool", turn, crew.bell(), lambda: _LOOK)


def addresses_of(config: Config) -> list[Address]:
    """Return where the receiver of *config* listens; nowhere if it has none."""
    receiver = config.receiver
    return [] if receiver is None else addresses(receiver.address, receiver.unix_socket)


def receiver_only(config: Config, file: str) -> Config:
    """Return *config*, read from *file*, without sources. Raises ConfigError without a receiver."""
    if config.receiver is None:
        remedy = "write it, to take events on the loopback address: receiver: {}"
        raise ConfigError([Problem(file, "receiver", "is missing", remedy)])
    return config.model_copy(update={"sources": ()})
