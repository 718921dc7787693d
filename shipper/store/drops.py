"""Drops: events that are given up because the limits of the queue say so.

Rule 1: a dropped event is counted by source and cause, in the transaction that drops it.
Rule 2: whatever was dropped is told, as an event and as a dead letter: till then it stands in the
        table `dropped`, so that no crash forgets it.
Rule 3: what tells of drops is never dropped itself.
Rule 4: what a sender has in hand is not dropped: it may just be arriving.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

from shipper.event.batch import RecordBatch
from shipper.event.gap import Dropped
from shipper.store.database import Database
from shipper.store.dead_letters import add_to_counter, bury_gap, insert_batches
from shipper.store.order import Order

MOST = 1_000
"""How many batches one call drops at most."""

COUNTER = "dropped:"
"""What the names of the counters of dropped events begin with; the cause follows."""

GAPS = "gaps"
"""The counter of events that tell of drops."""

_OLDEST = """
SELECT id, source, events, size, length(body), created FROM batch
WHERE kept = 0 ORDER BY id LIMIT ?
"""
_DELETE = "DELETE FROM batch WHERE id IN (SELECT value FROM json_each(?))"
_NOTE = """
INSERT INTO dropped (source, cause, events, bytes, since, until) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (source, cause) DO UPDATE SET events = events + excluded.events,
    bytes = bytes + excluded.bytes, since = min(since, excluded.since),
    until = max(until, excluded.until)
"""


class Drops:
    """What is dropped from a state file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def oldest(self, cause: str, order: Order, *, room: int = 0, before_ms: int = 0) -> int:
        """Drop batches that no sender has in hand, oldest first; return the stored bytes dropped.

        Those that came before *before_ms*, and more until *room* bytes are dropped; up to `MOST`.
        """
        gone: list[int] = []
        lost: list[Dropped] = []
        freed = 0
        with self._database.transaction() as db:
            in_hand = order.in_hand
            rows = db.execute(_OLDEST, (MOST + len(in_hand),)).fetchall()
            for row, source, events, size, stored, at in rows:
                if row in in_hand:
                    continue
                if at >= before_ms and freed >= room:
                    break
                gone.append(row)
                lost.append(Dropped(source, cause, events, size, at, at))
                freed += stored
            if gone:
                db.execute(_DELETE, (json.dumps(gone),))
                note_dropped(db, lost)
        return freed

    def untold(self) -> list[Dropped]:
        """Return what was dropped and not told yet."""
        with self._database.reading() as db:
            return [Dropped(*row) for row in db.execute("SELECT * FROM dropped ORDER BY 1, 2")]

    def told(self, drop: Dropped, batches: Sequence[RecordBatch], detail: str, now_ms: int) -> None:
        """Put what tells of *drop* into the queue and among the dead letters."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM dropped WHERE (source, cause) = (?, ?)", drop[:2])
            insert_batches(db, drop.source, batches, now_ms, kept=True)
            add_to_counter(db, GAPS, drop.source, sum(batch.events for batch in batches))
            bury_gap(db, drop.source, detail, now_ms)


def note_dropped(db: sqlite3.Connection, lost: Iterable[Dropped]) -> None:
    """Count *lost* events and note that they are to be told of, in the caller's transaction."""
    counts: Counter[tuple[str, str]] = Counter()
    for drop in lost:
        if drop.events:
            counts[drop.source, drop.cause] += drop.events
            db.execute(_NOTE, drop)
    for (source, cause), events in counts.items():
        add_to_counter(db, COUNTER + cause, source, events)
