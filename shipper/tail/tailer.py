"""A tailer: reads one generation of one file on from its checkpoint.

Rule 1: reading changes nothing. `read` uses `pread` and returns a value; `advance` moves the
        checkpoint, and is called after the commit.
Rule 2: a checkpoint stands at the start of a record: a line without its LF stays in the file
        until the LF comes, or until the file is known to be over (`final`).
Rule 3: the bytes before the checkpoint are compared at each read; where they differ, the file
        was written anew, and what follows belongs to another generation.
Rule 4: memory is bounded by the longest line that is kept, not by the longest line there is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from shipper.event.ids import EventId, event_ids
from shipper.formats.fingerprint import HEAD_BYTES, TAIL_BYTES
from shipper.formats.framing import whole_lines
from shipper.tail.checkpoint import Checkpoint, Node

_STEP = 1 << 20


class Chunk(NamedTuple):
    """Whole lines from offset `base`, and the checkpoint to advance to once they are committed.

    `width` is more than `len(data)` where one overlong line had its end cut off.
    """

    data: bytes
    base: int
    width: int
    after: Checkpoint


class Changed(NamedTuple):
    """The file no longer is what the checkpoint says; `why` is ``truncated`` or ``rewritten``."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes: of one read, and of the part that is kept of an overlong line."""

    chunk_bytes: int = 256 * 1024
    line_bytes: int = 1 << 20
    kept_bytes: int = 16 << 20


class Tailer:
    """One open generation.

    Beside the checkpoint it keeps what is cheap to lose: `size` as last seen, `partial` bytes of
    a line without its end, and since when (`detached_at`, monotonic seconds) the file no longer
    stands at its path.
    """

    def __init__(self, fd: int, checkpoint: Checkpoint, limits: Limits) -> None:
        self._fd = fd
        self._limits = limits
        self._scanned = 0
        self.checkpoint = checkpoint
        self.eid: EventId = event_ids(checkpoint.generation)
        self.size = checkpoint.size
        self.partial = 0
        self.grew_at = float("-inf")
        self.detached_at: float | None = None

    def __repr__(self) -> str:
        c = self.checkpoint
        return f"Tailer({c.path!r}, {c.offset} of {self.size}, partial {self.partial})"

    @property
    def path(self) -> str:
        """The path where the file was last seen."""
        return self.checkpoint.path

    @property
    def node(self) -> Node:
        """The node that is being read."""
        return self.checkpoint.node

    @property
    def unread(self) -> int:
        """How many bytes wait, a line without its end not counted."""
        return max(0, self.size - self.checkpoint.offset - self.partial)

    def look(self, now: float) -> os.stat_result:
        """Ask the file for its size. Raises OSError."""
        status = os.fstat(self._fd)
        self.saw(status.st_size, now)
        return status

    def saw(self, size: int, now: float) -> None:
        """Note the *size* that somebody saw at *now*."""
        if size != self.size:
            self.size = size
            self.grew_at = now

    def read(self, *, final: bool = False) -> Chunk | Changed | None:
        """Read the next whole lines; None if there are none. Raises OSError.

        With *final*, the file will not grow any more: its last bytes count as a line.
        """
        c, lead = self.checkpoint, self.checkpoint.tail.length
        data = os.pread(self._fd, lead + self._limits.chunk_bytes, c.offset - lead)
        if len(data) < lead:
            return Changed("truncated")
        if not c.tail.matches(data):
            return Changed("rewritten")
        before, body = data[:lead], data[lead:]
        end = whole_lines(body)
        if end == 0 and len(body) == self._limits.chunk_bytes:
            return self._long_line(before, final=final)
        if end == 0 and not (final and body):
            self.partial = len(body)
            return None
        return self._chunk(before, body[:end] if end else body)

    def advance(self, chunk: Chunk) -> None:
        """Move on behind *chunk*, now that it is committed."""
        self.checkpoint = chunk.after
        self.partial = 0

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def head(self) -> bytes:
        """Return the first bytes of the file, up to 1 KiB. Raises OSError."""
        return os.pread(self._fd, HEAD_BYTES, 0)

    def _chunk(self, before: bytes, lines: bytes, width: int | None = None) -> Chunk:
        width = len(lines) if width is None else width
        base = self.checkpoint.offset
        end = base + width
        if width != len(lines):
            before = os.pread(self._fd, TAIL_BYTES, end - TAIL_BYTES)
        elif width < TAIL_BYTES:
            before += lines
        else:
            before = lines[-TAIL_BYTES:]
        after = self.checkpoint.at(end, before, self.size)
        if after.head.length < HEAD_BYTES:
            after = after.with_head(self.head())
        return Chunk(lines, base, width, after)

    def _long_line(self, before: bytes, *, final: bool) -> Chunk | None:
        """Read a line longer than a chunk; what is over the limit is looked at, not kept."""
        offset = self.checkpoint.offset
        start = max(offset, self._scanned)
        end = _find_lf(self._fd, start)
        if end is None:
            size = os.fstat(self._fd).st_size
            self._scanned, self.partial = size, size - offset
            if not final:
                return None
            end = size
        self._scanned = 0
        kept = min(end - offset, self._limits.kept_bytes)
        return self._chunk(before, os.pread(self._fd, kept, offset), end - offset)


def open_log(path: str) -> tuple[int, Node, int]:
    """Open *path* for reading; return the descriptor, its node and its size. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
    except OSError:
        os.close(fd)
        raise
    return fd, Node.of(status.st_dev, status.st_ino), status.st_size


def _find_lf(fd: int, start: int) -> int | None:
    """Return the offset behind the first LF at or after *start*, or None."""
    while data := os.pread(fd, _STEP, start):
        found = data.find(b"\n")
        if found >= 0:
            return start + found + 1
        start += len(data)
    return None
