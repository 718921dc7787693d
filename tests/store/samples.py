"""Sample values for tests of the store."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

from shipper.event.batch import ENCODING, compress
from shipper.formats.fingerprint import NOTHING, digest, fingerprint
from shipper.store.schema import MIGRATIONS
from shipper.store.store import Store
from shipper.tail.checkpoint import Checkpoint, Node, Sighting

NAMESPACE = uuid.UUID(int=7)


def sighting(
    *, source: str = "web", path: str = "/logs/web.log", first: bytes = b"one", inode: int = 42
) -> Sighting:
    return Sighting(
        source=source,
        path=path,
        canonical=path,
        node=Node(1, inode),
        head=fingerprint(first),
        tail=NOTHING,
        first_line=digest(first),
        start=0,
        size=100,
    )


def begin(
    store: Store, *, source: str = "web", path: str = "/logs/web.log", inode: int = 42
) -> Checkpoint:
    return store.begin(sighting(source=source, path=path, inode=inode), NAMESPACE, 1)


def first_schema(path: Path) -> sqlite3.Connection:
    """Make a state file of schema 1, with an open generation and one that lost its end."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(MIGRATIONS[0])
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO stream VALUES (?, 2)", (b"s" * 16,))
    columns = (
        "generation, source, path, canonical, device, inode, head_length, head_digest, "
        "tail_length, tail_digest, start, offset, size, state, first_seen, last_seen, "
        "lines_read, bytes_read, lines_emitted, bytes_emitted, events, bytes_lost"
    )
    marks = ", ".join("?" * len(columns.split(",")))
    for number, (name, state, lost) in enumerate(
        [("web.log", "open", 0), ("web.log.1", "over", 7)], start=1
    ):
        who = (bytes([number]) * 16, "web", f"/logs/{name}", "/logs/web.log", 1, number)
        prints = (0, b"", 0, b"")
        size = 10 * number
        counts = (1, size, 1, size, 1, lost)
        values = (*who, *prints, 0, size, size + lost, state, 1, number, *counts)
        db.execute(f"INSERT INTO file ({columns}) VALUES ({marks})", values)
        batch = compress([b'{"x":%d}' % number])
        db.execute(
            "INSERT INTO batch (source, events, size, encoding, body, created) "
            "VALUES ('web', ?, ?, ?, ?, 1)",
            (batch.events, batch.size, ENCODING, batch.body),
        )
    return db
