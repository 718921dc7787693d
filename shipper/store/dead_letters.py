"""Dead letters: records and events that could not go on, with the reason, until someone acts.

A record that no grammar took has its raw bytes; an event that the collector refused has the event
and the collector's words. Both are compressed. What leaves without being queued is counted.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import zstandard

from shipper.event.batch import ENCODING, RecordBatch, pack
from shipper.event.chunk import TIMEOUT, Reject
from shipper.store.database import Database
from shipper.tail.checkpoint import Checkpoint

# A record longer than this is kept up to here; its dead letter says how long it was.
KEPT_BYTES = 16 * 1024 * 1024

STEP = 1_000
"""How many letters one transaction deletes."""

DISCARDED = "discarded"
"""The counter of refused events that were deleted among the dead letters."""

FILED = "letters:"
"""What the names of the counters of dead letters begin with, for all time; the reason follows."""

SLOW = "slow:"
"""What the names of the counters of records over the time limit begin with; the grammar follows."""

_INSERT = """
INSERT INTO dead_letter
    (created, source, path, generation, offset, grammar, reason, detail, raw, event)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_QUEUE = """
INSERT INTO batch (source, events, size, encoding, body, created, kept) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_COUNT = """
INSERT INTO counter (name, source, value) VALUES (?, ?, ?)
ON CONFLICT (name, source) DO UPDATE SET value = value + excluded.value
"""
_COLUMNS = "id, created, source, path, generation, offset, grammar, reason, detail"
_SELECT = f"SELECT {_COLUMNS}, raw, event, attempts FROM dead_letter"
# A frame of zstd gives its beginning without its end. Its blocks hold up to 128 KiB.
_GLANCE_BYTES = 32_768
_BLOCKS = 262_144
_GLANCE = f"""
SELECT {_COLUMNS}, substr(raw, 1, {_BLOCKS}), substr(event, 1, {_BLOCKS}), attempts
FROM dead_letter
"""


class DeadLetter(NamedTuple):
    """One dead letter. `event` is None for a record that never became one."""

    id: int
    created_ms: int
    source: str
    path: str
    generation: uuid.UUID | None
    offset: int | None
    grammar: str
    reason: str
    detail: str
    raw: bytes
    event: bytes | None
    attempts: int


class Glance(NamedTuple):
    """A dead letter as a list shows it: the beginning of what it holds, and whether that is cut."""

    letter: DeadLetter
    is_cut: bool


class Buried(NamedTuple):
    """An event that the collector refused for good, and its words."""

    event: bytes
    reason: str
    detail: str


class Selection(NamedTuple):
    """Which dead letters: all of them, or those with these ids, this reason, this source.

    Those that came from `since_ms` on, and before `before_ms`.
    """

    ids: Sequence[int] = ()
    reason: str | None = None
    source: str | None = None
    since_ms: int | None = None
    before_ms: int | None = None


ALL = Selection()


class DeadLetters:
    """The dead letters of a state file. One public method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reasons(self, selection: Selection = ALL) -> list[tuple[str, str, int]]:
        """Return (source, reason, count) of those in *selection*, the most frequent first."""
        where, values = _where(selection)
        sql = f"SELECT source, reason, count(*) FROM dead_letter WHERE {where} "
        sql += "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
        with self._database.reading() as db:
            return db.execute(sql, values).fetchall()

    def events(self) -> int:
        """Return how many letters are events that the collector refused."""
        with self._database.reading() as db:
            sql = "SELECT events FROM tally WHERE name = 'letters'"
            return int(db.execute(sql).fetchone()[0])

    def page(
        self, selection: Selection = ALL, *, after: int = 0, limit: int = 1000
    ) -> list[DeadLetter]:
        """Return up to *limit* dead letters behind id *after*, oldest first."""
        where, values = _where(selection)
        sql = f"{_SELECT} WHERE id > ? AND {where} ORDER BY id LIMIT ?"
        with self._database.reading() as db:
            rows = db.execute(sql, (after, *values, limit)).fetchall()
        return [_letter(row) for row in rows]

    def there(self, ids: Sequence[int]) -> set[int]:
        """Return those of *ids* that there are."""
        sql = "SELECT id FROM dead_letter WHERE id IN (SELECT value FROM json_each(?))"
        with self._database.reading() as db:
            return {row for (row,) in db.execute(sql, (json.dumps(list(ids)),))}

    def each(self, selection: Selection = ALL) -> Iterator[DeadLetter]:
        """Go through the dead letters, oldest first, a page at a time."""
        page = self.page(selection)
        while page:
            yield from page
            page = self.page(selection, after=page[-1].id)

    def latest(
        self, selection: Selection = ALL, *, before: int | None = None, limit: int = 50
    ) -> list[Glance]:
        """Return up to *limit* dead letters below id *before*, the newest first, cut short."""
        where, values = _where(selection)
        bound = before if before is not None else (1 << 63) - 1
        sql = f"{_GLANCE} WHERE id < ? AND {where} ORDER BY id DESC LIMIT ?"
        with self._database.reading() as db:
            rows = db.execute(sql, (bound, *values, limit)).fetchall()
        return [_glance(row) for row in rows]

    def requeue(
        self, events: Iterable[tuple[DeadLetter, bytes]], max_bytes: int, now_ms: int
    ) -> int:
        """Put the *events* of these dead letters at the end of the queue, and drop the letters.

        Both or neither. A letter that is already gone is left out, so that two who replay the
        same letters at the same time send each event once. Returns how many were put back.
        """
        count = 0
        with self._database.transaction() as db:
            for letter, event in events:
                gone = db.execute("DELETE FROM dead_letter WHERE id = ?", (letter.id,)).rowcount
                if gone:
                    insert_batches(db, letter.source, pack([event], max_bytes), now_ms)
                    count += 1
                    if letter.event is None:
                        add_to_counter(db, "replayed", letter.source, 1)
        return count

    def discard(self, selection: Selection, *, most: int = STEP) -> int:
        """Delete up to *most* of the letters in *selection*, the oldest first; return how many.

        Refused events among them are counted, so that the audit adds up.
        """
        where, values = _where(selection)
        sql = (
            "DELETE FROM dead_letter WHERE id IN "
            f"(SELECT id FROM dead_letter WHERE {where} ORDER BY id LIMIT ?) "
            "RETURNING source, event IS NOT NULL"
        )
        with self._database.transaction() as db:
            gone = db.execute(sql, (*values, most)).fetchall()
            for source, count in Counter(source for source, event in gone if event).items():
                add_to_counter(db, DISCARDED, source, count)
        return len(gone)

    def amend(self, letter: DeadLetter, reason: str, detail: str) -> None:
        """Note that another attempt at *letter* failed, and why."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE dead_letter SET attempts = attempts + 1, reason = ?, detail = ? "
                "WHERE id = ?",
                (reason, detail, letter.id),
            )


def add_to_counter(db: sqlite3.Connection, name: str, source: str, value: int) -> None:
    """Add *value* to a running count, within the caller's transaction."""
    db.execute(_COUNT, (name, source, value))


