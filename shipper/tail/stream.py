"""A stream: bytes that come once, from a pipe, a FIFO, a socket or a terminal, as a face to tail.

Rule 1: what was read and is not committed is kept, so that a failed commit is read again from
        memory; of what is committed the head and the bytes before the checkpoint stay.
Rule 2: no more is read than a chunk beyond what was looked at. While nothing is committed,
        nothing is read: the bytes stay in the pipe, and their writer waits.
Rule 3: memory is bounded. Of a line longer than what is kept of lines, the middle is let go.
Rule 4: the end is the writer's: what stands before it counts as a line, newline or not. A FIFO
        that nobody has written to yet is not at its end.
Rule 5: the descriptor's flags are left alone: others may share it. What poll offers is read.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import select
import termios
from contextlib import suppress

from shipper.formats.encodings import UTF_8, Encoding
from shipper.formats.fingerprint import HEAD_BYTES, TAIL_BYTES
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.chunk import Changed, Chunk, Limits
from shipper.tail.tailer import Tailer

_GATHER = 1  # ms that are waited for more once something came: a writer's lines are taken together
_PIPE = 1 << 20  # the most that a pipe of the default limits holds


class StreamFace:
    """The bytes of a stream at offsets from where it began, as far as they are kept.

    `_first` goes on from `_first_at`. Once a line is longer than what is kept of it, `_first` is
    its beginning, and what came last stands in `_rest`, from `_rest_at` on (rule 3). `taken`
    counts all that was read; `why` says what broke it, if it did not end by itself.
    """

    kind = None
    fault = None

    def __init__(self, fd: int, limits: Limits) -> None:
        """Take over *fd*: `close` closes it. Raises OSError."""
        self._fd = fd
        self._step = limits.chunk_bytes
        self._most = max(limits.kept_bytes, limits.chunk_bytes) + TAIL_BYTES
        self._head = b""
        self._first, self._first_at = bytearray(), 0
        self._rest, self._rest_at = bytearray(), 0
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        status = os.fstat(fd)
        self.node = Node.of(status.st_dev, status.st_ino)
        self.taken = 0
        self.asked = False
        self.ended = False
        self.why = ""

    def __repr__(self) -> str:
        return f"StreamFace({self._fd}, {self.taken} taken, ended={self.ended})"

    @property
    def complete(self) -> bool:
        """Whether all there will ever be is here."""
        return self.ended

    def fill(self) -> bool:
        """Read on, up to a chunk; tell whether anything came, be it the end.

        To be called when all that is here was looked at, and is no whole line (rules 2, 3).
        """
        if self.ended:
            return False
        if self._rest or len(self._first) > self._most:
            self._rest = (self._rest or self._first)[-TAIL_BYTES:]
            self._rest_at = self.taken - TAIL_BYTES
            del self._first[self._most :]
        self.asked = True
        return self._take(self._step) > 0 or self.ended

    def cut_off(self) -> None:
        """Read what stands in the pipe at this moment, and hang up: that is the end."""
        if self.ended:
            return
        waiting = array.array("i", [0])
        with suppress(OSError):  # some device that does not know how much it has
            fcntl.ioctl(self._fd, termios.FIONREAD, waiting)
        self._take(min(waiting[0], _PIPE))
        self.ended = True
        self.close()  # at once: what is written from here on, its writer learns is not read

    def forget(self, offset: int) -> None:
        """Let go of what stands before *offset*, but for the head and the last bytes (rule 1)."""
        keep = max(self._first_at, offset - TAIL_BYTES)
        if self._rest and keep >= self._rest_at:
            self._first, self._first_at = self._rest, self._rest_at
            self._rest = bytearray()
        del self._first[: keep - self._first_at]
        self._first_at = keep

    def held_bytes(self) -> int:
        """Return how many bytes are kept in memory."""
        return len(self._head) + len(self._first) + len(self._rest)

    def pread(self, length: int, offset: int) -> bytes:
        """Return the bytes at *offset*, as far as they are kept."""
        if offset < self._first_at:
            return self._head[offset : offset + length]
        if self._rest and offset >= self._rest_at:
            return _part(self._rest, offset - self._rest_at, length)
        return _part(self._first, offset - self._first_at, length)

    def approach(self, offset: int, steps: int = 256) -> bool:
        """Return True: what is kept is near."""
        return True

    def size(self) -> int | None:
        """Return how many bytes have come so far."""
        return self.taken

    def status(self) -> os.stat_result:
        """Return the status of the open stream. Raises OSError."""
        return os.fstat(self._fd)

    def data_at(self, offset: int) -> int:
        """Return *offset*: streams have no holes."""
        return offset

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def close(self) -> None:
        """Let go of the stream; what was read stays."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _take(self, most: int) -> int:
        """Read up to *most* bytes of what is there; return how many."""
        got = 0
        while got < most and not self.ended and self._poll.poll(_GATHER if got else 0):
            data = self._read(most - got)
            if data is None:
                break
            (self._rest or self._first).extend(data)
            if len(self._head) < HEAD_BYTES:
                self._head += data[: HEAD_BYTES - len(self._head)]
            self.taken += len(data)
            got += len(data)
        return got

    def _read(self, most: int) -> bytes | None:
        """Read what is there; None if nothing is, or nothing will ever be."""
        try:
            data = os.read(self._fd, most)
        except BlockingIOError:
            return None  # somebody else was quicker
        except OSError as error:  # a reset connection, a terminal that is gone
            self.why = error.strerror or errno.errorcode.get(error.errno or 0, "broken")
            data = b""
        self.ended = not data
        return data or None


class StreamTailer(Tailer):
    """One generation of a stream: from its first byte to its end."""

    def __init__(
        self,
        face: StreamFace,
        checkpoint: Checkpoint,
        limits: Limits,
        encoding: Encoding = UTF_8,
    ) -> None:
        super().__init__(face, checkpoint, limits, encoding)
        self._stream = face
        self.size = face.taken
        self._more = face.taken > checkpoint.offset

    @property
    def ready(self) -> bool:
        """Whether a read may give something."""
        return self._more

    @property
    def final(self) -> bool:
        """Whether nothing will come that is not here."""
        return self._stream.ended

    def look(self, now: float) -> Changed | None:
        """Read on in the stream, once all that came was looked at."""
        if not self._more and self._stream.fill():
            self.size, self.grew_at, self._more = self._stream.taken, now, True
        return None

    def cut_off(self) -> None:
        """Let what stands in the pipe at this moment be the end of it."""
        self._stream.cut_off()
        self.size, self._more = self._stream.taken, True

    def advance(self, chunk: Chunk) -> None:
        """Move on behind *chunk*, now that it is committed."""
        super().advance(chunk)
        self._stream.forget(self.checkpoint.offset)

    def _hole_end(self, offset: int) -> tuple[int, bool]:
        """Return where the NULs end so far: nobody will fill them, and there may be no end."""
        return super()._hole_end(offset)[0], True


def is_stream(checkpoint: Checkpoint) -> bool:
    """Tell whether a generation on record was read from a stream: a file's log has a path."""
    return not checkpoint.canonical.startswith("/")


def _part(held: bytearray, start: int, length: int) -> bytes:
    with memoryview(held) as view:
        return bytes(view[start : start + length])
