"""Collection: rows of generations that are gone are folded into the sums of their source.

Rule 1: nothing is lost for the audit: the sums take up every count of a row, in the transaction
        that deletes it.
Rule 2: a row stays that is open, that holds lines, or whose ledger does not add up.
Rule 3: a row stays as long as its file may come back: what is over for a week, what is finished
        for 35 days, in which logrotate's monthly rotation with delaycompress makes the archive
        of a log. Of either not more than the newest ones stay.
Rule 4: no older generation is known again of an inode because a newer one was collected.
Rule 5: an ordinal is forgotten 400 days after the last generation of its stream was seen, and
        not while one is on record. Ids that come again then are nobody's twins: Snowplow's
        de-duplication across batches (its RDB loader's transformer) keeps them for 180 days.
Rule 6: one call does a bounded amount of work.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shipper.model import Ledger
from shipper.store.database import Database
from shipper.tail.checkpoint import Node

MOST = 1_000
"""How many rows one call looks at (rule 6)."""

UNKNOWN = "unknown"
"""The cause of a loss that was not put on record."""

_DAY_MS = 86_400_000
_STREAM_DAYS = 400

_COUNTS = ("generations", "span", *Ledger._fields)
_FATES = ("emitted", "filtered", "rejected", "oversize", "blank")
_ADDS_UP = " AND ".join(
    f"{unit}_read = " + " + ".join(f"{unit}_{fate}" for fate in _FATES)
    for unit in ("lines", "bytes")
)
# Of a node the fleet is told the open generation, else the one that was last seen (rule 4).
_HIDES_ANOTHER = """
(SELECT 1 FROM file AS newer
 WHERE (newer.device, newer.inode) = (file.device, file.inode)
   AND (newer.state = 'open' OR (newer.last_seen, newer.id) > (file.last_seen, file.id))
 ORDER BY newer.id DESC LIMIT 1) IS NULL
AND EXISTS
(SELECT 1 FROM file AS older
 WHERE (older.device, older.inode) = (file.device, file.inode)
   AND older.state = 'finished' AND older.id <> file.id)
"""
_DUE = f"""
SELECT state, last_seen, id, path, device, inode FROM file
WHERE state <> 'open' AND state = :state
  AND (last_seen, id) > (:seen, :row) AND last_seen < max(:aged, :surplus_seen + 1)
  AND (last_seen < :aged OR (last_seen, id) <= (:surplus_seen, :surplus_row))
  AND coalesce(open_group, x'') = x'' AND {_ADDS_UP} AND NOT ({_HIDES_ANOTHER})
ORDER BY last_seen, id LIMIT :most
"""
_SURPLUS = """
SELECT last_seen, id FROM file WHERE state <> 'open' AND state = ?
ORDER BY last_seen DESC, id DESC LIMIT 1 OFFSET ?
"""
_THESE = "FROM file WHERE id IN (SELECT value FROM json_each(?)) AND state <> 'open'"
_ADD = f"""
INSERT INTO collected (source, {", ".join(_COUNTS)})
SELECT source, count(*), sum(offset - start), {", ".join(f"sum({n})" for n in Ledger._fields)}
{_THESE} GROUP BY source
ON CONFLICT (source) DO UPDATE SET {", ".join(f"{n} = {n} + excluded.{n}" for n in _COUNTS)}
"""
_ADD_LOSS = f"""
INSERT INTO loss (source, why, bytes)
SELECT source, coalesce(lost_why, '{UNKNOWN}'), sum(bytes_lost) {_THESE} AND bytes_lost > 0
GROUP BY 1, 2
ON CONFLICT (source, why) DO UPDATE SET bytes = bytes + excluded.bytes
"""
_STREAMS_SEEN = f"""
UPDATE stream SET last_seen = max(stream.last_seen, gone.last_seen)
FROM (SELECT stream AS key, max(last_seen) AS last_seen {_THESE} GROUP BY stream) AS gone
WHERE stream.key = gone.key
"""
# While a row is older than the column `stream`, nobody knows which stream it needs.
_FORGET_STREAMS = """
DELETE FROM stream WHERE key IN (
    SELECT key FROM stream AS old WHERE last_seen < ?
       AND NOT EXISTS (SELECT 1 FROM file WHERE file.stream = old.key)
       AND NOT EXISTS (SELECT 1 FROM file WHERE file.stream IS NULL)
    ORDER BY last_seen LIMIT ?)
"""


class Ended(NamedTuple):
    """A generation that has ended: its row, the order in which such rows are gone through."""

    state: str
    last_seen: int
    row: int
    path: str = ""
    node: Node = Node(0, 0)


FIRST = Ended("", -1, -1)
"""Stands before every generation that has ended."""


class Collected(NamedTuple):
    """The sums of a source over generations whose rows are gone.

    `span` is the bytes between where reading began and ended; `lost` is bytes by their cause.
    """

    generations: int
    span: int
    ledger: Ledger
    lost: dict[str, int]


class _Stay(NamedTuple):
    """How long rows of a state stay, and how many of them (rule 3)."""

    state: str
    days: int
    newest: int


_STAYS = (_Stay("finished", 35, 100_000), _Stay("over", 7, 10_000))


class Collection:
    """The rows of a state file that may go, and the sums of those that went."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now_ms: int, after: Ended = FIRST) -> list[Ended]:
        """Return up to `MOST` generations behind *after* whose rows may go, in order."""
        found: list[Ended] = []
        with self._database.reading() as db:
            for stay in _STAYS:
                if stay.state >= after.state:
                    found += _due(db, stay, now_ms, after, MOST - len(found))
        return found

    def collect(self, rows: Sequence[int], now_ms: int) -> None:
        """Fold *rows* into the sums of their sources; forget what is too old of ordinals."""
        these = (json.dumps(list(rows)),)
        with self._database.transaction() as db:
            for sql in (_ADD, _ADD_LOSS, _STREAMS_SEEN, f"DELETE {_THESE}"):
                db.execute(sql, these)
            db.execute(_FORGET_STREAMS, (now_ms - _STREAM_DAYS * _DAY_MS, MOST))

    def sums(self) -> dict[str, Collected]:
        """Return the sums by source."""
        sql = f"SELECT source, {', '.join(_COUNTS)} FROM collected ORDER BY source"
        with self._database.reading() as db:
            rows = db.execute(sql).fetchall()
            losses = db.execute("SELECT source, why, bytes FROM loss ORDER BY why").fetchall()
        return {
            source: Collected(
                generations,
                span,
                Ledger(*counts),
                {why: size for owner, why, size in losses if owner == source},
            )
            for source, generations, span, *counts in rows
        }


def _due(
    db: sqlite3.Connection, stay: _Stay, now_ms: int, after: Ended, most: int
) -> Iterator[Ended]:
    surplus = db.execute(_SURPLUS, (stay.state, stay.newest)).fetchone() or (-1, -1)
    begin = after if after.state == stay.state else FIRST
    rows = db.execute(
        _DUE,
        {
            "state": stay.state,
            "seen": begin.last_seen,
            "row": begin.row,
            "aged": now_ms - stay.days * _DAY_MS,
            "surplus_seen": surplus[0],
            "surplus_row": surplus[1],
            "most": most,
        },
    ).fetchall()
    for state, seen, row, path, device, inode in rows:
        yield Ended(state, seen, row, path, Node(device, inode))
