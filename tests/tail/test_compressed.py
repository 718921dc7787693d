"""Compressed files that are cut, still written, damaged or replaced: what comes out of them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from shipper.tail.face import DamagedError, Fault, open_log
from tests.tail.archives import (
    PACKS,
    PLAIN,
    SHORT,
    append,
    compressed,
    every_kind,
    on_files,
    read_on,
    rewrite,
    told,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


# Too short, and growing


@every_kind
def test_cut_at_any_byte(log: Path, kind: str) -> None:
    """An archive cut anywhere gives a beginning of its text and no end; grown, it gives the rest.

    Cut between two members it is a whole archive, as nothing says that there was more.
    """
    first = PACKS[kind](SHORT[:80])
    packed = first + PACKS[kind](SHORT[80:])
    for cut in range(len(packed)):
        log.write_bytes(packed[:cut])
        face = compressed(log, kind)

        good = read_on(face)

        assert SHORT.startswith(good), cut
        assert face.complete == (cut == len(first)), cut
        assert face.complete or told(face).growing, cut
        assert cut < len(first) or good.startswith(SHORT[:80]), cut
        append(log, packed[cut:])
        assert good + read_on(face, len(good)) == SHORT, cut
        assert (face.complete, face.size(), face.restarts) == (True, len(SHORT), 0), cut
        face.close()


@every_kind
@on_files
@given(cuts=st.lists(st.integers(0, 20_000), max_size=6))
def test_archive_that_is_being_written(log: Path, kind: str, cuts: list[int]) -> None:
    """However an archive grows while it is read, no end is seen but the true one."""
    packed = PACKS[kind](PLAIN[:30_000]) + PACKS[kind](PLAIN[30_000:60_000])
    log.write_bytes(b"")
    face = compressed(log, kind)
    plain, start = b"", 0
    for cut in sorted({min(cut, len(packed)) for cut in cuts} | {len(packed)}):
        append(log, packed[start:cut])
        start = cut
        plain += read_on(face, len(plain))

    assert plain == PLAIN[:60_000]
    assert face.complete
    assert face.restarts == 0
    face.close()


def test_reader_learns_that_a_file_may_grow(log: Path) -> None:
    """The good bytes of a cut file come first; then it is said where they end, and why."""
    packed = gzip.compress(SHORT)
    log.write_bytes(packed[:-3])
    face = open_log(str(log))[0]

    assert face.pread(1000, 0) == SHORT
    assert told(face) == Fault(len(SHORT), told(face).why, trusted=0, growing=True)
    with pytest.raises(DamagedError, match="gzip data end too early, at byte") as caught:
        face.pread(1, len(SHORT))
    assert (caught.value.plain_offset, caught.value.growing) == (len(SHORT), True)
    assert face.size() is None
    face.close()


def test_archive_goes_on_behind_its_end(log: Path) -> None:
    """A member appended to a complete archive is read, and the size is unknown until then."""
    log.write_bytes(gzip.compress(SHORT))
    face = open_log(str(log))[0]
    assert read_on(face) == SHORT
    append(log, gzip.compress(b"one more\n"))

    assert face.size() is None
    assert read_on(face, len(SHORT)) == b"one more\n"
    assert face.complete
    face.close()


# Damage


@every_kind
def test_any_bit_may_flip(log: Path, kind: str) -> None:
    """A wrong bit is a fault, or changes nothing; what checksums vouched for is right."""
    plain = SHORT[:60]
    first = PACKS[kind](plain[:20])
    packed = first + PACKS[kind](plain[20:])
    for bit in range(len(packed) * 8):
        wrong = bytearray(packed)
        wrong[bit // 8] ^= 1 << bit % 8
        log.write_bytes(wrong)
        face = compressed(log, kind)

        good = read_on(face)

        assert face.complete == (face.fault is None), bit
        trusted = face.fault.trusted if face.fault else len(plain)
        assert good[:trusted] == plain[:trusted], bit
        assert bit < len(first) * 8 or trusted >= 20, bit
        face.close()


def _decodable(kind: str, packed: bytes) -> bytes:
    """What the library itself makes of the beginning of an archive."""
    if kind == "gzip":
        return zlib.decompressobj(wbits=31).decompress(packed)
    if kind == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    return (bz2.BZ2Decompressor() if kind == "bz2" else lzma.LZMADecompressor()).decompress(packed)


@every_kind
def test_good_bytes_before_damage_are_kept(log: Path, kind: str) -> None:
    """Far into a file, all that can be decompressed before the first wrong byte comes out."""
    plain = b"".join(b"%d %s\n" % (n, os.urandom(40).hex().encode()) for n in range(12_000))
    packed = bytearray(PACKS[kind](plain))
    at = len(packed) * 2 // 3
    good = _decodable(kind, bytes(packed[:at]))
    packed[at : at + 300] = bytes(300)
    log.write_bytes(packed)
    face = compressed(log, kind)

    read = read_on(face)

    assert at > 65_536
    assert read[: len(good)] == good == plain[: len(good)] != b""
    assert not told(face).growing
    assert f"the {kind} data are damaged at byte " in told(face).why
    face.close()


@every_kind
def test_what_follows_the_last_member_is_told(log: Path, kind: str) -> None:
    """Bytes behind an archive that belong to no archive are a fault, after all its lines."""
    log.write_bytes(PACKS[kind](SHORT) + b"--- end of archive ---\n")
    face = compressed(log, kind)

    assert read_on(face) == SHORT
    fault = told(face)
    assert (fault.offset, fault.trusted, fault.growing) == (len(SHORT), len(SHORT), False)
    append(log, PACKS[kind](SHORT))
    assert read_on(face, len(SHORT)) == b""
    assert told(face) == fault
    face.close()


@every_kind
def test_hole_that_is_filled_later(log: Path, kind: str) -> None:
    """A copy that is written out of order has a hole first; once it is filled, all is read."""
    plain = b"".join(b"%d %s\n" % (n, os.urandom(40).hex().encode()) for n in range(6_000))
    packed = PACKS[kind](plain)
    hole = slice(len(packed) // 2, len(packed) // 2 + 8192)
    log.write_bytes(packed[: hole.start] + bytes(8192) + packed[hole.stop :])
    face = compressed(log, kind)
    read_on(face)
    assert not face.complete

    rewrite(log, packed)

    assert read_on(face) == plain
    assert face.complete
    face.close()


@every_kind
def test_archive_written_anew_in_place(log: Path, kind: str) -> None:
    """Nothing of the old archive is shown once another stands in its place, longer or shorter."""
    log.write_bytes(PACKS[kind](SHORT))
    face = compressed(log, kind)
    assert read_on(face) == SHORT

    for other in (PLAIN, b"short\n", bytes(reversed(SHORT))):
        rewrite(log, PACKS[kind](other))
        assert face.pread(1 << 20, 0) == other
        assert face.size() == len(other)
    face.close()


def test_too_large_a_dictionary_is_refused(log: Path) -> None:
    """A file that asks for gigabytes of memory is a fault, whatever it holds."""
    huge = zstandard.ZstdCompressionParameters(window_log=29, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=huge).compressobj()
    log.write_bytes(packer.compress(SHORT) + packer.flush())
    face = open_log(str(log))[0]

    with pytest.raises(DamagedError, match="memory"):
        face.pread(10, 0)
    face.close()
