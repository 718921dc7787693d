"""Copies of a state file: consistent ones, made beside a shipper that goes on.

Rule 1: a copy is of one moment: it is read within one transaction, in steps.
Rule 2: a copy has its name only when it is complete, is its owner's alone, and is on the disk.
Rule 3: nothing that is there is replaced, but put aside under another name.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from shipper.errors import DataError, UsageError
from shipper.store.database import Database, translated
from shipper.store.soundness import damage

_STEP_PAGES = 1_000
_LOOK_SECONDS = 600.0

Tick = Callable[[int, int], None]
"""Is told how many pages are done, and of how many."""


def backup(source: Path, target: Path, tick: Tick) -> None:
    """Copy the state file *source* to *target*. Raises StateError, UsageError if that is there."""
    if target.exists():
        raise UsageError(f"{target} is there already", "name another file, or remove it")
    if not target.parent.is_dir():
        raise UsageError(f"there is no directory {target.parent}", "make it, or name another")
    part = target.with_name(f"{target.name}.part")
    try:
        with translated(source), closing(sqlite3.connect(source, isolation_level=None)) as db:
            _copy(db, part, tick)
        with translated(target):
            _settle(part, target)
    finally:
        part.unlink(missing_ok=True)


def check(file: Path) -> None:
    """Look whether *file* is a sound state file. Raises DataError."""
    if not file.is_file() or not file.stat().st_size:
        raise DataError(f"{file} is no file, or empty", "shipper state backup makes one")
    if why := damage(file, _LOOK_SECONDS, uri=_uri(file)):
        raise DataError(f"{file} is damaged, or no state file: {why}", "use another backup")


def restore(file: Path, target: Path, *, replace: bool) -> Path | None:
    """Make a copy of *file* the state file *target*; *replace* puts what is there aside.

    Returns where that is now, if anything was there. Raises StateError, UsageError.
    """
    if target.exists() and not replace:
        what = f"there is a state in {target.parent} already"
        raise UsageError(what, "give --replace to put it aside, or use another state directory")
    part = target.with_name(f"{target.name}.restoring")
    try:
        with translated(file), closing(_reading(file)) as db:
            _copy(db, part, lambda _done, _of: None)
        Database(part).close()  # brings it up to date, or refuses it
        with translated(target):
            kept = retire(target, "replaced")
            _settle(part, target)
    finally:
        part.unlink(missing_ok=True)
    return kept


def _copy(db: sqlite3.Connection, part: Path, tick: Tick) -> None:
    with translated(part):
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    # With a transaction open, writers need not be waited for, and nothing begins anew.
    db.execute("BEGIN")
    db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    with translated(part), closing(sqlite3.connect(part)) as copy:
        db.backup(copy, pages=_STEP_PAGES, progress=lambda _, left, of: tick(of - left, of))


def _reading(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(_uri(file), uri=True, isolation_level=None)


def _uri(file: Path) -> str:
    """Return how to open *file*, which nobody writes to, so that nothing is made beside it."""
    log = file.with_name(f"{file.name}-wal").exists()
    return f"{file.absolute().as_uri()}?{'mode=rw' if log else 'immutable=1'}"


def retire(target: Path, why: str) -> Path | None:
    """Put the state file *target* aside, with its log; return its new name, None if none is there.

    *why* becomes a part of the name. Nobody may have it open.
    """
    kept = target.with_name(f"{target.name}.{why}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
    if not target.exists():
        return None
    for tail in ("-shm", "-wal", ""):
        old = target.with_name(f"{target.name}{tail}")
        if old.exists():
            old.rename(kept.with_name(f"{kept.name}{tail}"))
    return kept


def _settle(part: Path, target: Path) -> None:
    _to_disk(part)
    part.rename(target)
    _to_disk(target.parent)


def _to_disk(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
