"""Compressed files as a stream: compressed bytes in, plain bytes out, in bounded memory.

Rule 1: the kind is told by the first bytes, never by the name.
Rule 2: a file is any number of members (gzip), streams (bz2, xz) or frames (zstd), one behind the
        other; NULs between and behind them are padding.
Rule 3: one step gives a bounded number of plain bytes, however well the input was compressed:
        `PLAIN_STEP`, for zstd about 4 MiB more. Dictionaries over 128 MiB (``zstd --long=28`` and
        more) are refused as a fault, not allocated.
Rule 4: only bytes that the decompressor gave are handed out, and all of them. A member's checksum
        stands at its end, so bytes of a member that is not over are not vouched for: `trusted`
        says up to where they are.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

PLAIN_STEP = 256 * 1024
_MEMORY_LIMIT = 128 << 20
# A block of zstd takes 4 bytes at least and gives 128 KiB at most, and the library has no other
# limit of output than that of input. Smaller slices bound it better, and cost more: 64 bytes
# make reading a log half as fast as no limit does, 128 bytes 0.7 times.
_ZSTD_SLICE = 128
_BZ2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")  # a block follows the level, or the end of the stream
_MAGIC = {
    "gzip": (b"\x1f\x8b\x08",),
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),
    "bz2": tuple(b"BZh%d%b" % (level, block) for level in range(1, 10) for block in _BZ2_BLOCKS),
    "xz": (b"\xfd7zXZ\0",),
}


class DecodeError(Exception):
    """These bytes are not what the kind of compression asks for."""


class Decoder(Protocol):
    """One member's decompressor, as those of Python's `bz2` and `lzma` are."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached, and its checksum is right."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes without more input."""

    @property
    def unused_data(self) -> bytes:
        """The input behind the end of the member."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take *data*, and return plain bytes."""


def kind_of(head: bytes) -> str | None:
    """Return how a file that starts with *head* is compressed, or None: it is plain, or short.

    10 bytes are enough to tell. `undecided` says whether fewer could still turn out compressed.
    """
    for kind, magics in _MAGIC.items():
        if head.startswith(magics):
            return kind
    return None


def undecided(head: bytes) -> bool:
    """Tell whether *head* is too short to say whether the file is compressed."""
    return any(magic.startswith(head) for magics in _MAGIC.values() for magic in magics)


class Unpacker:
    """All members of one file, one behind the other. Feed it where `hungry`.

    `plain` bytes were handed out, `trusted` of them stand in members that ended well.
    """

    def __init__(self, kind: str) -> None:
        self._new = _DECODERS[kind]
        self._decoder: Decoder | None = None
        self._rest = b""
        self.plain = 0
        self.trusted = 0
        self.members = 0

    @property
    def hungry(self) -> bool:
        """Whether nothing more comes without more input."""
        return not self._rest and (self._decoder is None or self._decoder.needs_input)

    @property
    def between(self) -> bool:
        """Whether the input may end here: behind a member, and not inside another."""
        return self._decoder is None and not self._rest and self.members > 0

    def step(self, data: bytes) -> bytes:
        """Take *data*, and return some plain bytes (rule 3), perhaps none. Raises DecodeError."""
        data = self._rest + data
        self._rest = b""
        if self._decoder is None:
            data = data.lstrip(b"\0")
            if not data:
                return b""
            self._decoder = self._new()
        try:
            plain = self._decoder.decompress(data, PLAIN_STEP)
        except _FAULTS as error:
            raise DecodeError(str(error)) from error
        self._count(self._decoder, len(plain))
        return plain

    def _count(self, decoder: Decoder, plain: int) -> None:
        self.plain += plain
        if decoder.eof:
            self._rest = decoder.unused_data
            self._decoder = None
            self.members += 1
            self.trusted = self.plain


class _Gzip:
    """`zlib`'s decompressor in the manner of its siblings; it checks header, CRC and length."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        plain = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = not self._zlib.unconsumed_tail and len(plain) < max_length
        return plain


class _Zstd:
    """`zstandard`'s decompressor, fed in slices so that a small input can't give gigabytes."""

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdDecompressor(max_window_size=_MEMORY_LIMIT).decompressobj()
        self._input = b""
        self._at = 0

    @property
    def eof(self) -> bool:
        return self._zstd.eof

    @property
    def needs_input(self) -> bool:
        return self._at >= len(self._input)

    @property
    def unused_data(self) -> bytes:
        return self._zstd.unused_data + self._input[self._at :]

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._input = self._input[self._at :] + data
        self._at, size = 0, 0
        plain: list[bytes] = []
        while size < max_length and self._at < len(self._input) and not self._zstd.eof:
            piece = self._zstd.decompress(self._input[self._at : self._at + _ZSTD_SLICE])
            self._at += _ZSTD_SLICE
            size += len(piece)
            plain.append(piece)
        return b"".join(plain)


def _xz() -> Decoder:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT)


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _Gzip,
    "zstd": _Zstd,
    "bz2": bz2.BZ2Decompressor,
    "xz": _xz,
}
# `bz2` says OSError and ValueError for bad data; no file is touched here, so nothing else is meant.
_FAULTS = (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, EOFError, ValueError)
