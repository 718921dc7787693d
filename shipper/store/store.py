"""The store: what must survive. One public method is one transaction.

Rule 1: batches, dead letters, checkpoint and ledger of what was read commit together (`commit`).
Rule 2: a generation is on record, with its id, before its first record is read (`begin`).
Rule 3: an event leaves the queue only as delivered or as a dead letter, in the transaction that
        says so (`settle`), or because the limits of the queue ask for it (see `drops`).
Rule 4: the queue is first in, first out, but for a backlog (see `order`); claims on batches live
        in the sender's memory, so a crash forgets them and the same bytes are sent again.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

from shipper.errors import StateBusyError, StateError
from shipper.event.batch import RecordBatch
from shipper.event.chunk import Parse
from shipper.event.gap import Dropped
from shipper.event.ids import generation_id, namespace_id, stream_key
from shipper.formats.held import Held
from shipper.model import Ledger
from shipper.store.arrivals import Arrivals
from shipper.store.collection import Collection
from shipper.store.counting import Counting
from shipper.store.database import Database, is_full, translated, unusable
from shipper.store.dead_letters import (
    Buried,
    DeadLetters,
    add_to_counter,
    bury_event,
    bury_records,
    insert_batches,
)
from shipper.store.drops import Drops, note_dropped
from shipper.store.gathering import lots
from shipper.store.history import History
from shipper.store.order import Order, Placed, Queued, read_batches
from shipper.store.received import Received
from shipper.store.rows import checkpoints, insert_file, known_file, move_file, next_ordinal
from shipper.store.space import Space
from shipper.tail.checkpoint import Checkpoint, Node, Sighting

DATABASE = "state.db"

MOVED = "moved"
"""A part of the name of what is left of a state that was moved to another node."""


def has_state(directory: Path) -> bool:
    """Tell whether *directory* holds a state file. Raises StateError if it can't be looked at."""
    with translated(directory):
        return (directory / DATABASE).exists()


def moved_away(directory: Path) -> StateError | None:
    """Return what to say if the state of *directory* was moved to another node, and none is here.

    A new one would send again what the other node sends. Raises StateError.
    """
    if has_state(directory):
        return None
    with translated(directory):
        there = sorted(directory.glob(f"{DATABASE}.{MOVED}-*[0-9]"))
    if not there:
        return None
    what = f"the state in {directory} was moved to another node; {there[-1].name} is what is left"
    remedy = "go on there; or bring it back (shipper state restore); or remove that to begin anew"
    return StateError(what, remedy)


