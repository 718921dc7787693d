"""Tests of the decision table, row by row, on real files."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shipper.formats.fingerprint import NOTHING, fingerprint
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.identity import Verdict, heir, judge

OLD = b"first line\nsecond line\n"


@pytest.fixture
def fd_of(tmp_path: Path) -> Iterator[Callable[[bytes], int]]:
    fds: list[int] = []

    def make(content: bytes) -> int:
        path = tmp_path / f"file-{len(fds)}"
        path.write_bytes(content)
        fds.append(os.open(path, os.O_RDONLY))
        return fds[-1]

    yield make
    for fd in fds:
        os.close(fd)


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


def _judge(fd: int, known: Checkpoint) -> Verdict:
    return judge(known, fd, os.fstat(fd).st_size)


@pytest.mark.parametrize("more", [b"", b"third"])
def test_head_and_tail_match(fd_of: Callable[[bytes], int], more: bytes) -> None:
    """Row 1: head, size and tail fit: the same generation, grown or not."""
    assert _judge(fd_of(OLD + more), _known(OLD)) is Verdict.SAME


@pytest.mark.parametrize("content", [b"", b"first line\n", b"other", OLD[:-1]])
def test_smaller_than_the_offset(fd_of: Callable[[bytes], int], content: bytes) -> None:
    """Row 2: smaller than the offset is truncated, whatever its head."""
    assert _judge(fd_of(content), _known(OLD)) is Verdict.TRUNCATED


def test_another_head(fd_of: Callable[[bytes], int]) -> None:
    """Row 3: another head is another file, even with the same tail at the same place."""
    longer = OLD + b"x" * 100 + b"\n"
    changed = b"FIRST" + longer[5:]
    assert _judge(fd_of(changed + b"more"), _known(longer, head=longer)) is Verdict.REWRITTEN


def test_the_same_head_and_another_tail(fd_of: Callable[[bytes], int]) -> None:
    """Row 4: the same banner and other bytes before the offset: regrown after a truncation."""
    content = b"first line\nSECOND LINE, and more of it\n"
    known = _known(OLD, head=b"first line\n")
    assert _judge(fd_of(content), known) is Verdict.REWRITTEN


def test_a_head_that_was_longer_than_the_file_is_now(fd_of: Callable[[bytes], int]) -> None:
    """Row 3: a file that no longer has the whole head is not the same."""
    known = _known(OLD, head=OLD + b"a third line that stood there unread")
    assert _judge(fd_of(OLD), known) is Verdict.REWRITTEN


def test_nothing_read_yet(fd_of: Callable[[bytes], int]) -> None:
    """Rows 1 and 3 with offset 0: only the head can tell."""
    known = _known(b"", head=OLD)
    assert _judge(fd_of(OLD), known) is Verdict.SAME
    assert _judge(fd_of(b"x" * len(OLD)), known) is Verdict.REWRITTEN


def test_an_heir(fd_of: Callable[[bytes], int]) -> None:
    """Row 5: an unknown file with head, size and tail of a vanished one continues it."""
    fd, size = fd_of(OLD + b"more\n"), len(OLD) + 5
    assert heir([_known(OLD)], "/app.log", fd, size) == _known(OLD)
    assert heir([], "/app.log", fd, size) is None


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (b"stranger, and long enough to tell\n", _known(OLD)),
        (b"first line\n", _known(OLD)),
        (OLD, _known(OLD, canonical="/other.log")),
        (OLD, _known(b"", head=b"")),
    ],
    ids=["other content", "too short", "other log", "nothing was read"],
)
def test_no_heir(fd_of: Callable[[bytes], int], content: bytes, known: Checkpoint) -> None:
    """Row 6: any other unknown file is a stranger."""
    assert heir([known], "/app.log", fd_of(content), len(content)) is None


def test_the_right_heir_among_several(fd_of: Callable[[bytes], int]) -> None:
    """Of several vanished files, the one whose content it is."""
    others = [_known(b"a\n"), _known(b"first line\nno\n"), _known(OLD)]
    assert heir(others, "/app.log", fd_of(OLD), len(OLD)) == others[2]


def test_could_not_look() -> None:
    """ "Could not look" is no verdict: it is the caller's OSError."""
    fd = os.open("/", os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="directory"):
            judge(_known(OLD), fd, 1_000)
    finally:
        os.close(fd)


def test_nodes_are_signed() -> None:
    """Unsigned 64-bit numbers become signed ones, one to one."""
    assert Node.of(0, (1 << 63) - 1) == (0, (1 << 63) - 1)
    assert Node.of(1 << 63, (1 << 64) - 1) == (-(1 << 63), -1)


def test_nothing_has_no_length() -> None:
    """The fingerprint of nothing matches anything: it proves nothing."""
    assert NOTHING.length == 0
    assert NOTHING.matches(b"anything")
