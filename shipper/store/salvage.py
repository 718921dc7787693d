"""Salvage: a new state of what can be read of a damaged one.

Rule 1: pages are read, not trees: a page that is lost costs its own rows and no others. What the
        trees still say is used to know which table a page belongs to.
Rule 2: rows keep their ids. Of a file that is on record twice, the row that was seen last counts.
Rule 3: at worst something comes again, with the ids that it had: a file whose row is lost is read
        anew under its old generation, as far as the indexes still name it.
Rule 4: what is lost is counted where the sums on record tell it, and told as a drop is.
Rule 5: the damaged file is kept. The new one takes its place when it is complete, so that an end
        at any moment leaves a state that is taken up at the next start.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from shipper.errors import StateError
from shipper.event.gap import Dropped
from shipper.event.ids import generation_id, namespace_id
from shipper.store.database import Database, translated
from shipper.store.dead_letters import add_to_counter, bury_gap
from shipper.store.drops import COUNTER, note_dropped
from shipper.store.pages import Pages, Row, Value
from shipper.store.schema import MIGRATIONS
from shipper.store.shapes import AMBIGUOUS, INDEX_OF_IDS, shapes_of_tables
from shipper.store.soundness import SALVAGED

CAUSE = "state_damaged"
"""The cause for which events are missing that were lost with the state."""

FORGOTTEN = "forgotten"
"""The counter of events whose fate was lost with the state: below 0, what is known only by it."""

_NEW = "state.db.salvaging"
_PAGE_ROWS = 200
_STREAMED = ("batch", "arrival", "dead_letter")

Tick = Callable[[int, int], None]
"""Is told now and then how many pages were read, and of how many."""


class Salvaged(NamedTuple):
    """What was found and what is known to be lost, as counts of rows by table, or of events.

    `lost_events` is None where nothing tells how many there were; `kept` is the damaged file.
    """

    kept: Path
    found: dict[str, int]
    lost_events: int | None
    lost_letters: int | None
    lost_files: int


def unfinished(directory: Path, database: str) -> bool:
    """Put a salvaged state whose making was complete in its place; tell whether there was one."""
    with translated(directory):
        if not (directory / SALVAGED).exists():
            return False
        _swap(directory, database)
        return True


def salvage(directory: Path, database: str, namespace: str, tick: Tick) -> Salvaged:
    """Make a new state of what can be read of the one in *directory*, and put it in its place.

    *namespace* is that of the ids if none is on record. Raises StateError: nothing has changed.
    """
    with translated(directory):
        for left in directory.glob(f"{_NEW}*"):
            left.unlink()
        with closing(Pages(directory / database)) as pages:
            if pages.version > len(MIGRATIONS):
                what = f"{directory / database} has schema {pages.version}, and is damaged"
                raise StateError(what, "let the newer shipper salvage it")
            new = Database(directory / _NEW)
            try:
                found = _Finds(pages, new, tick)
                found.stream()
                found.write_small()
                with new.transaction() as db:
                    lost_files = _mend_streams(db, found, namespace)
                    lost = _mend_books(db, found)
            finally:
                new.close()
        (directory / _NEW).rename(directory / SALVAGED)
        kept = _swap(directory, database)
    return Salvaged(kept, found.counts, *lost, lost_files)


def _swap(directory: Path, database: str) -> Path:
    """Put the damaged files aside and the salvaged one in their place (rule 5)."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    kept = directory / f"{database}.damaged-{stamp}"
    for tail in ("-shm", "-wal", ""):
        old = directory / f"{database}{tail}"
        if old.exists():
            old.rename(f"{kept}{tail}")
    (directory / SALVAGED).rename(directory / database)
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    return kept


