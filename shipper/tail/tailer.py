"""A tailer: reads one generation of one file on from its checkpoint.

Rule 1: reading changes nothing. `read` looks at plain bytes by offset and returns a value;
        `advance` moves the checkpoint, and is called after the commit.
Rule 2: a checkpoint stands at the start of a line: a line without its end stays in the file
        until the end comes, or until the file is known to be over (`final`, or an archive that is
        whole). What stands before a fault is never taken for a whole line.
Rule 3: the bytes before the checkpoint (at the beginning: the head) are compared at each read,
        and when a file was written to without growing; where they differ, the file was written
        anew, and what follows belongs to another generation.
Rule 4: memory is bounded by the longest line that is kept, not by the longest line there is.
Rule 5: of a compressed file, how much there is shows only by reading it: it is `ready` after a
        read that gave something, and after a change. Far offsets are approached bit by bit.
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
from shipper.formats.encodings import UTF_8, Encoding, first_line_end, whole_lines
from shipper.formats.fingerprint import HEAD_BYTES, TAIL_BYTES
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.face import CompressedFace, DamagedError, Face, face_of, same_kind, scan_nuls
from shipper.tail.identity import Verdict, judge
from shipper.tail.survey import Look, look_of

_STEP = 1 << 20
# A run of NULs that is shorter than this is part of the line that follows it, though not of its
# text: some programs write a NUL behind each line, and a chunk for each would be slow.
_HOLE = bytes(1024)
_FAR = 1 << 62
_APPROACH = 128  # steps a turn: some 32 MiB of plain bytes
# Descriptors that are left to sockets, the state file and whatever else the process opens.
_RESERVED = 128


def _descriptors() -> int:
    return max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED)


class Chunk(NamedTuple):
    """Whole lines from offset `base`, and the checkpoint to advance to once they are committed.

    `width` is more than `len(data)` where one overlong line had its end cut off, or where there
    are no lines but a `hole`. `bom_length` is that of the mark at the beginning of the file.
    """

    data: bytes
    base: int
    width: int
    after: Checkpoint
    encoding: Encoding = UTF_8
    bom_length: int = 0

    @property
    def hole(self) -> bool:
        """Whether these are `width` bytes of NUL, which belong to no line."""
        return not self.data


class Changed(NamedTuple):
    """The file no longer is what the checkpoint says, or can't be read on.

    `why` is ``truncated``, ``rewritten`` or ``damaged``; `lost_bytes` is what is known to have
    stood there and was not read; `detail` says more of a damage.
    """

    why: str
    lost_bytes: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes of one read, and of the part that is kept of an overlong line; files held open."""

    chunk_bytes: int = 256 * 1024
    line_bytes: int = 1 << 20
    kept_bytes: int = 16 << 20
    open_files: int = field(default_factory=_descriptors)


