"""Runs the development collector: inside a test or a demo, or as a program of its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self

from shipper.devcollector.app import Intercept, create_app
from shipper.devcollector.present import BadFilter, GoodFilter, bad_items, good_items
from shipper.devcollector.record import Counts, Record
from shipper.devcollector.schemas import SchemaSource
from shipper.serving.listening import listen, url_of
from shipper.serving.server import Server, ServerThread, settings

_WHO: Final = "the development collector"


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
        self._thread: ServerThread | None = None
        self.url = ""
        self.port = 0

    def __enter__(self) -> Self:
        listener = listen(_WHO, *self._address)
        self.port = listener.getsockname()[1]
        self.url = url_of(self._address[0], self.port)
        self._thread = ServerThread(settings(self._app), [listener], "dev-collector")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread:
            self._thread.stop()
            self._thread = None

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
    listener = listen(_WHO, host, port)
    url = url_of(host, listener.getsockname()[1])
    server = Server(settings(create_app(schemas, record=record)), lambda: ready(url))
    server.run([listener])
    return record.counts()
