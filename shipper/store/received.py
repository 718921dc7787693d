"""What comes in from trackers and not from log files: it can't be read again.

Rule 1: it is on the disk when a call returns, so it may be acknowledged; unless its sender asked
        for less.
Rule 2: how far a spool file was taken commits with its events, so that no crash takes a line twice.
Rule 3: what is received is counted, and stands in the audit beside what is made of log files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shipper.event.batch import RecordBatch
from shipper.store.database import Database
from shipper.store.dead_letters import add_to_counter, bury_lines, insert_batches
from shipper.store.order import Order, Placed

RECEIVED = "received"
"""The counter of events that trackers sent."""

BAD_LINE = "bad_event"
"""The reason of lines of spool files that are no events."""

_MARK = "spool:"


class BadLine(NamedTuple):
    """A line of a spool file that is no event: where it stands, what it says, what is wrong."""

    path: str
    offset: int
    raw: bytes
    detail: str


class Harvest(NamedTuple):
    """What was taken of a spool file *name*, up to the byte `offset`."""

    name: str
    offset: int
    batches: Sequence[RecordBatch]
    bad: Sequence[BadLine]


class Received:
    """The queue as trackers fill it. Its methods may be called from any thread."""

    def __init__(self, database: Database, order: Order) -> None:
        self._database = database
        self._order = order

    def take(
        self, source: str, batches: Sequence[RecordBatch], now_ms: int, *, durable: bool = True
    ) -> None:
        """Put *batches* at the end of the queue, to outlive a power cut or (not *durable*) us."""
        with self._database.transaction(durable=durable) as db:
            ids = insert_batches(db, source, batches, now_ms)
            add_to_counter(db, RECEIVED, source, sum(batch.events for batch in batches))
        self._order.note([Placed((source,), ids, behind=False)])

    def take_spooled(self, source: str, harvest: Harvest, now_ms: int) -> None:
        """Queue what was taken of a spool file, file its bad lines, and note how far it was read.

        So that no crash takes a line twice, or none of it.
        """
        name, offset, batches, bad = harvest
        with self._database.transaction(durable=True) as db:
            ids = insert_batches(db, source, batches, now_ms)
            add_to_counter(db, RECEIVED, source, sum(batch.events for batch in batches))
            bury_lines(db, source, BAD_LINE, bad, now_ms)
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_MARK + name, str(offset)))
        self._order.note([Placed((source,), ids, behind=False)])

    def taken(self, name: str) -> int:
        """Return up to which byte the spool file *name* was taken."""
        sql = "SELECT value FROM meta WHERE key = ?"
        with self._database.reading() as db:
            row = db.execute(sql, (_MARK + name,)).fetchone()
        return 0 if row is None else int(row[0])

    def forget(self, names: Iterable[str]) -> None:
        """Forget the spool files *names*, which are deleted."""
        with self._database.transaction() as db:
            db.executemany("DELETE FROM meta WHERE key = ?", [(_MARK + name,) for name in names])

    def marked(self) -> list[str]:
        """Return the names of the spool files of which something was taken, and not forgotten."""
        sql = "SELECT substr(key, ?) FROM meta WHERE substr(key, 1, ?) = ?"
        with self._database.reading() as db:
            rows = db.execute(sql, (len(_MARK) + 1, len(_MARK), _MARK)).fetchall()
        return [name for (name,) in rows]
