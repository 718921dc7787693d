"""Where events stand first whose sender waits for them: in one commit of one page.

To put a single event into the queue costs four pages: the batch, its number, and what is counted.
Here a program that waits for `track` pays for one, and the rest is paid once for many.

Rule 1: what `keep` took is in the file when it returns, and outlives the death of the process.
Rule 2: `admit` moves it into the queue and counts it as received in one transaction, in its order:
        an event stands in one place at any moment.
Rule 3: what a process left here that died is moved by whoever opens the state next, and by those
        that have it open.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from shipper.event.batch import RecordBatch, pack
from shipper.store.database import Database
from shipper.store.dead_letters import add_to_counter, insert_batches
from shipper.store.order import Order, Placed
from shipper.store.received import RECEIVED

_KEEP: Final = "INSERT INTO arrival (source, events, body, created) VALUES (?, ?, ?, ?)"
_TURN_EVENTS: Final = 2_000
USUAL_BYTES: Final = 180_000
"""What batches are packed for where nobody says more: what a request holds by default."""

_Row = tuple[int, str, int, bytes, int]


class Arrivals:
    """Events that are on their way into the queue. Its methods may be called from any thread."""

    def __init__(self, database: Database, order: Order) -> None:
        self._database = database
        self._order = order

    def keep(self, source: str, events: Sequence[bytes], now_ms: int) -> None:
        """Put *events* here, all or none. Raises StateError."""
        self._database.write(_KEEP, (source, len(events), b"\n".join(events), now_ms))

    def count(self) -> int:
        """Return how many events are here."""
        with self._database.reading() as db:
            ((events,),) = db.execute("SELECT coalesce(sum(events), 0) FROM arrival").fetchall()
        return int(events)

    def admit(self, max_bytes: int = USUAL_BYTES) -> bool:
        """Move what is here into the queue, in batches of *max_bytes*; tell whether anything was.

        Not too much at a time: call it until it has nothing to do. Raises StateError.
        """
        with self._database.reading() as db:
            if db.execute("SELECT 1 FROM arrival LIMIT 1").fetchone() is None:
                return False
        placed: list[Placed] = []
        with self._database.transaction() as db:
            rows: list[_Row] = db.execute(
                "SELECT id, source, events, body, created FROM arrival ORDER BY id LIMIT ?",
                (_TURN_EVENTS,),
            ).fetchall()
            for source, of_source in groupby(rows, key=lambda row: row[1]):
                group = list(of_source)
                ids = insert_batches(db, source, _packed(group, max_bytes), group[0][4])
                add_to_counter(db, RECEIVED, source, sum(row[2] for row in group))
                placed.append(Placed((source,), ids, behind=False))
            db.execute("DELETE FROM arrival WHERE id <= ?", (rows[-1][0] if rows else 0,))
        self._order.note(placed)
        return bool(rows)


def _packed(rows: Sequence[_Row], max_bytes: int) -> list[RecordBatch]:
    return list(pack((event for row in rows for event in row[3].split(b"\n")), max_bytes))
