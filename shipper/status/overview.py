"""What the page shows at a glance, as one JSON value: the status, cut short, and the books."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any, Final

from shipper import __version__
from shipper.service.audit import Audit
from shipper.service.status import FileStatus
from shipper.status.paces import Pace, Paces
from shipper.status.view import View

MOST_FILES: Final = 100


class Overview:
    """Looks at one view, and remembers how files get on. One thread at a time may use it."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._paces = Paces()

    def look(self) -> dict[str, Any]:
        """Return the value. Raises StateError."""
        view = self._view
        now, books = view.picture.now(), view.books.now()
        paces = self._paces.look(now.files, view.clock.monotonic())
        shown = now.files[:MOST_FILES]
        return {
            **replace(now, files=[]).as_json(),
            "version": __version__,
            "host": view.config.namespace or socket.gethostname(),
            "at": view.clock.wall(),
            "files": [_file(file, paces.get(file.path)) for file in shown],
            "files_total": len(now.files),
            "files_behind": len(paces),
            "collectors": list(view.config.collector.urls),
            "books": _books(books),
        }


def _file(file: FileStatus, pace: Pace | None) -> dict[str, Any]:
    return {
        "path": file.path,
        "source": file.source,
        "size": file.size,
        "offset": file.offset,
        "unread": file.unread,
        "behind_seconds": pace.behind_seconds if pace else 0.0,
        "eta_seconds": pace.eta_seconds if pace else 0.0,
    }


def _books(books: Audit) -> dict[str, Any]:
    return {
        "adds_up": books.adds_up,
        "faults": list(books.faults())[:20],
        "made": books.made,
        "received": books.received,
        "replayed": books.replayed,
        "delivered": books.delivered,
        "queued": books.queued,
        "refused": books.refused,
        "dropped": sum(books.dropped.values()),
        "discarded": books.discarded,
        "forgotten": books.forgotten,
    }
