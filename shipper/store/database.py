"""The connection to the state file: pragmas, transactions, and SQLite's errors in our words.

Rule 1: one connection a process, one lock round every use, results fetched inside the lock: a
        connection shared between threads without a lock can return wrong rows.
Rule 2: a transaction is written whole or not at all, and takes the write lock when it begins, so
        that it never fails half-way for want of it.
Rule 3: WAL with synchronous=NORMAL: a power cut may undo the last transactions, but each undoes
        its events and its checkpoints together, and the lines are still in their files. What
        nobody can read again is committed as `durable`: it is on the disk when that returns.
Rule 4: who waits for another process to let go of the write lock keeps nobody in this one from
        reading, and does not wait beyond the end that a stop has set (`wait_until`).
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

from shipper.errors import StateBusyError, StateDamagedError, StateError
from shipper.store.schema import MIGRATIONS
from shipper.store.writer import writer

PATIENCE = 10.0
"""Seconds that a transaction waits for another process."""

STEP_MS = 100
"""How long SQLite waits at a time, with our lock held; in between, others have their turn."""

_BETWEEN = 0.01
_WAL_TRIES = 30
# Checkpoint the WAL every 16 MiB: small enough to stay in the page cache, rare enough to be cheap.
# Where less of the disk is free, sooner: the file needs room for what the WAL holds, beside it.
_MOST_WAL_PAGES, _LEAST_WAL_PAGES, _WAL_PART = 4096, 64, 8
_PAGE_BYTES = 4096
_USUAL, _DURABLE = "PRAGMA synchronous = NORMAL", "PRAGMA synchronous = FULL"
_PRAGMAS = f"""
{_USUAL};
PRAGMA journal_size_limit = 67108864;
PRAGMA foreign_keys = ON;
"""
# One statement, one snapshot: another process may be making the tables just now.
_VERSION = """
SELECT user_version, (SELECT min(name) FROM sqlite_master WHERE type = 'table')
FROM pragma_user_version
"""
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_LET_GO = "it is tried again when that one lets go; if it hangs, end it: nothing is lost"
_TRANSIENT = {
    sqlite3.SQLITE_FULL: "can't grow: the disk is full, or the state is at its ceiling",
    sqlite3.SQLITE_IOERR: "can't be read or written (input/output error, or over a quota)",
    sqlite3.SQLITE_READONLY: "can't be written: it is read-only",
    sqlite3.SQLITE_CANTOPEN: "can't be opened",
    sqlite3.SQLITE_NOMEM: "needs more memory than there is",
}


DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""The errors that say that a file is damaged, or was never a database."""

REMEDY = (
    "start `shipper run`, which saves what can be read (see queue.when_damaged); or restore a "
    "backup; or move it away to start anew (files are then read from their beginning)"
)
"""What to do about a damaged state."""

# What passes by itself, or by what a person does to the disk, while this program waits.
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENFILE, errno.EMFILE)


