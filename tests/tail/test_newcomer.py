"""Tests of newcomers: files that wait for the end of their first line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from shipper.formats.fingerprint import digest, fingerprint
from shipper.tail.checkpoint import Node
from shipper.tail.face import DamagedError, open_log
from shipper.tail.newcomer import Newcomer, last_line_end


def _newcomer(path: Path, content: bytes, *, start: int = 0) -> Newcomer:
    path.write_bytes(content)
    face, _ = open_log(str(path))
    return Newcomer(face, Node(1, 1), str(path), "web", start)


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


@pytest.mark.parametrize("content", [b"first\nsecond", b"no end"])
def test_an_archive_is_known_by_its_plain_bytes(tmp_path: Path, content: bytes) -> None:
    """A compressed file has the first line and the head of what it was; a whole one is over."""
    newcomer = _newcomer(tmp_path / "app.log.1.gz", gzip.compress(content))
    sighting = newcomer.sighting(final=False)
    newcomer.close()
    assert sighting is not None
    assert sighting.first_line == digest(content.partition(b"\n")[0])
    assert sighting.head == fingerprint(content)
    assert sighting.canonical == f"{tmp_path}/app.log"


def test_an_archive_that_is_being_written_waits(tmp_path: Path) -> None:
    """What may be the first bytes of an archive is no text yet, and half an archive no end."""
    path, packed = tmp_path / "a", gzip.compress(b"first")
    newcomer = _newcomer(path, b"")
    path.write_bytes(packed[:2])
    newcomer.look(1)
    assert newcomer.sighting(final=False) is None
    path.write_bytes(packed[:-4])
    newcomer.look(2)
    with pytest.raises(DamagedError, match="too early"):
        newcomer.sighting(final=False)
    path.write_bytes(packed)
    newcomer.look(3)
    sighting = newcomer.sighting(final=False)
    newcomer.close()
    assert sighting is not None
    assert sighting.first_line == digest(b"first")


def test_what_is_in_an_archive_can_be_skipped(tmp_path: Path) -> None:
    """Reading from the end begins behind the last plain byte."""
    newcomer = _newcomer(tmp_path / "a.gz", gzip.compress(b"one\ntwo\n"))
    newcomer.skip = True
    sighting = newcomer.sighting(final=False)
    newcomer.close()
    assert sighting is not None
    assert (sighting.start, sighting.size) == (8, 8)
    assert sighting.tail == fingerprint(b"one\ntwo\n")


@pytest.mark.parametrize(
    ("content", "end"),
    [(b"", 0), (b"half", 0), (b"a\n", 2), (b"a\nhalf", 2), (b"a\n" + b"x" * 200_000, 2)],
)
def test_the_end_of_the_last_line(tmp_path: Path, content: bytes, end: int) -> None:
    """A checkpoint stands between lines, however far back that is."""
    newcomer = _newcomer(tmp_path / "a", content)
    assert last_line_end(newcomer.face, len(content)) == end
    newcomer.close()


def test_only_an_empty_newcomer_is_idle(tmp_path: Path) -> None:
    """Half a line must not be let go of: only its descriptor leads to it once it is renamed."""
    empty, half = _newcomer(tmp_path / "a", b""), _newcomer(tmp_path / "b", b"half")
    assert (empty.idle, half.idle) == (True, False)
    empty.detached_at = 1.0
    assert not empty.idle
    empty.close()
    half.close()
