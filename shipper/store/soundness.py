"""Whether a state file is sound, as far as can be seen in a given time."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

from shipper.store.database import DAMAGED, translated

# The small tables, without which nothing goes, come first.
_TABLES = ("meta", "file", "stream", "counter", "collected", "loss", "dropped", "tally")
_LARGE = ("dead_letter", "batch", "arrival")
_SUSPECT = "damaged"
SALVAGED = "state.db.salvaged"
"""A salvaged state that is complete, and yet to be put in the place of the damaged one."""


def suspect(directory: Path) -> None:
    """Note that the state was found damaged while it was in use."""
    (directory / _SUSPECT).touch()


def is_suspect(directory: Path) -> bool:
    """Tell whether the state was found damaged when it was last in use."""
    return (directory / _SUSPECT).exists()


def is_salvaged(directory: Path) -> bool:
    """Tell whether salvaging was broken off when all but the last step was done."""
    with translated(directory):
        return (directory / SALVAGED).exists()


def clear(directory: Path) -> None:
    """Forget that the state was found damaged: it has been seen to."""
    (directory / _SUSPECT).unlink(missing_ok=True)


def damage(path: Path, seconds: float, *, uri: str | None = None) -> str:
    """Return what is wrong with the state file at *path*; nothing if all that was seen is well.

    Looks for no longer than about *seconds*; *uri* is how to open it, if not as it is. Raises
    StateBusyError.
    """
    if not path.exists() or not path.stat().st_size:
        return ""
    with translated(path):
        try:
            how = uri or path
            with closing(sqlite3.connect(how, isolation_level=None, uri=bool(uri))) as db:
                # A progress handler is not asked while one tree is being checked.
                out_of_time = threading.Timer(seconds, db.interrupt)
                out_of_time.start()
                try:
                    return _fault(db, time.monotonic() + seconds)
                finally:
                    out_of_time.cancel()
                    out_of_time.join()
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_INTERRUPT:
                return ""
            if code in DAMAGED:
                return str(error)
            raise


def _fault(db: sqlite3.Connection, end: float) -> str:
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    for table in (*_TABLES, *_LARGE):
        if table in there and time.monotonic() < end:
            (word,) = db.execute(f"PRAGMA quick_check('{table}')").fetchone()
            if word != "ok":
                return f"{table}: {word.splitlines()[-1]}"
    return ""
