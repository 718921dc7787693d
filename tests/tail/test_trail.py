"""Tests of trails: digests at earlier offsets, sparser and sparser, from which copies are known."""

from __future__ import annotations

import random
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from shipper.formats.fingerprint import NOTHING, fingerprint
from shipper.tail.trail import Mark, extended, last_mark, tells_all, with_line_ends

TEXT = b"".join(b"%07d 192.0.2.1 GET /some/path/%d\n" % (n, n * n) for n in range(40_000))
MARK_BYTES = 25


def walked(ends: Iterable[int], text: bytes = TEXT) -> bytes:
    """Return the trail of a checkpoint that moved on from 0 over *ends*."""
    trail, mark = b"", Mark(0, NOTHING)
    for end in ends:
        trail = extended(trail, mark, text[mark.offset : end], end)
        mark = Mark(end, fingerprint(text[max(0, end - 64) : end]))
    return trail


def offsets(trail: bytes) -> list[int]:
    """Return the offsets of all marks, the last first."""
    found: list[int] = []
    size = 1 << 60
    while mark := last_mark(trail, size):
        found.append(mark.offset)
        size = mark.offset - 1
    return found


steps = st.lists(st.integers(1, 60_000), min_size=1, max_size=60)


@given(steps)
def test_each_mark_tells_what_stood_there(widths: list[int]) -> None:
    """However reading went on: a mark is the digest of the up to 64 bytes before its offset."""
    ends = [min(sum(widths[: n + 1]), len(TEXT)) for n in range(len(widths))]
    trail = walked(ends)
    for offset in offsets(trail):
        mark = last_mark(trail, offset)
        assert mark is not None
        assert mark.before == fingerprint(TEXT[max(0, offset - 64) : offset])
        assert 0 < offset < ends[-1]


@given(steps, st.randoms(use_true_random=False))
def test_a_copy_that_ends_a_little_before_has_a_mark_near_its_end(
    widths: list[int], rng: random.Random
) -> None:
    """What no mark vouches for at the end of a copy is at most four times what it falls short."""
    ends = [min(sum(widths[: n + 1]), len(TEXT)) for n in range(len(widths))]
    trail = walked(ends)
    size = rng.randrange(1, ends[-1] + 1)
    mark = last_mark(trail, size)
    short = max(ends[-1] - size, 128)
    assert size - (mark.offset if mark else 0) <= max(4 * short, 200)


def test_a_trail_stays_short() -> None:
    """A log that grew line by line to megabytes, and one that was read in leaps: some 20 marks."""
    assert len(walked(range(36, len(TEXT), 36))) <= 20 * MARK_BYTES
    assert len(walked(range(65_536, len(TEXT), 65_536))) <= 20 * MARK_BYTES


def test_what_is_far_behind_is_forgotten() -> None:
    """Marks more than 64 MiB back are of no use, and go."""
    old = walked([1_000, 2_000])
    moved = extended(old, Mark(2_000, fingerprint(TEXT[1_936:2_000])), b"", (64 << 20) + 2_500)
    assert offsets(moved) == []
    assert offsets(extended(old, Mark(2_000, fingerprint(TEXT[1_936:2_000])), b"", 64 << 20))


def test_a_few_bytes_prove_nothing() -> None:
    """The same first letters are no mark; 32 bytes are."""
    assert offsets(walked([5, 31, 40])) == []
    assert offsets(walked([5, 32, 40])) == [32]


def test_one_read_leaves_marks_within() -> None:
    """A log that was read in one go has marks all the same."""
    assert offsets(walked([5_000])) == [4_936, 4_744, 3_976, 904]


def test_a_trail_with_a_mark_close_by_stays_as_it_is() -> None:
    """Rule 3: it is written anew when its last mark is more than 256 bytes back."""
    first = walked([5_000])
    mark = Mark(5_000, fingerprint(TEXT[4_936:5_000]))
    assert extended(first, mark, TEXT[5_000:5_192], 5_192) is first
    moved = extended(first, mark, TEXT[5_000:5_193], 5_193)
    assert offsets(moved)[:2] == [5_129, 5_000]


# Rule 4


def ends_of(head: bytes) -> list[int]:
    """Return the ends of the lines in *head*."""
    return [at + 1 for at, byte in enumerate(head) if byte == 0x0A]


@given(steps)
def test_what_is_shorter_than_a_head_is_proven_whole(widths: list[int]) -> None:
    """The first lines, each end of them: whatever was read since, they are told from any others."""
    ends = [min(sum(widths[: n + 1]), len(TEXT)) for n in range(len(widths))]
    trail, mark = b"", Mark(0, NOTHING)
    for end in ends:
        trail = extended(trail, mark, TEXT[mark.offset : end], end)
        trail = with_line_ends(trail, TEXT[:1024], ends_of(TEXT[: min(end, 1024)]))
        mark = Mark(end, fingerprint(TEXT[max(0, end - 64) : end]))
    for end in ends_of(TEXT[:1024]):
        assert tells_all(trail, TEXT[:end]) is (end <= ends[-1])
        assert not tells_all(trail, TEXT[: end - 1])
        assert not tells_all(trail, TEXT[: end - 2] + b"X\n")
        assert not tells_all(trail, b"X" + TEXT[1:end])


def test_short_lines_do_not_make_a_trail_long() -> None:
    """Of lines of a few bytes no more than 32 ends are marked, and none that proves nothing."""
    head = b"".join(b"%03d\n" % number for number in range(256))
    trail = with_line_ends(b"", head, ends_of(head))
    assert len(trail) == 32 * MARK_BYTES
    assert not tells_all(trail, head[:28])
    assert tells_all(trail, head[:32])
    assert tells_all(trail, head[: 32 + 31 * 4])
    assert not tells_all(trail, head[: 32 + 32 * 4])
