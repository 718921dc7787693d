"""Records, and what is held of those that are not complete: a value that outlives the process.

Rule 1: what is held is stored with the checkpoint, in the same transaction: the lines before the
        checkpoint are in records or in here, never in both and never in neither.
Rule 2: `from_bytes(held.to_bytes()) == held`, whatever the lines hold; other bytes, and bytes of
        another version, are a ValueError.
Rule 3: what lines said of those that follow them (a header of columns, the grammar found) is held
too, by name; it outlives the lines that are held.
Rule 4: it is bounded: the streams of a container are two, lines outside one are a third, and each
        has at most one open line and one open group, which the rules limit in lines and bytes.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

STREAMS: Final = (None, "stdout", "stderr")
"""The streams that there are; None is that of lines that no container runtime has wrapped."""

RECORD_FLAGS: Final = ("truncated", "continued", "partial")
"""truncated: cut off at a limit, and the next record of the stream goes on with it.
continued: what stands before it is in a truncated record. partial: the end never came."""

_PLAIN, _REMEMBERING = 1, 2  # versions: without a memory, and with one
_HEAD: Final = struct.Struct("<BI")  # version, CRC-32 of what follows
_MEMORY: Final = struct.Struct("<I")  # length of the memory, as JSON
_OPEN: Final = struct.Struct("<HI")  # state, parts
_PART: Final = struct.Struct("<QQIBBIII")  # offset, width, lines, stream, flags, lengths


class Record(NamedTuple):
    """What a grammar takes.

    `offset` is that of its first line; `raw` its lines joined by LF, as in the file; `text` what
    the grammar sees; `lines` and `width` how many lines and bytes of the file it takes up;
    `stream` and `time` what a container runtime noted of its first line; `flags` are those of
    RECORD_FLAGS that apply.
    """

    offset: int
    raw: bytes
    text: str
    lines: int
    width: int
    stream: str | None
    time: str | None
    flags: tuple[str, ...] = ()

    def flagged(self, flag: str) -> Record:
        """Return the record with one more of RECORD_FLAGS."""
        return self._replace(flags=tuple(f for f in RECORD_FLAGS if f in {*self.flags, flag}))


class Open(NamedTuple):
    """The parts, so far, of one record. State 0: pieces of a line; else lines of a group."""

    state: int
    parts: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """The records of one file that are not complete yet, at most two a stream; its memory."""

    opens: tuple[Open, ...] = ()
    memory: tuple[tuple[str, str], ...] = ()

    @property
    def lines(self) -> int:
        """How many lines of the file are held."""
        return sum(part.lines for open_ in self.opens for part in open_.parts)

    @property
    def width(self) -> int:
        """How many bytes of the file are held."""
        return sum(part.width for open_ in self.opens for part in open_.parts)

    def is_open(self, *streams: str | None) -> bool:
        """Tell whether anything is held: of *streams*, or of any stream if none is named."""
        held = {open_.parts[0].stream for open_ in self.opens}
        return bool(held.intersection(streams)) if streams else bool(held)

    def remembering(self, memory: Mapping[str, str]) -> Held:
        """Return the same lines with another *memory*."""
        kept = tuple(sorted(memory.items()))
        return self if kept == self.memory else Held(self.opens, kept)

    def without_lines(self) -> Held:
        """Return the memory alone."""
        return Held(memory=self.memory) if self.memory else EMPTY

    def to_bytes(self) -> bytes:
        """Return a stored form; empty if nothing is held."""
        if not self.opens and not self.memory:
            return b""
        body = b"".join(map(_open_bytes, self.opens))
        if self.memory:
            memory = json.dumps(dict(self.memory)).encode()
            body = _MEMORY.pack(len(memory)) + memory + body
        version = _REMEMBERING if self.memory else _PLAIN
        return _HEAD.pack(version, zlib.crc32(body)) + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Held:
        """Return what `to_bytes` was called on. Raises ValueError for any other bytes."""
        if not data:
            return EMPTY
        if data[0] not in (_PLAIN, _REMEMBERING):
            known = f"this program reads {_PLAIN} and {_REMEMBERING}"
            raise ValueError(f"held lines are of version {data[0]}, {known}")
        if len(data) <= _HEAD.size or zlib.crc32(data[_HEAD.size :]) != _HEAD.unpack_from(data)[1]:
            raise ValueError("held lines are damaged: their checksum is wrong")
        try:
            reader = _Reader(data)
            memory = reader.memory() if data[0] == _REMEMBERING else ()
            return cls(tuple(reader.opens()), memory)
        except (struct.error, IndexError, ValueError, AttributeError) as error:
            raise ValueError(f"held lines are damaged: {error}") from error


EMPTY: Final = Held()


def _open_bytes(open_: Open) -> bytes:
    return _OPEN.pack(open_.state, len(open_.parts)) + b"".join(map(_part_bytes, open_.parts))


def _part_bytes(part: Record) -> bytes:
    """Return the stored form of *part*; a text that its raw bytes spell is not stored again."""
    flags = sum(1 << bit for bit, flag in enumerate(RECORD_FLAGS) if flag in part.flags)
    time = _optional(part.time)
    text = _optional(None if part.text == _spelled(part.raw) else part.text)
    stream = STREAMS.index(part.stream)
    sizes = len(part.raw), len(text), len(time)
    head = _PART.pack(part.offset, part.width, part.lines, stream, flags, *sizes)
    return head + part.raw + text + time


def _optional(text: str | None) -> bytes:
    """Return nothing for None, else a mark and the text."""
    return b"" if text is None else b"=" + text.encode("utf-8", "surrogatepass")


def _spelled(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").removesuffix("\r")


class _Reader:
    """Reads the stored form from its beginning to its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = _HEAD.size

    def memory(self) -> tuple[tuple[str, str], ...]:
        (length,) = self._unpack(_MEMORY)
        return tuple(json.loads(self._take(length)).items())

    def opens(self) -> list[Open]:
        found = []
        while self._at < len(self._data):
            state, parts = self._unpack(_OPEN)
            if not parts:
                raise IndexError("a record without lines")
            found.append(Open(state, tuple(self._part() for _ in range(parts))))
        return found

    def _part(self) -> Record:
        offset, width, lines, stream, bits, *sizes = self._unpack(_PART)
        raw, text, time = map(self._take, sizes)
        flags = tuple(flag for bit, flag in enumerate(RECORD_FLAGS) if bits >> bit & 1)
        spelled = text[1:].decode("utf-8", "surrogatepass") if text else _spelled(raw)
        noted = time[1:].decode("utf-8", "surrogatepass") if time else None
        return Record(offset, raw, spelled, lines, width, STREAMS[stream], noted, flags)

    def _unpack(self, form: struct.Struct) -> tuple[int, ...]:
        return form.unpack(self._take(form.size))

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise IndexError("the end is missing")
        taken = self._data[self._at : end]
        self._at = end
        return taken