def insert_batches(
    db: sqlite3.Connection,
    source: str,
    batches: Iterable[RecordBatch],
    now_ms: int,
    *,
    kept: bool = False,
) -> range:
    """Put *batches* at the end of the queue, within the caller's transaction; return their ids.

    Those that are *kept* tell of a gap, and are not dropped whatever the limits of the queue say.
    """
    cursor, inserted = db.cursor(), 0
    for batch in batches:
        row = (source, batch.events, batch.size, ENCODING, batch.body, now_ms, kept)
        cursor.execute(_QUEUE, row)
        inserted += 1
    # Within a transaction nobody else adds any, so they follow each other.
    last = cursor.lastrowid or 0
    return range(last + 1 - inserted, last + 1)


def bury_records(
    db: sqlite3.Connection, checkpoint: Checkpoint, rejects: Sequence[Reject], now_ms: int
) -> None:
    """File the rejects of a generation, within the caller's transaction.

    Those on which a grammar took too long are counted by grammar, for longer than letters are kept.
    """
    if not rejects:  # as a rule, and a compressor costs more than all else of a short chunk
        return
    compress = zstandard.ZstdCompressor(level=1).compress
    source, path, generation = checkpoint.source, checkpoint.path, checkpoint.generation.bytes
    db.executemany(
        _INSERT,
        [
            (now_ms, source, path, generation, offset, grammar, reason, detail, compress(raw), None)
            for offset, raw, grammar, reason, detail in rejects
        ],
    )
    for reason, count in Counter(reject.reason for reject in rejects).items():
        add_to_counter(db, FILED + reason, source, count)
    slow = Counter(reject.grammar for reject in rejects if reject.reason == TIMEOUT)
    for grammar, count in slow.items():
        add_to_counter(db, SLOW + grammar, source, count)