def make_directory(directory: Path) -> None:
    """Make the directory of a state if it is not there. Raises StateError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(f"the state directory {directory} can't be made", error) from error


class Progress(NamedTuple):
    """What a tailer read: where it stands after it, what became of it, and whether more waits."""

    checkpoint: Checkpoint
    parse: Parse
    behind: bool = False


class Settlement(NamedTuple):
    """How a batch fared: `delivered` events, those `buried`, and what is `left` to send."""

    queued: Queued
    delivered: int
    buried: Sequence[Buried] = ()
    left: RecordBatch | None = None


class Account(NamedTuple):
    """The books of one generation: where reading began and stands, what is held, the ledger.

    `lost_why` is the cause of `ledger.bytes_lost`, where that is known and not 0.
    """

    source: str
    path: str
    state: str
    start: int
    offset: int
    held: Held
    ledger: Ledger
    lost_why: str | None = None


class Backlog(NamedTuple):
    """How much waits in the queue; `oldest_ms` is when its oldest batch came, None if empty."""

    batches: int
    events: int
    oldest_ms: int | None
    stored_bytes: int = 0


class ReadingPace(NamedTuple):
    """How fast reading went at a moment, and how many bytes were yet to be read."""

    read_bytes_per_s: float
    unread_bytes: int
    at_ms: int


class Store:
    """An open state directory. Its methods may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dead_letters = DeadLetters(database)
        self.collection = Collection(database)
        self.counting = Counting(database)
        self.drops = Drops(database)
        self.space = Space(database)
        self.order = Order(database)
        self.received = Received(database, self.order)
        self.arrivals = Arrivals(database, self.order)
        self.history = History(database)
        self.snapshot = database.snapshot
        self.wait_until = database.wait_until

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the state in *directory*, making both if need be. Raises StateError.

        None is made where one was moved away.
        """
        make_directory(directory)
        if gone := moved_away(directory):
            raise gone
        store = cls(Database(directory / DATABASE))
        with suppress(StateBusyError):  # there is another time, when the disk has room
            while store.arrivals.admit():
                pass
        return store

    def close(self) -> None:
        """Close the state file."""
        self._database.close()

    def namespace(self, name: str) -> uuid.UUID:
        """Return the namespace of ids: the one on record, else *name*'s, then on record."""
        with self._database.transaction() as db:
            db.execute("INSERT OR IGNORE INTO meta VALUES ('namespace', ?)", (name,))
            (kept,) = db.execute("SELECT value FROM meta WHERE key = 'namespace'").fetchone()
        return namespace_id(kept)

    def first_start_of(self, source: str) -> bool:
        """Tell whether *source* has never been looked for before, and remember that it has."""
        with self._database.transaction() as db:
            key = f"started:{source}"
            return db.execute("INSERT OR IGNORE INTO meta VALUES (?, '1')", (key,)).rowcount == 1

    # Files

    def begin(self, sighting: Sighting, namespace: uuid.UUID, now_ms: int) -> Checkpoint:
        """Put a new generation on record and return its checkpoint."""
        stream = stream_key(sighting.canonical, sighting.first_line)
        with self._database.transaction() as db:
            generation = generation_id(namespace, stream, next_ordinal(db, stream, now_ms))
            return insert_file(db, sighting, generation, stream, now_ms)

    def checkpoints(self) -> list[Checkpoint]:
        """Return the open generations, in the order in which they were first seen."""
        with self._database.reading() as db:
            return checkpoints(db, "WHERE state = 'open' ORDER BY id")

    def known(self, node: Node) -> Checkpoint | None:
        """Return the generation that was last read from *node*, unless it is over for good."""
        with self._database.reading() as db:
            return known_file(db, node)

    def commit(
        self, turn: Iterable[Progress], now_ms: int, *, durable: bool = False, drop: str = ""
    ) -> None:
        """Queue the events, file the rejects, move the checkpoints and the ledger: all or none.

        What can't be read again, as from a pipe, is to be *durable*: a power cut can't undo it.
        With the cause *drop*, the events are not queued but counted as dropped.
        """
        turn, placed = list(turn), list[Placed]()
        found = list(lots(turn, self.order.waiting()))
        with self._database.transaction(durable=durable) as db:
            for source, logs, batches, behind in found:
                if drop:
                    lost = [Dropped(source, drop, *b[:2], now_ms, now_ms) for b in batches]
                    note_dropped(db, lost)
                else:
                    ids = insert_batches(db, source, batches, now_ms)
                    placed.append(Placed(logs, ids, behind))
            for checkpoint, parse, _ in turn:
                _move(db, checkpoint, parse, now_ms)
        self.order.note(placed)

    def finish(
        self,
        checkpoint: Checkpoint,
        lost_bytes: int,
        now_ms: int,
        last: Parse | None = None,
        *,
        why: str = "",
    ) -> None:
        """Close the books on a generation that is over; *lost_bytes* were never read: *why*.

        *last* is what came of the lines that were held, and of the gap, if there is one.
        """
        state = "over" if checkpoint.over else "finished"
        last = last or Parse((), (), Ledger(), checkpoint.held)
        with self._database.transaction() as db:
            kept = lost_bytes > 0  # what tells of a gap is among them
            ids = insert_batches(db, checkpoint.source, last.batches, now_ms, kept=kept)
            _move(db, checkpoint.holding(last.held), last, now_ms)
            db.execute(
                "UPDATE file SET state = ?, bytes_lost = ?, lost_why = ? WHERE id = ?",
                (state, lost_bytes, (lost_bytes and why) or None, checkpoint.row),
            )
        self.order.note([Placed((checkpoint.canonical,), ids, behind=False)])

    def alike(self, canonical: str) -> list[Checkpoint]:
        """Return the newest generations of one log that a copy may continue: open or finished."""
        where = "WHERE canonical = ? AND state <> 'over' ORDER BY id DESC LIMIT 50"
        with self._database.reading() as db:
            return checkpoints(db, where, canonical)

    # Queue

    def enqueue(self, source: str, batches: Iterable[RecordBatch], now_ms: int) -> None:
        """Put batches that come from no file at the end of the queue."""
        with self._database.transaction() as db:
            insert_batches(db, source, batches, now_ms)

    def take_in(self, batches: Mapping[str, Iterable[RecordBatch]], now_ms: int) -> None:
        """Put batches of events of another queue, by source, at the end of this one."""
        with self._database.transaction() as db:
            for source, group in batches.items():
                packed = list(group)
                insert_batches(db, source, packed, now_ms)
                add_to_counter(db, "replayed", source, sum(batch.events for batch in packed))

    def peek(self, after: int, max_bytes: int) -> list[Queued]:
        """Return the oldest batches behind id *after* that one POST of *max_bytes* can hold.

        There is at least one, if there are any at all: a batch that was packed for a larger
        limit comes alone, for its sender to divide.
        """
        return read_batches(self._database, "id > ?", after, max_bytes)[0]

    def settle(self, settlements: Iterable[Settlement], now_ms: int) -> None:
        """Take what was delivered or buried out of the queue; leave the rest in its place.

        What is not in the queue any more was dropped meanwhile: an event has one fate. On a full
        disk the write-ahead log is written back for it: what leaves makes room for the rest.
        """
        settled = list(settlements)
        try:
            self._settle(settled, now_ms)
        except StateBusyError as error:
            if not is_full(error):
                raise
            with suppress(StateBusyError):
                self.space.write_back(least=1)
            self._settle(settled, now_ms)

    def _settle(self, settlements: Iterable[Settlement], now_ms: int) -> None:
        counts: Counter[tuple[str, str]] = Counter()
        with self._database.transaction() as db:
            for queued, delivered, buried, left in settlements:
                if not _take_out(db, queued.id, left):
                    continue
                for letter in buried:
                    bury_event(db, queued.source, letter, now_ms)
                counts["delivered", queued.source] += delivered
                counts["buried", queued.source] += len(buried)
            for (name, source), count in counts.items():
                add_to_counter(db, name, source, count)

    def backlog(self) -> Backlog:
        """Return how much waits in the queue; that is on record, and not counted."""
        oldest = "(SELECT created FROM batch ORDER BY id LIMIT 1)"
        sql = f"SELECT entries, events, {oldest}, bytes FROM tally WHERE name = 'queue'"
        with self._database.reading() as db:
            return Backlog(*db.execute(sql).fetchone())

    def used_bytes(self) -> int:
        """Return the bytes that the state takes in its file, free pages not counted."""
        return self.space.used_bytes()

    def accounts(self) -> list[Account]:
        """Return what became of each generation, in the order in which they were first seen."""
        place, names = "source, path, state, start, offset", ", ".join(Ledger._fields)
        sql = f"SELECT {place}, open_group, {names}, lost_why FROM file ORDER BY id"
        with self._database.reading() as db:
            rows = db.execute(sql).fetchall()
        return [_account(row) for row in rows]

    def counters(self) -> dict[tuple[str, str], int]:
        """Return the running counts by (name, source); see `add_to_counter`."""
        with self._database.reading() as db:
            rows = db.execute("SELECT name, source, value FROM counter").fetchall()
        return {(name, source): value for name, source, value in rows}

    def ledgers(self) -> dict[str, Ledger]:
        """Return the ledger of each source, over all its generations, also those collected."""
        names = ", ".join(Ledger._fields)
        sums = ", ".join(f"sum({name})" for name in Ledger._fields)
        of = " UNION ALL ".join(f"SELECT source, {names} FROM {t}" for t in ("file", "collected"))
        with self._database.reading() as db:
            rows = db.execute(f"SELECT source, {sums} FROM ({of}) GROUP BY source").fetchall()
        return {source: Ledger(*sums) for source, *sums in rows}

    # What others want to know

    def note_pace(self, read_bytes_per_s: float, unread_bytes: int, at_ms: int) -> None:
        """Put on record how fast reading goes, and how much is yet to be read."""
        pace = json.dumps((read_bytes_per_s, unread_bytes, at_ms))
        with self._database.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('pace', ?)", (pace,))

    def prove(self, at_ms: int) -> None:
        """Prove that the state can be written, by writing *at_ms* into it. Raises StateError."""
        with self._database.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('proven', ?)", (str(at_ms),))

    def pace(self) -> ReadingPace | None:
        """Return how fast reading went when that was last put on record."""
        with self._database.reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'pace'").fetchone()
        return None if row is None else ReadingPace(*json.loads(row[0]))


def _move(db: sqlite3.Connection, checkpoint: Checkpoint, parse: Parse, now_ms: int) -> None:
    bury_records(db, checkpoint, parse.rejects, now_ms)
    move_file(db, checkpoint, parse.ledger, now_ms)


def _take_out(db: sqlite3.Connection, batch: int, left: RecordBatch | None) -> bool:
    """Take a batch out of the queue but for what is *left*; False if it is not there."""
    if left is None:
        return db.execute("DELETE FROM batch WHERE id = ?", (batch,)).rowcount == 1
    sql = "UPDATE batch SET events = ?, size = ?, body = ? WHERE id = ?"
    return db.execute(sql, (*left, batch)).rowcount == 1


def _account(row: tuple[Any, ...]) -> Account:
    source, path, state, start, offset, held, *counts, why = row
    held_lines = Held.from_bytes(held or b"")
    return Account(source, path, state, start, offset, held_lines, Ledger(*counts), why)
