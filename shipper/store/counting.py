"""Counting: what the tables hold, row by row, against what is on record of them."""

from __future__ import annotations

from typing import NamedTuple

from shipper.store.database import Database

_SUMS = {
    "queue": "SELECT count(*), coalesce(sum(events), 0), coalesce(sum(length(body)), 0) FROM batch",
    "letters": "SELECT count(*), count(event), "
    "coalesce(sum(length(raw) + coalesce(length(event), 0)), 0) FROM dead_letter",
}


class Count(NamedTuple):
    """How much a table holds: rows, events, and bytes as they are stored."""

    entries: int
    events: int
    stored_bytes: int


class SourceCount(NamedTuple):
    """What waits of a source: batches, events, stored bytes; when the oldest came (ms)."""

    source: str
    batches: int
    events: int
    stored_bytes: int
    oldest_ms: int


class Counting:
    """Counts the rows of a state file; that takes the longer the more there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def on_record(self, name: str) -> Count:
        """Return what is on record of ``queue`` or ``letters``; nothing is counted."""
        sql = "SELECT entries, events, bytes FROM tally WHERE name = ?"
        with self._database.reading() as db:
            return Count(*db.execute(sql, (name,)).fetchone())

    def recount(self, name: str) -> tuple[Count, Count]:
        """Return what is on record of ``queue`` or ``letters``, and the count, of one moment."""
        with self._database.snapshot():
            was = self.on_record(name)
            with self._database.reading() as db:
                return was, Count(*db.execute(_SUMS[name]).fetchone())

    def by_source(self) -> list[SourceCount]:
        """Return what waits in the queue, by source."""
        sql = (
            "SELECT source, count(*), sum(events), sum(length(body)), min(created) "
            "FROM batch GROUP BY source ORDER BY source"
        )
        with self._database.reading() as db:
            return [SourceCount(*row) for row in db.execute(sql)]