class _Finds:
    """The rows of a damaged file: large tables go into the new one at once, others are held."""

    def __init__(self, pages: Pages, new: Database, tick: Tick) -> None:
        self._pages = pages
        self._new = new
        self._tick = tick
        self.counts: dict[str, int] = dict.fromkeys(shapes_of_tables(), 0)
        self.small: dict[str, dict[Value, tuple[Value, ...]]] = defaultdict(dict)
        self.ids: dict[int, set[bytes]] = defaultdict(set)  # of the rows of files, by indexes

    def stream(self) -> None:
        """Go through all pages, those of known trees first."""
        rows = self._rows()
        while group := list(islice(rows, _PAGE_ROWS)):
            with self._new.transaction() as db:
                for table, row in group:
                    values = (row.rowid, *row.values[1:])
                    self.counts[table] += _insert(db, table, values)

    def _rows(self) -> Iterator[tuple[str, Row]]:
        """Yield rows of large tables; hold the others."""
        owners = _owners(self._pages)
        free = self._pages.free() - owners.keys()
        order = [*owners, *(n for n in range(2, self._pages.count + 1) if n not in owners)]
        for done, number in enumerate(order):
            if number in free:
                continue
            for row in self._pages.rows(number):
                table = _table_of(row, owners.get(number))
                if table in _STREAMED:
                    yield table, row
                elif table:
                    self._hold(table, row)
                elif INDEX_OF_IDS.fits(row):
                    key, place = row.values
                    assert isinstance(place, int)  # noqa: S101  # by its kind
                    assert isinstance(key, bytes)  # noqa: S101  # by its kind
                    self.ids[place].add(key)
            if done % 1000 == 0:
                self._tick(done, len(order))

    def _hold(self, table: str, row: Row) -> None:
        held, values = self.small[table], row.values
        if table == "file":
            values = (row.rowid, *values[1:])
            known = held.get(row.rowid)
            if known is None or _seen(values) > _seen(known):
                held[row.rowid] = values
        else:
            keys = 2 if table in ("counter", "loss", "dropped") else 1
            held.setdefault(values[:keys] if keys > 1 else values[0], values)  # type: ignore[arg-type]  # a key

    def write_small(self) -> None:
        """Put what was held into the new file."""
        with self._new.transaction() as db:
            for table, rows in self.small.items():
                if table not in ("tally", "sqlite_sequence"):
                    for values in rows.values():
                        self.counts[table] += _insert(db, table, values)
            for name, seq in self.small["sqlite_sequence"].values():
                db.execute(
                    "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (seq, name)
                )
                db.execute(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT ?, ? "
                    "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)",
                    (name, seq, name),
                )

    def tally(self, name: str, column: int) -> int | None:
        """Return what the old file had on record of the queue or the letters, if it can be read."""
        row = self.small["tally"].get(name)
        value = row[column] if row else None
        return value if isinstance(value, int) else None


def _seen(values: tuple[Value, ...]) -> tuple[Value, ...]:
    return values[16], values[12]  # when it was last seen, and how far it was read


def _insert(db: sqlite3.Connection, table: str, values: tuple[Value, ...]) -> int:
    columns = shapes_of_tables()[table].columns[: len(values)]
    marks = ", ".join("?" * len(columns))
    sql = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    try:
        return db.execute(sql, values).rowcount
    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError):
        return 0


def _table_of(row: Row, owner: str | None) -> str | None:
    """Return the table of *row*; *owner* is that of its page, or an index, if that is known."""
    if owner is not None:
        shape = shapes_of_tables().get(owner)
        return owner if shape and shape.fits(row) else None
    for table, shape in shapes_of_tables().items():
        if table not in AMBIGUOUS and shape.fits(row):
            return table
    return None


def _owners(pages: Pages) -> dict[int, str]:
    """Return, of each page that a tree still leads to, the table or index that it belongs to."""
    owners: dict[int, str] = {}
    for name, root in _roots(pages):
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if 1 < number <= pages.count and number not in owners:
                owners[number] = name
                waiting += pages.children(number)
    return owners


def _roots(pages: Pages) -> Iterator[tuple[str, int]]:
    """Yield the name and the root page of each table and index."""
    waiting, seen = [1], set[int]()
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        waiting += pages.children(number)
        for row in pages.rows(number):
            if len(row.values) == 5 and row.values[0] in ("table", "index"):
                _, name, _, root, _ = row.values
                if isinstance(name, str) and isinstance(root, int):
                    yield name, root


# What the rows that are missing leave to mend


