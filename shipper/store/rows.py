"""The rows of the table `file`: generations and their checkpoints, within a transaction."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from shipper.errors import StateError
from shipper.formats.fingerprint import Fingerprint
from shipper.formats.held import Held
from shipper.model import Ledger
from shipper.tail.checkpoint import Checkpoint, Node, Sighting

_INSERT_FILE = """
INSERT INTO file (generation, source, path, canonical, device, inode, head_length, head_digest,
    tail_length, tail_digest, start, offset, size, state, first_seen, last_seen, stream)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?)
"""
_SELECT_FILES = """
SELECT id, generation, source, path, canonical, device, inode, head_length, head_digest,
    tail_length, tail_digest, start, offset, size, open_group, trail
FROM file
"""
# What was counted as lost when a file was let go is not lost if it came back and is read on.
_NOT_LOST = "bytes_lost = CASE state WHEN 'open' THEN bytes_lost ELSE 0 END + ?"
_ADDED = [f"{name} = {name} + ?" for name in Ledger._fields if name != "bytes_lost"]
_MOVE_FILE = f"""
UPDATE file SET source = ?, path = ?, device = ?, inode = ?, head_length = ?, head_digest = ?,
    tail_length = ?, tail_digest = ?, offset = ?, size = ?, open_group = ?, trail = ?,
    state = 'open', last_seen = ?, lost_why = NULL,
    {", ".join([*_ADDED, _NOT_LOST])}
WHERE id = ?
"""
# As a rule only this has changed: the row is open, and stands in no index by what is written here.
_GO_ON = f"""
UPDATE file SET head_length = ?, head_digest = ?, tail_length = ?, tail_digest = ?, offset = ?,
    size = ?, open_group = ?, trail = ?, last_seen = ?, {", ".join(_ADDED)}
WHERE id = ? AND state = 'open' AND source = ? AND path = ? AND device = ? AND inode = ?
"""
_SELECT_KNOWN = f"""
{_SELECT_FILES.replace("FROM", ", state FROM")}
WHERE device = ? AND inode = ? ORDER BY state = 'open' DESC, last_seen DESC, id DESC LIMIT 1
"""


def next_ordinal(db: sqlite3.Connection, stream: bytes, now_ms: int) -> int:
    """Count one more generation of *stream*; return its number, from 0."""
    (count,) = db.execute(
        "INSERT INTO stream (key, generations, last_seen) VALUES (?, 1, ?) "
        "ON CONFLICT (key) DO UPDATE SET generations = generations + 1, "
        "last_seen = excluded.last_seen RETURNING generations",
        (stream, now_ms),
    ).fetchone()
    return int(count) - 1


def insert_file(
    db: sqlite3.Connection, sighting: Sighting, generation: uuid.UUID, stream: bytes, now_ms: int
) -> Checkpoint:
    """Add the row of a new generation; return its checkpoint."""
    s = sighting
    who = (generation.bytes, s.source, s.path, s.canonical, *s.node, *s.head, *s.tail)
    where = (s.start, s.start, s.size, now_ms, now_ms, stream)
    row = db.execute(_INSERT_FILE, (*who, *where)).lastrowid
    assert row is not None  # noqa: S101  # an INSERT has a row id
    return Checkpoint(
        row=row,
        generation=generation,
        source=s.source,
        path=s.path,
        canonical=s.canonical,
        node=s.node,
        head=s.head,
        tail=s.tail,
        start=s.start,
        offset=s.start,
        size=s.size,
    )


def move_file(db: sqlite3.Connection, checkpoint: Checkpoint, ledger: Ledger, now_ms: int) -> None:
    """Write *checkpoint*, and add *ledger* to its row. Raises StateError if it has none."""
    c = checkpoint
    file = (c.source, c.path, *c.node)
    where = (*c.head, *c.tail, c.offset, c.size, c.held.to_bytes(), c.trail, now_ms)
    *counts, lost = ledger
    if not lost and db.execute(_GO_ON, (*where, *counts, c.row, *file)).rowcount == 1:
        return
    if db.execute(_MOVE_FILE, (*file, *where, *ledger, c.row)).rowcount != 1:
        what = f"the state has no row for {c.path} any more"
        raise StateError(what, "let no other program write to the state; start again")


def checkpoints(db: sqlite3.Connection, where: str, *values: object) -> list[Checkpoint]:
    """Return the checkpoints that the SQL *where* chooses."""
    return [_checkpoint(row) for row in db.execute(f"{_SELECT_FILES} {where}", values)]


def known_file(db: sqlite3.Connection, node: Node) -> Checkpoint | None:
    """Return the generation that was last read from *node*, unless it is over for good."""
    row = db.execute(_SELECT_KNOWN, node).fetchone()
    return None if row is None or row[-1] == "over" else _checkpoint(row[:-1])


def _checkpoint(row: tuple[Any, ...]) -> Checkpoint:
    id, generation, source, path, canonical, device, inode, *rest = row  # noqa: A001
    head_length, head_digest, tail_length, tail_digest, start, offset, size, held, trail = rest
    return Checkpoint(
        row=id,
        generation=uuid.UUID(bytes=generation),
        source=source,
        path=path,
        canonical=canonical,
        node=Node(device, inode),
        head=Fingerprint(head_length, head_digest),
        tail=Fingerprint(tail_length, tail_digest),
        start=start,
        offset=offset,
        size=size,
        held=Held.from_bytes(held or b""),
        trail=trail or b"",
    )
