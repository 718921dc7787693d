"""One sender a queue: an exclusive lock on the state directory, with the holder's pid in it.

The kernel gives the lock back when its holder dies, however it dies. Programs that only add or
look need no lock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shipper.errors import StateError
from shipper.store.database import unusable

_NAME = "lock"


@contextmanager
def sender_lock(directory: Path) -> Iterator[Path]:
    """Hold the lock on *directory*. Raises StateError naming the pid of who holds it already.

    Yields the lock file, whose modification time the holder may move on as a sign of life.
    """
    path = directory / _NAME
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(f"the lock {path} can't be opened", error) from error
    try:
        _take(fd, path)
        yield path
    finally:
        os.close(fd)


def holder(directory: Path) -> int | None:
    """Return the pid of the process that holds the lock on *directory*, or None."""
    try:
        fd = os.open(directory / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(fd)
    finally:
        os.close(fd)
    return None


def alive_at(directory: Path) -> float | None:
    """Return when the holder last gave a sign of life (seconds since 1970), or None."""
    try:
        return (directory / _NAME).stat().st_mtime
    except OSError:
        return None


def _take(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        what = f"another shipper (pid {_pid(fd) or 'unknown'}) uses the state in {path.parent}"
        remedy = "stop it first, or give this one a state directory of its own"
        raise StateError(what, remedy) from error
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
    except OSError as error:
        raise unusable(f"the lock {path} can't be written", error) from error


def _pid(fd: int) -> int | None:
    text = os.pread(fd, 20, 0).strip()
    return int(text) if text.isdigit() else None