def _mend_streams(db: sqlite3.Connection, found: _Finds, namespace: str) -> int:
    """Let the next generation of each stream have the id of one whose row was lost (rule 3).

    Returns how many rows of files are known to be lost.
    """
    row = db.execute("SELECT value FROM meta WHERE key = 'namespace'").fetchone()
    names = namespace_id(row[0] if row else namespace)
    there = {place for (place,) in db.execute("SELECT id FROM file")}
    lost: dict[bytes, set[bytes]] = defaultdict(set)
    missing = {place: keys for place, keys in found.ids.items() if place not in there}
    for keys in missing.values():
        for key in keys:
            lost[key] |= keys - {key}
    counts = dict(db.execute("SELECT key, generations FROM stream").fetchall())
    known: dict[bytes, set[bytes]] = defaultdict(set)
    for stream, generation in db.execute(
        "SELECT stream, generation FROM file WHERE stream IS NOT NULL"
    ):
        known[stream].add(generation)
    for stream in counts.keys() | known.keys():
        most = max(counts.get(stream, 0), len(known[stream])) + 1
        ids = [generation_id(names, stream, n).bytes for n in range(most)]
        held = [n for n, each in enumerate(ids) if each in known[stream]]
        gone = [n for n, each in enumerate(ids) if each in lost[stream]]
        after = max(held, default=-1) + 1
        again = [n for n in gone if n >= after]
        count = min(again) if again else max(counts.get(stream, 0), after)
        db.execute(
            "INSERT INTO stream (key, generations, last_seen) VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET generations = excluded.generations",
            (stream, count, int(time.time() * 1000)),
        )
    return len(missing)


def _mend_books(db: sqlite3.Connection, found: _Finds) -> tuple[int | None, int | None]:
    """Count and note what is lost, so that the audit adds up again.

    Returns the events and the dead letters that are lost; None where that is not known.
    """
    now_ms = int(time.time() * 1000)
    ((queued, _), (refused, letters)) = (
        db.execute("SELECT events, entries FROM tally WHERE name = ?", (name,)).fetchone()
        for name in ("queue", "letters")
    )
    had, had_letters = found.tally("queue", 2), found.tally("letters", 1)
    lost = None if had is None else max(0, had - queued)
    lost_letters = None if had_letters is None else max(0, had_letters - letters)
    if lost:
        note_dropped(db, [Dropped("", CAUSE, lost, 0, now_ms, now_ms)])
    if lost_letters:
        bury_gap(db, "", f"{lost_letters} dead letters are missing: {CAUSE}", now_ms)
    _top_up_losses(db)
    made, gone = _made(db), queued + refused + _counted(db, "delivered", f"{COUNTER}%", "discarded")
    if made != gone + _counted(db, FORGOTTEN):
        add_to_counter(db, FORGOTTEN, "", made - gone - _counted(db, FORGOTTEN))
    return lost, lost_letters


def _made(db: sqlite3.Connection) -> int:
    """Return how many events the books say were made."""
    ((ledgers,),) = db.execute(
        "SELECT (SELECT coalesce(sum(events), 0) FROM file) "
        "+ (SELECT coalesce(sum(events), 0) FROM collected)"
    ).fetchall()
    return int(ledgers) + _counted(db, "replayed", "received", "gaps")


def _counted(db: sqlite3.Connection, *names: str) -> int:
    sql = "SELECT coalesce(sum(value), 0) FROM counter WHERE name LIKE ?"
    return sum(int(db.execute(sql, (name,)).fetchone()[0]) for name in names)


def _top_up_losses(db: sqlite3.Connection) -> None:
    """Where the cause of lost bytes is lost itself, it is unknown."""
    db.execute(
        "INSERT INTO loss (source, why, bytes) "
        "SELECT source, 'unknown', bytes_lost - coalesce("
        "(SELECT sum(bytes) FROM loss WHERE loss.source = collected.source), 0) AS rest "
        "FROM collected WHERE rest > 0 "
        "ON CONFLICT (source, why) DO UPDATE SET bytes = bytes + excluded.bytes"
    )
