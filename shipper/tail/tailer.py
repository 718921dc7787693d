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

import os
from collections.abc import Mapping
from enum import Enum

from shipper.event.ids import EventIds
from shipper.formats.encodings import (
    UTF_8,
    Encoding,
    first_line_end,
    line_ends,
    whole_lines,
)
from shipper.formats.fingerprint import HEAD_BYTES, TAIL_BYTES
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.chunk import Changed, Chunk, Limits
from shipper.tail.face import CompressedFace, DamagedError, Face, same_kind, scan_nuls
from shipper.tail.identity import Verdict, judge
from shipper.tail.survey import Look, look_of

_STEP = 1 << 20
# A run of NULs that is shorter than this is part of the line that follows it, though not of its
# text: some programs write a NUL behind each line, and a chunk for each would be slow.
_HOLE = bytes(1024)
_FAR = 1 << 62
_APPROACH = 128  # steps a turn: some 32 MiB of plain bytes


class _End(Enum):
    """What the last bytes of a file are: a line that goes on, one whose time is over, the last."""

    OPEN = 0
    EARLY = 1
    FINAL = 2


class Tailer:
    """One open generation.

    Beside the checkpoint it keeps what is cheap to lose: `size` as last seen (of a compressed file
    about, until its end was seen), `partial` bytes of a line without its end, `shrunk` bytes that
    were seen and cut off unread, when the file was opened (`opened_at`), last changed its size
    (`grew_at`) or was read (`served_at`), and since when it no longer stands at its path
    (`detached_at`) or bears another name than its log (`moved_at`); times are monotonic seconds.
    After `patience` seconds a line without its end is taken as it is; None: never. What stood
    before `backlog` when the file was opened is no news. `facts` are a container runtime's, if any.
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
        self.eid = EventIds(checkpoint.generation)
        self.size = checkpoint.size
        self.partial = 0
        self.shrunk = 0
        self.opened_at = float("-inf")
        self.grew_at = float("-inf")
        self.served_at = float("-inf")
        self.moved_at = float("-inf")
        self.detached_at: float | None = None
        self.patience: float | None = None
        self.backlog = 0
        self.facts: Mapping[str, str] = {}

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
        if self.face.kind:
            return self._more
        return self.size > self.checkpoint.offset + self.partial  # hot: asked of each busy file

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
    def old(self) -> bool:
        """Whether what comes next stood there long before the file was opened."""
        return self.checkpoint.offset < self.backlog

    def is_behind(self, chunk: Chunk) -> bool:
        """Tell whether more was there to be read than *chunk*, or the chunk is no news."""
        return self.old or self.face.kind is not None or self.unread > chunk.width

    @property
    def rotated_at(self) -> float | None:
        """Since when the file has not stood at its log's own name, for all that was seen of it."""
        c = self.checkpoint
        return self.detached_at if c.path == c.canonical else max(self.opened_at, self.moved_at)

    @property
    def waits(self) -> bool:
        """Whether a line without its end will be taken as it is one day."""
        return self.patience is not None and self.partial > 0

    def overdue(self, now: float) -> bool:
        """Tell whether the end of the last line did not come in time."""
        since = max(self.opened_at, self.grew_at, self.served_at)
        return self.patience is not None and self.partial > 0 and now - since >= self.patience

    @property
    def seen(self) -> Look:
        """What the file last looked like."""
        return self._seen

    @property
    def idle(self) -> bool:
        """Whether the file may be closed, and opened again when it has changed."""
        owing = self.ready or self.unfinished or self.waits or self.checkpoint.held.opens
        return self.detached_at is None and not owing

    def look(self, now: float) -> Changed | None:
        """Look at the file itself, whatever stands at its path. Raises OSError."""
        return self.saw(self.face.status(), now)

    def renamed(self, path: str, now: float) -> None:
        """Note that the file stands at *path* now."""
        before = self.rotated_at
        self.moved_at = now if before is None else before
        self.checkpoint = self.checkpoint.moved(path, self.node)

    def deleted(self) -> bool:
        """Tell whether the file has no name any more. Raises OSError."""
        return self.face.status().st_nlink == 0

    def saw(self, status: os.stat_result, now: float) -> Changed | None:
        """Note what somebody saw of the file at *now*. Raises OSError."""
        seen = self._seen
        if status.st_size == seen.size and status.st_mtime_ns == seen.modified_ns:
            return None
        look = look_of(status)
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

    def read(self, *, final: bool = False, early: bool = False) -> Chunk | Changed | None:
        """Read the next whole lines; None if there are none, or not yet. Raises OSError.

        With *final*, the file will not grow any more: its last bytes count as a line. With
        *early*, it may, and they count all the same.
        """
        over = _End.FINAL if final else _End.EARLY if early else _End.OPEN
        try:
            return self._read(over)
        except DamagedError:
            return self._nothing(0, over)

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

    def _read(self, over: _End) -> Chunk | Changed | None:
        c, lead = self.checkpoint, self.checkpoint.tail.length
        if not self.face.approach(c.offset - lead, _APPROACH):
            return None
        data = self.face.pread(lead + self._limits.chunk_bytes, c.offset - lead)
        same = len(data) >= lead and (c.tail.matches(data) if c.offset else self.stands())
        if not same and self.face.fault is not None:
            return self._nothing(0, over)
        if len(data) < lead:
            return self._changed("truncated", self.size)
        if not same:
            # Nobody knows how much of what was seen since the last commit is the new content.
            return self._changed("rewritten", min(c.size, self.size))
        return self._lines(data[:lead], data[lead:], over)

    def _lines(self, before: bytes, body: bytes, over: _End) -> Chunk | Changed | None:
        encoding, _ = self._encoding()
        if body.startswith(_HOLE[: self._limits.chunk_bytes]):
            return self._hole(before, encoding.unit, over)
        end = whole_lines(body, self.checkpoint.offset, encoding)
        hole = body.find(encoding.newline + _HOLE, 0, end) if b"\0" in body else -1
        if hole >= 0:
            end = whole_lines(body[: hole + encoding.unit], self.checkpoint.offset, encoding) or end
        if end == 0 and len(body) == self._limits.chunk_bytes:
            return self._long_line(before, over)
        if end == 0 and not (body and self._last(over)):
            return self._nothing(len(body), over)
        return self._chunk(before, body[:end] if end else body, over)

    def _last(self, over: _End) -> bool:
        """Tell whether the bytes up to the end that was just read count as a line."""
        return self.face.fault is None and (
            over is not _End.OPEN or (self.face.kind is not None and self.face.complete)
        )

    def _nothing(self, partial: int, over: _End) -> Changed | None:
        """Note that there is no whole line; say so if there never will be one."""
        self.partial, self._more = partial, False
        if self.face.kind:
            self.size = self.checkpoint.offset + partial
        fault = self.face.fault
        if fault is not None and (over is _End.FINAL or not fault.growing):
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

    def _chunk(self, lead: bytes, lines: bytes, over: _End, width: int | None = None) -> Chunk:
        width = len(lines) if width is None else width
        base = self.checkpoint.offset
        end = base + width
        if width != len(lines):
            start = max(0, end - TAIL_BYTES)
            before = self.face.pread(end - start, start)
        elif width < TAIL_BYTES:
            before = lead + lines
        else:
            before = lines
        after = self.checkpoint.at(end, before, end if self.face.kind else self.size)
        if base < HEAD_BYTES:
            after = self._with_head(after)
        chunk = Chunk(lines, base, width, after, *self._encoding())
        if self._within_line(lead, base):
            chunk = chunk._replace(continues=True)
        if over is _End.EARLY and self._within_line(before[-TAIL_BYTES:], base + width):
            chunk = chunk._replace(partial=True)
        return chunk

    def _with_head(self, after: Checkpoint) -> Checkpoint:
        """Return *after*, which stands in the head or came from there, with what is told by it."""
        head, (encoding, _) = self.head(), self._encoding()
        if after.head.length == HEAD_BYTES and not after.head.matches(head):
            return after  # it was written anew since the read
        return after.with_head(head, line_ends(head[: after.offset], 0, encoding))

    def _within_line(self, before: bytes, offset: int) -> bool:
        """Tell whether *offset*, which *before* ends at, stands amid a line."""
        encoding, _ = self._encoding()
        if encoding.unit == 1 and before.endswith(encoding.newline):
            return False  # as a rule
        if not before.strip(b"\0"):
            return False  # the beginning, or the end of a hole
        return whole_lines(before, offset - len(before), encoding) < len(before)

    def _long_line(self, before: bytes, over: _End) -> Chunk | Changed | None:
        """Read a line longer than a chunk; what is over the limit is looked at, not kept."""
        offset, limit = self.checkpoint.offset, self._limits.kept_bytes
        # What is compressed is read forwards only: first what is kept, then on to the end.
        kept = self.face.pread(limit, offset) if self.face.kind else b""
        end, found = self._find_end(max(offset, self._scanned))
        if not found and not self._last(over):
            self._scanned = end
            return self._nothing(end - offset, over)
        if not found and over is _End.FINAL:
            end = self.face.size() or end  # half a character at the very end is part of the line
        self._scanned = 0
        kept = kept or self.face.pread(min(end - offset, limit), offset)
        return self._chunk(before, kept[: end - offset], over, end - offset)

    def _hole(self, before: bytes, unit: int, over: _End) -> Chunk | Changed | None:
        """Skip the NULs that a writer without O_APPEND left, once something stands behind them."""
        offset = self.checkpoint.offset
        end, found = self._hole_end(offset)
        if not found and not (over is not _End.EARLY and self._last(over) and end > offset):
            return self._nothing(end - offset, over)
        width = end - offset - (end - offset) % unit
        return self._chunk(before, b"", over, width) if width else self._nothing(end - offset, over)

    def _hole_end(self, offset: int) -> tuple[int, bool]:
        """Return where the NULs from *offset* on end, and whether that is for good."""
        try:
            return scan_nuls(self.face, offset, _FAR)
        except DamagedError:
            return offset, False

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
