"""The face of a file: its plain bytes at plain offsets, whatever it is on disk.

Rule 1: offsets are those of the plain bytes, so a log and its compressed copy have the same ones.
Rule 2: a compressed file is decompressed forwards only, as a stream. The last `WINDOW` plain bytes
        are kept, and its head; to go further back means to start again at 0. So memory is bounded
        by the window and by what is asked for, and reading on at offset N costs one
        decompression up to N.
Rule 3: a fault hides no good byte before it, and no byte is made up behind it: what the
        decompressor could still give is given, byte by byte; then comes DamagedError.
Rule 4: a file that ends too early is `growing`: it may be still being written. When it has grown,
        reading goes on where it stopped. One that is wrong stays wrong until it changes; then it
        is read anew.
Rule 5: a file that was written anew in place is read anew from 0, and nothing of what was
        decompressed before is shown any more.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from shipper.formats.fingerprint import HEAD_BYTES
from shipper.tail.checkpoint import Node
from shipper.tail.compressed import DecodeError, Unpacker, kind_of

WINDOW = 1 << 20
_RAW_STEP = 16 * 1024  # small, as decompressors copy what stands behind a member's end
_HEAD = 10  # bytes; what kind_of wants to see
_SCAN = 1 << 20
_NULS = bytes(_SCAN)


class Fault(NamedTuple):
    """Why plain bytes end at `offset` although the file's end was not reached.

    The bytes before `trusted` are vouched for by checksums; those from there to `offset` come
    from a member that is not whole, and may be wrong if the file is not `growing`.
    """

    offset: int
    why: str
    trusted: int
    growing: bool


class DamagedError(Exception):
    """The bytes asked for stand behind a fault of a compressed file."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.why} (behind {fault.offset} plain bytes)")
        self.plain_offset = fault.offset
        self.why = fault.why
        self.trusted = fault.trusted
        self.growing = fault.growing


class Face(Protocol):
    """A file as its plain bytes."""

    @property
    def node(self) -> Node:
        """The node of the file."""

    @property
    def kind(self) -> str | None:
        """How the file is compressed; None if it is plain."""

    @property
    def complete(self) -> bool:
        """Whether the last read found the end, and nothing wrong."""

    @property
    def fault(self) -> Fault | None:
        """What the last read stumbled over, if anything."""

    def pread(self, length: int, offset: int) -> bytes:
        """Return plain bytes: fewer than *length* only at the end, or before a fault.

        Raises OSError, and DamagedError if not one byte stands before a fault.
        """

    def approach(self, offset: int, steps: int = 256) -> bool:
        """Come nearer to *offset*, in bounded time; tell whether a pread there will be quick.

        Raises OSError.
        """

    def size(self) -> int | None:
        """Return the plain bytes there are; None while that is not known. Raises OSError."""

    def status(self) -> os.stat_result:
        """Return the status of the open file, as it is on disk. Raises OSError."""

    def data_at(self, offset: int) -> int:
        """Return where the first byte at or behind *offset* is that no sparse hole stands for."""

    def fileno(self) -> int:
        """Return the descriptor, which still belongs to the face."""

    def close(self) -> None:
        """Let go of the file."""


class PlainFace:
    """A file that is not compressed. It has no faults, and any end it has is a whole one."""

    kind = None
    fault = None
    complete = True

    def __init__(self, fd: int) -> None:
        """Take over *fd*: `close` closes it. Raises OSError."""
        self._fd = fd
        self.node = _node(os.fstat(fd))

    def __repr__(self) -> str:
        return f"PlainFace({self._fd})"

    def pread(self, length: int, offset: int) -> bytes:
        """Return the bytes at *offset*. Raises OSError."""
        return os.pread(self._fd, length, offset)

    def approach(self, offset: int, steps: int = 256) -> bool:
        """Return True: all offsets of a plain file are near."""
        return True

    def size(self) -> int | None:
        """Return the size of the file. Raises OSError."""
        return self.status().st_size

    def status(self) -> os.stat_result:
        """Return the status of the open file. Raises OSError."""
        return os.fstat(self._fd)

    def data_at(self, offset: int) -> int:
        """Return where the data behind *offset* begin, if the file system can tell."""
        try:
            return os.lseek(self._fd, offset, os.SEEK_DATA)
        except OSError as error:
            return max(offset, self.status().st_size) if error.errno == errno.ENXIO else offset

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


