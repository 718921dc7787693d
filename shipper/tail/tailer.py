"""A tailer: reads one generation of one file on from its checkpoint.

Rule 1: reading changes nothing. `read` uses `pread` and returns a value; `advance` moves the
        checkpoint, and is called after the commit.
Rule 2: a checkpoint stands at the start of a record: a line without its LF stays in the file
        until the LF comes, or until the file is known to be over (`final`).
Rule 3: the bytes before the checkpoint (at the beginning: the head) are compared at each read,
        and when a file was written to without growing; where they differ, the file was written
        anew, and what follows belongs to another generation.
Rule 4: memory is bounded by the longest line that is kept, not by the longest line there is.
"""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from shipper.event.ids import EventId, event_ids
from shipper.formats.fingerprint import HEAD_BYTES, TAIL_BYTES
from shipper.formats.framing import whole_lines
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.identity import Verdict, judge
from shipper.tail.survey import Look

_STEP = 1 << 20
# Descriptors that are left to sockets, the state file and whatever else the process opens.
_RESERVED = 128


def _descriptors() -> int:
    return max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED)


class Chunk(NamedTuple):
    """Whole lines from offset `base`, and the checkpoint to advance to once they are committed.

    `width` is more than `len(data)` where one overlong line had its end cut off.
    """

    data: bytes
    base: int
    width: int
    after: Checkpoint


class Changed(NamedTuple):
    """The file no longer is what the checkpoint says; `why` is ``truncated`` or ``rewritten``.

    `lost_bytes` is what is known to have stood there and was not read.
    """

    why: str
    lost_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes of one read, and of the part that is kept of an overlong line; files held open."""

    chunk_bytes: int = 256 * 1024
    line_bytes: int = 1 << 20
    kept_bytes: int = 16 << 20
    open_files: int = field(default_factory=_descriptors)


class Tailer:
    """One open generation.

    Beside the checkpoint it keeps what is cheap to lose: `size` as last seen, `partial` bytes of
    a line without its end, `shrunk` bytes that were seen and cut off unread, when the file last
    changed its size (`grew_at`) or was read (`served_at`), and since when it no longer stands at
    its path (`detached_at`); times are monotonic seconds.
    """

    def __init__(self, fd: int, checkpoint: Checkpoint, limits: Limits) -> None:
        self._fd = fd
        self._limits = limits
        self._scanned = 0
        self._modified = 0
        self.checkpoint = checkpoint
        self.eid: EventId = event_ids(checkpoint.generation)
        self.size = checkpoint.size
        self.partial = 0
        self.shrunk = 0
        self.grew_at = float("-inf")
        self.served_at = float("-inf")
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

    @property
    def seen(self) -> Look:
        """What the file last looked like."""
        return Look(self.size, self._modified)

    @property
    def idle(self) -> bool:
        """Whether the file may be closed, and opened again when it has changed."""
        return self.detached_at is None and not self.unread

    def look(self, now: float) -> Changed | None:
        """Look at the file itself, whatever stands at its path. Raises OSError."""
        return self.saw(os.fstat(self._fd), now)

    def deleted(self) -> bool:
        """Tell whether the file has no name any more. Raises OSError."""
        return os.fstat(self._fd).st_nlink == 0

    def saw(self, status: os.stat_result, now: float) -> Changed | None:
        """Note what somebody saw of the file at *now*. Raises OSError."""
        size, offset = status.st_size, self.checkpoint.offset
        if size == self.size and status.st_mtime_ns == self._modified:
            return None
        if size < (offset or self.size):
            return self._changed("truncated", self.size)
        if size <= self.size and not self._stands():
            return self._changed("rewritten", self.size)
        self._modified = status.st_mtime_ns
        if size != self.size:
            self.grew_at = now
        if size < self.size:
            self.shrunk += self.size - size
            self.partial = self._scanned = 0
        self.size = size
        return None

    def read(self, *, final: bool = False) -> Chunk | Changed | None:
        """Read the next whole lines; None if there are none. Raises OSError.

        With *final*, the file will not grow any more: its last bytes count as a line.
        """
        c, lead = self.checkpoint, self.checkpoint.tail.length
        data = os.pread(self._fd, lead + self._limits.chunk_bytes, c.offset - lead)
        if len(data) < lead:
            return self._changed("truncated", self.size)
        if not (c.tail.matches(data) if c.offset else self._stands()):
            # Nobody knows how much of what was seen since the last commit is the new content.
            return self._changed("rewritten", min(c.size, self.size))
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

    def release(self) -> int:
        """Hand over the descriptor; the tailer is of no use any more."""
        return self._fd

    def continued_in(self, fd: int, size: int) -> bool:
        """Tell whether the file *fd* of *size* bytes repeats this one, as far as it goes.

        Raises OSError.
        """
        c = self.checkpoint
        mine = os.fstat(self._fd).st_size
        if not c.offset or size < mine or judge(c, fd, size) is not Verdict.SAME:
            return False
        spans = range(c.offset, mine, _STEP)
        wanted = [(min(_STEP, mine - start), start) for start in spans]
        return all(os.pread(fd, *span) == os.pread(self._fd, *span) for span in wanted)

    def head(self) -> bytes:
        """Return the first bytes of the file, up to 1 KiB. Raises OSError."""
        return os.pread(self._fd, HEAD_BYTES, 0)

    def _changed(self, why: str, size: int) -> Changed:
        return Changed(why, self.checkpoint.unread(size) + self.shrunk)

    def _stands(self) -> bool:
        """Tell whether what is left of the checkpoint, or else the head, is as it was."""
        c = self.checkpoint
        if not c.offset:
            return c.head.matches(os.pread(self._fd, c.head.length, 0))
        return c.tail.matches(os.pread(self._fd, c.tail.length, c.offset - c.tail.length))

    def _chunk(self, before: bytes, lines: bytes, width: int | None = None) -> Chunk:
        width = len(lines) if width is None else width
        base = self.checkpoint.offset
        end = base + width
        if width != len(lines):
            before = os.pread(self._fd, TAIL_BYTES, max(0, end - TAIL_BYTES))
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
        end, found = _find_lf(self._fd, start)
        if not found and not final:
            self._scanned, self.partial = end, end - offset
            return None
        self._scanned = 0
        kept = min(end - offset, self._limits.kept_bytes)
        return self._chunk(before, os.pread(self._fd, kept, offset), end - offset)


def open_log(path: str) -> tuple[int, os.stat_result]:
    """Open the regular file *path*; return the descriptor and its status. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with closed_on_error(fd):
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
    return fd, status


@contextmanager
def closed_on_error(fd: int) -> Iterator[None]:
    """Close *fd* if the block fails; else it belongs to whoever took it there."""
    try:
        yield
    except BaseException:
        os.close(fd)
        raise


def _find_lf(fd: int, start: int) -> tuple[int, bool]:
    """Return the offset behind the first LF at or after *start*, or where the search ended."""
    while data := os.pread(fd, _STEP, start):
        found = data.find(b"\n")
        if found >= 0:
            return start + found + 1, True
        start += len(data)
    return start, False
