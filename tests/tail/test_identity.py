"""Tests of the decision table, row by row, on real files."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shipper.formats.fingerprint import NOTHING, fingerprint
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.face import Face, PlainFace, open_log
from shipper.tail.identity import Verdict, judge

OLD = b"first line\nsecond line\n"


@pytest.fixture
def face_of(tmp_path: Path) -> Iterator[Callable[[bytes], Face]]:
    faces: list[Face] = []

    def make(content: bytes) -> Face:
        path = tmp_path / f"file-{len(faces)}"
        path.write_bytes(content)
        faces.append(open_log(str(path))[0])
        return faces[-1]

    yield make
    for face in faces:
        face.close()


def _known(read: bytes, *, head: bytes | None = None, canonical: str = "/app.log") -> Checkpoint:
    return Checkpoint(
        row=1,
        generation=uuid.UUID(int=1),
        source="web",
        path="/app.log",
        canonical=canonical,
        node=Node(1, 2),
        head=fingerprint((read if head is None else head)[:1024]),
        tail=fingerprint(read[-64:]),
        start=0,
        offset=len(read),
        size=len(read),
    )


def _judge(face: Face, known: Checkpoint) -> Verdict:
    return judge(known, face)


@pytest.mark.parametrize("more", [b"", b"third"])
def test_head_and_tail_match(face_of: Callable[[bytes], Face], more: bytes) -> None:
    """Row 1: head, size and tail fit: the same generation, grown or not."""
    assert _judge(face_of(OLD + more), _known(OLD)) is Verdict.SAME


@pytest.mark.parametrize("content", [b"", b"first line\n", b"other", OLD[:-1]])
def test_smaller_than_the_offset(face_of: Callable[[bytes], Face], content: bytes) -> None:
    """Row 2: smaller than the offset is truncated, whatever its head."""
    assert _judge(face_of(content), _known(OLD)) is Verdict.TRUNCATED


def test_another_head(face_of: Callable[[bytes], Face]) -> None:
    """Row 3: another head is another file, even with the same tail at the same place."""
    longer = OLD + b"x" * 100 + b"\n"
    changed = b"FIRST" + longer[5:]
    assert _judge(face_of(changed + b"more"), _known(longer, head=longer)) is Verdict.REWRITTEN


def test_the_same_head_and_another_tail(face_of: Callable[[bytes], Face]) -> None:
    """Row 4: the same banner and other bytes before the offset: regrown after a truncation."""
    content = b"first line\nSECOND LINE, and more of it\n"
    known = _known(OLD, head=b"first line\n")
    assert _judge(face_of(content), known) is Verdict.REWRITTEN


def test_a_head_that_was_longer_than_the_file_is_now(face_of: Callable[[bytes], Face]) -> None:
    """Row 3: a file that no longer has the whole head is not the same."""
    known = _known(OLD, head=OLD + b"a third line that stood there unread")
    assert _judge(face_of(OLD), known) is Verdict.REWRITTEN


def test_nothing_read_yet(face_of: Callable[[bytes], Face]) -> None:
    """Rows 1 and 3 with offset 0: only the head can tell."""
    known = _known(b"", head=OLD)
    assert _judge(face_of(OLD), known) is Verdict.SAME
    assert _judge(face_of(b"x" * len(OLD)), known) is Verdict.REWRITTEN


def test_could_not_look() -> None:
    """ "Could not look" is no verdict: it is the caller's OSError."""
    face = PlainFace(os.open("/", os.O_RDONLY))
    try:
        with pytest.raises(OSError, match="directory"):
            judge(_known(b"x", head=OLD), face)
    finally:
        face.close()


def test_nodes_are_signed() -> None:
    """Unsigned 64-bit numbers become signed ones, one to one."""
    assert Node.of(0, (1 << 63) - 1) == (0, (1 << 63) - 1)
    assert Node.of(1 << 63, (1 << 64) - 1) == (-(1 << 63), -1)


def test_nothing_has_no_length() -> None:
    """The fingerprint of nothing matches anything: it proves nothing."""
    assert NOTHING.length == 0
    assert NOTHING.matches(b"anything")


@pytest.mark.parametrize("text", [b"line\n", "line\n".encode("utf-16-be")])
def test_a_hole_is_known_by_its_length(face_of: Callable[[bytes], Face], text: bytes) -> None:
    """A log of which only a hole was read is another if its hole is longer."""
    hole = bytes(1_300)
    known = _known(hole)
    assert _judge(face_of(hole + text), known) is Verdict.SAME
    assert _judge(face_of(hole), known) is Verdict.SAME
    assert _judge(face_of(hole + bytes(900) + text), known) is Verdict.REWRITTEN