def bury_lines(
    db: sqlite3.Connection,
    source: str,
    reason: str,
    lines: Iterable[tuple[str, int, bytes, str]],
    now_ms: int,
) -> None:
    """File *lines* of other files than logs, within the caller's transaction.

    Each is a path, an offset, the raw bytes, and the detail of the *reason*.
    """
    compress = zstandard.ZstdCompressor(level=1).compress
    rows = [
        (now_ms, source, path, None, offset, "", reason, detail, compress(raw), None)
        for path, offset, raw, detail in lines
    ]
    db.executemany(_INSERT, rows)
    if rows:
        add_to_counter(db, FILED + reason, source, len(rows))


def bury_event(db: sqlite3.Connection, source: str, buried: Buried, now_ms: int) -> None:
    """File an event that the collector refused, within the caller's transaction."""
    event = zstandard.ZstdCompressor(level=1).compress(buried.event)
    values = (now_ms, source, "", None, None, "", buried.reason, buried.detail, b"", event)
    db.execute(_INSERT, values)
    add_to_counter(db, FILED + buried.reason, source, 1)


def bury_gap(db: sqlite3.Connection, source: str, detail: str, now_ms: int) -> None:
    """File that something is missing, within the caller's transaction."""
    db.execute(_INSERT, (now_ms, source, "", None, None, "", "gap", detail, b"", None))
    add_to_counter(db, f"{FILED}gap", source, 1)


def _where(selection: Selection) -> tuple[str, list[object]]:
    parts = ["1"]
    values: list[object] = []
    if selection.ids:
        # As one JSON text: any number of ids, and of any size, is a valid question.
        parts.append("id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(list(selection.ids)))
    if selection.reason is not None:
        parts.append("reason = ?")
        values.append(selection.reason)
    bounds = {
        "source = ?": selection.source,
        "created >= ?": selection.since_ms,
        "created < ?": selection.before_ms,
    }
    for part, value in bounds.items():
        if value is not None:
            parts.append(part)
            values.append(value)
    return " AND ".join(parts), values


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    decompress = zstandard.ZstdDecompressor().decompress
    return _of_row(row, decompress)


def _glance(row: tuple[Any, ...]) -> Glance:
    """Return the letter with its first bytes, and whether there are more."""

    def beginning(frame: bytes) -> bytes:
        with zstandard.ZstdDecompressor().stream_reader(frame) as reader:
            return reader.read(_GLANCE_BYTES + 1)

    letter = _of_row(row, beginning)
    kept = letter.raw if letter.event is None else letter.event
    raw, event = letter.raw[:_GLANCE_BYTES], letter.event and letter.event[:_GLANCE_BYTES]
    return Glance(letter._replace(raw=raw, event=event), len(kept) > _GLANCE_BYTES)


def _of_row(row: tuple[Any, ...], decompress: Callable[[bytes], bytes]) -> DeadLetter:
    id, created, source, path, generation, offset, grammar, reason, detail, *rest = row  # noqa: A001
    raw, event, attempts = rest
    return DeadLetter(
        id=id,
        created_ms=created,
        source=source,
        path=path,
        generation=uuid.UUID(bytes=generation) if generation else None,
        offset=offset,
        grammar=grammar,
        reason=reason,
        detail=detail,
        raw=decompress(raw) if raw else b"",
        event=decompress(event) if event is not None else None,
        attempts=attempts,
    )
