"""Tests of newcomers: files that wait for the end of their first line."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.formats.fingerprint import digest, fingerprint
from shipper.tail.checkpoint import Node
from shipper.tail.newcomer import CompressedError, Newcomer, last_line_end
from shipper.tail.tailer import open_log


def _newcomer(path: Path, content: bytes, *, start: int = 0) -> Newcomer:
    path.write_bytes(content)
    fd, _ = open_log(str(path))
    return Newcomer(fd, Node(1, 1), str(path), "web", start)


@pytest.mark.parametrize("content", [b"", b"no end", b"x" * 1_023])
def test_no_generation_before_the_first_line_ends(tmp_path: Path, content: bytes) -> None:
    """While the first line may grow, there is nothing to make an id of."""
    newcomer = _newcomer(tmp_path / "a", content)
    assert newcomer.sighting(final=False) is None
    newcomer.close()


def test_the_first_line_makes_the_generation(tmp_path: Path) -> None:
    """The digest is of the first line, the head of all there is, reading starts at 0."""
    newcomer = _newcomer(tmp_path / "app.log.1", b"first\nsecond")
    sighting = newcomer.sighting(final=False)
    newcomer.close()
    assert sighting is not None
    assert sighting.first_line == digest(b"first")
    assert sighting.head == fingerprint(b"first\nsecond")
    assert (sighting.start, sighting.size) == (0, 12)
    assert sighting.canonical == f"{tmp_path}/app.log"


def test_a_long_first_line_counts_by_its_beginning(tmp_path: Path) -> None:
    """A first line longer than the head need not end."""
    newcomer = _newcomer(tmp_path / "a", b"x" * 1_024)
    sighting = newcomer.sighting(final=False)
    newcomer.close()
    assert sighting is not None
    assert sighting.first_line == digest(b"x" * 1_024)


def test_a_file_that_is_over(tmp_path: Path) -> None:
    """What stands in a file that will not grow is its first line; nothing is no line."""
    newcomer, empty = _newcomer(tmp_path / "a", b"no end"), _newcomer(tmp_path / "b", b"")
    sighting = newcomer.sighting(final=True)
    assert sighting is not None
    assert sighting.first_line == digest(b"no end")
    assert empty.sighting(final=True) is None
    newcomer.close()
    empty.close()


def test_reading_starts_where_it_was_fixed(tmp_path: Path) -> None:
    """The start is what it was when the file was first seen; a smaller file is read from 0."""
    content = b"old\n" * 50 + b"new\n"
    newcomer = _newcomer(tmp_path / "a", content, start=200)
    sighting = newcomer.sighting(final=False)
    assert sighting is not None
    assert sighting.start == 200
    assert sighting.tail == fingerprint(b"old\n" * 16)
    (tmp_path / "a").write_bytes(b"anew\n")
    sighting = newcomer.sighting(final=False)
    newcomer.close()
    assert sighting is not None
    assert sighting.start == 0


@pytest.mark.parametrize("magic", [b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"])
def test_compressed_files_are_told_apart(tmp_path: Path, magic: bytes) -> None:
    """gzip, bzip2, xz and zstd are known by their first bytes."""
    newcomer = _newcomer(tmp_path / "a", magic + b"\nmore\n")
    with pytest.raises(CompressedError):
        newcomer.sighting(final=False)
    newcomer.close()


@pytest.mark.parametrize(
    ("content", "end"),
    [(b"", 0), (b"half", 0), (b"a\n", 2), (b"a\nhalf", 2), (b"a\n" + b"x" * 200_000, 2)],
)
def test_the_end_of_the_last_line(tmp_path: Path, content: bytes, end: int) -> None:
    """A checkpoint stands between lines, however far back that is."""
    newcomer = _newcomer(tmp_path / "a", content)
    assert last_line_end(newcomer.fd, len(content)) == end
    newcomer.close()


def test_only_an_empty_newcomer_is_idle(tmp_path: Path) -> None:
    """Half a line must not be let go of: only its descriptor leads to it once it is renamed."""
    empty, half = _newcomer(tmp_path / "a", b""), _newcomer(tmp_path / "b", b"half")
    assert (empty.idle, half.idle) == (True, False)
    empty.detached_at = 1.0
    assert not empty.idle
    empty.close()
    half.close()