class CompressedFace:
    """A compressed file, by the bytes that it will be when it is decompressed.

    All its state can be lost at any time (`_restart`), and costs time only. `_window` ends at
    plain byte `_unpacker.plain` and compressed byte `_raw`; `_piece` is the last compressed input
    and where it stood, by which a file that was written anew is recognised; `_careful` is where a
    piece with a fault begins, which is taken byte by byte (rule 3). `_first` is the head, once it
    has left the window.
    """

    def __init__(self, fd: int, kind: str, *, window: int = WINDOW) -> None:
        """Take over *fd*: `close` closes it. Raises OSError."""
        self._fd = fd
        self._kept = window
        self._careful: int | None = None
        self._stamp: tuple[int, int] | None = None
        self.kind: str | None = kind
        self.restarts = -1
        self.node = _node(os.fstat(fd))
        self._restart()

    def __repr__(self) -> str:
        return f"CompressedFace({self._fd}, {self.kind!r}, {self._unpacker.plain} so far)"

    @property
    def raw_offset(self) -> int:
        """How many compressed bytes were taken: with the status's size, how far reading is."""
        return self._raw

    def estimate(self) -> int:
        """Return about how many plain bytes there are, by what was decompressed so far."""
        if self.complete or not self._raw:
            return self._unpacker.plain
        return self._unpacker.plain * max(self.status().st_size, self._raw) // self._raw

    def pread(self, length: int, offset: int) -> bytes:
        """Return the plain bytes at *offset*, as in `Face`. Raises OSError and DamagedError."""
        self._notice_changes()
        if offset + length <= len(self._first) and offset < self._window_start:
            return self._first[offset : offset + length]
        self._turn_to(offset)
        while self._unpacker.plain < offset + length and self._step(offset):
            pass
        start = offset - self._window_start
        plain = bytes(self._window[start : start + length])
        if not plain and length and self.fault:
            raise DamagedError(self.fault)
        return plain

    def approach(self, offset: int, steps: int = 256) -> bool:
        """Decompress towards *offset*, but 64 MiB at most (zstd: 1 GiB) in 256 *steps*."""
        self._notice_changes()
        self._turn_to(offset)
        while steps and self._unpacker.plain < offset and self._step(offset):
            steps -= 1
        return steps > 0

    def size(self) -> int | None:
        """Return the plain bytes there are, if the end was seen and is still the end."""
        self._notice_changes()
        return self._unpacker.plain if self.complete else None

    def status(self) -> os.stat_result:
        """Return the status of the compressed file. Raises OSError."""
        return os.fstat(self._fd)

    def data_at(self, offset: int) -> int:
        """Return *offset*: compressed files have no holes."""
        return offset

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    @property
    def _window_start(self) -> int:
        return self._unpacker.plain - len(self._window)

    def _turn_to(self, offset: int) -> None:
        if offset < self._window_start:
            self._restart()

    def _restart(self) -> None:
        self._unpacker = Unpacker(self.kind or "")
        self._window = bytearray()
        self._first = b""
        self._raw = 0
        self._piece = (0, b"")
        self.complete = False
        self.fault: Fault | None = None
        self.restarts += 1

    def _notice_changes(self) -> None:
        """Start again if the file is another or was wrong; look again if it grew (rules 4, 5)."""
        status = self.status()
        stamp = (status.st_size, status.st_mtime_ns)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        at, piece = self._piece
        wrong = self.fault is not None and not self.fault.growing
        if wrong or os.pread(self._fd, len(piece), at) != piece:
            self._careful = None
            self._restart()
        self.complete, self.fault = False, None

    def _step(self, keep: int) -> bool:
        """Decompress a little more; False at an end. Keeps what stands behind offset *keep*."""
        if self.fault is not None and not self.fault.growing:
            return False
        data = self._input() if self._unpacker.hungry else b""
        if not data and self._unpacker.hungry:
            self._ran_dry()
            return False
        try:
            plain = self._unpacker.step(data)
        except DecodeError as error:
            return self._stumbled(error)
        self.complete, self.fault = False, None
        self._window += plain
        self._trim(keep)
        return True

    def _input(self) -> bytes:
        """Read on in the compressed file."""
        data = os.pread(self._fd, self._raw_step(), self._raw)
        if data and not self._in_careful(self._raw):
            self._piece = (self._raw, data)
        self._raw += len(data)
        return data

    def _raw_step(self) -> int:
        if self._in_careful(self._raw):
            return 1
        ahead = (self._careful or 0) - self._raw
        return min(_RAW_STEP, ahead) if ahead > 0 else _RAW_STEP

    def _in_careful(self, raw: int) -> bool:
        return self._careful is not None and 0 <= raw - self._careful < _RAW_STEP

    def _ran_dry(self) -> None:
        self.complete = self._unpacker.between
        too_early = f"the {self.kind} data end too early, at byte {self._raw}"
        self.fault = None if self.complete else self._fault(too_early, growing=True)

    def _stumbled(self, error: DecodeError) -> bool:
        """Note a fault, once its piece was taken byte by byte; tell whether to go on."""
        if not self._in_careful(self._raw - 1):
            self._careful = self._piece[0]
            self._restart()
            return True
        why = f"the {self.kind} data are damaged at byte {self._raw - 1}: {error}"
        self.fault = self._fault(why, growing=False)
        return False

    def _fault(self, why: str, *, growing: bool) -> Fault:
        return Fault(self._unpacker.plain, why, self._unpacker.trusted, growing)

    def _trim(self, keep: int) -> None:
        """Forget what is neither in the window nor behind offset *keep*; seldom, as it copies."""
        excess = min(len(self._window) - self._kept, keep - self._window_start)
        if excess > self._kept:
            self._first = self._first or bytes(self._window[:HEAD_BYTES])
            del self._window[:excess]


