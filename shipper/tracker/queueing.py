"""The queue from the side of those who add: the state directory that `shipper run` has, too.

Rule 1: what `add` or `keep` took is in the file when it returns, all of it or nothing; `admit`
        moves what was kept to the end of the queue.
Rule 2: what is queued is counted as received, so that the audit of the directory adds up.
Rule 3: at a fork no connection is open: SQLite's locks do not survive one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from shipper.errors import StateBusyError
from shipper.event.batch import pack, unpack
from shipper.store.database import Database
from shipper.store.store import DATABASE, Store, make_directory

SOURCE: Final = "tracker"
"""The source that events of the library are counted under."""


class Queue:
    """An open queue. Any thread may use it."""

    def __init__(self, directory: Path, *, durable: bool, max_bytes: int, batch_bytes: int) -> None:
        """Open the queue in *directory*, making both if need be. Raises StateError.

        *durable* events outlive a power cut; others the death of the process. The file holds about
        *max_bytes* of waiting events; a batch is no larger than *batch_bytes*.
        """
        make_directory(directory)
        self._durable = durable
        self._max_bytes = max_bytes
        self._batch_bytes = batch_bytes
        self._database = Database(directory / DATABASE)
        self.store = Store(self._database)
        self.store.space.bound(max_bytes)
        with suppress(StateBusyError):  # of a process that died; there is another time for it
            self.admit()

    def add(self, payloads: Sequence[bytes]) -> None:
        """Put events at the end of the queue. Raises StateError."""
        batches = list(pack(payloads, self._batch_bytes))
        now_ms = time.time_ns() // 1_000_000
        self.store.received.take(SOURCE, batches, now_ms, durable=self._durable)

    def keep(self, payloads: Sequence[bytes]) -> None:
        """Put events where they outlive the death of the process. Raises StateError."""
        self.store.arrivals.keep(SOURCE, payloads, time.time_ns() // 1_000_000)

    def admit(self) -> bool:
        """Move all that was kept into the queue; tell if anything was. Raises StateError."""
        moved = False
        while self.store.arrivals.admit(self._batch_bytes):
            moved = True
        return moved

    def newest(self) -> int:
        """Return the id of the newest batch that waits; 0 if none does."""
        with self._database.reading() as db:
            (newest,) = db.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()
        return int(newest)

    def waiting(self, upto: int) -> int:
        """Return how many events wait in the batches up to the id *upto*."""
        sql = "SELECT coalesce(sum(events), 0) FROM batch WHERE id <= ?"
        with self._database.reading() as db:
            (events,) = db.execute(sql, (upto,)).fetchone()
        return int(events)

    def joined(self, max_bytes: int) -> Iterator[bytes]:
        """Return the events that wait, joined by LF, as much at a time as a POST may carry."""
        after = 0
        while batches := self.store.peek(after, max_bytes):
            after = batches[-1].id
            yield b"\n".join(unpack(queued.batch) for queued in batches)

    def suspend(self) -> None:
        """Close for a fork; the same thread calls `resume`."""
        self._database.suspend()

    def resume(self) -> None:
        """Open again. Raises StateError."""
        self._database.resume()
        self.store.space.bound(self._max_bytes)

    def close(self) -> None:
        """Close for good."""
        self.store.close()
