"""The face of a file: plain bytes at plain offsets, from plain and compressed files alike."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.tail.checkpoint import Node
from shipper.tail.compressed import kind_of, undecided
from shipper.tail.face import PlainFace, open_log, scan_nuls
from tests.tail.archives import (
    PACKS,
    PLAIN,
    SHORT,
    SKIPPABLE,
    append,
    compressed,
    every_kind,
    on_files,
    read_on,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


# Plain


def test_plain_file_is_read_as_it_is(log: Path) -> None:
    """A plain face gives the file's own bytes, and knows its size from the start."""
    log.write_bytes(SHORT)
    face = open_log(str(log))[0]

    assert isinstance(face, PlainFace)
    assert (face.size(), face.complete, face.kind) == (len(SHORT), True, None)
    assert face.pread(30, 10) == SHORT[10:40]
    assert face.pread(30, len(SHORT)) == b""
    face.close()


def test_face_names_the_node_of_its_file(log: Path) -> None:
    """Node and status are those of the open file, also after it was renamed."""
    log.write_bytes(gzip.compress(SHORT))
    status = log.stat()
    face = open_log(str(log))[0]
    log.rename(log.with_suffix(".1"))

    assert face.node == Node.of(status.st_dev, status.st_ino)
    assert face.status().st_size == status.st_size
    face.close()


def test_offsets_past_four_gigabytes(log: Path) -> None:
    """A plain offset beyond 2^32 is no other than a small one."""
    with log.open("wb") as file:
        file.seek(5 << 30)
        file.write(SHORT)
    face = open_log(str(log))[0]

    assert face.size() == (5 << 30) + len(SHORT)
    assert face.pread(len(SHORT), 5 << 30) == SHORT
    assert scan_nuls(face, 0) == (5 << 30, True)
    face.close()


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    """A FIFO, a directory and a name without a file are refused at once, and leave nothing open."""
    os.mkfifo(tmp_path / "pipe")
    open_before = len(list(Path("/proc/self/fd").iterdir()))

    for name in ("pipe", ".", "nothing"):
        with pytest.raises(OSError, match=r"regular|No such"):
            open_log(str(tmp_path / name))
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


# Kinds


@every_kind
def test_content_tells_the_kind(log: Path, kind: str) -> None:
    """A compressed file is known by its first bytes under any name, and from 10 bytes on."""
    packed = PACKS[kind](SHORT)
    log.write_bytes(packed)
    face = open_log(str(log))[0]

    assert face.kind == kind_of(packed[:10]) == kind
    assert [undecided(packed[:n]) for n in (0, 1, 2, 11)] == [True, True, True, False]
    face.close()


@pytest.mark.parametrize("text", [b"BZh is how I start\n", b"plain\n", b"(gzip)\n", b"BZh9, then"])
def test_text_is_not_taken_for_compressed(log: Path, text: bytes) -> None:
    """A text that merely begins like a magic number, or is named .gz, is plain."""
    path = log.with_suffix(".gz")
    path.write_bytes(text)
    face = open_log(str(path))[0]

    assert face.kind is None
    assert not undecided(text)
    assert read_on(face) == text
    face.close()


@every_kind
def test_compressed_file_is_read_as_its_plain_bytes(log: Path, kind: str) -> None:
    """The size is unknown until the end was seen; reading on never goes back."""
    log.write_bytes(PACKS[kind](PLAIN))
    face = compressed(log, kind)

    assert (face.size(), face.complete) == (None, False)
    assert read_on(face) == PLAIN
    assert (face.size(), face.complete, face.fault) == (len(PLAIN), True, None)
    assert (face.restarts, face.raw_offset) == (0, log.stat().st_size)
    assert face.pread(10, len(PLAIN) + 5) == b""
    face.close()


@every_kind
def test_members_follow_each_other(log: Path, kind: str) -> None:
    """Members, empty ones among them, and NULs as padding make one run of plain bytes."""
    pack = PACKS[kind]
    parts = [pack(SHORT), pack(b""), pack(b""), bytes(8), pack(PLAIN), pack(b""), bytes(70_000)]
    log.write_bytes(b"".join(parts))
    face = compressed(log, kind)

    assert read_on(face) == SHORT + PLAIN
    assert face.complete
    face.close()