def open_log(path: str) -> tuple[Face, os.stat_result]:
    """Open the regular file *path*; return its face and its status. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
            raise OSError(code, "Not a regular file", path)  # noqa: TRY301  # closed below
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


def face_of(fd: int) -> Face:
    """Return the face of the open file *fd*, which it takes over. Raises OSError.

    A file of fewer than 10 bytes may be `undecided`, and counts as plain until asked again.
    """
    kind = kind_of(os.pread(fd, _HEAD, 0))
    return PlainFace(fd) if kind is None else CompressedFace(fd, kind)


def same_kind(face: Face) -> bool:
    """Tell whether the file still is compressed as it was, or still is not. Raises OSError."""
    return kind_of(os.pread(face.fileno(), _HEAD, 0)) == face.kind


def faced_anew(face: Face) -> Face:
    """Return the face that the file shows by now; *face* itself if its kind is the same.

    Short files become longer, and compressed ones are written anew as text. Raises OSError.
    """
    return face if same_kind(face) else face_of(face.fileno())


def scan_nuls(face: Face, offset: int, limit: int = 64 << 20) -> tuple[int, bool]:
    """Return where the NULs that begin at *offset* end, and whether something stands there.

    NULs at the end of a file may be space that a writer set aside and will fill, so they are no
    hole before something else follows. Looks at *limit* bytes at most (sparse holes cost nothing);
    go on from where it stopped. In UTF-16 and UTF-32 the end has to be rounded down to a code
    unit, as a character may begin with NUL. Raises OSError and DamagedError.
    """
    offset = face.data_at(offset)
    stop = offset + limit
    while offset < stop and (data := face.pread(_SCAN, offset)):
        if data != _NULS[: len(data)]:
            return offset + len(data) - len(data.lstrip(b"\0")), True
        offset += len(data)
    return offset, False


def _node(status: os.stat_result) -> Node:
    return Node.of(status.st_dev, status.st_ino)
