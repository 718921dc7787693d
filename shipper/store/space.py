"""Space on disk: what the state takes, what is left beside it, and how it is given back.

Rule 1: the state file has a ceiling (`bound`), which SQLite itself keeps: a transaction over it
        fails as on a full disk. What waits may use all but the headroom.
Rule 2: the file is cut shorter in steps of a bounded size, and only when much of it is free: what
        the next backlog takes need not be asked of the disk again.
Rule 3: nobody waits for a reader: a write-ahead log that is being read is cut another time.
"""

from __future__ import annotations

import os
import sqlite3
from typing import NamedTuple

from shipper.store.database import STEP_MS, Database, translated

MOST_WAL = 256 << 20
"""Bytes that the write-ahead log may have before reading pauses (see `room`)."""

_LONG_WAL = 64 << 20
_STEP_PAGES = 256
# Free pages up to so many, and up to this part of the file, stay for the next backlog.
_SPARE_PAGES, _SPARE_PART = 4096, 8
_HEADROOM, _HEADROOM_PART = 64 << 20, 8
_SIZES = """
SELECT page_count, freelist_count, page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""


class DiskSpace(NamedTuple):
    """Bytes of the file system of the state: all, and those that this user may still take."""

    total: int
    free: int


def ceiling(max_bytes: int) -> int:
    """Return the bytes that the state file never goes over, for a queue of *max_bytes*."""
    return max_bytes + max_bytes // _HEADROOM_PART + _HEADROOM


class Space:
    """The bytes of a state file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bound(self, max_bytes: int) -> None:
        """Let the file grow to `ceiling` of *max_bytes* at most, as long as it is open here."""
        with self._database.reading() as db:
            (size,) = db.execute("PRAGMA page_size").fetchone()
            db.execute(f"PRAGMA max_page_count = {ceiling(max_bytes) // size}").fetchall()

    def used_bytes(self) -> int:
        """Return the bytes that the state takes in its file, free pages not counted."""
        pages, free, size = self._sizes()
        return (pages - free) * size

    def free_bytes(self) -> int:
        """Return the bytes of free pages: they are in the file, and hold nothing."""
        _, free, size = self._sizes()
        return free * size

    def wal_bytes(self) -> int:
        """Return the bytes of the write-ahead log."""
        path = self._database.path
        try:
            return path.with_name(f"{path.name}-wal").stat().st_size
        except OSError:
            return 0

    def disk(self) -> DiskSpace:
        """Return what is left on the disk. Raises StateError."""
        with translated(self._database.path):
            status = os.statvfs(self._database.path.parent)
        return DiskSpace(status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize)

    def shrink(self) -> bool:
        """Give a step's worth of free pages back to the disk; tell whether there are more.

        Nothing happens while the free pages are few (rule 2).
        """
        pages, free, _ = self._sizes()
        surplus = free - max(_SPARE_PAGES, pages // _SPARE_PART)
        if surplus <= 0:
            return False
        self.compact(min(surplus, _STEP_PAGES))
        return surplus > _STEP_PAGES

    def compact(self, pages: int = _STEP_PAGES) -> int:
        """Give up to *pages* free pages back to the disk; return how many are left."""
        with self._database.transaction() as db:
            db.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
        return self._sizes()[1]

    def write_back(self, *, least: int = _LONG_WAL) -> bool:
        """Cut the write-ahead log to nothing if it has *least* bytes; tell whether it is short."""
        if self.wal_bytes() < least:
            return True
        with self._database.reading() as db:
            db.execute("PRAGMA busy_timeout = 0")
            try:
                (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (
                    sqlite3.SQLITE_BUSY,
                    sqlite3.SQLITE_LOCKED,
                ):
                    raise
                return False
            finally:
                db.execute(f"PRAGMA busy_timeout = {STEP_MS}")
        return not busy

    def _sizes(self) -> tuple[int, int, int]:
        with self._database.reading() as db:
            pages, free, size = db.execute(_SIZES).fetchone()
        return pages, free, size
