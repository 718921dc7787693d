"""Which process holds the write lock of a state file, to tell a person whom the others wait for.

Read from the kernel's list. Asking by a lock of our own would need a descriptor, and closing any
descriptor of a file gives away all locks that this process has on it, SQLite's among them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_LOCKS = Path("/proc/locks")
_BYTE = b"120"
"""Where in its file of shared memory SQLite locks for writing to the write-ahead log."""


class Writer(NamedTuple):
    """A process: its id, and its name, if that is known."""

    pid: int
    name: str = ""

    def __str__(self) -> str:
        return f"pid {self.pid}, {self.name}" if self.name else f"pid {self.pid}"


def writer(path: Path, locks: Path = _LOCKS) -> Writer | None:
    """Return the other process that is writing to the state file at *path*, if one is seen."""
    try:
        status = path.with_name(f"{path.name}-shm").stat()
        listed = locks.read_bytes().splitlines()
    except OSError:
        return None
    major, minor = os.major(status.st_dev), os.minor(status.st_dev)
    place = f"{major:02x}:{minor:02x}:{status.st_ino}".encode()
    for line in listed:
        # Such as: 7: POSIX  ADVISORY  WRITE 4711 fe:01:9463 120 120
        words = line.split()
        if words[3:4] == [b"WRITE"] and words[5:7] == [place, _BYTE]:
            pid = int(words[4])
            if pid > 0 and pid != os.getpid():  # of another container it may be 0 or -1
                return Writer(pid, _name(pid))
    return None


def _name(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/comm").read_text("utf-8", "replace")
    except OSError:
        return ""
    return "".join(filter(str.isprintable, text))