class Tailer:
    """One open generation.

    Beside the checkpoint it keeps what is cheap to lose: `size` as last seen (of a compressed file
    about, until its end was seen), `partial` bytes of a line without its end, `shrunk` bytes that
    were seen and cut off unread, when the file last changed its size (`grew_at`) or was read
    (`served_at`), and since when it no longer stands at its path (`detached_at`); times are
    monotonic seconds.
    """

    def __init__(
        self, face: Face, checkpoint: Checkpoint, limits: Limits, encoding: Encoding = UTF_8
    ) -> None:
        self.face = face
        self._limits = limits
        self._configured = encoding
        self._marked: tuple[Encoding, int] | None = None
        self._scanned = 0
        self._seen = Look(checkpoint.size if face.kind is None else -1, 0)
        self._more = face.kind is not None
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
    def ready(self) -> bool:
        """Whether a read may give something."""
        return self._more if self.face.kind else self.unread > 0

    @property
    def unread(self) -> int:
        """How many bytes wait, a line without its end not counted; of archives about how many."""
        if isinstance(self.face, CompressedFace):
            return max(1, self.face.estimate() - self.checkpoint.offset) if self._more else 0
        return max(0, self.size - self.checkpoint.offset - self.partial)

    @property
    def lost_bytes(self) -> int:
        """How many bytes are lost, as far as is known, if reading ends here."""
        return self._lost(self.size)

    @property
    def unfinished(self) -> bool:
        """Whether the file ends too early, as one that is still being written does."""
        return self.face.fault is not None and not self._more

    @property
    def seen(self) -> Look:
        """What the file last looked like."""
        return self._seen

    @property
    def idle(self) -> bool:
        """Whether the file may be closed, and opened again when it has changed."""
        return self.detached_at is None and not self.ready and not self.unfinished

    def look(self, now: float) -> Changed | None:
        """Look at the file itself, whatever stands at its path. Raises OSError."""
        return self.saw(self.face.status(), now)

    def deleted(self) -> bool:
        """Tell whether the file has no name any more. Raises OSError."""
        return self.face.status().st_nlink == 0

    def saw(self, status: os.stat_result, now: float) -> Changed | None:
        """Note what somebody saw of the file at *now*. Raises OSError."""
        look = look_of(status)
        if look == self._seen:
            return None
        if self.face.kind is not None:
            if not same_kind(self.face):
                return self._changed("rewritten", self.size)
        elif change := self._compare(look.size):
            return change
        else:
            self.size = look.size
        self._more = True
        if look.size != self._seen.size:
            self.grew_at = now
        self._seen = look
        return None

    def read(self, *, final: bool = False) -> Chunk | Changed | None:
        """Read the next whole lines; None if there are none, or not yet. Raises OSError.

        With *final*, the file will not grow any more: its last bytes count as a line.
        """
        try:
            return self._read(final=final)
        except DamagedError:
            return self._nothing(0, final=final)

    def advance(self, chunk: Chunk) -> None:
        """Move on behind *chunk*, now that it is committed."""
        self.checkpoint = chunk.after
        self.partial = 0
        if self.face.kind:
            self.size = self.checkpoint.offset + self.unread

    def close(self) -> None:
        """Let go of the file."""
        self.face.close()

    def stands(self) -> bool:
        """Tell whether what is left of the checkpoint, or else the head, is as it was.

        Raises OSError.
        """
        c = self.checkpoint
        if not c.offset:
            return c.head.matches(self.face.pread(c.head.length, 0))
        return c.tail.matches(self.face.pread(c.tail.length, c.offset - c.tail.length))

    def continued_in(self, face: Face) -> bool:
        """Tell whether another file repeats this one, as far as it goes.

        Raises OSError and DamagedError.
        """
        c = self.checkpoint
        mine = self.face.size()
        if not c.offset or mine is None or judge(c, face) is not Verdict.SAME:
            return False
        spans = range(c.offset, mine, _STEP)
        wanted = [(min(_STEP, mine - start), start) for start in spans]
        return all(face.pread(*span) == self.face.pread(*span) for span in wanted)

    def head(self) -> bytes:
        """Return the first bytes of the file, up to 1 KiB. Raises OSError."""
        return self.face.pread(HEAD_BYTES, 0)

    def _compare(self, size: int) -> Changed | None:
        """Take note of a plain file's new *size*."""
        if size < (self.checkpoint.offset or self.size):
            return self._changed("truncated", self.size)
        if size <= self.size and not self.stands():
            return self._changed("rewritten", self.size)
        if size <= self.size:  # cut off, or space that was set aside is filled
            self.shrunk += self.size - size
            self.partial = self._scanned = 0
        return None

    def _changed(self, why: str, size: int) -> Changed:
        return Changed(why, self._lost(size))

    def _lost(self, size: int) -> int:
        """Return how many bytes of *size* were not read; of an archive only what was seen."""
        return self.partial if self.face.kind else self.checkpoint.unread(size) + self.shrunk

    def _read(self, *, final: bool) -> Chunk | Changed | None:
        c, lead = self.checkpoint, self.checkpoint.tail.length
        if not self.face.approach(c.offset - lead, _APPROACH):
            return None
        data = self.face.pread(lead + self._limits.chunk_bytes, c.offset - lead)
        same = len(data) >= lead and (c.tail.matches(data) if c.offset else self.stands())
        if not same and self.face.fault is not None:
            return self._nothing(0, final=final)
        if len(data) < lead:
            return self._changed("truncated", self.size)
        if not same:
            # Nobody knows how much of what was seen since the last commit is the new content.
            return self._changed("rewritten", min(c.size, self.size))
        return self._lines(data[:lead], data[lead:], final=final)

    def _lines(self, before: bytes, body: bytes, *, final: bool) -> Chunk | Changed | None:
        encoding, _ = self._encoding()
        if body.startswith(_HOLE[: self._limits.chunk_bytes]):
            return self._hole(before, encoding.unit, final=final)
        end = whole_lines(body, self.checkpoint.offset, encoding)
        hole = body.find(encoding.newline + _HOLE, 0, end) if b"\0" in body else -1
        if hole >= 0:
            end = whole_lines(body[: hole + encoding.unit], self.checkpoint.offset, encoding) or end
        if end == 0 and len(body) == self._limits.chunk_bytes:
            return self._long_line(before, final=final)
        if end == 0 and not (body and self._last(final=final)):
            return self._nothing(len(body), final=final)
        return self._chunk(before, body[:end] if end else body)

    def _last(self, *, final: bool) -> bool:
        """Tell whether the bytes up to the end that was just read count as a line."""
        return self.face.fault is None and (
            final or (self.face.kind is not None and self.face.complete)
        )

    def _nothing(self, partial: int, *, final: bool) -> Changed | None:
        """Note that there is no whole line; say so if there never will be one."""
        self.partial, self._more = partial, False
        if self.face.kind:
            self.size = self.checkpoint.offset + partial
        fault = self.face.fault
        if fault is not None and (final or not fault.growing):
            return Changed("damaged", partial, fault.why)
        return None

    def _encoding(self) -> tuple[Encoding, int]:
        """Return the encoding of the file, and the length of its mark."""
        if self._marked is None:
            head = self.face.pread(4, 0)
            marked = self._configured.marked(head)
            if len(head) < 4:
                return marked
            self._marked = marked
        return self._marked

    def _chunk(self, before: bytes, lines: bytes, width: int | None = None) -> Chunk:
        width = len(lines) if width is None else width
        base = self.checkpoint.offset
        end = base + width
        if width != len(lines):
            start = max(0, end - TAIL_BYTES)
            before = self.face.pread(end - start, start)
        elif width < TAIL_BYTES:
            before += lines
        else:
            before = lines[-TAIL_BYTES:]
        after = self.checkpoint.at(end, before, end if self.face.kind else self.size)
        if after.head.length < HEAD_BYTES:
            after = after.with_head(self.head())
        return Chunk(lines, base, width, after, *self._encoding())

    def _long_line(self, before: bytes, *, final: bool) -> Chunk | Changed | None:
        """Read a line longer than a chunk; what is over the limit is looked at, not kept."""
        offset, limit = self.checkpoint.offset, self._limits.kept_bytes
        # What is compressed is read forwards only: first what is kept, then on to the end.
        kept = self.face.pread(limit, offset) if self.face.kind else b""
        end, found = self._find_end(max(offset, self._scanned))
        if not found and not self._last(final=final):
            self._scanned = end
            return self._nothing(end - offset, final=final)
        self._scanned = 0
        kept = kept or self.face.pread(min(end - offset, limit), offset)
        return self._chunk(before, kept[: end - offset], end - offset)

    def _hole(self, before: bytes, unit: int, *, final: bool) -> Chunk | Changed | None:
        """Skip the NULs that a writer without O_APPEND left, once something stands behind them."""
        offset = self.checkpoint.offset
        try:
            end, found = scan_nuls(self.face, offset, _FAR)
        except DamagedError:
            end, found = offset, False
        if not found and not (self._last(final=final) and end > offset):
            return self._nothing(end - offset, final=final)
        width = end - offset - (end - offset) % unit
        return (
            self._chunk(before, b"", width) if width else self._nothing(end - offset, final=final)
        )

    def _find_end(self, start: int) -> tuple[int, bool]:
        """Return the offset behind the first newline from *start* on, or where the search ended."""
        encoding, _ = self._encoding()
        start -= start % encoding.unit
        try:
            while data := self.face.pread(_STEP, start):
                if end := first_line_end(data, start, encoding):
                    return start + end, True
                start += len(data) - (len(data) % encoding.unit if len(data) < _STEP else 0)
                if len(data) < encoding.unit:
                    break
        except DamagedError:
            pass  # the face says what is wrong
        return start, False


def open_log(path: str) -> tuple[Face, os.stat_result]:
    """Open the regular file *path*; return its face and its status. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)  # noqa: TRY301  # closed below
        return face_of(fd), status
    except OSError:
        os.close(fd)
        raise


@contextmanager
def closed_on_error(face: Face) -> Iterator[None]:
    """Close *face* if the block fails; else it belongs to whoever took it there."""
    try:
        yield
    except BaseException:
        face.close()
        raise
