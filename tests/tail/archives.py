"""Archives of all kinds to read, and ways of reading and of writing them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, settings

from shipper.tail.face import CompressedFace, DamagedError, Face, Fault

Pack = Callable[[bytes], bytes]
PACKS: dict[str, Pack] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "bz2": lambda data: bz2.compress(data, 1),
    "xz": lzma.compress,
}
KINDS = sorted(PACKS)
LINES = [b'192.0.2.%d - - "GET /page/%d" 200 %d\n' % (n % 250, n * n, n * 37) for n in range(9000)]
PLAIN = b"".join(LINES)
SHORT = b"".join(LINES[:5])
SKIPPABLE = b"\x5a\x2a\x4d\x18\x03\0\0\0any"
on_files = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

every_kind = pytest.mark.parametrize("kind", KINDS)


def read_on(face: Face, offset: int = 0, step: int = 4096) -> bytes:
    """All plain bytes from *offset* to the end, or to a fault."""
    plain = bytearray()
    try:
        while data := face.pread(step, offset + len(plain)):
            plain += data
    except DamagedError as error:
        good_until = error.plain_offset
    else:
        good_until = offset + len(plain)
    assert good_until == offset + len(plain)
    return bytes(plain)


def told(face: Face) -> Fault:
    """The fault that reading told of."""
    assert face.fault is not None
    return face.fault


def compressed(path: Path, kind: str, *, window: int = 1 << 20) -> CompressedFace:
    return CompressedFace(os.open(path, os.O_RDONLY), kind, window=window)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def rewrite(path: Path, data: bytes) -> None:
    """Write *path* anew in place, and at another time (file systems' clocks are coarse)."""
    before = path.stat().st_mtime_ns
    with path.open("r+b") as file:
        file.truncate()
        file.write(data)
    os.utime(path, ns=(before + 10**9, before + 10**9))