def test_skippable_frames_hold_no_log(log: Path) -> None:
    """zstd's skippable frames, which parallel compressors write, are passed over."""
    log.write_bytes(SKIPPABLE + PACKS["zstd"](SHORT) + SKIPPABLE + PACKS["zstd"](SHORT))
    face = open_log(str(log))[0]

    assert read_on(face) == SHORT * 2
    assert face.complete
    face.close()


@every_kind
def test_empty_archive_is_complete(log: Path, kind: str) -> None:
    """An archive of nothing has no bytes and no fault."""
    log.write_bytes(PACKS[kind](b""))
    face = compressed(log, kind)

    assert read_on(face) == b""
    assert (face.complete, face.size()) == (True, 0)
    face.close()


# Anywhere


@every_kind
@on_files
@given(reads=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 9000)), max_size=8))
def test_any_pread_equals_the_plain_file(
    log: Path, kind: str, reads: list[tuple[int, int]]
) -> None:
    """Preads at any offsets in any order give what the plain file would give."""
    plain = PLAIN[:8500]
    log.write_bytes(PACKS[kind](plain[:5000]) + PACKS[kind](plain[5000:]))
    face = compressed(log, kind, window=256)

    assert [face.pread(*read) for read in reads] == [plain[o : o + n] for n, o in reads]
    face.close()


@every_kind
def test_going_back_a_little_costs_nothing(log: Path, kind: str) -> None:
    """Re-reads of the window or the head do not decompress again; those between do, once."""
    log.write_bytes(PACKS[kind](PLAIN))
    face = compressed(log, kind, window=10_000)
    end = len(PLAIN)

    assert face.pread(100, end - 100) == PLAIN[-100:]
    assert face.pread(9_000, end - 10_000) == PLAIN[-10_000:-1_000]
    assert face.restarts == 0
    assert face.pread(1_000, 20) == PLAIN[20:1_020]
    assert face.restarts == 0
    assert face.pread(100, 2_000) == PLAIN[2_000:2_100]
    assert face.restarts == 1
    face.close()


@pytest.mark.parametrize("kind", ["gzip", "xz", "zstd"])
def test_resuming_far_in_needs_little_memory(log: Path, kind: str) -> None:
    """200 MB of zeros from a few kB: whoever wants the end holds a window, not all that."""
    log.write_bytes(PACKS[kind](bytes(20_000_000)) * 10 + PACKS[kind](SHORT))
    face = compressed(log, kind)
    tracemalloc.start()
    try:
        assert face.pread(1 << 20, 200_000_000) == SHORT
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
        face.close()


@every_kind
def test_far_offsets_are_approached_in_steps(log: Path, kind: str) -> None:
    """Whoever resumes far in can do so bit by bit, and finds the same bytes there."""
    log.write_bytes(PACKS[kind](PLAIN) * 40)
    face = compressed(log, kind)
    far = 39 * len(PLAIN)

    steps = 1
    while not face.approach(far, steps=2):
        steps += 1

    assert steps > 10
    assert face.raw_offset < log.stat().st_size
    assert face.pread(1000, far) == PLAIN[:1000]
    assert face.approach(far * 2, steps=1000)
    assert face.complete
    face.close()


def test_compressed_offsets_past_four_gigabytes(log: Path) -> None:
    """Plain offsets of an archive are not cut to 32 bits, as gzip's own length field is."""
    frame = PACKS["zstd"](bytes(1 << 27))
    log.write_bytes(frame * 33 + PACKS["zstd"](SHORT))
    face = open_log(str(log))[0]

    assert face.pread(1000, 33 << 27) == SHORT
    assert face.size() == (33 << 27) + len(SHORT) > 1 << 32
    face.close()


# Holes


def test_nuls_count_as_a_hole_once_something_follows(log: Path) -> None:
    """NULs at the end may be filled yet; before content their end is found, step by step."""
    log.write_bytes(bytes(3 << 20))
    face = open_log(str(log))[0]
    assert scan_nuls(face, 0) == (3 << 20, False)
    append(log, SHORT)

    assert scan_nuls(face, 0, limit=1 << 20) == (1 << 20, False)
    assert scan_nuls(face, 1 << 20) == (3 << 20, True)
    face.close()


def test_hole_inside_an_archive(log: Path) -> None:
    """A hole that was compressed with its log is found in the plain bytes."""
    log.write_bytes(gzip.compress(bytes(100_000) + SHORT))
    face = open_log(str(log))[0]

    assert scan_nuls(face, 0) == (100_000, True)
    face.close()