class Database:
    """An open state file."""

    connection: ClassVar[type[sqlite3.Connection]] = sqlite3.Connection

    def __init__(self, path: Path) -> None:
        """Open or create *path*. Raises StateError if it can't be used or is a newer version's."""
        self.path = path
        self.patience = PATIENCE
        self._end = float("inf")
        self._lock = threading.RLock()
        _check_sqlite()
        self._open()

    def _open(self) -> None:
        with translated(self.path):
            # Made by ourselves: SQLite would let the umask decide who may read it.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(
                self.path,
                isolation_level=None,
                check_same_thread=False,
                timeout=PATIENCE,
                factory=self.connection,
            )
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def suspend(self) -> None:
        """Close, and let nobody in before the same thread calls `resume`.

        For a fork: SQLite's locks do not survive one, so no connection may stand open then.
        """
        self._lock.acquire()
        self._db.close()

    def resume(self) -> None:
        """Open again what `suspend` closed. Raises StateError."""
        try:
            self._open()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Write the WAL back and close. Safe to call twice."""
        with self._lock:
            self._db.close()

    def wait_until(self, end: float | None) -> None:
        """Let no transaction wait for another process beyond *end* (monotonic); None: as usual.

        Each tries once, however late it is.
        """
        self._end = float("inf") if end is None else end

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Run a block as one write transaction; *durable* ones outlive a power cut (rule 3)."""
        with translated(self.path):
            self._patiently(partial(self._begin, durable=durable))
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after a full disk or an I/O error.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._release(durable=durable)

    def write(self, statement: str, values: Sequence[object]) -> None:
        """Run one statement, which is a write transaction by itself."""
        with translated(self.path):
            self._patiently(self._execute, statement, values)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Run a block whose every reading sees the state as it is at the first one."""
        with self._lock, translated(self.path):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Run a block that only reads; it must fetch all it needs before it ends."""
        with self._lock, translated(self.path):
            yield self._db

    def _patiently(self, begin: Callable[..., None], *given: object) -> None:
        """Call *begin*, which takes the write lock, until another process lets go of it."""
        end: float | None = None
        while True:
            try:
                begin(*given)
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY:
                    raise
                now = time.monotonic()
                end = end if end is not None else now + self.patience
                if now >= min(end, self._end):
                    raise
            else:
                return
            time.sleep(_BETWEEN)

    def _begin(self, *, durable: bool) -> None:
        """Begin a write transaction; `_release` is to be called at its end."""
        self._lock.acquire()
        try:
            if durable:  # outside the transaction: SQLite ignores the pragma inside one
                self._db.execute(_DURABLE)
            self._db.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._release(durable=durable)
            raise

    def _release(self, *, durable: bool) -> None:
        try:
            if durable:
                self._db.execute(_USUAL)
        finally:
            self._lock.release()

    def _execute(self, statement: str, values: Sequence[object]) -> None:
        with self._lock:
            self._db.execute(statement, values)

    def _prepare(self) -> None:
        with translated(self.path):
            version, table = self._db.execute(_VERSION).fetchone()
            if version == 0 and table is not None:
                what = f"{self.path} is another program's database: it has a table {table!r}"
                raise StateError(what, "use another state directory")
            if version > len(MIGRATIONS):
                what = f"{self.path} has schema {version}, this program knows up to"
                remedy = "use the newer shipper, or another state directory"
                raise StateError(f"{what} {len(MIGRATIONS)}", remedy)
            if version == 0:
                # Works only before the first table is made; it lets the file shrink one day.
                self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._db.executescript(_PRAGMAS)
            self._db.execute(f"PRAGMA wal_autocheckpoint = {_wal_pages(self.path)}")
            mode = self._to_wal()
            if mode != "wal":
                what = f"{self.path} is on a file system without shared memory (a network share?)"
                raise StateError(what, "put the state directory on a local disk")
            if version < len(MIGRATIONS):
                self._migrate()
            self._db.execute(f"PRAGMA busy_timeout = {STEP_MS}")

    def _to_wal(self) -> str:
        # SQLite does not wait for its turn here, as it does everywhere else, when another process
        # makes the same switch at the same moment.
        for patience in range(_WAL_TRIES):
            try:
                return str(self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0])
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(0.01 * (patience + 1))
        return str(self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0])

    def _migrate(self) -> None:
        with self.transaction() as db:
            # Another process may have migrated between our look and our lock.
            (version,) = db.execute("PRAGMA user_version").fetchone()
            for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
                for statement in script.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number}")


def _wal_pages(path: Path) -> int:
    """Return after how many pages the write-ahead log of *path* is written back."""
    disk = os.statvfs(path.parent)
    pages = disk.f_bavail * disk.f_frsize // _WAL_PART // _PAGE_BYTES
    return max(_LEAST_WAL_PAGES, min(pages, _MOST_WAL_PAGES))


class translated:  # noqa: N801  # used as a function; as a class it costs a tracked event 1 µs less
    """Turn SQLite's errors and the file system's into StateError and StateBusyError, in a block."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, sqlite3.Error):
            _tell(self._path, error)
        if isinstance(error, OSError):
            raise unusable(f"{self._path} can't be used", error) from error


def _tell(path: Path, error: sqlite3.Error) -> None:
    """Raise what *error* means; return if it is a defect of ours."""
    code = _code(error)
    if code in _LOCKED:
        held = writer(path)
        what = f"{path} is locked by another process ({held or error})"
        raise StateBusyError(what, _LET_GO) from error
    if code in _TRANSIENT:
        what = f"{path} {_TRANSIENT[code]} ({error})"
        raise StateBusyError(what, "free space or rights there; nothing is lost") from error
    if code in DAMAGED:
        raise StateDamagedError(f"{path} is damaged or no state file ({error})", REMEDY) from error


def _code(error: BaseException) -> int:
    """Return the primary code of one of SQLite's errors; 0: it is none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_full(error: StateBusyError) -> bool:
    """Tell whether *error* came of a disk without room, or of the ceiling of the file."""
    return error.__cause__ is not None and _code(error.__cause__) == sqlite3.SQLITE_FULL


def unusable(what: str, error: OSError) -> StateError:
    """Return what to raise for an *error* of the file system: StateBusyError if it may pass."""
    words = f"{what}: {error.strerror or error}"
    if error.errno in _PASSING:
        return StateBusyError(words, "free space, inodes or rights there; nothing is lost")
    return StateError(words, "give this user write access to the state directory")


def _check_sqlite() -> None:
    if sqlite3.sqlite_version_info < (3, 37):
        what = f"SQLite {sqlite3.sqlite_version} is too old: strict tables need 3.37"
        raise StateError(what, "use a newer Python or operating system")
